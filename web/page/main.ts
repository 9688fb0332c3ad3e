/** The page: chooses between what is before a guest and after, and starts the worker. */

import type { Opened } from '../protocol.ts';
import { guestOf, type Guest } from './catalogue.ts';
import { byId, el, announce } from './dom.ts';
import { takeDrops } from './drops.ts';
import { fetchGuest } from './fetch-guest.ts';
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

const worker = new Worker(new URL('../worker/main.ts', import.meta.url), { type: 'module' });
const line = new WorkerLine(worker);
const lab = new Lab(line);

themeSwitch(byId('theme'), () => {
  lab.recolour();
  document.querySelector('.hero')?.replaceWith(hero());
});
change.addEventListener('click', showHome);
openFile.addEventListener('click', () => fileInput.click());
fileInput.addEventListener('change', () => {
  const [file] = fileInput.files ?? [];
  fileInput.value = '';
  if (file !== undefined) void load(file);
});
takeDrops((file) => void load(file));
showHome();

function showHome(): void {
  change.hidden = true;
  barGuest.textContent = '';
  main.replaceChildren(home((guest) => void open(guest)));
}

/** Goes on with a saved machine. */
async function load(file: File): Promise<void> {
  const before = [...main.childNodes];
  const { what } = showProgress(`Loading ${file.name}…`);
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const opened = await line.ask('load', [bytes], [bytes.buffer]);
    await enter(guestOf(opened.guest), opened);
    announce(`Machine ${opened.root} was loaded and goes on`);
  } catch (error) {
    const back = el(
      'button',
      { type: 'button', className: 'main', onclick: () => main.replaceChildren(...before) },
      'Back',
    );
    what.replaceWith(el('p', { role: 'alert' }, `${file.name} could not be loaded: ${messageOf(error)}`), back);
    main.querySelector('progress')?.remove();
  }
}

async function enter(guest: Guest, opened: Opened): Promise<void> {
  barGuest.textContent = guest.name;
  change.hidden = false;
  main.replaceChildren(lab.element);
  await lab.begin(guest, opened);
}

function showProgress(text: string): { what: HTMLElement; share: HTMLProgressElement } {
  const what = el('p', {}, text);
  const share = el('progress', { max: 1, 'aria-label': text });
  main.replaceChildren(el('section', { className: 'loading' }, what, share));
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
    const again = el('button', { type: 'button', className: 'main', onclick: () => void open(guest) }, 'Try again');
    const back = el('button', { type: 'button', onclick: showHome }, 'Choose another');
    main.replaceChildren(
      el(
        'section',
        { className: 'loading' },
        el('p', { role: 'alert' }, messageOf(error)),
        el('p', {}, again, ' ', back),
      ),
    );
  }
}
