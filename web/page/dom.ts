/** Elements in one expression, and the line that is read out. */

type Child = Node | string | undefined | false;

/** Properties of the element, attributes with a dash or `role`, and `on…` for listeners. */
export type Props = Readonly<Record<string, unknown>>;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  setProps(element, props);
  for (const child of children) if (child !== undefined && child !== false) element.append(child);
  return element;
}

export function svgEl<K extends keyof SVGElementTagNameMap>(tag: K, props: Props = {}): SVGElementTagNameMap[K] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, String(value));
  return element;
}

function setProps(element: HTMLElement, props: Props): void {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value as EventListener);
    else if (name in element && !name.includes('-') && name !== 'role') {
      (element as unknown as Record<string, unknown>)[name] = value;
    } else element.setAttribute(name, value === true ? '' : String(value));
  }
}

export function byId<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** Says something to those who don't see it happen. */
export function announce(text: string): void {
  byId('live').textContent = text;
}

/** Whether things may move. */
export function motion(): boolean {
  return !matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/** Sizes a canvas to its box in device pixels; coordinates stay CSS pixels. */
export function fitCanvas(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const scale = Math.min(devicePixelRatio || 1, 3);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d')!;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return context;
}
