/** `diff` and `cp`, end to end: files of snapshots and of commands, in files and on the host. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { filesOf, Host, tarLayer } from '../../src/index.ts';
import { listingOf } from '../../src/image/testing/layers.ts';
import { build, cli, expectGolden, own } from './cli.ts';

const GUEST = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1))`;

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  await build();
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fargo-cli-files-'));
  using host = await Host.create();
  const image = await host.build(GUEST, { wasi: { files: { 'etc/motd': 'hello', 'data/big': 'b'.repeat(50_000) } } });
  const vm = await image.boot();
  writeFileSync(at('before.fargo'), await vm.snapshot().save());
  const files = filesOf(vm);
  files.write('/data/big', 'X', { offset: 20_000 });
  files.remove('/etc/motd');
  files.mkdir('/new');
  files.write('/new/escape\u001b[2Jd\n\u202e', 'x');
  files.symlink('/etc/passwd', '/new/out');
  writeFileSync(at('after.fargo'), await vm.snapshot().save());
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each([['diff'], ['cp']])('help of %s', (command) => {
  const ran = cli([command, '--help']);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expectGolden(`help-${command}.txt`, ran.stdout);
  for (const line of ran.stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
});

describe('diff', () => {
  const list = [
    'C  4.00 KiB  /data/big',
    'C         -  /etc/',
    'D         -  /etc/motd',
    'A         -  /new/',
    'A  4.00 KiB  /new/escape\\u001b[2Jd\\u000a\\u202e',
    'A         -  /new/out',
  ];

  test('of two snapshots, as a list, as JSON and as a layer', () => {
    const since = ['diff', '--since', at('before.fargo')];
    expect(cli([...since, at('after.fargo')])).toEqual({ code: 0, stdout: `${list.join('\n')}\n`, stderr: '' });
    const { stdout } = cli([...since, '--json', at('after.fargo')]);
    expect(JSON.parse(stdout)).toContainEqual({ path: '/etc/motd', kind: 'removed', type: 'file', bytes: 0 });
    expect(cli([...since, '--tar', at('layer.tar'), at('after.fargo')]).code).toBe(0);
    const layer = tarLayer(readFileSync(at('layer.tar')));
    expect(Object.keys(listingOf(layer))).toContain('etc/.wh.motd');
    const piped = execFileSync(process.execPath, ['dist/cli/main.js', ...since, '--tar', '-', at('after.fargo')]);
    expect(Buffer.compare(piped, readFileSync(at('layer.tar')))).toBe(0);
    expect(cli([...since, at('before.fargo')])).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('of a command: its output goes to standard error, the host stays as it is', () => {
    mkdirSync(at('work/data'), { recursive: true });
    writeFileSync(at('work/data/in.txt'), 'from the host\n');
    const ran = cli(['diff', '--dir', `${at('work/data')}::/data`, own('files')]);
    const lines = ['C         -  /data/', 'A  4.00 KiB  /data/out.txt'];
    expect(ran).toEqual({ code: 0, stdout: `${lines.join('\n')}\n`, stderr: 'from the host\n' });
    expect(readdirSync(at('work/data'))).toEqual(['in.txt']);
    expect(cli(['diff', own('files')])).toEqual({ code: 44, stdout: '', stderr: '' });
    expect(cli(['diff', '--unknown-imports-trap', own('fails')])).toMatchObject({ stdout: '' });
  });

  test('wrong use, missing files, files that are none', () => {
    expect(cli(['diff', '--since', at('before.fargo'), at('after.fargo'), 'more'])).toMatchObject({ code: 2 });
    expect(cli(['diff', '--since', at('none'), at('after.fargo')])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no such file') as string,
    });
    writeFileSync(at('junk'), 'junk');
    expect(cli(['diff', '--since', at('before.fargo'), at('junk')])).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('cp', () => {
  test('out: what leads out is left out and named; nothing is overwritten', () => {
    const ran = cli(['cp', `${at('after.fargo')}::/`, at('out')]);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/^copied \d+ files\n$/);
    expect(ran.stderr).toContain('"/new/out"');
    expect(readFileSync(at('out/data/big'), 'utf8').slice(19_999, 20_002)).toBe('bXb');
    expect(existsSync(at('out/new/out'))).toBe(false);
    expect(cli(['cp', `${at('after.fargo')}::/`, at('out')])).toMatchObject({ code: 1, stdout: '' });
    expect(cli(['cp', `${at('after.fargo')}::/none`, at('none')])).toMatchObject({ code: 1, stdout: '' });
  });

  test('in: files and folders, and out again', () => {
    mkdirSync(at('tree/sub'), { recursive: true });
    writeFileSync(at('tree/sub/file'), 'content');
    const snapshot = `${at('before.fargo')}::`;
    expect(cli(['cp', at('tree'), `${snapshot}/srv`])).toEqual({ code: 0, stdout: 'copied 3 files\n', stderr: '' });
    expect(cli(['cp', at('tree/sub/file'), `${snapshot}/etc`])).toEqual({
      code: 0,
      stdout: 'copied 1 file\n',
      stderr: '',
    });
    expect(cli(['cp', at('tree/sub/file'), `${snapshot}/etc/motd`]).code).toBe(0);
    expect(cli(['cp', `${snapshot}/`, at('all')]).code).toBe(0);
    expect(readFileSync(at('all/srv/sub/file'), 'utf8')).toBe('content');
    expect(readFileSync(at('all/etc/file'), 'utf8')).toBe('content');
    expect(readFileSync(at('all/etc/motd'), 'utf8')).toBe('content');
    expect(readdirSync(folder).filter((name) => name.includes('tmp'))).toEqual([]);
  });

  test('a snapshot that can not be changed stays as it was', () => {
    const before = readFileSync(at('before.fargo'));
    expect(cli(['cp', at('none'), `${at('before.fargo')}::/x`])).toMatchObject({ code: 1, stdout: '' });
    writeFileSync(at('file'), 'f');
    expect(cli(['cp', at('file'), `${at('before.fargo')}::/no/where`])).toMatchObject({ code: 1, stdout: '' });
    expect(Buffer.compare(readFileSync(at('before.fargo')), before)).toBe(0);
    expect(cli(['cp', at('file'), at('other')])).toMatchObject({ code: 2 });
    expect(cli(['cp', `${at('before.fargo')}::/a`, `${at('before.fargo')}::/b`])).toMatchObject({ code: 2 });
  });
});
