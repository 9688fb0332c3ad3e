/** A thousand children, one line, a thousand answers: as a sunflower of dots, or as a picture that they compute together. */

import type { Answer, AnswersEvent, SwarmInfo, SwarmResult } from '../protocol.ts';
import { TILE, TILES_ACROSS, TILES_DOWN } from '../tiles.ts';
import { colourOf, frequencies, histogram, numbersOf, placing } from './answers.ts';
import type { Guest } from './catalogue.ts';
import { announce, el, fitCanvas } from './dom.ts';
import { bytes, count, duration, plural, text } from './format.ts';
import { palette } from './palette.ts';
import { nearest, sunflower, type Dot } from './phyllotaxis.ts';

const SIDE_MAX = 600;
const SIDE_MIN = 280;
/** What stands above it when the page is at its top. */
const HEADS_HEIGHT = 450;
const SUMMARY_WIDTH = 250;
const SUMMARY_BESIDE = 560;
const ZOOM = 5;
const REACH = 14;

export interface SwarmActions {
  runAll(line: string): void;
  stop(): void;
  adopt(index: number): void;
  end(): void;
}

export class SwarmPanel {
  readonly element: HTMLElement;
  readonly #actions: SwarmActions;
  readonly #title = el('h2', { id: 'swarm-title' });
  readonly #facts = el('p', { className: 'facts' });
  readonly #canvas = el('canvas', { className: 'swarm-canvas', role: 'img' });
  readonly #caption = el('p', { className: 'soft swarm-caption' });
  readonly #summary = el('div', { className: 'summary' });
  readonly #line = el('input', {
    type: 'text',
    id: 'swarm-line',
    className: 'typed',
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: false,
  });
  readonly #run = el('button', { className: 'main', id: 'run-all' }, 'Run in all');
  /** What the pointer does on the canvas, for who has none. */
  readonly #child = el('input', {
    type: 'number',
    id: 'swarm-child',
    className: 'typed',
    min: '0',
    step: '1',
    required: true,
  });
  readonly #chips = el('div', { className: 'chips', role: 'group', 'aria-label': 'Lines to try' });
  #guest: Guest | undefined;
  #swarm: SwarmInfo | undefined;
  #answers = new Map<number, (Answer | undefined)[]>();
  #dots: Dot[] = [];
  #dotRadius = 1;
  #side = 0;
  /** Group that runs a line. */
  #running: number | undefined;
  /** What is said of each group: how it was forked, then how it ran. */
  readonly #results = new Map<number, string>();

  constructor(actions: SwarmActions) {
    this.#actions = actions;
    const form = el(
      'form',
      { className: 'typed-form always' },
      el('label', { className: 'unseen', htmlFor: 'swarm-line' }, 'One line for all of them'),
      this.#line,
      this.#run,
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#running !== undefined && this.#running === this.#swarm?.id) this.#actions.stop();
      else this.#start(this.#line.value);
    });
    const pick = el(
      'form',
      { className: 'typed-form always' },
      el('label', { className: 'unseen', htmlFor: 'swarm-child' }, 'Number of a child'),
      this.#child,
      el('button', { id: 'adopt' }, 'Into the tree'),
    );
    this.#child.placeholder = 'A child by its number';
    this.#child.addEventListener('input', () => {
      const index = this.#child.valueAsNumber;
      if (Object.hasOwn(this.#current(), index)) announce(this.#tell(index));
    });
    pick.addEventListener('submit', (event) => {
      event.preventDefault();
      actions.adopt(this.#child.valueAsNumber);
    });
    this.element = el(
      'section',
      { className: 'panel swarm', 'aria-labelledby': 'swarm-title' },
      el(
        'header',
        { className: 'panel-head' },
        this.#title,
        el(
          'div',
          { className: 'actions' },
          el('button', { type: 'button', className: 'quiet', onclick: () => actions.end() }, 'End all'),
        ),
      ),
      this.#facts,
      form,
      this.#chips,
      el('div', { className: 'swarm-view' }, this.#canvas, this.#summary),
      this.#caption,
      pick,
    );
    this.#canvas.addEventListener('pointermove', (event) => this.#point(event));
    this.#canvas.addEventListener('click', (event) => this.#click(event));
    new ResizeObserver(() => this.#redraw()).observe(this.element);
  }

  show(swarm: SwarmInfo, guest: Guest): void {
    this.#swarm = swarm;
    this.#guest = guest;
    const parent = swarm.parent === undefined ? 'a machine that has ended' : `machine ${swarm.parent}`;
    this.#title.textContent = `${plural(swarm.count, 'child', 'children')} of ${parent}`;
    const each = text(duration((swarm.forkMs * 1000) / Math.max(1, swarm.count)));
    const all = text(duration(swarm.forkMs * 1000));
    this.#facts.textContent =
      this.#results.get(swarm.id) ?? `forked in ${all}, ${each} each; until they write they hold nothing of their own`;
    this.#child.max = String((this.#answers.get(swarm.id)?.length ?? swarm.count) - 1);
    this.#showRun();
    if (this.#chips.dataset['guest'] !== guest.id) {
      this.#chips.dataset['guest'] = guest.id;
      this.#line.value = guest.swarm[0]!.line;
      this.#chips.replaceChildren(
        ...guest.swarm.map(({ label, line }) =>
          el('button', { type: 'button', className: 'chip', title: line, onclick: () => this.#start(line) }, label),
        ),
      );
    }
    if (!this.#answers.has(swarm.id))
      this.#answers.set(
        swarm.id,
        Array.from({ length: swarm.count }, () => undefined),
      );
    this.#redraw();
    this.#summarize();
  }

  recolour(): void {
    this.#redraw();
  }

  take(event: AnswersEvent): void {
    const answers = this.#answers.get(event.swarm);
    if (answers === undefined) return;
    event.answers.forEach((answer, index) => (answers[event.from + index] = answer));
    if (event.swarm !== this.#swarm?.id) return;
    this.#redraw();
    this.#summarize();
  }

  /** A run begins: what an earlier one has answered is no answer to it. */
  clear(swarm: number): void {
    this.#answers.get(swarm)?.fill(undefined);
    if (swarm === this.#swarm?.id) this.#redraw();
  }

  /** @param swarm the group that ran: another may be shown */
  done(swarm: number, { ms, bytesPerChild, done }: SwarmResult): void {
    this.#stopped();
    const each = text(duration((ms * 1000) / Math.max(1, done)));
    const cost = text(bytes(Math.max(0, bytesPerChild)));
    const facts = `${plural(done, 'answer')} in ${text(duration(ms * 1000))}: ${each} and ${cost} of memory each`;
    this.#results.set(swarm, facts);
    if (swarm === this.#swarm?.id) this.#facts.textContent = facts;
  }

  failed(): void {
    this.#stopped();
  }

  forget(swarm: number): void {
    this.#answers.delete(swarm);
    this.#results.delete(swarm);
  }

  forgetAll(): void {
    this.#answers.clear();
    this.#results.clear();
    this.#swarm = undefined;
    this.#stopped();
  }

  #start(line: string): void {
    if (this.#swarm === undefined || line.trim() === '') return;
    this.#line.value = line;
    this.#running = this.#swarm.id;
    this.#showRun();
    this.#actions.runAll(line);
  }

  #stopped(): void {
    this.#running = undefined;
    this.#showRun();
  }

  #showRun(): void {
    const runs = this.#running !== undefined && this.#running === this.#swarm?.id;
    this.#run.textContent = runs ? 'Stop' : 'Run in all';
  }

  #current(): readonly (Answer | undefined)[] {
    return (this.#swarm && this.#answers.get(this.#swarm.id)) ?? [];
  }

  #redraw(): void {
    if (this.#swarm === undefined || this.element.clientWidth === 0) return;
    if (this.#guest?.answers === 'tiles') this.#drawTiles();
    else this.#drawDots();
  }

  #drawDots(): void {
    const answers = this.#current();
    const side = this.#sideThatFits();
    if (side !== this.#side || this.#dots.length !== answers.length) {
      this.#side = side;
      const { dots, dotRadius } = sunflower(answers.length, side / 2 - 6);
      this.#dots = dots;
      this.#dotRadius = dotRadius;
    }
    const context = fitCanvas(this.#canvas, side, side);
    context.translate(side / 2, side / 2);
    const colours = palette();
    const place = placing(answers);
    answers.forEach((answer, index) => {
      const { x, y } = this.#dots[index]!;
      context.fillStyle = colourOf(answer, place, colours);
      context.beginPath();
      context.arc(x, y, answer === undefined ? this.#dotRadius * 0.62 : this.#dotRadius, 0, 2 * Math.PI);
      context.fill();
    });
    const given = answers.filter((each) => each !== undefined).length;
    this.#canvas.setAttribute('aria-label', `${count(given)} of ${count(answers.length)} children have answered`);
    this.#canvas.style.cursor = 'pointer';
    if (this.#caption.dataset['dot'] === undefined) {
      this.#caption.textContent =
        'A dot is a machine. Point at one for its answer; click to give it a place in the tree.';
    }
  }

  /** The whole of it shall be in sight, and its summary beside it where there is room. */
  #sideThatFits(): number {
    const room = this.#canvas.parentElement!.clientWidth;
    const beside = room > SUMMARY_BESIDE ? room - SUMMARY_WIDTH : room;
    return Math.round(Math.min(SIDE_MAX, beside, Math.max(SIDE_MIN, innerHeight - HEADS_HEIGHT)));
  }

  #drawTiles(): void {
    const width = TILES_ACROSS * TILE;
    const height = TILES_DOWN * TILE;
    const { width: had } = this.#canvas;
    if (had !== width) [this.#canvas.width, this.#canvas.height] = [width, height];
    this.#canvas.style.width = '100%';
    this.#canvas.style.height = 'auto';
    const context = this.#canvas.getContext('2d')!;
    const idle = palette().idle;
    this.#current().forEach((answer, index) => {
      if (index >= TILES_ACROSS * TILES_DOWN) return;
      const x = (index % TILES_ACROSS) * TILE;
      const y = Math.floor(index / TILES_ACROSS) * TILE;
      if (answer?.tile !== undefined) context.putImageData(new ImageData(answer.tile, TILE, TILE), x, y);
      else {
        context.clearRect(x, y, TILE, TILE);
        context.fillStyle = answer === undefined ? idle : palette().trap;
        context.fillRect(x + 1, y + 1, TILE - 2, TILE - 2);
      }
    });
    this.#canvas.setAttribute('aria-label', 'A picture of the Mandelbrot set, a tile from each child');
    this.#canvas.style.cursor = 'zoom-in';
    this.#caption.textContent = `Each tile was computed by a machine of its own. Click to look ${ZOOM} times closer.`;
  }

  #summarize(): void {
    const given = this.#current().filter((each) => each !== undefined);
    if (given.length === 0 || this.#guest?.answers === 'tiles') {
      this.#summary.replaceChildren();
      return;
    }
    const numbers = numbersOf(given);
    this.#summary.replaceChildren(
      ...(numbers === undefined ? frequencies(given) : histogram(numbers, given.length - numbers.length)),
    );
  }

  #at(event: MouseEvent): number | undefined {
    const scale = this.#side / this.#canvas.clientWidth;
    const place = { x: event.offsetX * scale - this.#side / 2, y: event.offsetY * scale - this.#side / 2 };
    return nearest(this.#dots, place, Math.max(REACH, this.#dotRadius * 1.5));
  }

  #point(event: PointerEvent): void {
    if (this.#guest?.answers === 'tiles') return;
    const index = this.#at(event);
    if (index === undefined) return;
    this.#tell(index);
  }

  /** Says what a child has answered. */
  #tell(index: number): string {
    const answer = this.#current()[index];
    const said = `child ${count(index)}: ${answer === undefined ? 'at rest' : answer.text}`;
    this.#caption.dataset['dot'] = String(index);
    this.#caption.textContent = said;
    return said;
  }

  #click(event: MouseEvent): void {
    if (this.#guest?.answers !== 'tiles') {
      const index = this.#at(event);
      if (index !== undefined) this.#actions.adopt(index);
      return;
    }
    const [x, y, across] = this.#line.value
      .trim()
      .split(/[\s,]+/)
      .map(Number);
    if (x === undefined || y === undefined || across === undefined || !Number.isFinite(x + y + across)) return;
    const scale = across / this.#canvas.clientWidth;
    const toX = x + (event.offsetX - this.#canvas.clientWidth / 2) * scale;
    const toY = y + (event.offsetY - this.#canvas.clientHeight / 2) * scale;
    this.#start(`${toX.toPrecision(9)} ${toY.toPrecision(9)} ${(across / ZOOM).toPrecision(4)}`);
  }
}
