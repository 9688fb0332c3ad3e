/** Files that are dropped anywhere on the page. */

import { el } from './dom.ts';

export function takeDrops(onFile: (file: File) => void): void {
  const veil = el(
    'div',
    { className: 'veil', hidden: true, 'aria-hidden': 'true' },
    el('p', {}, 'Drop a saved machine: it goes on here'),
  );
  document.body.append(veil);
  document.addEventListener('dragover', (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) veil.hidden = true;
  });
  document.addEventListener('drop', (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    veil.hidden = true;
    const file = event.dataTransfer?.files[0];
    if (file !== undefined) onFile(file);
  });
}

function carriesFile(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes('Files') ?? false;
}
