/** Before a guest is chosen: what this is, and the guests. */

import { CATALOGUE, type Guest } from './catalogue.ts';
import { el } from './dom.ts';
import { bytes, text } from './format.ts';
import { hero } from './hero.ts';

export function home(onChoose: (guest: Guest) => void): HTMLElement {
  const absent = absentGuests();
  const cards = CATALOGUE.map((guest) => {
    const disabled = absent.includes(guest.id);
    const size = text(bytes(guest.transferBytes));
    return el(
      'li',
      {},
      el(
        'button',
        { type: 'button', className: 'card', 'data-guest': guest.id, disabled, onclick: () => onChoose(guest) },
        el('span', { className: 'card-name' }, guest.name),
        el('span', { className: 'card-what' }, guest.what),
        el('span', { className: 'card-size' }, disabled ? whyAbsent(guest, size) : `${size} to fetch`),
      ),
    );
  });
  return el(
    'section',
    { className: 'home' },
    el(
      'div',
      { className: 'home-head' },
      el(
        'div',
        { className: 'home-text' },
        el('h1', {}, 'Fork a running machine. ', el('em', {}, 'In microseconds.')),
        el(
          'p',
          { className: 'lead' },
          'Choose a program. It boots here, in this page: a virtual machine in WebAssembly. Warm it up, then clone it while it ' +
            'runs, a thousand times if you like. A clone shares its parent’s memory and holds only the pages that it changes.',
        ),
      ),
      hero(),
    ),
    el('ul', { className: 'cards' }, ...cards),
    el(
      'p',
      { className: 'soft' },
      'Nothing leaves this page, and nothing is fetched from anywhere else. Every figure is measured while you look.',
    ),
  );
}

function whyAbsent({ moduleBytes }: Guest, size: string): string {
  if (moduleBytes === 0) return 'Not here: it could not be built where this page was made.';
  return `Not here: its ${size} are not in the npm package. In a clone of the repository, npm run demo has it.`;
}

/** Guests that whoever serves this page left out: see web/pack.mjs. */
function absentGuests(): readonly string[] {
  return document.querySelector<HTMLMetaElement>('meta[name="absent-guests"]')?.content.split(' ') ?? [];
}
