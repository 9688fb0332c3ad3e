/** The page: chooses between what is before a guest and after, and starts the worker. */

import type { Opened } from '../protocol.ts';
import { guestOf, type Guest } from './catalogue.ts';
import { byId, el, announce } from './dom.ts';
import { takeDrops } from './drops.ts';
import { fetchGuest } from './fetch-guest.ts';
import { bytes as bytesOf, text } from './format.ts';
import { hero } from './hero.ts';
import { home } from './home.ts';
import { Lab } from './lab.ts';
import { themeSwitch } from './palette.ts';
import { WorkerLine } from './rpc.ts';

const main = byId<HTMLElement>('main');
const change = byId<HTMLButtonElement>('change-guest');
const barGuest = byId('bar-guest');
const openFile = byId<HTMLButtonElement>('open-file');
const fileInput = byId<HTMLInputElement>('file');

/** Of a file: it is read into memory as a whole, and what it inflates to comes on top. */
const FILE_BYTES_MAX = 2 ** 30;

const worker = new Worker(new URL('../worker/main.ts', import.meta.url), { type: 'module' });
const line = new WorkerLine(worker);
const lab = new Lab(line);
/** Settles when what was opened last is there, or said why not: a file that is dropped meanwhile waits. */
let opening: Promise<void> = Promise.resolve();

themeSwitch(byId('theme'), () => {
  lab.recolour();
  document.querySelector('.hero')?.replaceWith(hero());
});
change.addEventListener('click', () => {
  showHome();
  main.focus();
});
openFile.addEventListener('click', () => fileInput.click());
fileInput.addEventListener('change', () => {
  const [file] = fileInput.files ?? [];
  fileInput.value = '';
  if (file !== undefined) inTurn(() => load(file));
});
takeDrops((file) => inTurn(() => load(file)));
main.replaceChildren(home(choose));

function choose(guest: Guest): void {
  inTurn(() => open(guest));
}

/** @param work says itself what went wrong */
function inTurn(work: () => Promise<void>): void {
  opening = opening.then(work);
}

/** The machines go: nothing leads back to them. */
function showHome(): void {
  change.hidden = true;
  barGuest.textContent = '';
  main.replaceChildren(home(choose));
  lab.leave();
}

/** Goes on with a saved machine. */
async function load(file: File): Promise<void> {
  const before = [...main.childNodes];
  const couldChange = !change.hidden;
  const { what } = showProgress(`Loading ${file.name}…`);
  try {
    if (file.size > FILE_BYTES_MAX) {
      throw new Error(
        `it has ${text(bytesOf(file.size))}, and this page takes ${text(bytesOf(FILE_BYTES_MAX))} at most`,
      );
    }
    const bytes = new Uint8Array(await file.arrayBuffer());
    const opened = await line.ask('load', [bytes], [bytes.buffer]);
    await enter(guestOf(opened.guest), opened);
    announce(`Machine ${opened.root} was loaded and goes on`);
  } catch (error) {
    const goBack = (): void => {
      main.replaceChildren(...before);
      change.hidden = !couldChange;
      main.focus();
    };
    const back = el('button', { type: 'button', className: 'main', onclick: goBack }, 'Back');
    what.replaceWith(el('p', { role: 'alert' }, `${file.name} could not be loaded: ${messageOf(error)}`), back);
    main.querySelector('progress')?.remove();
    back.focus();
  }
}

async function enter(guest: Guest, opened: Opened): Promise<void> {
  barGuest.textContent = guest.name;
  change.hidden = false;
  main.replaceChildren(lab.element);
  main.focus();
  await lab.begin(guest, opened);
}

function showProgress(doing: string): { what: HTMLElement; share: HTMLProgressElement } {
  const what = el('p', {}, doing);
  const share = el('progress', { max: 1, 'aria-label': doing });
  // Not while something is on its way: it would come to a page that was left.
  change.hidden = true;
  main.replaceChildren(el('section', { className: 'loading' }, what, share));
  main.focus();
  return { what, share };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function open(guest: Guest): Promise<void> {
  const { what, share } = showProgress(`Fetching ${guest.name}…`);
  try {
    const module = await fetchGuest(guest, (done) => (share.value = done));
    what.textContent = `Instrumenting, compiling and booting ${guest.name}…`;
    share.removeAttribute('value');
    const opened = await line.ask('open', [guest.id, module], [module.buffer]);
    await enter(guest, opened);
    announce(`${guest.name} has booted`);
  } catch (error) {
    const again = el('button', { type: 'button', className: 'main', onclick: () => choose(guest) }, 'Try again');
    const back = el('button', { type: 'button', onclick: showHome }, 'Choose another');
    main.replaceChildren(
      el(
        'section',
        { className: 'loading' },
        el('p', { role: 'alert' }, messageOf(error)),
        el('p', {}, again, ' ', back),
      ),
    );
    again.focus();
  }
}
