/** Snapshots where modules may stand: saved by `fork`, forked again, run, inspected. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { Host } from '../../src/index.ts';
import { build, cli, guest, own } from './cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'fargo-cli-snapshots-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(build);

const at = (name: string): string => join(folder, name);

test('fork saves a warm snapshot, forks it again, warms it further', () => {
  const warm = at('warm.fargo');
  const saved = cli(['fork', guest('counter'), '--boot', 'add(40)', '--save', warm, '-n', '3', '--no-compare']);
  expect(saved).toMatchObject({ code: 0, stderr: '' });
  const forked = cli(['fork', warm, '--boot', 'increment()', '--call', 'increment()', '-n', '3']);
  expect(forked).toMatchObject({ code: 0, stderr: '' });
  expect(forked.stdout).toMatch(/^load +[\d.]+ [nµm]?s/m);
  expect(forked.stdout).toContain('All 3 children answered 42.');
  expect(forked.stdout).not.toContain('boot each');
  const json = JSON.parse(cli(['fork', warm, '--call', 'value()', '-n', '3', '--json']).stdout) as Record<
    string,
    unknown
  >;
  expect(json).toMatchObject({ guest: { name: 'warm.fargo', ours: false }, compared: null });
  const ran = cli(['run', '--invoke', 'increment()', warm]);
  expect(ran).toEqual({ code: 0, stdout: '41\n', stderr: '' });
});

test('run goes on with arguments and environment, unless others are given', async () => {
  using host = new Host();
  const image = await host.build(readFileSync(own('environment')), {
    wasi: { args: ['p', 'a'], env: { NAME: 'saved' } },
  });
  const path = at('environment.fargo');
  writeFileSync(path, await image.bootSync().save({ compress: true }));
  const before = cli(['run', path]);
  expect(before).toMatchObject({ code: 0, stderr: '' });
  expect(before.stdout).toContain('NAME=saved');
  const after = cli(['run', '--env', 'NAME=given', path]);
  expect(after.stdout).toContain('NAME=given');
  expect(after.stdout).not.toContain('saved');
});

test('inspect says what is in it', () => {
  const path = at('counter.fargo');
  cli(['fork', guest('counter'), '--save', path, '-n', '1', '--no-compare']);
  const text = cli(['inspect', path]).stdout;
  expect(text).toMatch(
    /^counter\.fargo: a snapshot, [\d.]+ KiB\ndigest: sha256:[0-9a-f]{64}\ngeneration 0, lineage 1\n/,
  );
  const json = JSON.parse(cli(['inspect', '--json', path]).stdout) as Record<string, unknown>;
  expect(json).toMatchObject({ command: 'inspect', format: 'snapshot', parent: null, generation: 0, devices: [] });
});

test('what can not be is said in a line', async () => {
  using host = new Host();
  const image = await host.build('(module (import "env" "f" (func)) (func (export "g") (call 0)))', {
    imports: { env: { f: () => {} } },
  });
  const path = at('imports.fargo');
  const vm = image.bootSync();
  const parent = vm.snapshot();
  writeFileSync(path, await parent.save());
  writeFileSync(at('difference.fargo'), await vm.save({ parent }));
  writeFileSync(at('damaged.fargo'), readFileSync(path).fill(7, 3000, 3100));
  const cases: [string[], number, string][] = [
    [
      ['run', '--invoke', 'g()', path],
      1,
      'link: imports.fargo: missing import: env.f (function () -> ()); --unknown-imports-trap lets',
    ],
    [['run', '--unknown-imports-trap', '--invoke', 'g()', path], 134, 'nothing provides env.f'],
    [
      ['fork', at('difference.fargo')],
      2,
      'bad-argument: difference.fargo: the file is the difference to snapshot sha256:',
    ],
    [['run', at('damaged.fargo')], 1, 'invalid-image: damaged.fargo: '],
    [['inspect', at('damaged.fargo')], 1, 'invalid-image: damaged.fargo: '],
    [['run', '--dir', '.', path], 2, '--dir is for modules; imports.fargo is a snapshot'],
    [['fork', '--no-budget', path], 2, '--no-budget is for modules'],
    [['bench', '--unknown-imports-trap', path], 2, 'bench compares with booting a module'],
    [['diff', path], 2, 'is a snapshot or another archive; a module is expected here'],
  ];
  for (const [args, code, message] of cases) {
    const ran = cli(args);
    expect(ran.stderr).toContain(message);
    expect([args.join(' '), ran.code]).toEqual([args.join(' '), code]);
  }
});
