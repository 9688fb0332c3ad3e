/**
 * A terminal into any machine of the tree. Each has its own scroll; lines are edited here and run as wholes, since a call is
 * a transaction.
 */

import type { FitAddon as FitAddonType } from '@xterm/addon-fit';
import type { Terminal as XTerm } from '@xterm/xterm';
import type { Picture, RunResult } from '../protocol.ts';
import { el } from './dom.ts';
import { elapsed, plural } from './format.ts';
import { theme } from './palette.ts';

const SCROLL_CHARACTERS = 60_000;
const HISTORY_LINES = 100;
const PICTURE_COLUMNS = 52;

const ESCAPE = '\x1b';
const DIM = '\x1b[90m';
const RED = '\x1b[31m';
const YELLOW = '\x1b[33m';
const PLAIN = '\x1b[0m';

const THEMES = {
  dark: {
    background: '#0a0d12',
    foreground: '#dbe4ee',
    cursor: '#7cc8f2',
    selectionBackground: '#2b4257',
    red: '#ff8080',
    yellow: '#ffd071',
    brightBlack: '#8795a6',
  },
  light: {
    background: '#fbfcfd',
    foreground: '#1d2733',
    cursor: '#0b6fa4',
    selectionBackground: '#cfe3f1',
    red: '#b3261e',
    yellow: '#8a5300',
    brightBlack: '#5b6876',
  },
} as const;

export class MachineTerminal {
  readonly element: HTMLElement;
  /** Without padding: what fits is computed from its box. */
  readonly #screen = el('div', { className: 'console-screen' });
  readonly #onLine: (line: string) => void;
  readonly #scrolls = new Map<number, string>();
  readonly #history: string[] = [];
  #term: XTerm | undefined;
  #fit: FitAddonType | undefined;
  #machine = 0;
  #prompt = '';
  #line = '';
  #cursor = 0;
  #past = 0;
  #busy = false;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
    this.element = el('div', { className: 'console' }, this.#screen);
  }

  /** Loads the terminal itself: with the first machine, not before. */
  async open(): Promise<void> {
    if (this.#term !== undefined) return;
    const [{ Terminal }, { FitAddon }] = await Promise.all([import('@xterm/xterm'), import('@xterm/addon-fit')]);
    const term = new Terminal({
      convertEol: true,
      cursorBlink: false,
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--mono'),
      fontSize: 13,
      lineHeight: 1.25,
      scrollback: 2000,
      screenReaderMode: true,
      minimumContrastRatio: 4.5,
      theme: THEMES[theme()],
    });
    this.#term = term;
    this.#fit = new FitAddon();
    term.loadAddon(this.#fit);
    term.open(this.#screen);
    term.textarea?.setAttribute('aria-label', 'Line for this machine');
    term.onData((data) => this.#type(data));
    // The keyboard must be able to leave.
    term.attachCustomKeyEventHandler((event) => event.key !== 'Tab' && event.key !== 'Escape');
    new ResizeObserver(() => this.fit()).observe(this.element);
    this.fit();
  }

  fit(): void {
    if (this.element.clientWidth > 0) this.#fit?.fit();
  }

  recolour(): void {
    if (this.#term !== undefined) this.#term.options.theme = THEMES[theme()];
  }

  /** Turns to a machine; what it said before is there again. */
  turnTo(machine: number, prompt: string): void {
    if (this.#machine === machine) return;
    this.#machine = machine;
    this.#prompt = `${prompt} #${machine}> `;
    this.#line = '';
    this.#cursor = 0;
    this.#past = this.#history.length;
    this.#term?.reset();
    this.#term?.write(this.#scrolls.get(machine) ?? '');
    this.#ask();
  }

  forgetAll(): void {
    this.#scrolls.clear();
    this.#machine = 0;
    this.#busy = false;
  }

  focus(): void {
    this.#term?.focus();
  }

  /** Types a line as a person would, and runs it. */
  enter(line: string): void {
    if (this.#busy) return;
    this.#line = line;
    this.#cursor = line.length;
    this.#redraw();
    this.#run();
  }

  /** A line from the page, not from the guest. */
  note(text: string): void {
    this.#write(`\r\x1b[K${DIM}${text}${PLAIN}\n`);
    this.#ask();
  }

  /** Shows how a line ended. */
  result(machine: number, result: RunResult): void {
    const cost = `${elapsed(result.ms)}, ${plural(result.pagesWritten, 'page')} written`;
    let shown = '';
    if (result.picture !== undefined) shown += asciiPicture(result.picture, this.#columns());
    if (result.kind === 'trap') {
      shown += `${RED}trapped: ${result.text}${PLAIN}\n`;
      for (const frame of result.stack) shown += `${DIM}  in ${frame}${PLAIN}\n`;
      shown += `${YELLOW}rolled back: ${plural(result.pagesWritten, 'page')} of its memory differ from before${PLAIN}\n`;
    } else {
      if (result.text !== '') {
        const text = result.text.endsWith('\n') ? result.text : `${result.text}\n`;
        shown += result.kind === 'failed' ? `${RED}${text}${PLAIN}` : text;
      }
      shown += `${DIM}${cost}${PLAIN}\n`;
    }
    this.#busy = false;
    if (machine === this.#machine) this.#write(shown);
    else this.#remember(machine, shown);
    this.#ask();
  }

  failed(machine: number, text: string): void {
    const shown = `${RED}${text}${PLAIN}\n`;
    this.#busy = false;
    if (machine === this.#machine) this.#write(shown);
    else this.#remember(machine, shown);
    this.#ask();
  }

  #columns(): number {
    return Math.min(PICTURE_COLUMNS, this.#term?.cols ?? PICTURE_COLUMNS);
  }

  #ask(): void {
    if (this.#busy) return;
    this.#redraw();
  }

  #redraw(): void {
    const back = this.#line.length - this.#cursor;
    this.#term?.write(`\r\x1b[K${DIM}${this.#prompt}${PLAIN}${this.#line}${back > 0 ? `\x1b[${back}D` : ''}`);
  }

  #run(): void {
    const line = this.#line;
    this.#line = '';
    this.#cursor = 0;
    this.#term?.write('\r\x1b[K');
    this.#write(`${DIM}${this.#prompt}${PLAIN}${line}\n`);
    if (line.trim() === '') {
      this.#ask();
      return;
    }
    if (this.#history.at(-1) !== line) this.#history.push(line);
    if (this.#history.length > HISTORY_LINES) this.#history.shift();
    this.#past = this.#history.length;
    this.#busy = true;
    this.#onLine(line);
  }

  #type(data: string): void {
    if (this.#busy) return;
    switch (data) {
      case '\r':
        this.#run();
        return;
      case '\x7f':
        if (this.#cursor === 0) return;
        this.#line = this.#line.slice(0, this.#cursor - 1) + this.#line.slice(this.#cursor);
        this.#cursor--;
        break;
      case '\x1b[3~':
        this.#line = this.#line.slice(0, this.#cursor) + this.#line.slice(this.#cursor + 1);
        break;
      case '\x1b[D':
        this.#cursor = Math.max(0, this.#cursor - 1);
        break;
      case '\x1b[C':
        this.#cursor = Math.min(this.#line.length, this.#cursor + 1);
        break;
      case '\x1b[H':
      case '\x01':
        this.#cursor = 0;
        break;
      case '\x1b[F':
      case '\x05':
        this.#cursor = this.#line.length;
        break;
      case '\x1b[A':
        this.#recall(-1);
        break;
      case '\x1b[B':
        this.#recall(1);
        break;
      case '\x03':
      case '\x15':
        this.#line = '';
        this.#cursor = 0;
        break;
      default: {
        // Another key of the terminal's, or text, pasted perhaps.
        if (data.startsWith(ESCAPE)) return;
        const [first = '', ...rest] = data.split(/\r\n?|\n/).map(printable);
        this.#line = this.#line.slice(0, this.#cursor) + first + this.#line.slice(this.#cursor);
        this.#cursor += first.length;
        if (rest.length > 0) {
          this.#run();
          return;
        }
      }
    }
    this.#redraw();
  }

  #recall(step: number): void {
    this.#past = Math.min(this.#history.length, Math.max(0, this.#past + step));
    this.#line = this.#history[this.#past] ?? '';
    this.#cursor = this.#line.length;
  }

  #write(text: string): void {
    this.#term?.write(text);
    this.#remember(this.#machine, text);
  }

  #remember(machine: number, text: string): void {
    this.#scrolls.set(machine, ((this.#scrolls.get(machine) ?? '') + text).slice(-SCROLL_CHARACTERS));
  }
}

function printable(text: string): string {
  return [...text].filter((each) => each >= ' ' && each !== '\x7f').join('');
}

/** A picture as half blocks in true colour, two pixels a character. */
function asciiPicture({ width, height, pixels }: Picture, columns: number): string {
  const rows = Math.round((columns * height) / width / 2);
  const at = (column: number, half: number): number =>
    (Math.floor(((half + 0.5) * height) / (rows * 2)) * width + Math.floor(((column + 0.5) * width) / columns)) * 4;
  const colour = (i: number): string => `${pixels[i]};${pixels[i + 1]};${pixels[i + 2]}`;
  let shown = '';
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      shown += `\x1b[38;2;${colour(at(column, row * 2))};48;2;${colour(at(column, row * 2 + 1))}m▀`;
    }
    shown += `${PLAIN}\n`;
  }
  return shown;
}
