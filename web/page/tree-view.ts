/**
 * The family tree: machines as discs in their colours, groups as sunflowers, edges behind them. It grows where one clicks,
 * and by keyboard it is a tree as the ARIA authoring practices have it, with F to fork and Delete to end a machine.
 */

import type { NodeInfo, SwarmInfo, View } from '../protocol.ts';
import { el, fitCanvas, motion, svgEl } from './dom.ts';
import { count } from './format.ts';
import { machineColour } from './palette.ts';
import { sunflower } from './phyllotaxis.ts';
import { layoutTree, type TreeItem, type TreeLayout } from './tree-layout.ts';

const NODE_WIDTH = 84;
const NODE_HEIGHT = 66;
const SWARM_SIDE = 108;
const MARGIN = 26;
/** Share of the way that is left after a frame. */
const EASE = 0.82;
const SETTLED = 0.4;
const DOTS_SHOWN = 1500;

export type Selection = { readonly kind: 'node' | 'swarm'; readonly id: number };

export interface TreeActions {
  select(selection: Selection): void;
  fork(node: number): void;
  remove(selection: Selection): void;
}

interface Drawn {
  readonly selection: Selection;
  readonly element: HTMLElement;
  readonly edge: SVGPathElement;
  parent: number | undefined;
  /** Where it is, and where it is going. */
  x: number;
  y: number;
  toX: number;
  toY: number;
  halfHeight: number;
}

export class TreeView {
  readonly element: HTMLElement;
  readonly #actions: TreeActions;
  readonly #stage: HTMLElement;
  readonly #edges = svgEl('svg', { class: 'tree-edges', 'aria-hidden': 'true' });
  readonly #drawn = new Map<number, Drawn>();
  #selected: Selection | undefined;
  #frame = 0;
  #view: View | undefined;
  #layout: TreeLayout | undefined;

  constructor(actions: TreeActions) {
    this.#actions = actions;
    this.#stage = el('div', { className: 'tree-stage', role: 'tree', 'aria-label': 'Family tree of machines' });
    this.#stage.addEventListener('keydown', (event) => this.#key(event));
    this.element = el('div', { className: 'tree-scroll' });
    this.element.append(this.#edges, this.#stage);
    new ResizeObserver(() => this.#place()).observe(this.element);
  }

  /** Shows what there is; new ones grow out of their parents. */
  show(view: View, selected: Selection | undefined): void {
    this.#view = view;
    this.#selected = selected;
    const seen = new Set<number>();
    for (const node of view.nodes) seen.add(this.#node(node));
    for (const swarm of view.swarms) seen.add(this.#swarm(swarm));
    for (const [id, drawn] of this.#drawn) {
      if (seen.has(id)) continue;
      drawn.element.remove();
      drawn.edge.remove();
      this.#drawn.delete(id);
    }
    const items: TreeItem[] = [
      ...view.nodes.map(({ id, parent }) => ({ id, parent, width: NODE_WIDTH, height: NODE_HEIGHT })),
      ...view.swarms.map(({ id, parent }) => ({ id, parent, width: SWARM_SIDE, height: SWARM_SIDE + 18 })),
    ].sort((a, b) => a.id - b.id);
    this.#layout = layoutTree(items);
    this.#place();
  }

  focus(): void {
    if (this.#selected !== undefined) this.#drawn.get(this.#selected.id)?.element.focus({ preventScroll: false });
  }

  #node(info: NodeInfo): number {
    const drawn = this.#drawn.get(info.id) ?? this.#make({ kind: 'node', id: info.id }, info.parent);
    const { element } = drawn;
    drawn.parent = info.parent;
    drawn.halfHeight = 20;
    const colour = machineColour(info.colour);
    element.style.setProperty('--colour', colour);
    drawn.edge.style.setProperty('--colour', colour);
    const selected = this.#isSelected(drawn);
    element.classList.toggle('trapped', info.last === 'trap');
    element.setAttribute('aria-selected', String(selected));
    element.tabIndex = selected ? 0 : -1;
    element.setAttribute('aria-level', String(info.generation + 1));
    const pages = `+${count(info.changedPages)} ${info.changedPages === 1 ? 'page' : 'pages'}`;
    const changed = info.generation > 0 ? pages : info.loaded ? 'from a file' : 'first';
    element.querySelector('.said-before')!.textContent = 'Machine';
    element.querySelector('.said-after')!.textContent =
      `other than at its birth, generation ${info.generation}` +
      (info.last === 'trap' ? ', its last call trapped and was undone' : '');
    element.querySelector('.disc')!.textContent = String(info.id);
    element.querySelector('.under')!.textContent = changed;
    return info.id;
  }

  #swarm(info: SwarmInfo): number {
    const known = this.#drawn.get(info.id);
    const drawn = known ?? this.#make({ kind: 'swarm', id: info.id }, info.parent);
    const { element } = drawn;
    drawn.parent = info.parent;
    drawn.halfHeight = SWARM_SIDE / 2;
    const parent = this.#view!.nodes.find(({ id }) => id === info.parent);
    const colour = machineColour(parent?.colour ?? 0);
    drawn.edge.style.setProperty('--colour', colour);
    const selected = this.#isSelected(drawn);
    element.setAttribute('aria-selected', String(selected));
    element.tabIndex = selected ? 0 : -1;
    element.setAttribute('aria-level', String((parent?.generation ?? -1) + 2));
    element.querySelector('.said-before')!.textContent =
      info.parent === undefined ? 'Children of a machine that has ended' : `Children of machine ${info.parent}`;
    element.querySelector('.under')!.textContent = `× ${count(info.count)}`;
    const key = `${info.count} ${colour}`;
    const canvas = element.querySelector('canvas')!;
    if (canvas.dataset['key'] !== key) {
      canvas.dataset['key'] = key;
      drawSunflower(canvas, info.count, colour);
    }
    return info.id;
  }

  #make(selection: Selection, parent: number | undefined): Drawn {
    const { kind, id } = selection;
    const element = el(
      'div',
      {
        className: `tree-item tree-${kind}`,
        role: 'treeitem',
        tabindex: '-1',
        'data-id': String(id),
        onclick: () => this.#actions.select(selection),
      },
      el('span', { className: 'said-before unseen' }),
      kind === 'node' ? el('span', { className: 'disc' }) : el('canvas', { 'aria-hidden': 'true' }),
      el('span', { className: 'under' }),
      el('span', { className: 'said-after unseen' }),
    );
    if (kind === 'node') {
      const grow = el('span', { className: 'grow', title: 'Fork this machine', 'aria-hidden': 'true' }, '+');
      grow.addEventListener('click', (event) => {
        event.stopPropagation();
        this.#actions.fork(id);
      });
      element.append(grow);
    }
    const edge = svgEl('path', { class: 'edge' });
    this.#edges.append(edge);
    this.#stage.append(element);
    const from = parent === undefined ? undefined : this.#drawn.get(parent);
    const start = { x: from?.x ?? NaN, y: from?.y ?? NaN };
    const drawn: Drawn = { selection, element, edge, parent, ...start, toX: 0, toY: 0, halfHeight: 20 };
    this.#drawn.set(id, drawn);
    return drawn;
  }

  #isSelected({ selection }: Drawn): boolean {
    return this.#selected?.id === selection.id;
  }

  /** Gives everything its place, and lets it go there. */
  #place(): void {
    if (this.#layout === undefined) return;
    const { places, width, height } = this.#layout;
    const room = this.element.clientWidth;
    const full = Math.max(room, width + 2 * MARGIN);
    const tall = Math.max(this.element.clientHeight - 2, height + 2 * MARGIN);
    const offsetX = (full - width) / 2;
    const offsetY = MARGIN;
    for (const part of [this.#stage, this.#edges]) {
      part.style.width = `${full}px`;
      part.style.height = `${tall}px`;
    }
    for (const [id, drawn] of this.#drawn) {
      const place = places.get(id)!;
      drawn.toX = offsetX + place.x;
      drawn.toY = offsetY + place.y;
      if (Number.isNaN(drawn.x) || !motion()) [drawn.x, drawn.y] = [drawn.toX, drawn.toY];
    }
    cancelAnimationFrame(this.#frame);
    this.#move();
    if (this.#selected !== undefined) this.#reveal(this.#drawn.get(this.#selected.id));
  }

  #move(): void {
    let moving = false;
    for (const drawn of this.#drawn.values()) {
      const dx = drawn.toX - drawn.x;
      const dy = drawn.toY - drawn.y;
      if (Math.abs(dx) + Math.abs(dy) < SETTLED) [drawn.x, drawn.y] = [drawn.toX, drawn.toY];
      else {
        drawn.x = drawn.toX - dx * EASE;
        drawn.y = drawn.toY - dy * EASE;
        moving = true;
      }
      drawn.element.style.transform = `translate(${drawn.x.toFixed(1)}px, ${drawn.y.toFixed(1)}px)`;
    }
    for (const drawn of this.#drawn.values()) {
      const parent = drawn.parent === undefined ? undefined : this.#drawn.get(drawn.parent);
      drawn.edge.setAttribute('d', parent === undefined ? '' : edgePath(parent, drawn));
    }
    if (moving) this.#frame = requestAnimationFrame(() => this.#move());
  }

  #reveal(drawn: Drawn | undefined): void {
    if (drawn === undefined) return;
    const { element } = this;
    const behavior = motion() ? 'smooth' : 'instant';
    const left = drawn.toX - element.clientWidth / 2;
    const hidden = drawn.toX < element.scrollLeft + 40 || drawn.toX > element.scrollLeft + element.clientWidth - 40;
    const below = drawn.toY > element.scrollTop + element.clientHeight - 50 || drawn.toY < element.scrollTop + 20;
    if (hidden || below) element.scrollTo({ left, top: drawn.toY - element.clientHeight / 2, behavior });
  }

  #key(event: KeyboardEvent): void {
    const at = this.#selected;
    if (at === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = this.#neighbour(event.key, at.id);
    if (next !== undefined) {
      event.preventDefault();
      this.#actions.select(next.selection);
      next.element.focus();
      return;
    }
    if ((event.key === 'f' || event.key === 'F' || event.key === '+') && at.kind === 'node') {
      event.preventDefault();
      this.#actions.fork(at.id);
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      event.preventDefault();
      this.#actions.remove(at);
    }
  }

  #neighbour(key: string, id: number): Drawn | undefined {
    const here = this.#drawn.get(id)!;
    const all = [...this.#drawn.values()];
    switch (key) {
      case 'ArrowUp':
        return here.parent === undefined ? undefined : this.#drawn.get(here.parent);
      case 'ArrowDown':
        return closest(
          all.filter(({ parent }) => parent === id),
          here,
        );
      case 'ArrowLeft':
        return closest(
          all.filter((each) => sameRow(each, here) && each.toX < here.toX),
          here,
        );
      case 'ArrowRight':
        return closest(
          all.filter((each) => sameRow(each, here) && each.toX > here.toX),
          here,
        );
      case 'Home':
        return all.find(({ parent }) => parent === undefined);
      default:
        return undefined;
    }
  }
}

function sameRow(a: Drawn, b: Drawn): boolean {
  return Math.abs(a.toY - b.toY) < 30;
}

function closest(all: readonly Drawn[], to: Drawn): Drawn | undefined {
  return all.reduce<Drawn | undefined>(
    (best, each) => (best === undefined || Math.abs(each.toX - to.toX) < Math.abs(best.toX - to.toX) ? each : best),
    undefined,
  );
}

function edgePath(from: Drawn, to: Drawn): string {
  const top = from.y + (from.halfHeight > 30 ? from.halfHeight : 33);
  const bottom = to.y - (to.halfHeight > 30 ? to.halfHeight + 2 : 35);
  const middle = (top + bottom) / 2;
  const points = [from.x, top, from.x, middle, to.x, middle, to.x, bottom].map((value) => value.toFixed(1));
  return `M${points.slice(0, 2).join(' ')}C${points.slice(2).join(' ')}`;
}

function drawSunflower(canvas: HTMLCanvasElement, count: number, colour: string): void {
  const context = fitCanvas(canvas, SWARM_SIDE, SWARM_SIDE);
  const { dots, dotRadius } = sunflower(Math.min(count, DOTS_SHOWN), SWARM_SIDE / 2 - 4);
  context.clearRect(0, 0, SWARM_SIDE, SWARM_SIDE);
  context.translate(SWARM_SIDE / 2, SWARM_SIDE / 2);
  context.fillStyle = colour;
  for (const { x, y } of dots) {
    context.beginPath();
    context.arc(x, y, dotRadius * 0.8, 0, 2 * Math.PI);
    context.fill();
  }
}
