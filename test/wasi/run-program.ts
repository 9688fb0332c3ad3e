/** Runs one program of the WASI test suite as a command, with its root on a disk of either kind. */

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { TextDecoder } from 'node:util';

import { Host } from '../../src/index.ts';
import type { Machine, MemoryFiles, WasiOptions } from '../../src/index.ts';
import { hostDirectory } from '../../src/platform/node/index.ts';
import { fingerprint } from './fingerprint.ts';
import type { WasiProgram } from './programs.ts';

/** Where the program's root lies: in files given in memory, or in a fresh copy of the folder on the host. */
export const DISKS = ['memory', 'host directory'] as const;
export type Disk = (typeof DISKS)[number];

/** What is wrong, in words; empty when the program passed. */
export async function runProgram(program: WasiProgram, disk: Disk): Promise<readonly string[]> {
  if (program.root === undefined || disk === 'memory') {
    const files = program.root === undefined ? {} : { files: filesOf(program.root), preopens: { '/': true as const } };
    return run(program, files);
  }
  const work = mkdtempSync(join(tmpdir(), 'fargo-wasi-'));
  try {
    const copy = join(work, 'root');
    cpSync(program.root, copy, { recursive: true });
    const before = fingerprint(copy);
    using directory = hostDirectory(copy);
    const faults = await run(program, { preopens: { '/': directory } });
    const same = JSON.stringify(fingerprint(copy)) === JSON.stringify(before);
    return same ? faults : [...faults, 'the host directory was changed'];
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Runs it in a child first and then in the parent, which must find nothing of what the child did. */
async function run(program: WasiProgram, options: WasiOptions): Promise<readonly string[]> {
  const host = await Host.create();
  try {
    const { args, env } = program;
    // As under a harness that captures the output: no stream is a terminal.
    const wasi: WasiOptions = { ...options, args: [basename(program.path), ...args], env, terminal: false };
    const image = await host.build(new Uint8Array(readFileSync(program.path)), { wasi });
    const machine = await image.boot();
    const child = machine.fork();
    const faults = [
      ...faultsOf(program, child).map((fault) => `in a child: ${fault}`),
      ...faultsOf(program, machine).map((fault) => `in the parent: ${fault}`),
    ];
    return [...faults, ...host.audit().faults.map((fault) => `audit: ${fault}`)];
  } finally {
    host.dispose();
  }
}

function faultsOf(program: WasiProgram, machine: Machine): readonly string[] {
  const printed = { stdout: '', stderr: '' };
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const outcome = machine.runCommand((stream, bytes) => {
    printed[stream] += decoders[stream].decode(bytes, { stream: true });
  });
  const ended = outcome.kind === 'trap' ? outcome.trap.message : outcome.kind === 'exit' ? outcome.code : 0;
  const faults: string[] = [];
  if (ended !== program.exitCode) faults.push(`ended with ${ended}, not ${program.exitCode}: ${printed.stderr}`);
  for (const stream of ['stdout', 'stderr'] as const) {
    const expected = program[stream] ?? printed[stream];
    if (printed[stream] !== expected) faults.push(`${stream} was ${JSON.stringify(printed[stream])}`);
  }
  return faults;
}

/** A folder of the host as files in memory. */
function filesOf(folder: string): MemoryFiles {
  const named = readdirSync(folder).map((name) => {
    const path = join(folder, name);
    return [name, statSync(path).isDirectory() ? filesOf(path) : new Uint8Array(readFileSync(path))] as const;
  });
  return Object.fromEntries(named);
}
