/**
 * The JavaScript engine of a host: one image and one booted machine, of which all its sandboxes are forks. What differs between
 * sandboxes (functions of the host, whether entropy is there, time to sleep) is the *scope* of the call that is running.
 *
 * Invariant: a guest runs within {@link Engine.run} alone, and calls are synchronous, so the scope is that of the machine that
 * runs; a host function that calls another sandbox gets its own scope back.
 */

import { FargoError } from '../base/errors.ts';
import type { ComponentOptions } from '../component/build.ts';
import { ComponentSnapshot } from '../component/component-snapshot.ts';
import type { Host } from '../component/host.ts';
import type { ComponentCache } from '../host/prepared.ts';
import { systemClock, systemEntropy } from '../devices/index.ts';
import type { EngineExports } from './engine-world.ts';
import { HostFault } from './guest-error.ts';
import { fromText, toText } from './values.ts';

/** A function of the host that a source imports: values as in `call`, at once, no promises. */
// oxlint-disable-next-line typescript/no-explicit-any -- only who gives it knows
export type HostFunction = (...args: any[]) => unknown;
/** By what the source imports from: `import { get } from 'db'` is `{ db: { get } }`. */
export type SandboxImports = Readonly<Record<string, Readonly<Record<string, HostFunction>>>>;

/** Around a call. */
export interface Scope {
  readonly imports: SandboxImports;
  /** Why entropy is refused; undefined: it is not. */
  readonly entropyRefusal: string | undefined;
  /** How long a call may sleep, in ns. */
  readonly sleepNs: bigint;
}

export class Engine {
  /** A machine with nothing loaded. */
  readonly base: ComponentSnapshot<EngineExports>;
  readonly #places: Places;

  private constructor(base: ComponentSnapshot<EngineExports>, places: Places) {
    this.base = base;
    this.#places = places;
  }

  /** @param cache for what jco makes of the component @throws FargoError as `Host.build` */
  static async create(host: Host, component: Uint8Array, cache?: ComponentCache): Promise<Engine> {
    const places = noPlaces();
    const image = await host.build<EngineExports>(component, {
      name: 'javascript',
      budget: true,
      ...surroundings(places),
      ...(cache && { cache }),
    });
    const vm = await image.boot();
    try {
      vm.exports.guest.load('warm.js', WARM, '[]', '');
      vm.exports.guest.call('warm', '[{"a":[1,"b"]}]');
      return new Engine(vm.snapshot(), places);
    } finally {
      vm.dispose();
    }
  }

  /** An engine whose base is a sandbox that was saved. @throws FargoError as `Host.load` */
  static async load(host: Host, file: Uint8Array, cache?: ComponentCache): Promise<Engine> {
    const places = noPlaces();
    const base = await host.load<EngineExports>(file, { ...surroundings(places), ...(cache && { cache }) });
    // Whoever made the file may have left the budget out: then a call of it might never end.
    if (!(base instanceof ComponentSnapshot) || !base.program.hasBudget) {
      base.dispose();
      throw new FargoError('invalid-image', 'the file holds a machine without a JavaScript engine');
    }
    return new Engine(base, places);
  }

  /** Runs `work`, a call into a guest, in a scope. */
  run<T>(scope: Scope, work: () => T): T {
    const { scope: outer, sleptNs } = this.#places;
    this.#places.scope = scope;
    this.#places.sleptNs = 0n;
    try {
      return work();
    } finally {
      this.#places.scope = outer;
      this.#places.sleptNs = sleptNs;
    }
  }
}

/** What every sandbox would do first: without it the first call of each takes ten milliseconds longer. */
const WARM =
  '(async function () {"use strict";const seen = new Map();async function warm(x) {seen.set(x, [...x.a]);return {x, n: seen.size}}' +
  "return [['warm', () => warm]];})";

/** What the engine's imports look at. */
interface Places {
  scope: Scope | undefined;
  sleptNs: bigint;
}

function noPlaces(): Places {
  return { scope: undefined, sleptNs: 0n };
}

/** What an engine's component imports. */
function surroundings(places: Places): Pick<ComponentOptions, 'imports' | 'wasi'> {
  const clock = systemClock();
  const entropy = systemEntropy();
  return {
    imports: { 'fargo:js/host': { call: (...args: [string, string, string]) => callHost(places, ...args) } },
    wasi: {
      terminal: false,
      entropy: {
        fillRandom(into) {
          const refusal = places.scope?.entropyRefusal;
          if (refusal !== undefined) throw new HostFault(new FargoError('unsupported', `entropy ${refusal}`));
          entropy.fillRandom(into);
        },
      },
      clock: {
        realtimeNs: () => clock.realtimeNs(),
        monotonicNs: () => clock.monotonicNs(),
        sleep(durationNs) {
          const allowed = places.scope?.sleepNs ?? 0n;
          places.sleptNs += durationNs;
          if (places.sleptNs > allowed) {
            const message = `the call would sleep longer than ${allowed / 1_000_000n} ms: see sleepMs`;
            throw new HostFault(new FargoError('limit', message));
          }
          clock.sleep!(durationNs);
        },
      },
    },
  };
}

/** A call of the source to a function of the host. An error of that becomes one of the guest; a promise ends the call. */
function callHost({ scope }: Places, module: string, name: string, text: string): string {
  const functions = scope !== undefined && Object.hasOwn(scope.imports, module) ? scope.imports[module]! : {};
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined;
  try {
    if (found === undefined) throw new TypeError(`the host gives no ${name} in '${module}'`);
    const value: unknown = found.apply(functions, fromText(text) as unknown[]);
    if (typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function') {
      const message = `${name} of '${module}' returned a promise: functions of the host give their values at once`;
      throw new HostFault(new FargoError('bad-argument', message));
    }
    return toText(value);
  } catch (error) {
    if (error instanceof HostFault) throw error;
    const { name: errorName, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
    throw Object.assign(new Error(message), { payload: toText({ name: errorName, message }) });
  }
}
