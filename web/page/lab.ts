/** The page once a guest was chosen: figures, tree, and the panel of what is selected. Turns what people do into requests. */

import type { NodeInfo, Opened, SwarmInfo, View } from '../protocol.ts';
import type { Guest } from './catalogue.ts';
import { announce, el } from './dom.ts';
import { Figures } from './figures.ts';
import { elapsed, plural, text, bytes, duration } from './format.ts';
import { MachinePanel } from './machine-panel.ts';
import { type WorkerLine } from './rpc.ts';
import { SwarmPanel } from './swarm-panel.ts';
import { TreeView, type Selection } from './tree-view.ts';

/** Machines that the tree shows one by one. */
const NODES_MAX = 120;
/** From here on children are a group. */
const GROUP_FROM = 20;

export class Lab {
  readonly element: HTMLElement;
  readonly #line: WorkerLine;
  readonly #figures = new Figures();
  readonly #tree: TreeView;
  readonly #machine: MachinePanel;
  readonly #swarm: SwarmPanel;
  readonly #steps = el('div', { className: 'steps' });
  readonly #side = el('div', { className: 'side' });
  readonly #hint = el(
    'p',
    { className: 'tree-hint' },
    'Every click on a + forks that machine, as it is at this instant.',
  );
  readonly #problem = el('p', { className: 'notice', role: 'alert', hidden: true });
  #guest: Guest | undefined;
  #view: View | undefined;
  #selected: Selection | undefined;
  /** Counts families: what was asked about an earlier one is answered to nobody. */
  #family = 0;
  /** Runs of a line in a group: they follow one another, and the last one counts. */
  #runs = 0;
  #lastRun: Promise<void> = Promise.resolve();
  /** Whether the next button above the tree is to have the focus, since the one that had it is gone. */
  #focusStep = false;
  /** Names of machines by colour, also of those that have ended. */
  #names = new Map<number, string>();

  constructor(line: WorkerLine) {
    this.#line = line;
    this.#tree = new TreeView({
      select: (selection) => this.#guard(() => this.#select(selection)),
      fork: (node) => this.#guard(() => this.#fork(node, 1)),
      remove: (selection) => this.#guard(() => this.#end(selection)),
    });
    this.#machine = new MachinePanel({
      fork: (count) => this.#guard(() => this.#fork(this.#nodeId(), count)),
      end: () => this.#guard(() => this.#end(this.#selected)),
      run: (text_) => void this.#run(text_),
      goTo: (position) => this.#guard(() => this.#goTo(position)),
      readFile: async (path) => this.#line.ask('readFile', [this.#nodeId(), path]),
      save: () => this.#guard(() => this.#save()),
    });
    this.#swarm = new SwarmPanel({
      runAll: (text_) => this.#guard(() => this.#runAll(text_)),
      stop: () => this.#guard(() => this.#line.ask('stop', [])),
      adopt: (index) => this.#guard(() => this.#adopt(index)),
      end: () => this.#guard(() => this.#end(this.#selected)),
    });
    line.onAnswers = (event) => this.#swarm.take(event);
    const treePanel = el(
      'section',
      { className: 'panel tree', 'aria-labelledby': 'tree-title' },
      el(
        'header',
        { className: 'panel-head' },
        el('h2', { id: 'tree-title' }, 'Family tree'),
        el(
          'p',
          { className: 'keys' },
          el('kbd', {}, 'F'),
          ' fork, ',
          el('kbd', {}, 'arrows'),
          ' move, ',
          el('kbd', {}, 'Del'),
          ' end',
        ),
      ),
      el('div', { className: 'tree-box' }, this.#tree.element, this.#hint),
    );
    this.element = el(
      'div',
      { className: 'lab' },
      this.#figures.element,
      this.#steps,
      this.#problem,
      el('div', { className: 'columns' }, treePanel, this.#side),
    );
  }

  /** Begins with a machine that has just booted or was loaded. */
  async begin(guest: Guest, opened: Opened): Promise<void> {
    this.#guest = guest;
    this.#problem.hidden = true;
    if (!opened.joined) {
      this.#family++;
      this.#names = new Map();
      this.#selected = undefined;
      this.#machine.terminal.forgetAll();
      this.#swarm.forgetAll();
    }
    await this.#machine.terminal.open();
    this.#take(opened.view);
    await this.#select({ kind: 'node', id: opened.root });
    if (!opened.cold) this.#machine.terminal.note(`loaded from a file in ${elapsed(opened.bootMs)}: it goes on`);
    else
      this.#machine.terminal.note(
        `${guest.name}: built in ${elapsed(opened.buildMs)}, booted in ${elapsed(opened.bootMs)}, ${opened.guestBytes === 0 ? 'no memory yet' : `${text(bytes(opened.guestBytes))} of memory`}`,
      );
    if (opened.cold) this.#offerWarming(guest);
    // What can't be measured has been loaded all the same.
    else if (!opened.joined) this.#guard(() => this.#measure());
  }

  /** Lets go of all machines. */
  leave(): void {
    this.#family++;
    this.#view = undefined;
    this.#guard(() => this.#line.ask('close', []));
  }

  async #save(): Promise<void> {
    const id = this.#nodeId();
    const file = await this.#line.ask('save', [id]);
    const name = `${this.#guest!.id}-machine-${id}.fargo`;
    const address = URL.createObjectURL(new Blob([file], { type: 'application/octet-stream' }));
    const link = el('a', { href: address, download: name, hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    this.#machine.terminal.note(
      `saved as ${name}, ${text(bytes(file.length))}: drop it into another tab, or give it to the command line`,
    );
    announce(`Machine ${id} was saved`);
  }

  recolour(): void {
    this.#machine.terminal.recolour();
    if (this.#view === undefined) return;
    this.#tree.show(this.#view, this.#selected);
    this.#swarm.recolour();
    if (this.#selected?.kind === 'node') this.#guard(() => this.#inspect(false));
  }

  #offerWarming(guest: Guest): void {
    const warm = el('button', { type: 'button', className: 'main large', id: 'warm' }, 'Warm it up');
    warm.addEventListener('click', () => {
      // Not disabled: it would lose the focus.
      if (warm.getAttribute('aria-disabled') === 'true') return;
      warm.setAttribute('aria-disabled', 'true');
      this.#guard(async () => {
        try {
          await this.#warm();
        } finally {
          warm.removeAttribute('aria-disabled');
        }
      });
    });
    this.#step(el('p', {}, el('b', {}, 'It runs.'), ` ${guest.warming}, once, so that no child has to.`), warm);
  }

  async #warm(): Promise<void> {
    const { view, text: done, ms } = await this.#line.ask('warm', []);
    this.#take(view);
    this.#machine.terminal.note(`warmed in ${elapsed(ms)}: ${done}`);
    await this.#inspect(true);
    await this.#measure();
  }

  async #measure(): Promise<void> {
    this.#figures.measuring();
    this.#step(el('p', {}, el('b', {}, 'It is warm.'), ' Measuring what a fork costs…'));
    try {
      const found = await this.#line.ask('measure', [this.#nodeId()]);
      this.#figures.measured(found);
      this.#offerForking(` Copied instead, its memory alone would take ${text(duration(found.copyUs))} a child.`);
      announce(`One fork takes ${text(duration(found.forkUs))}, copying would take ${text(duration(found.copyUs))}`);
    } catch (error) {
      this.#figures.notMeasured();
      this.#offerForking('');
      throw error;
    }
  }

  #offerForking(cost: string): void {
    const fork = el('button', { type: 'button', className: 'main large', id: 'fork-first' }, 'Fork it');
    fork.addEventListener('click', () => this.#guard(() => this.#fork(this.#nodeId(), 1)));
    const thousand = el('button', { type: 'button', className: 'large', id: 'fork-thousand' }, 'Fork a thousand');
    thousand.addEventListener('click', () => this.#guard(() => this.#fork(this.#nodeId(), 1000)));
    this.#step(el('p', {}, el('b', {}, 'It is warm.'), ` Now clone it while it runs.${cost}`), fork, thousand);
  }

  /** What is to be done next. Who was at its button is at the next one. */
  #step(...children: readonly Node[]): void {
    this.#focusStep ||= this.#steps.contains(document.activeElement);
    this.#steps.replaceChildren(...children);
    const button = this.#steps.querySelector('button');
    if (!this.#focusStep || button === null) return;
    this.#focusStep = false;
    if (document.activeElement === document.body) button.focus();
  }

  async #fork(parent: number, count: number): Promise<void> {
    if (count >= GROUP_FROM) {
      const { view, made, ms } = await this.#line.ask('swarm', [parent, count]);
      this.#take(view);
      await this.#select({ kind: 'swarm', id: made });
      announce(`${plural(count, 'child', 'children')} forked in ${elapsed(ms)}`);
    } else {
      if (this.#view!.nodes.length + count > NODES_MAX) {
        throw new Error(`The tree shows ${NODES_MAX} machines one by one. Fork a group, or end some.`);
      }
      const { view, made, ms } = await this.#line.ask('fork', [parent, count]);
      this.#take(view);
      await this.#select({ kind: 'node', id: made.at(-1)! });
      announce(`Machine ${made.join(', ')} forked in ${elapsed(ms)}`);
    }
    const within = this.#steps.contains(document.activeElement);
    this.#steps.replaceChildren();
    if (within) this.#tree.focus();
  }

  async #run(line: string): Promise<void> {
    const node = this.#nodeId();
    const family = this.#family;
    try {
      const result = await this.#line.ask('run', [node, line]);
      if (family !== this.#family) return;
      this.#take(result.view);
      this.#machine.terminal.result(node, result);
      if (result.kind === 'trap') announce('The call trapped. All that it did was undone.');
      if (this.#selected?.id === node) await this.#inspect(true);
    } catch (error) {
      if (family === this.#family) this.#machine.terminal.failed(node, messageOf(error));
    }
  }

  async #runAll(line: string): Promise<void> {
    const selected = this.#selected;
    if (selected?.kind !== 'swarm') return;
    const family = this.#family;
    const run = ++this.#runs;
    const isLast = (): boolean => family === this.#family && run === this.#runs;
    const before = this.#lastRun;
    const mine = (async () => {
      await this.#line.ask('stop', []);
      await before;
      if (!isLast()) return;
      this.#swarm.clear(selected.id);
      const result = await this.#line.ask('runAll', [selected.id, line]);
      if (family !== this.#family) return;
      this.#take(result.view);
      if (!isLast()) return;
      this.#swarm.done(selected.id, result);
      announce(`${plural(result.done, 'answer')} in ${elapsed(result.ms)}`);
    })();
    this.#lastRun = mine.catch(() => undefined);
    try {
      await mine;
    } catch (error) {
      if (isLast()) this.#swarm.failed();
      throw error;
    }
  }

  async #adopt(index: number): Promise<void> {
    if (this.#selected?.kind !== 'swarm') return;
    const within = this.#side.contains(document.activeElement);
    const { view, made } = await this.#line.ask('adopt', [this.#selected.id, index]);
    this.#take(view);
    await this.#select({ kind: 'node', id: made });
    if (within) this.#tree.focus();
  }

  async #goTo(position: number): Promise<void> {
    this.#take(await this.#line.ask('rollback', [this.#nodeId(), position]));
    this.#machine.terminal.note(`moved to step ${position} of its time line`);
    await this.#inspect(true);
  }

  async #end(selection: Selection | undefined): Promise<void> {
    if (selection === undefined) return;
    const { id, kind } = selection;
    if (kind === 'node' && this.#isLastRoot(id)) return;
    const parent = this.#infoOf(selection)?.parent;
    this.#take(await this.#line.ask(kind === 'node' ? 'dispose' : 'disposeSwarm', [id]));
    this.#swarm.forget(id);
    await this.#select({ kind: 'node', id: parent ?? this.#view!.nodes[0]!.id });
    this.#tree.focus();
    announce(kind === 'node' ? `Machine ${id} ended` : 'The group ended');
  }

  async #select(selection: Selection): Promise<void> {
    this.#selected = selection;
    this.#tree.show(this.#view!, selection);
    if (selection.kind === 'swarm') {
      const swarm = this.#view!.swarms.find(({ id }) => id === selection.id);
      if (swarm === undefined) return;
      if (this.#side.firstChild !== this.#swarm.element) this.#side.replaceChildren(this.#swarm.element);
      this.#swarm.show(swarm, this.#guest!);
      return;
    }
    if (this.#side.firstChild !== this.#machine.element) {
      this.#side.replaceChildren(this.#machine.element);
      this.#machine.terminal.fit();
    }
    await this.#inspect(false);
  }

  async #inspect(pulse: boolean): Promise<void> {
    const selected = this.#selected;
    if (selected?.kind !== 'node') return;
    const inspection = await this.#line.ask('inspect', [selected.id]);
    if (this.#selected?.id !== selected.id) return;
    this.#machine.show(inspection, this.#guest!, { names: this.#names, pulse, last: this.#isLastRoot(selected.id) });
  }

  #take(view: View): void {
    this.#view = view;
    for (const { id, colour } of view.nodes) this.#names.set(colour, `machine ${id}`);
    this.#hint.hidden = view.nodes.length > 4 || view.swarms.length > 0;
    this.#figures.count(view.stats);
    this.#tree.show(view, this.#selected);
  }

  #nodeId(): number {
    return this.#selected?.kind === 'node' ? this.#selected.id : this.#view!.nodes[0]!.id;
  }

  #isLastRoot(id: number): boolean {
    const roots = this.#view!.nodes.filter(({ parent }) => parent === undefined);
    return roots.length === 1 && roots[0]!.id === id;
  }

  #infoOf({ kind, id }: Selection): { readonly parent: number | undefined } | undefined {
    const all: readonly (NodeInfo | SwarmInfo)[] = kind === 'node' ? this.#view!.nodes : this.#view!.swarms;
    return all.find((each) => each.id === id);
  }

  /** Runs `work`, and says what went wrong. */
  #guard(work: () => Promise<void>): void {
    this.#problem.hidden = true;
    const family = this.#family;
    work().catch((error: unknown) => {
      if (family !== this.#family) return;
      this.#problem.textContent = messageOf(error);
      this.#problem.hidden = false;
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
