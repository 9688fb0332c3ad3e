/**
 * The colours of machines. Each has one of its own, and the pages that it wrote have it in every map, so that a child's map
 * shows at a glance from whom it has what. Hues go round by the golden angle: neighbours in the tree never look alike.
 */

const FIRST_HUE = 232;
const GOLDEN_ANGLE = 137.508;
const SCALE_STEPS = 48;

export type Theme = 'dark' | 'light';

/** What is drawn on canvases; the rest is in the style sheet. */
export interface Palette {
  readonly theme: Theme;
  readonly zero: string;
  readonly boot: string;
  readonly hot: string;
  readonly trap: string;
  readonly idle: string;
}

const PALETTES: Readonly<Record<Theme, Palette>> = {
  dark: {
    theme: 'dark',
    zero: '#171d27',
    boot: '#3a4759',
    hot: '#ffd071',
    trap: '#ff6b6b',
    idle: '#34404f',
  },
  light: {
    theme: 'light',
    zero: '#e9edf2',
    boot: '#b3bfcd',
    hot: '#e08600',
    trap: '#cf2e2e',
    idle: '#c3cdd8',
  },
};

const KEY = 'fargo-wasm-theme';

export function theme(): Theme {
  const chosen = document.documentElement.dataset['theme'];
  if (chosen === 'dark' || chosen === 'light') return chosen;
  return matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
}

export function palette(): Palette {
  return PALETTES[theme()];
}

/** Restores what was chosen the last time, and switches at the click of `button`. */
export function themeSwitch(button: HTMLElement, onChange: () => void): void {
  try {
    const kept = localStorage.getItem(KEY);
    if (kept === 'dark' || kept === 'light') document.documentElement.dataset['theme'] = kept;
  } catch {
    // Storage may be forbidden: then nothing is remembered.
  }
  button.addEventListener('click', () => {
    const next: Theme = theme() === 'dark' ? 'light' : 'dark';
    document.documentElement.dataset['theme'] = next;
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // As above.
    }
    onChange();
  });
  matchMedia('(prefers-color-scheme: light)').addEventListener('change', onChange);
}

/** The colour of a machine. */
export function machineColour(colour: number): string {
  const hue = (FIRST_HUE + colour * GOLDEN_ANGLE) % 360;
  return theme() === 'dark' ? `oklch(0.78 0.125 ${hue.toFixed(1)})` : `oklch(0.52 0.135 ${hue.toFixed(1)})`;
}

/** The colour of a page by its owner: see `Inspection.owners`. */
export function ownerColour(owner: number, colours: Palette): string {
  if (owner === 0) return colours.zero;
  return owner === 1 ? colours.boot : machineColour(owner - 2);
}

/** A colour for a share between 0 and 1: from cold to hot, growing lighter (in dark) or darker. */
export function scaleColour(share: number): string {
  const step = Math.round(Math.min(1, Math.max(0, share)) * SCALE_STEPS) / SCALE_STEPS;
  const hue = 285 - 225 * step;
  return theme() === 'dark'
    ? `oklch(${(0.5 + 0.38 * step).toFixed(3)} 0.15 ${hue.toFixed(0)})`
    : `oklch(${(0.74 - 0.3 * step).toFixed(3)} 0.15 ${hue.toFixed(0)})`;
}
