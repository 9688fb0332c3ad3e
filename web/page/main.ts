/** The page: chooses between what is before a guest and after, and starts the worker. */

import { type Guest } from './catalogue.ts';
import { byId, el, announce } from './dom.ts';
import { fetchGuest } from './fetch-guest.ts';
import { home } from './home.ts';
import { Lab } from './lab.ts';
import { themeSwitch } from './palette.ts';
import { WorkerLine } from './rpc.ts';

const main = byId<HTMLElement>('main');
const change = byId<HTMLButtonElement>('change-guest');
const barGuest = byId('bar-guest');

const worker = new Worker(new URL('../worker/main.ts', import.meta.url), { type: 'module' });
const line = new WorkerLine(worker);
const lab = new Lab(line);

themeSwitch(byId('theme'), () => lab.recolour());
change.addEventListener('click', showHome);
showHome();

function showHome(): void {
  change.hidden = true;
  barGuest.textContent = '';
  main.replaceChildren(home((guest) => void open(guest)));
}

async function open(guest: Guest): Promise<void> {
  const share = el('progress', { max: 1, value: 0, 'aria-label': `Fetching ${guest.name}` });
  const what = el('p', {}, `Fetching ${guest.name}…`);
  main.replaceChildren(el('section', { className: 'loading' }, what, share));
  try {
    const module = await fetchGuest(guest, (done) => (share.value = done));
    what.textContent = `Instrumenting, compiling and booting ${guest.name}…`;
    share.removeAttribute('value');
    const opened = await line.ask('open', [guest.id, module], [module.buffer]);
    barGuest.textContent = guest.name;
    change.hidden = false;
    main.replaceChildren(lab.element);
    await lab.begin(guest, opened);
    announce(`${guest.name} has booted`);
  } catch (error) {
    const again = el('button', { type: 'button', className: 'main', onclick: () => void open(guest) }, 'Try again');
    const back = el('button', { type: 'button', onclick: showHome }, 'Choose another');
    const message = error instanceof Error ? error.message : String(error);
    main.replaceChildren(
      el('section', { className: 'loading' }, el('p', { role: 'alert' }, message), el('p', {}, again, ' ', back)),
    );
  }
}
