/**
 * The state of a WASI device as plain data and blobs, and back: see docs/snapshot-format.md.
 *
 * What belongs to the machine is saved: descriptors, files, the input given to it and its place there, a seeded stream, its
 * clocks, arguments, environment. What is the host's is not: ports for input, clocks, entropy. Running clocks are saved as
 * the snapshot keeps them, paused; so they go on where the machine is loaded, whatever that host's clocks show.
 */

import { toHex } from '../../base/bytes.ts';
import { Fields, type Json } from '../../base/fields.ts';
import { FargoError } from '../../base/errors.ts';
import type { SavedDevice, SavedPart, SavingOptions, LoadingOptions } from '../../machine/device.ts';
import type { SeededStream } from '../entropy.ts';
import type { InodeNumber } from '../fs/file-system.ts';
import { loadContents, saveContents, wholeTree } from '../fs/saved-contents.ts';
import { loadTree, saveTree, type SavedTree } from '../fs/saved-tree.ts';
import { ARGUMENT_BYTES, FILE_BYTES_MAX, PATH_BYTES, WASI_LIMITS, type WasiLimits } from '../limits.ts';
import { HIGHEST_NS, type ClockState, type SnapshotPause } from '../machine-clock.ts';
import type { InputPort } from '../ports.ts';
import { ALL_FD_FLAGS, ALL_RIGHTS } from './abi.ts';
import type { Descriptor, WasiState } from './state.ts';

/** What stands around the state and belongs to the machine too. */
export interface WasiSurroundings {
  /** UTF-8, each with its final NUL. */
  readonly args: readonly Uint8Array[];
  readonly env: readonly Uint8Array[];
  readonly stdin: Uint8Array | InputPort;
  readonly terminals: readonly boolean[];
  readonly pause: SnapshotPause;
  readonly resolutionNs: bigint;
  readonly limits: WasiLimits;
}

const KINDS: readonly Descriptor['kind'][] = ['stdin', 'stdout', 'stderr', 'file'];
const PAUSES: readonly SnapshotPause[] = ['monotonic', 'both', 'none'];
/** Far from any time there is, and within what a file's times can hold. */
const TIME_NS: readonly [bigint, bigint] = [-(2n ** 100n), 2n ** 100n];
const COUNT: readonly [number, number] = [0, Number.MAX_SAFE_INTEGER];

/** The state as data. Throws `FargoError` `io` where a layer can't be read, `limit`. */
export function saveWasi(
  state: WasiState,
  around: WasiSurroundings,
  { storage, maxBytes, beneath }: SavingOptions<WasiState>,
): SavedPart<WasiState> {
  const files = wholeTree(state.files, around.limits, storage);
  const { stdin, limits } = around;
  const given = stdin instanceof Uint8Array;
  const contents = saveContents(files, { storage, maxBytes, beneath: beneath?.files });
  const blobs: Record<string, Uint8Array> = { files: saveTree(files, maxBytes) };
  if (contents !== undefined) blobs['contents'] = contents;
  if (given && stdin.length > 0) blobs['input'] = stdin;
  const data: Json = {
    arguments: around.args.map(textOf),
    environment: around.env.map(textOf),
    terminals: around.terminals,
    input: given ? 'given' : 'port',
    inputOffset: state.inputOffset,
    stream: state.stream === undefined ? null : saveStream(state.stream),
    exitCode: state.exitCode ?? null,
    clock: saveClock(state.clock),
    pausedBySnapshot: around.pause,
    clockResolutionNs: around.resolutionNs.toString(),
    descriptors: state.descriptors.map((each) => (each === undefined ? null : saveDescriptor(each))),
    limits: { ...limits, sleepNs: limits.sleepNs.toString() },
  };
  return { saved: { state: data, blobs }, whole: { ...state, files } };
}

/** What a saved device says of its surroundings, checked. */
export interface SavedSurroundings {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly terminals: readonly boolean[];
  /** The input given to the machine; undefined where it came through a port. */
  readonly input: Uint8Array | undefined;
  readonly pause: SnapshotPause;
  readonly resolutionNs: bigint;
  /** No higher than the defaults: whoever loads a machine may allow more. */
  readonly limits: WasiLimits;
}

/** Throws `FargoError` `invalid-image`. */
export function surroundingsOf(saved: SavedDevice): SavedSurroundings {
  return read(saved).surroundings;
}

/** The state, with references to its page maps for the caller. Throws `FargoError` `invalid-image`, `unsupported`, `limit`. */
export function loadWasi(
  saved: SavedDevice,
  limits: WasiLimits,
  { storage, beneath, inputBytes }: LoadingOptions<WasiState> & { readonly inputBytes: number | undefined },
): WasiState {
  const { rest, path } = read(saved);
  if (inputBytes !== undefined && rest.inputOffset > inputBytes) {
    throw new FargoError(
      'invalid-image',
      `${path}.inputOffset is ${rest.inputOffset}; the input has ${inputBytes} bytes`,
    );
  }
  if (rest.descriptors.length > limits.descriptors) {
    throw new FargoError(
      'limit',
      `${path} has ${rest.descriptors.length} descriptors; the limit "descriptors" is ${limits.descriptors}`,
    );
  }
  const tree = loadTree(saved.blobs['files']!, limits);
  checkDescriptors(rest.descriptors, tree, path);
  const files = loadContents(tree, saved.blobs['contents'], { storage, limits, beneath: beneath?.files });
  return { ...rest, files };
}

function read(saved: SavedDevice): {
  readonly surroundings: SavedSurroundings;
  readonly rest: Omit<WasiState, 'files'>;
  readonly path: string;
} {
  const fields = new Fields(saved.state, saved.path);
  const input = fields.word('input', ['given', 'port']);
  const terminals = fields.list('terminals', 3);
  if (terminals.length !== 3 || terminals.some((each) => typeof each !== 'boolean')) {
    throw fields.wrong('terminals', 'three truths');
  }
  const names = Object.keys(saved.blobs).filter((name) => !['files', 'contents', 'input'].includes(name));
  if (names.length > 0 || saved.blobs['files'] === undefined) throw fields.wrong('files', 'a blob of files');
  if (input === 'port' && saved.blobs['input'] !== undefined) throw fields.wrong('input', '"given", since a blob is');
  const surroundings: SavedSurroundings = {
    args: readStrings(fields, 'arguments'),
    env: readStrings(fields, 'environment'),
    terminals: terminals as readonly boolean[],
    input: input === 'given' ? (saved.blobs['input'] ?? new Uint8Array(0)) : undefined,
    pause: fields.word('pausedBySnapshot', PAUSES),
    resolutionNs: fields.bigint('clockResolutionNs', [1n, HIGHEST_NS]),
    limits: readLimits(fields.object('limits')),
  };
  for (const each of surroundings.env) {
    if (each.indexOf('=') < 1) throw fields.wrong('environment', 'texts of the form NAME=VALUE');
  }
  const rest = {
    inputOffset: fields.number('inputOffset', COUNT),
    stream: fields.optional('stream', (of, name) => readStream(of.object(name))),
    exitCode: fields.optional('exitCode', (of, name) => of.number(name, [-(2 ** 31), 2 ** 32 - 1])),
    clock: readClock(fields.object('clock')),
    descriptors: fields.list('descriptors', Number.MAX_SAFE_INTEGER).map((value, fd) => {
      return value === null ? undefined : readDescriptor(new Fields(value, `${fields.path}.descriptors[${fd}]`));
    }),
  };
  fields.end();
  return { surroundings, rest, path: fields.path };
}

/** Texts without NULs, together no longer than those that `wasi` takes. */
function readStrings(fields: Fields, name: string): string[] {
  const texts = fields.texts(name, ARGUMENT_BYTES, ARGUMENT_BYTES);
  const encoder = new TextEncoder();
  const size = texts.reduce((sum, text) => sum + encoder.encode(text).length + 1, 0);
  if (size > ARGUMENT_BYTES || texts.some((text) => text.includes('\0'))) {
    throw fields.wrong(name, `texts without NUL, together at most ${ARGUMENT_BYTES} bytes`);
  }
  return texts;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, -1));
}

function readLimits(fields: Fields): WasiLimits {
  const least = (name: Exclude<keyof WasiLimits, 'sleepNs'>, highest: number): number =>
    Math.min(fields.number(name, [0, highest]), WASI_LIMITS[name]);
  const high = Number.MAX_SAFE_INTEGER;
  const sleepNs = fields.bigint('sleepNs', [0n, 2n ** 63n]);
  const limits = {
    descriptors: least('descriptors', high),
    inodes: least('inodes', high),
    storedBytes: least('storedBytes', high),
    fileBytes: least('fileBytes', FILE_BYTES_MAX),
    hostEntries: least('hostEntries', high),
    sleepNs: sleepNs < WASI_LIMITS.sleepNs ? sleepNs : WASI_LIMITS.sleepNs,
  };
  fields.end();
  return limits;
}

function saveStream({ key, positionBytes }: SeededStream): Json {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  key.forEach((word, index) => view.setUint32(4 * index, word, true));
  return { key: toHex(bytes), positionBytes };
}

function readStream(fields: Fields): SeededStream {
  const view = new DataView(fields.hex('key', 32).buffer);
  const key = Uint32Array.from({ length: 8 }, (_, index) => view.getUint32(4 * index, true));
  const positionBytes = fields.number('positionBytes', COUNT);
  fields.end();
  return { key, positionBytes };
}

type Moment = Pick<ClockState, 'realtimeNs' | 'monotonicNs'>;

function saveMoment({ realtimeNs, monotonicNs }: Moment): { readonly [name: string]: Json } {
  return { realtimeNs: realtimeNs.toString(), monotonicNs: monotonicNs.toString() };
}

function readMoment(fields: Fields): Moment {
  return { realtimeNs: fields.bigint('realtimeNs', TIME_NS), monotonicNs: fields.bigint('monotonicNs', TIME_NS) };
}

function saveClock(state: ClockState): Json {
  const { frozen, pausedAt } = state;
  return { frozen, ...saveMoment(state), pausedAt: pausedAt === undefined ? null : saveMoment(pausedAt) };
}

function readClock(fields: Fields): ClockState {
  const frozen = fields.truth('frozen');
  const pausedAt = fields.optional('pausedAt', (of, name) => {
    const inner = of.object(name);
    const found = { ...readMoment(inner), elsewhere: true };
    inner.end();
    return found;
  });
  if (frozen !== (pausedAt === undefined)) throw fields.wrong('pausedAt', 'a moment, unless the clocks are frozen');
  const clock = { frozen, ...readMoment(fields), pausedAt };
  fields.end();
  return clock;
}

function saveDescriptor({ kind, inode, offset, flags, rights, inheriting, preopen }: Descriptor): Json {
  return { kind, inode, offset, flags, rights, inheriting, preopen: preopen ?? null };
}

function readDescriptor(fields: Fields): Descriptor {
  const kind = fields.word('kind', KINDS);
  const descriptor = {
    kind,
    inode: fields.number('inode', kind === 'file' ? [1, 2 ** 32] : [0, 0]),
    offset: fields.number('offset', COUNT),
    flags: fields.number('flags', [0, ALL_FD_FLAGS]),
    rights: fields.number('rights', [0, ALL_RIGHTS]),
    inheriting: fields.number('inheriting', [0, ALL_RIGHTS]),
    preopen: fields.optional('preopen', (of, name) => of.text(name, PATH_BYTES)),
  };
  fields.end();
  return descriptor;
}

/** What is open exists, and what has no name is open. */
function checkDescriptors(descriptors: readonly (Descriptor | undefined)[], { inodes }: SavedTree, path: string): void {
  const open = new Set<InodeNumber>();
  descriptors.forEach((each, fd) => {
    if (each?.kind !== 'file') return;
    const node = inodes.get(each.inode);
    open.add(each.inode);
    if (node !== undefined && (each.preopen === undefined || node.kind === 'directory')) return;
    const what =
      node === undefined ? `inode ${each.inode}, which is missing` : `a ${node.kind} as a preopened directory`;
    throw new FargoError('invalid-image', `${path}.descriptors[${fd}] names ${what}`);
  });
  for (const [number, node] of inodes) {
    if (node.links > 0 || open.has(number)) continue;
    throw new FargoError('invalid-image', `${path}: inode ${number} has neither a name nor a descriptor`);
  }
}
