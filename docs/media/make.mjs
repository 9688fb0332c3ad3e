/**
 * Makes the pictures of the README from real runs.
 *
 *     npm run build && node docs/media/make.mjs            # measures, records, draws
 *     node docs/media/make.mjs tree                        # one of them: tree, terminal
 *     node docs/media/make.mjs --draw                      # only draws anew what was measured before
 */

import { readFile, writeFile } from 'node:fs/promises';
import { drawTerminal } from './draw-terminal.mjs';
import { drawTree } from './draw-tree.mjs';
import { measureTree } from './measure-tree.mjs';
import { recordTerminal } from './record-terminal.mjs';
import { dataOf } from './svg.mjs';

const PICTURES = {
  tree: { file: 'fork-tree.svg', measure: measureTree, draw: drawTree },
  terminal: { file: 'terminal.svg', measure: recordTerminal, draw: drawTerminal },
};

const args = process.argv.slice(2);
const drawOnly = args.includes('--draw');
const wanted = args.filter((arg) => arg !== '--draw');
const unknown = wanted.find((name) => !(name in PICTURES));
if (unknown !== undefined) {
  console.error(`"${unknown}" is no picture; there are ${Object.keys(PICTURES).join(' and ')}`);
  process.exit(2);
}

for (const name of wanted.length > 0 ? wanted : Object.keys(PICTURES)) {
  const { file, measure, draw } = PICTURES[name];
  const path = new URL(file, import.meta.url);
  const data = drawOnly ? dataOf(await readFile(path, 'utf8')) : await measure();
  const svg = draw(data);
  await writeFile(path, svg);
  console.log(`${file}: ${(Buffer.byteLength(svg) / 1024).toFixed(1)} KiB`);
}
