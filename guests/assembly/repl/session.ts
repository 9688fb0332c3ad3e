/**
 * What a REPL session remembers, and how a line changes it. All numbers are f64. A line that fails changes nothing but
 * what `rand()` drew.
 */

import { random_get } from '../wasi_snapshot_preview1';
import { parse } from './parser';
// oxlint-disable-next-line typescript/consistent-type-imports -- AssemblyScript has no type imports
import { Kind, Tree } from './tree';

/** Deepest nesting of calls of defined functions. */
const CALLS_MAX = 400;

class Definition {
  constructor(
    public parameters: string[],
    public body: Tree,
  ) {}
}

const variables = new Map<string, f64>();
const definitions = new Map<string, Definition>();
let failure: string = '';
let calls: i32 = 0;

const randomBytes = memory.data(8);

function fail(reason: string): f64 {
  if (failure.length === 0) failure = reason;
  return 0;
}

/** Uniform in [0, 1), from the host's entropy: differs in every fork. */
function drawRandom(): f64 {
  if (random_get(randomBytes, 8) !== 0) return fail('no entropy');
  return ((load<u64>(randomBytes) >> 11) as f64) * (1.0 / 9007199254740992.0);
}

function format(value: f64): string {
  if (value === Math.floor(value) && Math.abs(value) < 1e15) return (value as i64).toString();
  return value.toString();
}

function valueOf(tree: Tree, scope: Map<string, f64> | null): f64 {
  if (failure.length > 0) return 0;
  switch (tree.kind) {
    case Kind.Number:
      return tree.number;
    case Kind.Name:
      return nameValue(tree.name, scope);
    case Kind.Call:
      return callValue(tree, scope);
    case Kind.Negate:
      return -valueOf(tree.parts[0], scope);
  }
  const left = valueOf(tree.parts[0], scope);
  const right = valueOf(tree.parts[1], scope);
  switch (tree.kind) {
    case Kind.Add:
      return left + right;
    case Kind.Subtract:
      return left - right;
    case Kind.Multiply:
      return left * right;
    case Kind.Divide:
      return right === 0 ? fail('division by zero') : left / right;
    case Kind.Remainder:
      return right === 0 ? fail('division by zero') : left % right;
    case Kind.Power:
      return Math.pow(left, right);
    case Kind.Less:
      return left < right ? 1 : 0;
    case Kind.LessOrEqual:
      return left <= right ? 1 : 0;
    case Kind.Equal:
      return left === right ? 1 : 0;
    default:
      return left !== right ? 1 : 0;
  }
}

function nameValue(name: string, scope: Map<string, f64> | null): f64 {
  if (scope !== null && scope.has(name)) return scope.get(name);
  if (variables.has(name)) return variables.get(name);
  return fail(`unknown name ${name}`);
}

function callValue(tree: Tree, scope: Map<string, f64> | null): f64 {
  const name = tree.name;
  const count = tree.parts.length;
  if (name === 'if') {
    if (count !== 3) return fail('if takes 3 arguments');
    return valueOf(valueOf(tree.parts[0], scope) !== 0 ? tree.parts[1] : tree.parts[2], scope);
  }
  const values: f64[] = [];
  for (let i = 0; i < count; i++) values.push(valueOf(tree.parts[i], scope));
  if (failure.length > 0) return 0;
  return definitions.has(name) ? callDefined(name, values) : callBuiltIn(name, values);
}

function callDefined(name: string, values: f64[]): f64 {
  const definition = definitions.get(name);
  const wanted = definition.parameters.length;
  if (values.length !== wanted) return fail(`${name} takes ${wanted} arguments`);
  if (calls >= CALLS_MAX) return fail('calls nested too deep');
  const inner = new Map<string, f64>();
  for (let i = 0; i < wanted; i++) inner.set(definition.parameters[i], values[i]);
  calls++;
  const value = valueOf(definition.body, inner);
  calls--;
  return value;
}

function callBuiltIn(name: string, values: f64[]): f64 {
  if (values.length === 0 && name === 'rand') return drawRandom();
  if (values.length === 1) {
    if (name === 'sqrt') return Math.sqrt(values[0]);
    if (name === 'abs') return Math.abs(values[0]);
    if (name === 'floor') return Math.floor(values[0]);
  }
  if (values.length === 2) {
    if (name === 'min') return Math.min(values[0], values[1]);
    if (name === 'max') return Math.max(values[0], values[1]);
  }
  return fail(`no function ${name} of ${values.length} arguments`);
}

/** All names that were given a meaning, in the order they first got one. */
function listNames(): string {
  const names = variables.keys();
  for (let i = 0, all = definitions.keys(); i < all.length; i++) {
    names.push(`${all[i]}(${definitions.get(all[i]).parameters.join(', ')})`);
  }
  return names.join(' ');
}

/** Runs one line; what it prints, without a line end. '' for a blank line or a comment. */
export function runLine(text: string): string {
  const comment = text.indexOf('#');
  const source = (comment < 0 ? text : text.substring(0, comment)).trim();
  if (source.length === 0) return '';
  if (source === 'names') return listNames();
  const line = parse(source);
  if (line.error.length > 0) return `error: ${line.error}`;
  const body = line.body!;
  const parameters = line.parameters;
  if (parameters !== null) {
    definitions.set(line.target, new Definition(parameters, body));
    return `${line.target}(${parameters.join(', ')}) defined`;
  }
  failure = '';
  calls = 0;
  const value = valueOf(body, null);
  if (failure.length > 0) return `error: ${failure}`;
  variables.set(line.target.length > 0 ? line.target : '_', value);
  return line.target.length > 0 ? `${line.target} = ${format(value)}` : format(value);
}
