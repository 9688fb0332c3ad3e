/**
 * Builds the demo's JavaScript guest: QuickJS with guest.js in it, made into a component by componentize-qjs, which jco brings,
 * and what jco makes of that, as a module of JavaScript: the page has no jco, and its policy lets no text become code.
 *
 * Both are kept in `guests/build` and made anew when something that they are made of has changed.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
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

/** @returns the component and the text of the module; where componentize-qjs is not to be had, why it is missing */
export async function javascriptGuest() {
  // jco's own: 12 MB of SpiderMonkey, which componentize-js makes, are much to fetch for a page.
  const { componentize, version, missing } = load(createRequire(import.meta.resolve('@bytecodealliance/jco')));
  if (componentize === undefined) return { missing };
  mkdirSync(KEPT, { recursive: true });
  // Each build of it is another component: one that is here stays, so that saved machines of it are known again.
  let component;
  try {
    component = await kept('wasm', [version, JSON.stringify(OPTIONS), WIT, SOURCE].map(contents), async () => {
      return (await componentize({ witPath: WIT, jsSource: readFileSync(SOURCE, 'utf8'), ...OPTIONS })).component;
    });
  } catch (error) {
    return { missing: `componentize-qjs ${version}: ${error.message}` };
  }
  const script = await kept('component.js', [component, ...LIBRARY.map(contents)], async () => {
    return Buffer.from(preparedModule(await prepareComponent(new Uint8Array(component))));
  });
  return { component, script };
}

/** A file that is kept for as long as what it is made of is the same. */
async function kept(extension, parts, make) {
  const path = `${KEPT}demo-javascript.${extension}`;
  const key = createHash('sha256');
  for (const part of parts) key.update(`${part.length}\n`).update(part);
  const digest = key.digest('hex');
  try {
    if (readFileSync(`${path}.key`, 'utf8') === digest) return readFileSync(path);
  } catch {
    // Not made yet.
  }
  const made = await make();
  writeFileSync(path, made);
  writeFileSync(`${path}.key`, digest);
  return made;
}

/** What a path leads to, or the text itself. */
function contents(text) {
  return isAbsolute(text) ? readFileSync(text) : Buffer.from(text);
}

function load(require) {
  try {
    const { version } = JSON.parse(readFileSync(require.resolve('componentize-qjs/package.json'), 'utf8'));
    return { componentize: require('componentize-qjs').componentize, version };
  } catch (error) {
    return { missing: error.message };
  }
}
