/**
 * Builds the demo's JavaScript guest: QuickJS with guest.js in it, made into a component by componentize-qjs, which jco brings,
 * and what jco makes of that, as a module of JavaScript: the page has no jco, and its policy lets no text become code.
 *
 * Both are kept in `guests/build` and made anew when something that they are made of has changed.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { prepareComponent, preparedModule } from '../../dist/index.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const WIT = here('world.wit');
const SOURCE = here('guest.js');
const KEPT = here('../../guests/build/');
/** What of the library decides how the module looks. */
const LIBRARY = ['glue', 'glue-source', 'prepared', 'transpile'].map((name) => here(`../../dist/component/${name}.js`));
/** The small engine, without what waits: 1 MB in the place of 1.6. */
const OPTIONS = { sync: true, optSize: true };

/** @returns the component and the text of the module; undefined where componentize-qjs is not to be had, and why */
export async function javascriptGuest() {
  // jco's own: 12 MB of SpiderMonkey, which componentize-js makes, are much to fetch for a page.
  const require = createRequire(fileURLToPath(import.meta.resolve('@bytecodealliance/jco')));
  const { componentize, version } = load(require);
  if (componentize === undefined) return { missing: version };
  const key = createHash('sha256').update(version).update(JSON.stringify(OPTIONS));
  for (const path of [WIT, SOURCE, ...LIBRARY]) key.update('\n').update(readFileSync(path));
  const digest = key.digest('hex');
  const kept = ['key', 'wasm', 'js'].map((name) => `${KEPT}demo-javascript.${name}`);
  try {
    const [before, component, script] = kept.map((path) => readFileSync(path));
    if (before.toString() === digest) return { component, script };
  } catch {
    // Not built yet.
  }
  const made = await componentize({ witPath: WIT, jsSource: readFileSync(SOURCE, 'utf8'), ...OPTIONS });
  const component = new Uint8Array(made.component);
  const script = Buffer.from(preparedModule(await prepareComponent(component)));
  mkdirSync(KEPT, { recursive: true });
  for (const [at, bytes] of [Buffer.from(digest), component, script].entries()) writeFileSync(kept[at], bytes);
  return { component: Buffer.from(component), script };
}

function load(require) {
  try {
    const { version } = JSON.parse(readFileSync(require.resolve('componentize-qjs/package.json'), 'utf8'));
    return { componentize: require('componentize-qjs').componentize, version };
  } catch (error) {
    return { componentize: undefined, version: error.message };
  }
}
