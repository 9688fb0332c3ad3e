/** Calls of a component's exports by expressions: names and arguments by the types of its world. */

import { FargoError } from '../base/errors.ts';
import { ComponentError } from '../component/component-calls.ts';
import { camelCase } from '../component/export-names.ts';
import { signatureText, type FuncType, type Item, type WitType } from '../component/wit-types.ts';
import type { World } from '../component/world.ts';
import type { Expression } from './expression.ts';
import type { GuestCalls, Invocation, Result } from './invocation.ts';
import { toValue, valueJson, valueText } from './wit-values.ts';

/** Functions that an error lists. */
const LISTED = 12;
const RUN = /^wasi:cli\/run(?:@|$)/;

/** What the command line calls of a component. */
export function callsOfWorld(world: World): GuestCalls {
  const command = world.exports.find(({ name, item }) => RUN.test(name) && item.sort === 'instance');
  return {
    bind: (expression) => bind(expression, world),
    command: command === undefined ? undefined : `${command.name}#run`,
    commandName: 'wasi:cli/run',
    functions: functionsOf(world).map(({ name }) => name),
  };
}

interface Found {
  /** As `ComponentMachine.call` takes it. */
  readonly name: string;
  readonly type: FuncType;
}

/** All functions that can be called by a name, those of interfaces as `ns:pkg/iface#fn`. */
function functionsOf(world: World): Found[] {
  return world.exports.flatMap(({ name, item }) => {
    if (item.sort === 'func') return [{ name, type: item.type }];
    return item.sort === 'instance' ? functionsIn(name, item.exports) : [];
  });
}

function functionsIn(group: string, items: ReadonlyMap<string, Item>): Found[] {
  return [...items].flatMap(([name, item]) =>
    item.sort === 'func' && !name.startsWith('[') ? [{ name: `${group}#${name}`, type: item.type }] : [],
  );
}

/** @throws FargoError `no-export`, `bad-argument` */
function bind(expression: Expression, world: World): Invocation {
  const { name, type } = functionNamed(expression.name, world);
  const { params, result } = type;
  if (expression.args.length !== params.length) {
    const taken = params.length === 1 ? '1 argument' : `${params.length} arguments`;
    throw new FargoError(
      'bad-argument',
      `${name}${signatureText(type)} takes ${taken}; ${expression.args.length} given`,
    );
  }
  const values = expression.args.map((argument, at) =>
    toValue(argument, params[at]!.type, `${params[at]!.name} of ${name}`),
  );
  return {
    expression,
    name,
    arity: params.length,
    run(target) {
      try {
        const outcome = target.tryCall(name, ...values);
        if (outcome.kind !== 'return') return outcome;
        return { kind: 'return', value: resultOf(outcome.value, result, 'ok') };
      } catch (error) {
        if (!(error instanceof ComponentError)) throw error;
        return { kind: 'return', value: resultOf(error.payload, result, 'err') };
      }
    },
  };
}

/** What a call gave. Of a `result`, glue gives what is in it, and throws what its error is. */
function resultOf(value: unknown, type: WitType | undefined, tag: 'ok' | 'err'): Result | undefined {
  if (type === undefined) return undefined;
  const whole = type.kind === 'result' ? { tag, val: value } : value;
  return {
    text: valueText(whole, type),
    json: valueJson(whole, type),
    isError: type.kind === 'result' && tag === 'err',
  };
}

function functionNamed(name: string, world: World): Found {
  const all = functionsOf(world);
  const exact = all.find((each) => each.name === name);
  if (exact !== undefined) return exact;
  const near = all.filter((each) => shortNames(each.name).includes(name));
  if (near.length === 1) return near[0]!;
  if (near.length > 1) {
    throw new FargoError('bad-argument', `${name} may be ${near.map((each) => each.name).join(' or ')}: say which`);
  }
  const listed = all.slice(0, LISTED).map((each) => `${each.name}${signatureText(each.type)}`);
  if (all.length > LISTED) listed.push(`and ${all.length - LISTED} more`);
  const there = all.length === 0 ? 'it exports no function' : `there are ${listed.join(', ')}`;
  throw new FargoError('no-export', `no export ${JSON.stringify(name)}; ${there}`);
}

/** What a function may be called for short: without the version, the package, and as JavaScript has it. */
function shortNames(name: string): string[] {
  const hash = name.lastIndexOf('#');
  if (hash < 0) return [camelCase(name)];
  const [group, fn] = [name.slice(0, hash), name.slice(hash + 1)];
  const plain = group.replace(/@.*$/, '');
  const groups = [group, plain, plain.slice(plain.lastIndexOf('/') + 1)];
  return groups.flatMap((each) => [`${each}#${fn}`, `${each}#${camelCase(fn)}`]);
}
