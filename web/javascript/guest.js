/**
 * The program in the demo's JavaScript engine: evaluates lines, and shows what they print and give. All that lines define stays,
 * and forks with the machine.
 */

import host from 'fargo:demo/host';

const SHOWN = 20;
const DEPTH = 3;
/** A variable that a line begins with is to be there for the next line. */
const DECLARATION = /^\s*(?:let|const)\s(?=\s*[\w$]+\s*=)/;
let printed = [];

Math.random = () => host.random();
globalThis.console = Object.fromEntries(
  ['log', 'info', 'warn', 'error', 'debug'].map((name) => [
    name,
    (...values) =>
      void printed.push(values.map((value) => (typeof value === 'string' ? value : show(value))).join(' ')),
  ]),
);

function show(value, depth = 0) {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function')
    return `[${/^class\b/.test(value) ? 'class' : 'function'} ${value.name || 'without a name'}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (depth === DEPTH) return '…';
  const inner = (each) => show(each, depth + 1);
  if (Array.isArray(value)) return `[${listed(value, inner)}]`;
  if (value instanceof Map)
    return `Map(${value.size}) {${listed(value, ([key, each]) => `${inner(key)} => ${inner(each)}`)}}`;
  if (value instanceof Set) return `Set(${value.size}) {${listed(value, inner)}}`;
  const name = value.constructor?.name ?? '';
  return `${name === 'Object' ? '' : `${name} `}{${listed(Object.keys(value), (key) => `${key}: ${inner(value[key])}`)}}`;
}

function listed(values, one) {
  const items = [];
  for (const value of values) {
    if (items.length === SHOWN) return `${items.join(', ')}, …`;
    items.push(one(value));
  }
  return items.join(', ');
}

export function run(source) {
  printed = [];
  let ok = true;
  try {
    // oxlint-disable-next-line no-eval -- what a visitor types, in a machine that is its own
    const value = (0, eval)(source.replace(DECLARATION, 'var '));
    if (value !== undefined) printed.push(show(value));
  } catch (error) {
    ok = false;
    printed.push(show(error));
  }
  return [ok, printed.join('\n')];
}
