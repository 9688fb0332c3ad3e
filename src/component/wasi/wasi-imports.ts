/** WASI 0.2 for a component: cli, clocks, filesystem, io and random, over the device that preview 1 is served by; and HTTP. */

import type { Device, GuestContext } from '../../machine/device.ts';
import { direct } from '../direct-imports.ts';
import type { Members } from '../glue.ts';
import type { ComponentCaller } from '../glue-device.ts';
import { datetime, filesystem } from './filesystem.ts';
import { http, type HttpDoor, type HttpHandler } from './http.ts';
import { numbered } from './numbered.ts';
import type { OpenTable } from './open-things.ts';
import { DATA_AT, DATA_BYTES, Preview1, RECORD_AT } from './preview1.ts';
import { io, monotonicNow } from './streams.ts';

const REALTIME = 0;
const MONOTONIC = 1;
/** Of random bytes that one call gives. */
const RANDOM_MAX = 1n << 20n;

/** Of one core. */
export interface WasiPlace {
  /** Of the call that is running. */
  readonly context: () => GuestContext;
  readonly caller: ComponentCaller;
  readonly handler: HttpHandler | undefined;
}

/** Where the imports of a core have the way to ask its component: see {@link httpDoor}. */
const DOOR: unique symbol = Symbol('http');

/** @throws TypeError for imports that are not of WASI */
export function httpDoor(imports: Members): HttpDoor {
  const { [DOOR]: door } = imports as { readonly [DOOR]?: HttpDoor };
  if (door === undefined) throw new TypeError('the component is not served with WASI');
  return door;
}

export function wasiImports(preview1: Device, table: OpenTable, { context, caller, handler }: WasiPlace): Members {
  const p1 = new Preview1(preview1, context);
  const { memory } = p1;
  const streams = io(p1, table);
  const { InputStream, OutputStream, Pollable, interfaces } = streams;
  const files = filesystem(p1, table, streams);
  const web = http(table, streams, { handler, caller });
  const clock = (name: string, id: number): bigint => {
    p1.call(name, ...(name === 'clock_time_get' ? [id, 0n, RECORD_AT] : [id, RECORD_AT]));
    return memory.getUint64(RECORD_AT);
  };
  const random = (length: bigint): Uint8Array => {
    if (length > RANDOM_MAX) throw new TypeError(`${length} random bytes were asked for; ${RANDOM_MAX} are allowed`);
    const bytes = new Uint8Array(Number(length));
    for (let done = 0; done < bytes.length; done += DATA_BYTES) {
      const part = bytes.subarray(done, done + DATA_BYTES);
      p1.call('random_get', DATA_AT, part.length);
      memory.readInto(DATA_AT, part);
    }
    return bytes;
  };
  const random64 = direct(() => new DataView(random(8n).buffer).getBigUint64(0, true));
  const timer = (at: bigint): object => numbered(Pollable, table.add({ kind: 'pollable', at: BigInt.asUintN(64, at) }));

  class Terminal {
    static [Symbol.for('cabiDispose')](rep: number): void {
      table.close(rep);
    }
  }
  class TerminalInput extends Terminal {}
  class TerminalOutput extends Terminal {}
  /** A standard stream that looks like a character device. */
  const terminal = (fd: number, of: new () => Terminal): object | undefined => {
    if (p1.try('fd_fdstat_get', fd, RECORD_AT) !== 0 || memory.getUint8(RECORD_AT) !== CHARACTER_DEVICE)
      return undefined;
    return numbered(of, table.add({ kind: 'terminal' }));
  };
  const output = (fd: number) => (): object =>
    numbered(OutputStream, table.add({ kind: 'output', fd, offset: undefined }));

  return {
    [DOOR]: web.door,
    ...interfaces,
    ...web.interfaces,
    'wasi:cli/environment': {
      getEnvironment: () => p1.strings('environ').map((each) => splitAt(each, each.indexOf('='))),
      getArguments: () => p1.strings('args'),
      initialCwd: () => undefined,
    },
    'wasi:cli/exit': {
      exit: ({ tag }: { readonly tag: 'ok' | 'err' }) => void p1.try('proc_exit', tag === 'ok' ? 0 : 1),
      exitWithCode: (code: number) => void p1.try('proc_exit', code),
    },
    'wasi:cli/stdin': {
      getStdin: () => numbered(InputStream, table.add({ kind: 'input', fd: 0, offset: undefined })),
    },
    'wasi:cli/stdout': { getStdout: output(1) },
    'wasi:cli/stderr': { getStderr: output(2) },
    'wasi:cli/terminal-input': { TerminalInput },
    'wasi:cli/terminal-output': { TerminalOutput },
    'wasi:cli/terminal-stdin': { getTerminalStdin: () => terminal(0, TerminalInput) },
    'wasi:cli/terminal-stdout': { getTerminalStdout: () => terminal(1, TerminalOutput) },
    'wasi:cli/terminal-stderr': { getTerminalStderr: () => terminal(2, TerminalOutput) },
    'wasi:clocks/monotonic-clock': {
      now: direct(() => monotonicNow(p1)),
      resolution: direct(() => clock('clock_res_get', MONOTONIC)),
      subscribeInstant: timer,
      subscribeDuration: (ns: bigint) => timer(monotonicNow(p1) + ns),
    },
    'wasi:clocks/wall-clock': {
      now: () => datetime(clock('clock_time_get', REALTIME)),
      resolution: () => datetime(clock('clock_res_get', REALTIME)),
    },
    // A machine has no place: its clock is universal time's.
    'wasi:clocks/timezone': {
      display: () => ({ utcOffset: 0, name: 'UTC', inDaylightSavingTime: false }),
      utcOffset: () => 0,
    },
    'wasi:filesystem/types': files.types,
    'wasi:filesystem/preopens': files.preopens,
    'wasi:random/random': { getRandomBytes: random, getRandomU64: random64 },
    'wasi:random/insecure': { getInsecureRandomBytes: random, getInsecureRandomU64: random64 },
    'wasi:random/insecure-seed': { insecureSeed: () => [random64(), random64()] },
  };
}

const CHARACTER_DEVICE = 2;

function splitAt(text: string, at: number): [string, string] {
  return [text.slice(0, at), text.slice(at + 1)];
}
