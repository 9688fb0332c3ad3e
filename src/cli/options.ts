/** Options that several commands share, and how their values are read. */

import { InvalidArgumentError, type Command } from 'commander';

import type { DiskFormat } from '../image/index.ts';
import { DEFAULT_BUDGET, DEFAULT_CALL_DEPTH } from '../machine/limits.ts';
import { parseExpression, type Expression } from './expression.ts';

/** Units that one call of `fork` and `bench` may use, where nothing else is asked for. */
export const CALL_BUDGET: bigint = DEFAULT_BUDGET;
/** Units that a command of `run` may use: an endless loop ends after some ten minutes. */
export const RUN_BUDGET = 1_000_000_000_000n;

/** A `--dir`. */
export interface DirectoryOption {
  readonly host: string;
  readonly guest: string;
  readonly readOnly: boolean;
}

/** A `--disk`. */
export interface DiskOption {
  readonly host: string;
  /** Undefined: the next of `/dev/vda`, `/dev/vdb` and so on. */
  readonly guest: string | undefined;
  readonly format: DiskFormat;
}

/** The values of the options that {@link addGuestOptions} adds. */
export interface GuestFlags {
  readonly budget?: bigint | boolean;
  readonly maxDepth?: number;
  readonly maxMemory?: number;
  readonly dir?: readonly DirectoryOption[];
  readonly disk?: readonly DiskOption[];
  readonly diskBacking?: string;
  readonly diskQuota?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly unknownImportsTrap?: boolean;
}

/** Adds the options for a guest's limits and surroundings. */
export function addGuestOptions(command: Command, defaultBudget: bigint): Command {
  const units = defaultBudget === RUN_BUDGET ? '1T' : '10G';
  return command
    .option(
      '--budget <units>',
      `units of work that a call may use: about one an instruction (default: ${units})`,
      parseUnits,
    )
    .option('--no-budget', 'no limit of work, and of nesting only what the engine has; faster')
    .option('--max-depth <calls>', `calls that may nest (default: ${DEFAULT_CALL_DEPTH}; needs the budget)`, parseDepth)
    .option(
      '--max-memory <bytes>',
      "the guest's memory, at most, such as 64MiB (default: what the module declares)",
      parseBytes,
    )
    .option(
      '--dir <host[::guest][:ro|:cow]>',
      'a directory for the guest: writes stay in the machine (cow), or fail (ro); repeatable',
      collectDirectory,
    )
    .option(
      '--disk <file[::guest][:raw|:qcow2]>',
      'a disk image for the guest, by default as /dev/vda, /dev/vdb...: writes stay in the machine; repeatable',
      collectDisk,
    )
    .option('--disk-backing <dir>', "where backing files of disk images may lie (default: the image's directory)")
    .option(
      '--disk-quota <bytes>',
      'what the guest may write to files and disks, in blocks of 4 KiB (default: 1GiB)',
      parseDiskBytes,
    )
    .option(
      '--env <name[=value]>',
      "a variable for the guest, by default with the host's value; repeatable",
      collectEnv,
    )
    .option('--unknown-imports-trap', 'an import that nothing provides is a function that fails when it is called');
}

/** A whole number from 1. */
export function parseCount(text: string): number {
  return wholeNumber(text, { '': 1, k: 1e3, K: 1e3, M: 1e6 }, { from: 1, to: 10_000_000, example: '1000 or 10k' });
}

/** A TCP port; 0 stands for any that is free. */
export function parsePort(text: string): number {
  return wholeNumber(text, { '': 1 }, { from: 0, to: 65_535, example: '4173' });
}

/** Bytes, with a binary unit: `65536`, `64KiB`, `64K`, `1.5G`. */
export function parseBytes(text: string): number {
  return bytesUpTo(2 ** 32, text);
}

/** Bytes of a disk, in the same way. */
export function parseDiskBytes(text: string): number {
  return bytesUpTo(2 ** 40, text);
}

function bytesUpTo(to: number, text: string): number {
  const units: Record<string, number> = { '': 1, b: 1 };
  ['k', 'm', 'g', 't'].forEach((letter, index) => {
    for (const name of [letter, `${letter}b`, `${letter}ib`]) units[name] = 1024 ** (index + 1);
  });
  return wholeNumber(text.toLowerCase(), units, { from: 0, to, example: '65536, 64MiB or 1G' });
}

/** Units of a budget: `1000000`, `10G`. */
export function parseUnits(text: string): bigint {
  const units = { '': 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };
  return BigInt(wholeNumber(text, units, { from: 0, to: Number.MAX_SAFE_INTEGER, example: '1000000 or 10G' }));
}

function parseDepth(text: string): number {
  return wholeNumber(text, { '': 1, k: 1e3, K: 1e3 }, { from: 1, to: 1e9, example: '10000' });
}

function wholeNumber(
  text: string,
  units: Readonly<Record<string, number>>,
  allowed: { readonly from: number; readonly to: number; readonly example: string },
): number {
  const [, digits, unit] = /^(\d[\d_]*(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim()) ?? [];
  const factor = unit === undefined || !Object.hasOwn(units, unit) ? undefined : units[unit];
  const value = factor === undefined ? Number.NaN : Number(digits!.replaceAll('_', '')) * factor;
  if (Number.isSafeInteger(value) && value >= allowed.from && value <= allowed.to) return value;
  throw new InvalidArgumentError(
    `Expected is a whole number from ${allowed.from} to ${allowed.to}, such as ${allowed.example}.`,
  );
}

/** A call expression. */
export function parseCall(text: string): Expression {
  try {
    return parseExpression(text);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}. An example is: name(1, 2.5, "text")`);
  }
}

export function collectCall(text: string, before: readonly Expression[] = []): Expression[] {
  return [...before, parseCall(text)];
}

function collectDirectory(text: string, before: readonly DirectoryOption[] = []): DirectoryOption[] {
  return [...before, parseDirectory(text)];
}

/** `HOST::GUEST`, `HOST`, either with `:ro` or `:cow`. */
export function parseDirectory(text: string): DirectoryOption {
  const { host, guest = host, suffix } = parsePlace(text, ['ro', 'cow']);
  if (host === '' || guest === '') {
    throw new InvalidArgumentError('Expected is HOST, HOST::GUEST, or either with :ro or :cow.');
  }
  return { host, guest, readOnly: suffix === 'ro' };
}

function collectDisk(text: string, before: readonly DiskOption[] = []): DiskOption[] {
  return [...before, parseDisk(text)];
}

/** `FILE::GUEST`, `FILE`, either with `:raw` or `:qcow2`. */
export function parseDisk(text: string): DiskOption {
  const { host, guest, suffix } = parsePlace(text, ['raw', 'qcow2']);
  if (host === '' || guest === '') {
    throw new InvalidArgumentError('Expected is FILE, FILE::GUEST, or either with :raw or :qcow2.');
  }
  return { host, guest, format: suffix ?? formatByName(host) };
}

/** Format of a disk image by its name, which is the host's, never by its contents, which may be a guest's. */
export function formatByName(path: string): DiskFormat {
  return path.toLowerCase().endsWith('.qcow2') ? 'qcow2' : 'raw';
}

/** What stands before and after `::`, and a suffix behind a colon if it is one of those. */
function parsePlace<T extends string>(
  text: string,
  suffixes: readonly T[],
): { readonly host: string; readonly guest: string | undefined; readonly suffix: T | undefined } {
  const suffix = suffixes.find((each) => text.endsWith(`:${each}`));
  const path = suffix === undefined ? text : text.slice(0, -suffix.length - 1);
  const at = path.indexOf('::');
  return { host: at < 0 ? path : path.slice(0, at), guest: at < 0 ? undefined : path.slice(at + 2), suffix };
}

function collectEnv(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  if (name === '') throw new InvalidArgumentError('Expected is NAME=VALUE, or NAME.');
  const value = at < 0 ? process.env[name] : text.slice(at + 1);
  return value === undefined ? { ...before } : { ...before, [name]: value };
}
