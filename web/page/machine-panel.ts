/** All about one machine: its memory, its time line, its terminal, and the files that differ. */

import type { FileChange, Inspection } from '../protocol.ts';
import type { Guest } from './catalogue.ts';
import { el } from './dom.ts';
import { bytes, plural, text } from './format.ts';
import { MemoryMap, memoryLine } from './memory-map.ts';
import { machineColour } from './palette.ts';
import { MachineTerminal } from './terminal.ts';

export interface MachineActions {
  fork(count: number): void;
  end(): void;
  run(line: string): void;
  goTo(position: number): void;
  readFile(path: string): Promise<string>;
  save(): void;
}

const GROUPS: readonly number[] = [1000, 10_000];
const LABEL_CHARACTERS = 42;

export class MachinePanel {
  readonly element: HTMLElement;
  readonly terminal: MachineTerminal;
  readonly #actions: MachineActions;
  readonly #title = el('h2', { id: 'machine-title' });
  readonly #facts = el('p', { className: 'facts' });
  readonly #map = new MemoryMap();
  readonly #timeline = el('ol', { className: 'timeline' });
  readonly #chips = el('div', { className: 'chips', role: 'group', 'aria-label': 'Lines to try' });
  readonly #files = el('div', { className: 'files' });
  readonly #end: HTMLButtonElement;
  readonly #save: HTMLButtonElement;
  readonly #typed = el('input', {
    type: 'text',
    className: 'typed',
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: false,
    placeholder: 'A line for this machine',
    'aria-label': 'A line for this machine',
  });

  constructor(actions: MachineActions) {
    this.#actions = actions;
    this.terminal = new MachineTerminal((line) => actions.run(line));
    this.#end = el('button', { type: 'button', className: 'quiet', onclick: () => actions.end() }, 'End');
    this.#save = el(
      'button',
      { type: 'button', className: 'quiet', id: 'save', onclick: () => actions.save() },
      'Save',
    );
    const form = el('form', { className: 'typed-form' }, this.#typed, el('button', {}, 'Run'));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.terminal.enter(this.#typed.value);
      this.#typed.value = '';
    });
    this.element = el(
      'section',
      { className: 'panel machine', 'aria-labelledby': 'machine-title' },
      el(
        'header',
        { className: 'panel-head' },
        this.#title,
        el(
          'div',
          { className: 'actions' },
          el('button', { type: 'button', id: 'fork-one', className: 'main', onclick: () => actions.fork(1) }, 'Fork'),
          ...GROUPS.map((size) =>
            el(
              'button',
              { type: 'button', 'data-fork': String(size), onclick: () => actions.fork(size) },
              `× ${size.toLocaleString('en')}`,
            ),
          ),
          this.#save,
          this.#end,
        ),
      ),
      this.#facts,
      this.#map.element,
      el('div', { className: 'timeline-box' }, el('h3', { id: 'timeline-title' }, 'Time line'), this.#timeline),
      this.#chips,
      this.terminal.element,
      form,
      this.#files,
    );
    this.#timeline.setAttribute('aria-labelledby', 'timeline-title');
  }

  /** @param shown names of machines by colour; whether pages were just written; whether it is the last root */
  show(
    inspection: Inspection,
    guest: Guest,
    shown: { names: Map<number, string>; pulse: boolean; last: boolean },
  ): void {
    const { node, lineage } = inspection;
    this.element.style.setProperty('--colour', machineColour(node.colour));
    const from = lineage.length > 1 ? `child of ${lineage.at(-2)}` : 'the first';
    this.#title.replaceChildren(
      el('span', { className: 'dot', 'aria-hidden': 'true' }),
      `Machine ${node.id}`,
      el('span', { className: 'lineage' }, `generation ${node.generation}, ${from}`),
    );
    this.#facts.textContent = memoryLine(inspection);
    this.#end.disabled = shown.last;
    this.#end.title = shown.last ? 'The last root stays' : 'Ends this machine; its children live on';
    this.#map.show(inspection, shown.names, shown.pulse);
    this.#showTimeline(inspection);
    this.#showFiles(inspection.files);
    this.#showChips(guest);
    this.terminal.turnTo(node.id, guest.prompt);
  }

  #showChips(guest: Guest): void {
    if (this.#chips.dataset['guest'] === guest.id) return;
    this.#chips.dataset['guest'] = guest.id;
    const chip = (label: string, line: string, className: string): HTMLElement =>
      el('button', { type: 'button', className, title: line, onclick: () => this.terminal.enter(line) }, label);
    this.#chips.replaceChildren(
      ...guest.examples.map(({ label, line }) => chip(label, line, 'chip')),
      chip(guest.trap.label, guest.trap.line, 'chip danger'),
    );
  }

  #showTimeline({ timeline, position }: Inspection): void {
    const items = timeline.map(({ label, pages }, index) => {
      const current = index === position;
      const short = label.length > LABEL_CHARACTERS ? `${label.slice(0, LABEL_CHARACTERS - 1)}…` : label;
      const wrote = index === 0 ? 'born' : plural(pages, 'page');
      return el(
        'li',
        { className: index > position ? 'ahead' : '' },
        el(
          'button',
          {
            type: 'button',
            'aria-current': current ? 'step' : undefined,
            title: label,
            onclick: () => this.#actions.goTo(index),
          },
          el('span', { className: 'step-label' }, short),
          el('span', { className: 'step-pages' }, wrote),
        ),
      );
    });
    const within = this.#timeline.contains(document.activeElement);
    this.#timeline.replaceChildren(...items);
    const current = this.#timeline.querySelector<HTMLElement>('[aria-current]');
    if (current !== null) this.#timeline.scrollLeft = current.offsetLeft - this.#timeline.clientWidth / 2;
    if (within) current?.focus({ preventScroll: true });
  }

  #showFiles(files: readonly FileChange[] | undefined): void {
    if (files === undefined) {
      this.#files.replaceChildren();
      return;
    }
    const heading = el('h3', {}, 'Files');
    if (files.length === 0) {
      this.#files.replaceChildren(heading, el('p', { className: 'soft' }, 'The same as at its birth: all shared.'));
      return;
    }
    const contents = el('pre', { className: 'file-contents', hidden: true, tabIndex: 0, 'aria-label': 'Contents' });
    const items = files.map(({ path, kind, bytes: size }) => {
      const open = async (): Promise<void> => {
        contents.hidden = false;
        try {
          contents.textContent = await this.#actions.readFile(path);
        } catch (error) {
          contents.textContent = `It could not be read: ${error instanceof Error ? error.message : String(error)}`;
        }
      };
      const name =
        kind === 'removed'
          ? el('span', {}, path)
          : el('button', { type: 'button', className: 'link', onclick: () => void open() }, path);
      return el(
        'li',
        {},
        el('span', { className: `change ${kind}` }, kind),
        name,
        el('span', { className: 'soft' }, size === 0 ? '' : `${text(bytes(size))} in blocks of its own`),
      );
    });
    this.#files.replaceChildren(heading, el('ul', {}, ...items), contents);
  }
}
