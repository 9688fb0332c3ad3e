/** Every prebuilt preview 1 program of the public WASI test suite, on both disks: see test/wasi.mjs. */

import { afterAll, describe, expect, test } from 'vitest';

import { findPrograms } from './programs.ts';
import type { WasiProgram } from './programs.ts';
import { DISKS, runProgram } from './run-program.ts';
import type { Disk } from './run-program.ts';
import { writeResults } from './results.ts';

const programs = findPrograms(process.env['FARGO_WASI_TESTSUITE']!);
const passed = new Map<WasiProgram, Set<Disk>>(programs.map((program) => [program, new Set()]));

describe.each(DISKS)('%s', (disk) => {
  for (const program of programs) {
    test(`${program.language} ${program.name}`, async () => {
      expect(await runProgram(program, disk)).toEqual([]);
      passed.get(program)!.add(disk);
    });
  }
});

afterAll(() => {
  if (process.env['FARGO_WASI_WRITE'] === '1') writeResults(passed);
});
