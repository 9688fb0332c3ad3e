/** `fargo-wasm demo`: the guided run, and the browser demo served, as a user starts them. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';

import { build, cli, expectGolden, MAIN, Report, ROOT } from './cli.ts';

beforeAll(build);

describe('the guided run', () => {
  test('shows every part, measured', () => {
    const { code, stdout, stderr } = cli(['demo', '--count', '50']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const line of [
      /^1 {2}Boot a machine: /m,
      /^ {3}kv\.wasm, 3\.\d+ KiB: read [\d.]+ [mµ]?s, instrument /m,
      /^2 {2}Warm it$/m,
      /^ {3}200,000 keys put in: .* 12\.0 MiB of 16\.0 MiB/m,
      /^3 {2}Fork the running machine: 50 children, /m,
      /^ {3}fork, and a call in each, for the first time +[\d.]+ [mµ]s +[\d.]+ [mµ]s$/m,
      /^ {3}from then on: both .* KiB +1\.00 × +1\.00 ×$/m,
      /^ {3}instead: boot and warm each \(measured on \d+\) +~.* ×$/m,
      /^ {3}instead: copy the memory \(measured on \d+\) +~.* ×$/m,
      /^ {3}Each child answered for its own key and wrote 1 page\. The parent is as it was\.$/m,
      /^4 {2}Look at the family/m,
      /^ {3}the parent is warm +0 +0 +3,074$/m,
      /^ {3}├─ 1 changed 2,000 keys +1,\d+ +0 +3,074$/m,
      /^ {3}│ {2}│ {2}└─ 1\.1\.1 nothing yet +0 +0 +3,074$/m,
      /^ {3}│ {2}└─ 1\.2 changed 5 of the same +5 +5 +3,069$/m,
      /^ {3}└─ 50 more changed a key each +1 +1 +3,073$/m,
      /^ {3}56 machines hold .* Copies would hold 896 MiB: /m,
      /^ {3}out-of-bounds-memory: .*, in set$/m,
      /^ {3}The same writes change \d{3} pages of a sibling\. Here, .* later, 0 pages differ from before\.$/m,
      /^ {3}1 page of 4,096 differs, found in /m,
      /^ {3}at 0x[0-9a-f]+ {2}[0-9a-f ]+ {2}-> {2}[0-9a-f ]+$/m,
      /^ {3}D +- {2}\/notes\.txt$/m,
      /^ {3}A {2}4\.00 KiB {2}\/report\.txt$/m,
      /^ {3}C {2}4\.00 KiB {2}\/table\.bin$/m,
      /^ {3}found in .*; the child holds 8\.00 KiB of its disk alone\. The parent's files are as they were\.$/m,
      /^ {3}the parent +12\.\d MiB {2}saved in .* loaded in /m,
      /^ {3}a child, as the difference to it +1\d\.\d KiB {2}saved in /m,
      /^ {3}sha256:[0-9a-f]{12}: what was loaded is what was saved/m,
      /^All of that took [\d.]+ m?s\. Next:$/m,
    ]) {
      expect(stdout).toMatch(line);
    }
    expect(stdout).not.toContain('\u001b');
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120);
  });

  test('has colours where they are asked for', () => {
    expect(cli(['demo', '--count', '1'], { env: { FORCE_COLOR: '1' } }).stdout).toContain('\u001b[1mFork');
  });

  test('--json has stable keys, and figures that fit together', () => {
    const { code, stdout, stderr } = cli(['demo', '--count', '30', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = new Report(stdout);
    expectGolden('json-demo.txt', report.shape);
    expect(report.at('fork.count')).toBe(30);
    expect(report.number('fork.bytes')).toBeGreaterThan(30 * 4096);
    expect(report.number('fork.bytes')).toBeLessThan(30 * 3 * 4096);
    expect(report.at('family.machines')).toBe(36);
    expect(report.at('family.asCopiesBytes')).toBe(36 * (16 << 20));
    const members = report.at('family.members') as { machines: number; parent: number | null }[];
    expect(members.reduce((sum, { machines }) => sum + machines, 0)).toBe(36);
    expect(members.filter(({ parent }) => parent === null)).toHaveLength(1);
    expect(report.at('trap')).toMatchObject({
      kind: 'out-of-bounds-memory',
      writes: 500,
      pagesLeft: 0,
      stack: ['set'],
    });
    expect(report.number('trap.pagesWritten')).toBeGreaterThan(100);
    expect(report.at('memory.pagesDiffering')).toHaveLength(1);
    expect(report.at('files.ownBytes')).toBe(8192);
    expect(report.number('save.childBytes')).toBeLessThan(report.number('save.parentBytes') / 100);
    const bootNs = report.number('fork.compared.boot.p50Ns');
    expect(bootNs * 30).toBeGreaterThan(
      (report.number('fork.again.forkMs') + report.number('fork.again.callMs')) * 1e6,
    );
  });

  test('a reader that has seen enough ends it quietly', async () => {
    const child = spawn(process.execPath, [MAIN, 'demo', '--count', '5'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
    child.stdout.once('data', () => child.stdout.destroy());
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect({ code, stderr }).toEqual({ code: 141, stderr: '' });
  });

  test.each([
    ['--port alone', ['demo', '--port', '0'], '--port needs --serve'],
    ['JSON of a server', ['demo', '--serve', '--json'], '--json is for the guided run'],
    ['a port that is none', ['demo', '--serve', '--port', '65536'], 'whole number from 0 to 65535'],
    ['an argument', ['demo', 'x.wasm'], 'too many arguments'],
  ])('%s is wrong usage', (_title, args, message) => {
    const ran = cli(args);
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) as string });
  });
});

const built = ['dist-web', 'dist/web'].some((folder) => existsSync(join(ROOT, folder, 'index.html')));

describe.runIf(built)('--serve', () => {
  test('serves the page until Ctrl-C', async () => {
    const child = spawn(process.execPath, [MAIN, 'demo', '--serve', '--port', '0'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      const line = await new Promise<string>((resolve) =>
        child.stdout.once('data', (bytes: Buffer) => resolve(String(bytes))),
      );
      const [address] = /http:\/\/127\.0\.0\.1:\d+\//.exec(line) ?? [];
      expect(line).toContain('Ctrl-C ends it.');
      const page = await (await fetch(address!)).text();
      expect(page).toContain('fargo-wasm: fork a running machine');
      const [, script] = /src="\.\/(assets\/[^"]+\.js)"/.exec(page) ?? [];
      const answer = await fetch(new URL(script!, address));
      expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
      expect((await fetch(new URL('guests/kv.wasm.gz', address))).status).toBe(200);
    } finally {
      child.kill('SIGINT');
    }
    const signal = await new Promise((resolve) => child.on('close', (_code, by) => resolve(by)));
    expect(signal).toBe('SIGINT');
  });

  test('a taken port fails with what to do', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as { port: number };
    const ran = cli(['demo', '--serve', '--port', String(port)]);
    holder.close();
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toBe(`fargo-wasm: io: port ${port} is taken; --port 0 takes one that is free\n`);
  });
});
