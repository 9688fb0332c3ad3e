/**
 * WASI preview 1 as a device: what a program finds around it, and the part of that which belongs to its machine.
 *
 * Descriptors, offsets, files, the place in the given input and a seeded stream are the machine's: a child has them as
 * its parent had them at the fork, and each changes its own. Clocks, host entropy and input from outside are the
 * host's: they never roll back.
 *
 * Nothing is given that is not named in the options: without `files` and `preopens` no file can be opened at all.
 */

import { FargoError } from '../base/errors.ts';
import type { Device, DeviceFactory, SavedDevice } from '../machine/device.ts';
import type { Identity } from '../machine/identity.ts';
import { systemClock } from './clock.ts';
import { childStream, seededStream, systemEntropy } from './entropy.ts';
import { Disk } from './disk/disk.ts';
import type { FileSpace } from './files.ts';
import { buildTree } from './fs/build-tree.ts';
import type { Mount } from './fs/build-tree.ts';
import { FileTree } from './fs/file-tree.ts';
import { namesOf, type MemoryFiles } from './fs/paths.ts';
import { ARGUMENT_BYTES, FILE_BYTES_MAX, WASI_LIMITS } from './limits.ts';
import type { WasiLimits } from './limits.ts';
import { bootClock, HIGHEST_NS, HostTime, MachineClock, pausedClock } from './machine-clock.ts';
import type { ClockSetting, SnapshotPause } from './machine-clock.ts';
import type { BlockImage, Clock, Entropy, Layer, InputPort } from './ports.ts';
import { ALL_RIGHTS, DIRECTORY_RIGHTS, Right, STREAM_RIGHTS } from './wasi/abi.ts';
import { wasiFunctions } from './wasi/functions.ts';
import { loadWasi, saveWasi, surroundingsOf } from './wasi/saved-state.ts';
import { WasiSession } from './wasi/session.ts';
import type { WasiConfig } from './wasi/session.ts';
import type { Descriptor, WasiState } from './wasi/state.ts';

/** A directory of the host for the guest to see: reads go to it, writes stay in the machine. */
export interface PreopenOptions {
  readonly directory: Layer;
  /** Answer `rofs` to every change. Default false. */
  readonly readOnly?: boolean;
}

/** Options of {@link wasi}. Those that `node:wasi` has too mean the same. */
export interface WasiOptions {
  /** Command line, the program's name first. Default none. Together at most 2 MiB of UTF-8. */
  readonly args?: readonly string[];
  /** Environment. Default none: nothing of the host's own is passed on. Together at most 2 MiB of UTF-8. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Standard input. Text (as UTF-8) or bytes are each machine's own: a child goes on where its parent stood at the fork.
   * A port is one stream for all of them: see {@link InputPort}. Default empty.
   */
  readonly stdin?: string | Uint8Array | InputPort;
  /**
   * Files in memory, from the root: `{ 'etc/hosts': '...', data: { 'a.bin': bytes } }`. `/dev/null`, `zero`, `random`
   * and `urandom` are added. Given without a `true` among `preopens`, the root is open to the guest as `/`.
   */
  readonly files?: MemoryFiles;
  /**
   * Directories that are open to the guest when it starts (descriptors 3, 4, ... in this order), by guest path: a host
   * directory, or `true` for a directory of `files`. A host directory hides what `files` has at its path.
   */
  readonly preopens?: Readonly<Record<string, Layer | PreopenOptions | true>>;
  /**
   * Disk images that the guest sees as block devices, by guest path: `{ '/dev/vda': image }`. Read when asked for, never
   * written: what the guest writes is the machine's own. Given without preopens, the root is open as with `files`.
   */
  readonly disks?: Readonly<Record<string, BlockImage>>;
  /** Answer `rofs` to every change of any file; devices stay writable. Default false. */
  readonly readOnly?: boolean;
  /**
   * Whether standard streams look like terminals (character devices), so that C programs buffer lines. All three, or by
   * stream. Default true.
   */
  readonly terminal?: boolean | { readonly stdin?: boolean; readonly stdout?: boolean; readonly stderr?: boolean };
  /** Clocks. Default the system's. */
  readonly clock?: Clock;
  /** How the clocks stand when a machine boots. Default: they are the host's. Change it later with `setClock`. */
  readonly time?: ClockSetting;
  /** Which clocks do not go on while a machine is a snapshot: see {@link SnapshotPause}. Default `'monotonic'`. */
  readonly pausedBySnapshot?: SnapshotPause;
  /** Rounds both clocks down to multiples of this, at least 1; coarse clocks blunt timing attacks. Default 1. */
  readonly clockResolutionNs?: bigint | number;
  /** Source of `random_get` and `/dev/urandom`. Default `crypto.getRandomValues`. */
  readonly entropy?: Entropy;
  /**
   * Makes random bytes reproducible: a machine's are determined by the seed and by how it descends from the one that
   * booted, and differ in every child. They are part of the machine and roll back with it. Not for secrets. Excludes
   * `entropy`.
   */
  readonly seed?: string | number | Uint8Array;
  /** Caps; those left out have the defaults of `WASI_LIMITS`. */
  readonly limits?: Partial<WasiLimits>;
}

/**
 * The WASI device for machines of one image. Reads the options once: contents given are copied, and host directories
 * are asked what lies at mount points.
 *
 * Throws `FargoError`: `bad-argument` for impossible options, `limit` for `files` above `limits.storedBytes`, `io` for
 * a host directory that can't be read.
 *
 * ```ts
 * wasi({ args: ['perl', '-v'], env: { TZ: 'UTC' }, files: { 'etc/motd': 'hello\n' } })
 * ```
 */
export function wasi(options: WasiOptions = {}): DeviceFactory<WasiState> {
  const limits = limitsOf(options.limits ?? {});
  const host = new HostTime(options.clock ?? systemClock());
  const pause = pauseOf(options);
  const bootTime = bootClock(host, options.time ?? {});
  const resolutionNs = resolutionOf(options);
  const makeClock = (): MachineClock => new MachineClock(host, bootTime, { resolutionNs, pause });
  if (options.seed !== undefined && options.entropy !== undefined) {
    throw new FargoError('bad-argument', 'give "seed" or "entropy", not both');
  }
  const config: WasiConfig = {
    args: encodeArgs(options.args ?? []),
    env: encodeEnv(options.env ?? {}),
    stdin: inputOf(options.stdin),
    terminals: terminalsOf(options.terminal ?? true),
    entropy: options.entropy ?? systemEntropy(),
    limits,
  };
  const atBoot = makeClock();
  const { open, mounts } = preopensOf(options);
  const tree = buildTree({
    files: options.files ?? {},
    mounts,
    disks: options.disks ?? {},
    open,
    readOnly: options.readOnly ?? false,
    limits,
    nowNs: () => atBoot.realtimeNs(),
  });
  const initial: WasiState = {
    files: tree.state,
    descriptors: [...STREAMS, ...tree.opened.map((inode, index) => preopened(inode, open[index]!))],
    inputOffset: 0,
    stream: options.seed === undefined ? undefined : seededStream(options.seed),
    exitCode: undefined,
    clock: bootTime,
  };
  return {
    name: 'wasi',
    initial,
    create: (storage) => {
      const clock = makeClock();
      const files = new FileTree(limits, () => clock.realtimeNs(), new Disk(storage));
      return createDevice(new WasiSession(config, files, clock, initial));
    },
    snapshot: (state) => {
      const clock = pausedClock(host, state.clock);
      return clock === state.clock ? state : { ...state, clock };
    },
    root: (state) => state.files.blocks,
    save: (state, saving) => saveWasi(state, { ...config, pause, resolutionNs }, saving),
    load: (saved, loading) => {
      const inputBytes = config.stdin instanceof Uint8Array ? config.stdin.length : undefined;
      return loadWasi(saved, limits, { ...loading, inputBytes });
    },
    fork: (state, child) =>
      state.stream === undefined ? state : { ...state, stream: childStream(state.stream, child) },
  };
}

/** Options that mean something for a machine that goes on: what it has already is its own. */
const LOADING_OPTIONS: readonly (keyof WasiOptions)[] = [
  'args',
  'env',
  'stdin',
  'terminal',
  'clock',
  'pausedBySnapshot',
  'clockResolutionNs',
  'entropy',
  'limits',
];

/** Input from outside where none is given any more. */
const ENDED: InputPort = { read: () => undefined };

/**
 * The WASI device for a saved machine: as it was where it was saved, with the host's ports and what else `given` has.
 *
 * @throws FargoError `bad-argument` for options about what the machine has already, `invalid-image`
 */
export function wasiOfSaved(saved: SavedDevice, given: WasiOptions): DeviceFactory<WasiState> {
  // What is there and undefined is left out: it must not hide what the machine has.
  const chosen = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as WasiOptions;
  for (const name of Object.keys(chosen) as (keyof WasiOptions)[]) {
    if (LOADING_OPTIONS.includes(name)) continue;
    throw new FargoError('bad-argument', `"${name}" can't be given for a saved machine: it has its own`);
  }
  const { args, env, terminals, input, pause, resolutionNs, limits } = surroundingsOf(saved);
  const factory = wasi({
    args,
    env: Object.fromEntries(env.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)])),
    stdin: input ?? ENDED,
    terminal: { stdin: terminals[0]!, stdout: terminals[1]!, stderr: terminals[2]! },
    pausedBySnapshot: pause,
    clockResolutionNs: resolutionNs,
    ...chosen,
    limits: { ...limits, ...chosen.limits },
  });
  if (chosen.stdin === undefined) return factory;
  return { ...factory, load: (of, options) => factory.load!(withInputAtStart(of), options) };
}

/** Another input is read from its beginning. */
function withInputAtStart(saved: SavedDevice): SavedDevice {
  return { ...saved, state: { ...(saved.state as object), inputOffset: 0 } };
}

/** What {@link wasi} makes for a core. */
export interface WasiDevice extends Device<WasiState> {
  readonly clock: MachineClock;
  readonly space: FileSpace;
}

function createDevice(session: WasiSession): WasiDevice {
  return {
    name: 'wasi',
    clock: session.clock,
    space: session,
    functions: wasiFunctions(session),
    restore: (state: WasiState, _identity: Identity | undefined) => session.restore(state),
    commit: () => session.commit(),
    root: () => session.files.blocks,
    dispose: () => session.files.dispose(),
  };
}

const STREAMS: readonly Descriptor[] = (['stdin', 'stdout', 'stderr'] as const).map((kind) => ({
  kind,
  inode: 0,
  offset: 0,
  flags: 0,
  rights: STREAM_RIGHTS | (kind === 'stdin' ? Right.fdRead : Right.fdWrite),
  inheriting: 0,
  preopen: undefined,
}));

function preopened(inode: number, path: string): Descriptor {
  const rights = DIRECTORY_RIGHTS;
  return { kind: 'file', inode, offset: 0, flags: 0, rights, inheriting: ALL_RIGHTS, preopen: path };
}

function preopensOf(options: WasiOptions): { readonly open: string[]; readonly mounts: Mount[] } {
  const preopens = Object.entries(options.preopens ?? {});
  const open = preopens.map(([path]) => path);
  const mounts: Mount[] = [];
  for (const [path, given] of preopens) {
    if (given === true) continue;
    const { directory, readOnly } = 'directory' in given ? given : { directory: given, readOnly: false };
    if (typeof directory.stat !== 'function') {
      throw new FargoError('bad-argument', `the preopen "${path}" is neither a host directory nor true`);
    }
    mounts.push({ path, directory, readOnly: readOnly ?? false });
  }
  const places = mounts.map(({ path }) => namesOf(path).join('/'));
  if (new Set(places).size < places.length) throw new FargoError('bad-argument', 'two preopens have the same path');
  const rootIsOpen = open.some((path) => namesOf(path).length === 0);
  const hasOwn = options.files !== undefined || options.disks !== undefined;
  if (hasOwn && !rootIsOpen && !preopens.some(([, given]) => given === true)) open.unshift('/');
  return { open, mounts };
}

function limitsOf(given: Partial<WasiLimits>): WasiLimits {
  const limits: WasiLimits = { ...WASI_LIMITS, ...given };
  const { sleepNs, ...counts } = limits;
  for (const [name, value] of Object.entries(counts)) {
    const highest = name === 'fileBytes' ? FILE_BYTES_MAX : Number.MAX_SAFE_INTEGER;
    if (!Number.isSafeInteger(value) || value < 0 || value > highest) {
      throw new FargoError('bad-argument', `the limit "${name}" is ${value}; 0 to ${highest} are allowed`);
    }
  }
  if (typeof sleepNs !== 'bigint' || sleepNs < 0n || sleepNs > HIGHEST_NS) {
    throw new FargoError(
      'bad-argument',
      `the limit "sleepNs" is ${String(sleepNs)}; a bigint from 0 to ${HIGHEST_NS} is allowed`,
    );
  }
  return limits;
}

function pauseOf({ pausedBySnapshot = 'monotonic' }: WasiOptions): SnapshotPause {
  if (['monotonic', 'both', 'none'].includes(pausedBySnapshot)) return pausedBySnapshot;
  throw new FargoError(
    'bad-argument',
    `"pausedBySnapshot" is ${String(pausedBySnapshot)}; 'monotonic', 'both' and 'none' are allowed`,
  );
}

function resolutionOf(options: WasiOptions): bigint {
  const given = options.clockResolutionNs ?? 1n;
  if (typeof given === 'number' && !Number.isSafeInteger(given)) {
    throw new FargoError('bad-argument', `"clockResolutionNs" is ${given}, not a whole number`);
  }
  if (!(given >= 1 && given <= HIGHEST_NS)) {
    throw new FargoError('bad-argument', `"clockResolutionNs" is ${given}; 1 to ${HIGHEST_NS} are allowed`);
  }
  return BigInt(given);
}

function encodeArgs(args: readonly string[]): Uint8Array[] {
  return encodeStrings('args', args);
}

function encodeEnv(env: Readonly<Record<string, string>>): Uint8Array[] {
  for (const name of Object.keys(env)) {
    if (name === '' || name.includes('=')) {
      throw new FargoError('bad-argument', `the name ${JSON.stringify(name)} in "env" is empty or has a "="`);
    }
  }
  return encodeStrings(
    'env',
    Object.entries(env).map(([name, value]) => `${name}=${value}`),
  );
}

function encodeStrings(option: string, strings: readonly string[]): Uint8Array[] {
  const encoded = strings.map((text) => {
    if (text.includes('\0')) throw new FargoError('bad-argument', `a string in "${option}" has a NUL`);
    return new TextEncoder().encode(`${text}\0`);
  });
  const size = encoded.reduce((sum, bytes) => sum + bytes.length, 0);
  if (size > ARGUMENT_BYTES) {
    throw new FargoError('bad-argument', `"${option}" has ${size} bytes, more than ${ARGUMENT_BYTES}`);
  }
  return encoded;
}

function inputOf(stdin: WasiOptions['stdin']): Uint8Array | InputPort {
  if (stdin === undefined) return new Uint8Array(0);
  if (typeof stdin === 'string') return new TextEncoder().encode(stdin);
  return stdin instanceof Uint8Array ? stdin.slice() : stdin;
}

function terminalsOf(terminal: NonNullable<WasiOptions['terminal']>): readonly boolean[] {
  if (typeof terminal === 'boolean') return [terminal, terminal, terminal];
  return [terminal.stdin ?? true, terminal.stdout ?? true, terminal.stderr ?? true];
}
