/** The command line end to end: what each command prints, and the exit code for whatever goes wrong. */

import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { build, cli, expectGolden, guest, MAIN, own, Report, ROOT, type Ran } from './cli.ts';

let folder: string;

beforeAll(async () => {
  await build();
  writeFileSync(own('two words'), '');
  folder = mkdtempSync(join(tmpdir(), 'fargo-cli-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file for a test and returns its path. */
function file(name: string, contents: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, contents);
  return path;
}

function expectOneLine({ stderr, stdout }: Ran): void {
  expect(stdout).toBe('');
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(stderr).not.toMatch(/\bat .*:\d+:\d+/);
}

function expectHarmless(text: string): void {
  for (const char of ['\u001b', '\u009b', '\r']) expect(text).not.toContain(char);
}

/** Runs the guest that fails. */
function fails(...args: string[]): Ran {
  return cli(['run', '--unknown-imports-trap', ...args, own('fails')]);
}

/** The environment that a guest sees. */
function environment(...args: string[]): string {
  return cli(['run', ...args, own('environment')], { env: { SECRET: 'x', SHARED: 'y' } }).stdout;
}

/** What depends on the instrumentation's state of the art and on the clock. */
function settled(text: string): string {
  return text
    .replace(/become .*? \(\+\d+ %\)/g, 'become <size>')
    .replace(/time: .*$/m, 'time: <time>')
    .replace(/with [\d,]+ marks?/, 'with <marks>');
}

describe('help', () => {
  test.each([[], ['fork'], ['run'], ['inspect'], ['build'], ['bench'], ['demo'], ['completion']])(
    '%s',
    (...command) => {
      const ran = cli([...command, '--help']);
      expect(ran).toMatchObject({ code: 0, stderr: '' });
      expectGolden(`help${command.map((each) => `-${each}`).join('')}.txt`, ran.stdout);
      for (const line of ran.stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    },
  );

  test("version is the package's", () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(cli(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('nothing to do is wrong usage, and says what there is', () => {
    expect(cli([])).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Commands:') as string });
  });
});

test('imports named as what all objects have are imports like any', () => {
  const names = file(
    'names.wat',
    `(module (import "__proto__" "x" (func)) (import "constructor" "keys" (func)) (import "m" "__proto__" (func))
      (memory (export "memory") 1) (func (export "_start")) (func (export "f") (result i32) (i32.const 42)))`,
  );
  expect(cli(['run', '--unknown-imports-trap', names])).toEqual({ code: 0, stdout: '', stderr: '' });
  const { stdout } = cli(['fork', names, '--unknown-imports-trap', '--call', 'f', '-n', '2']);
  expect(stdout).toContain('All 2 children answered 42.');
});

describe('fork', () => {
  test('with nothing else forks our own guest and prints every figure', () => {
    const { code, stdout, stderr } = cli(['fork', '--count', '50']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const line of [
      /^kv\.wasm, a guest of our own .* 50 children, budget on$/m,
      /^build: instrument +[\d.]+ [mµ]?s/m,
      /^warm: warm\(200000\), put\(7, 41\) +.* 16\.0 MiB of memory/m,
      /^fork +[\d.]+ [nµm]s +[\d.]+ [nµm]s +400 B idle/m,
      /^first call: increment\(7, 1\) .* 1 page written$/m,
      /^fork to first result +[\d.]+ [nµm]s .* after work/m,
      /^boot each, to first result \(measured on \d+\) .*~/m,
      /^copy the memory for each \(measured on \d+\) .*~/m,
      /^All 50 children answered 42\.$/m,
      /^Fork to first result: /m,
    ]) {
      expect(stdout).toMatch(line);
    }
    expect(stdout).not.toContain('\u001b');
  });

  test('--json has stable keys and figures that fit together', () => {
    const { code, stdout } = cli(['fork', '--count', '40', '--json']);
    expect(code).toBe(0);
    const report = new Report(stdout);
    expectGolden('json-fork.txt', report.shape);
    expect(report.at('results')).toEqual([{ kind: 'return', value: 42, count: 40 }]);
    expect(report.at('children')).toMatchObject({ forked: 40, failures: [], pagesWritten: { p50: 1, max: 1 } });
    expect(report.number('children.activeBytesEach')).toBeGreaterThan(4096);
    expect(report.number('children.activeBytesEach')).toBeLessThan(3 * 4096);
    expect(report.at('forkToFirstResult.events')).toBe(40);
    expect(report.number('forkToFirstResult.p50Ns')).toBeLessThan(report.number('compared.boot.p50Ns'));
    const bootNs = report.number('compared.boot.p50Ns');
    expect(report.at('compared.boot.extrapolatedTotalNs')).toBe(bootNs * 40);
    expect(report.at('compared.boot.timeRatio')).toBeCloseTo(bootNs / report.number('forkToFirstResult.p50Ns'));
  });

  test('takes a guest in text, boots it by expressions, and passes strings', () => {
    const set = 'set("name", 4, "Ada", 3)';
    const { code, stdout } = cli([
      'fork',
      guest('kv'),
      '-n',
      '5',
      '--boot',
      set,
      '--boot',
      'get("name", 4)',
      '--call',
      'valueLength()',
      '--json',
      '--no-compare',
    ]);
    const report = new Report(stdout);
    expect(code).toBe(0);
    expect(report.at('steps.warm.results')).toHaveLength(2);
    expect(report.at('results')).toEqual([{ kind: 'return', value: 3, count: 5 }]);
    expect(report.at('compared')).toBeNull();
    const text = cli([
      'fork',
      own('fails', 'wat'),
      '--unknown-imports-trap',
      '--call',
      'add(40, 2)',
      '-n',
      '3',
      '--no-compare',
    ]);
    expect(text.stdout).toContain('All 3 children answered 42.');
  });

  test('without a call says that forking alone is not the point', () => {
    const { code, stdout } = cli(['fork', guest('counter'), '-n', '3', '--no-compare']);
    expect(code).toBe(0);
    expect(stdout).toContain('Without --call there is no first result');
    expect(stdout).not.toContain('fork to first result ');
  });

  test('children that are refused are counted, and fail the run', () => {
    const { code, stdout, stderr } = cli([
      'fork',
      guest('forkhook'),
      '-n',
      '4',
      '--boot',
      'refuse(1)',
      '--call',
      'hooks()',
      '--json',
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^fargo-wasm: 4 forks failed: fork-refused: fargo_on_fork/);
    expect(new Report(stdout).at('children')).toMatchObject({
      forked: 0,
      failures: [{ code: 'fork-refused', count: 4 }],
    });
  });

  test('calls that trap are counted by kind, and the exit code says so', () => {
    const trapped = cli(['fork', own('fails'), '--unknown-imports-trap', '-n', '4', '--call', 'trap']);
    expect(trapped.code).toBe(134);
    expect(trapped.stdout).toContain('All 4 children trapped: unreachable.');
    expect(trapped.stdout).toContain('does not run without fargo-wasm');
    const spent = cli([
      'fork',
      own('fails'),
      '--unknown-imports-trap',
      '-n',
      '2',
      '--budget',
      '100k',
      '--call',
      'spin',
      '--no-compare',
    ]);
    expect(spent).toMatchObject({ code: 152, stderr: expect.stringContaining('budget-spent') as string });
  });

  test('a boot that traps or exits ends the run', () => {
    const trapped = cli(['fork', own('fails'), '--unknown-imports-trap', '--boot', 'trap()']);
    expect(trapped).toMatchObject({
      code: 134,
      stdout: '',
      stderr: expect.stringContaining('the guest trapped: unreachable') as string,
    });
    const exited = cli(['fork', guest('hello'), '--boot', '_start()', '--call', '_start()', '-n', '2', '--no-compare']);
    expect(exited.code).toBe(0);
    expect(exited.stdout).toContain('All 2 children returned.');
  });

  test('--max-memory holds', () => {
    const args = ['fork', guest('grower'), '--call', 'grow(100)', '-n', '2', '--no-compare'];
    expect(cli(args).stdout).toMatch(/All 2 children answered \d+\./);
    expect(cli([...args, '--max-memory', '1MiB']).stdout).toContain('All 2 children answered -1.');
  });

  test('colours when they are asked for', () => {
    const args = ['fork', guest('counter'), '-n', '2', '--call', 'increment', '--no-compare'];
    expect(cli(args, { env: { FORCE_COLOR: '1' } }).stdout).toContain('\u001b[1m');
    expect(cli(args, { env: { NO_COLOR: '1' } }).stdout).not.toContain('\u001b');
  });
});

describe('bench', () => {
  test('gives the median and the spread of its rounds', () => {
    const { code, stdout, stderr } = cli(['bench', '--count', '30', '--rounds', '2', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = new Report(stdout);
    expectGolden('json-bench.txt', report.shape);
    const metrics = report.at('metrics') as Readonly<Record<string, Record<'median' | 'min' | 'max', number>>>;
    for (const { median, min, max } of Object.values(metrics)) {
      expect(median).toBeGreaterThanOrEqual(min);
      expect(median).toBeLessThanOrEqual(max);
    }
    expect(report.number('metrics.bootRatio.min')).toBeGreaterThan(1);
  });

  test('is a table for people', () => {
    const { stdout } = cli(['bench', guest('counter'), '--call', 'increment()', '-n', '20', '--rounds', '1']);
    expect(stdout).toMatch(/^counter\.wasm {2}increment\(\); 20 children, 1 round$/m);
    expect(stdout).toMatch(/^fork to first result, p50( +[\d.]+ [nµm]s){3}$/m);
  });
});

describe('run', () => {
  test("passes arguments and exits with the guest's code", () => {
    expect(cli(['run', guest('hello')])).toEqual({ code: 0, stdout: 'hello, world\n', stderr: '' });
    expect(cli(['run', guest('hello'), 'Ada', '42'])).toEqual({ code: 42, stdout: 'hello, Ada\n', stderr: '' });
  });

  test("everything after the module is the guest's, and a first -- is dropped", () => {
    expect(cli(['run', guest('hello'), '--help']).stdout).toBe('hello, --help\n');
    expect(cli(['run', guest('hello'), '--', '--json']).stdout).toBe('hello, --json\n');
    expect(cli(['run', guest('hello'), '--', '--']).stdout).toBe('hello, --\n');
    expect(cli(['run', '--', guest('hello'), '-x']).stdout).toBe('hello, -x\n');
    expect(cli(['run', '--no-budget', guest('hello'), '--dir']).stdout).toBe('hello, --dir\n');
  });

  test("codes that an operating system can't keep stay failures", () => {
    expect(cli(['run', guest('hello'), 'x', '256']).code).toBe(1);
    expect(cli(['run', guest('hello'), 'x', '300']).code).toBe(44);
  });

  test("standard input is the guest's, or the module", () => {
    const repl = cli(['run', guest('repl')], { input: '1 + 2\n' });
    expect(repl).toMatchObject({ code: 0, stderr: '' });
    expect(repl.stdout).toContain('3');
    const path = file('input.txt', '20 + 3\n');
    expect(cli(['run', '--stdin', path, guest('repl')], { input: '1 + 2\n' }).stdout).toContain('23');
    expect(cli(['run', '-', 'Ada'], { input: readFileSync(guest('hello')) }).stdout).toBe('hello, Ada\n');
  });

  test('the environment is what --env gives, and nothing else', () => {
    expect(environment()).toBe('');
    expect(environment('--env', 'A=1', '--env', 'B=a=b', '--env', 'SHARED', '--env', 'ABSENT')).toBe(
      'A=1\0B=a=b\0SHARED=y\0',
    );
  });

  test('directories are what --dir gives; writes stay in the machine', () => {
    const data = join(folder, 'data');
    mkdirSync(data);
    writeFileSync(join(data, 'in.txt'), 'read from the host\n');
    symlinkSync('/etc/passwd', join(data, 'link'));
    const there = cli(['run', '--dir', `${data}::/data`, own('files')]);
    expect(there).toEqual({ code: 0, stdout: 'read from the host\n', stderr: '' });
    expect(readdirSync(data)).toEqual(['in.txt', 'link']);
    const readOnly = cli(['run', '--dir', `${data}::/data:ro`, own('files')]);
    expect(readOnly).toEqual({ code: 69, stdout: 'read from the host\n', stderr: '' });
    expect(cli(['run', own('files')])).toEqual({ code: 44, stdout: '', stderr: '' });
  });

  test('a disk is what --disk gives; --save-disk writes what became of it', () => {
    const base = file('base.img', `a disk of the host${'.'.repeat(200_174)}`);
    const before = readFileSync(base);
    const changed = Buffer.from(before);
    changed.set(before.subarray(0, 16), 8190);
    const [all, over, again] = ['all.raw', 'over.qcow2', 'again.raw'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const ran = cli(['run', '--disk', base, '--save-disk', all, own('disk')]);
    expect(ran).toEqual({ code: 0, stdout: 'a disk of the ho', stderr: '' });
    expect(readFileSync(base).equals(before), 'the image is as it was').toBe(true);
    expect(readFileSync(all).subarray(0, before.length).equals(changed)).toBe(true);

    expect(cli(['run', '--disk', base, '--save-disk', over, own('disk')]).code).toBe(0);
    expect(statSync(over).size).toBeLessThan(600_000);
    const third = cli(['run', '--disk', over, '--save-disk', again, own('disk')]);
    expect(third).toEqual({ code: 0, stdout: 'a disk of the ho', stderr: '' });
    expect(readFileSync(again).equals(readFileSync(all))).toBe(true);

    const inner = join(folder, 'inner');
    mkdirSync(inner);
    const far = join(inner, 'far.qcow2');
    expect(cli(['run', '--disk', base, '--save-disk', far, own('disk')]).code).toBe(0);
    expect(cli(['run', '--disk', far, own('disk')])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--disk-backing allows another directory') as string,
    });
    expect(cli(['run', '--disk', far, '--disk-backing', folder, own('disk')]).stdout).toBe('a disk of the ho');

    expect(cli(['run', '--disk', base, '--disk-quota', '4K', own('disk')]).code, 'two blocks, one allowed').toBe(51);
    expect(cli(['run', '--disk', `${base}::/d`, own('disk')]).code).toBe(44);
    const refused = cli(['run', '--disk', base, '--save-disk', all, own('disk')]);
    expect(refused).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('is there already') as string,
    });
  });

  test("a trap says its kind and the guest's stack", () => {
    const ran = cli(['run', '--unknown-imports-trap', '--invoke', 'trap', own('fails')]);
    expect(ran.code).toBe(134);
    expect(ran.stderr).toMatch(
      /^fargo-wasm: the guest trapped: unreachable: .*\n( {4}in inner \[1\]\n){3} {4}in outer \[2\]\n$/,
    );
  });

  test('the budget ends loops and recursion, and can be turned off', () => {
    expect(fails('--budget', '1M', '--invoke', 'spin')).toMatchObject({
      code: 152,
      stderr: expect.stringContaining('--no-budget') as string,
    });
    expect(fails('--invoke', 'recurse')).toMatchObject({
      code: 152,
      stderr: expect.stringContaining('depth-exceeded') as string,
    });
    expect(fails('--no-budget', '--invoke', 'recurse')).toMatchObject({
      code: 134,
      stderr: expect.stringContaining('stack-exhausted') as string,
    });
    expect(fails('--max-depth', '50', '--invoke', 'deep').code).toBe(152);
    expect(fails('--max-depth', '200', '--invoke', 'deep').code).toBe(134);
  });

  test('--invoke prints results, and takes arguments', () => {
    expect(fails('--invoke', 'add(40, 2)').stdout).toBe('42\n');
    expect(fails('--invoke', 'pair').stdout).toBe('7\n-1\n');
  });

  test('an import that nobody provides', () => {
    const refused = cli(['run', '--invoke', 'missing', own('fails')]);
    expectOneLine(refused);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('env.unknown') as string });
    const called = cli(['run', '--unknown-imports-trap', '--invoke', 'missing', own('fails')]);
    expect(called).toMatchObject({
      code: 134,
      stderr: expect.stringContaining('host-error: nothing provides env.unknown') as string,
    });
  });

  test('ends quietly when nobody reads its output', () => {
    const script = `"${process.execPath}" "${MAIN}" run "${own('talks')}" | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8', timeout: 60_000 });
    expect({ stdout, stderr }).toEqual({ stdout: 'yes\n141\n', stderr: '' });
  });
});

describe('names that would move the cursor of a terminal', () => {
  const NAME = String.raw`\1b[2J\c2\9b1A\0dfargo-wasm: all is well`;
  const SHOWN = String.raw`\u001b[2J\u009b1A\u000dfargo-wasm: all is well`;

  test('of exports and imports', () => {
    const path = file('cursor.wat', `(module (import "${NAME}" "f" (func)) (func (export "${NAME}")))`);
    const { stdout } = cli(['inspect', path]);
    expect(stdout).toContain(SHOWN);
    expectHarmless(stdout);
    const json = cli(['inspect', '--json', path]).stdout;
    expectHarmless(json);
    expect(json).toContain(SHOWN.replace(String.raw`\u000d`, String.raw`\r`));
    expect(JSON.stringify(JSON.parse(json))).toContain('\u009b1A');
  });

  test('in what goes wrong', () => {
    const missing = cli(['run', file('link.wat', `(module (import "${NAME}" "f" (func)))`)]);
    expect(missing.code).not.toBe(0);
    expect(missing.stderr).toContain(SHOWN);
    const trapped = cli(['run', file('trap.wat', `(module (func $f (export "_start") unreachable))`)]);
    expect(trapped.stderr).toContain('unreachable');
    for (const { stderr } of [missing, trapped]) expectHarmless(stderr);
  });
});

describe('inspect', () => {
  test.each(['hello', 'counter', 'forkhook', 'hostile/swallows-exceptions'])('%s', (name) => {
    const ran = cli(['inspect', guest(name)]);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expectGolden(`inspect-${name.replace('/', '-')}.txt`, settled(ran.stdout));
  });

  test('text, and imports that nobody provides', () => {
    const { stdout } = cli(['inspect', own('fails', 'wat')]);
    expect(stdout).toMatch(/^fails\.wat: a library .*, from text$/m);
    expect(stdout).toMatch(/^missing here: env\.unknown$/m);
  });

  test('--json has stable keys', () => {
    const { stdout } = cli(['inspect', '--json', guest('forkhook')]);
    const report = new Report(stdout);
    expectGolden('json-inspect.txt', report.shape);
    expect(
      ['name', 'refused', 'unknownImports', 'module.kind', 'module.forkHook'].map((key) => report.at(key)),
    ).toEqual(['forkhook.wasm', null, [], 'reactor', true]);
  });

  test('what is refused is described as far as it goes', () => {
    const path = file('shared.wat', '(module (memory 1 2 shared) (func (export "_start")))');
    const ran = cli(['inspect', path]);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('a command (exports _start)');
    expect(ran.stdout).toMatch(/^refused: unsupported: .*shared/m);
    const gc = cli(['inspect', file('gc.wat', '(module (type (struct (field i32))))')]);
    expect(gc).toMatchObject({ code: 0, stderr: '' });
    expect(gc.stdout).toMatch(/^refused: unsupported: /m);
  });
});

describe('what is wrong is said in a line, with an exit code', () => {
  test.each([
    ['no such file', 1, ['fork', 'nope.wasm'], 'io: nope.wasm: no such file'],
    ['a directory', 1, ['run', ROOT], 'is a directory; a module is a file'],
    ['not a module', 1, ['inspect', 'package.json'], 'package.json is not a WebAssembly module: it begins with 7b'],
    [
      'no command',
      1,
      ['run', guest('kv')],
      'kv.wasm exports no _start, so it is no command; --invoke calls one of malloc',
    ],
    ['no export', 1, ['fork', guest('counter'), '--call', 'nope()'], 'no export "nope"; there are increment() -> i32'],
    ['wrong arguments', 2, ['fork', guest('counter'), '--call', 'add()'], 'add(i32) -> i32 takes 1 argument; 0 given'],
    ['no such disk', 1, ['run', '--disk', 'nope.img', guest('hello')], 'nope.img'],
    ['a disk of another format', 1, ['run', '--disk', 'README.md:qcow2', guest('hello')], 'qcow2'],
    [
      'a disk given twice',
      2,
      ['run', '--disk', 'README.md::/d', '--disk', 'LICENSE::/d', guest('hello')],
      "--disk gives the guest's /d twice",
    ],
    ['more disks saved than given', 2, ['run', '--save-disk', 'x', guest('hello')], '--disk 0 times'],
    ['no such directory', 1, ['run', '--dir', 'nope', guest('hello')], '"nope" can\'t be read'],
    [
      'a directory twice',
      2,
      ['run', '--dir', 'src::/d', '--dir', 'docs::/d', guest('hello')],
      "--dir gives the guest's /d twice",
    ],
    ['no such input', 1, ['run', '--stdin', 'nope.txt', guest('hello')], 'nope.txt: no such file'],
    [
      'depth without a budget',
      2,
      ['run', '--no-budget', '--max-depth', '5', guest('hello')],
      '--max-depth needs the budget',
    ],
  ])('%s', (_title, code, args, message) => {
    const ran = cli(args);
    expectOneLine(ran);
    expect(ran.stderr).toContain(message);
    expect(ran.code).toBe(code);
  });

  test.each([
    ['truncated', () => readFileSync(guest('kv')).subarray(0, 500), 'invalid-module'],
    ['empty', () => new Uint8Array(0), 'is empty; a module has at least 8 bytes'],
    [
      'a damaged component',
      () => new Uint8Array([0, 0x61, 0x73, 0x6d, 13, 0, 1, 0, 7, 9, 1]),
      'unexpected end: 9 bytes wanted, 1 left (at byte 10, section component)',
    ],
    ['bad text', () => Buffer.from('(module (func (export "f") i32.const))'), 'line 1, column'],
  ])('a module that is %s', (title, bytes, message) => {
    const ran = cli(['fork', file(`${title}.bin`, bytes())]);
    expectOneLine(ran);
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining(message) as string });
  });

  test.each([
    ['a command that is mistyped', ['frok'], '(Did you mean fork?)'],
    ['an option that is mistyped', ['fork', '--cuont', '3'], '(Did you mean --count?)'],
    ['a bad expression', ['fork', '--call', 'f(1'], 'expected "," or ")" at column 4'],
    ['a bad number', ['fork', '--count', '0'], 'whole number from 1 to 10000000'],
    ['a bad size', ['run', '--max-memory', 'much', 'x.wasm'], 'such as 65536, 64MiB or 1G'],
    ['no module', ['run'], "missing required argument 'module'"],
    ['too many arguments', ['inspect', 'a.wasm', 'b.wasm'], 'too many arguments'],
    ['an unknown shell', ['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish'],
  ])('%s', (_title, args, message) => {
    const ran = cli(args);
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) as string });
    expect(ran.stderr).toContain('--help says more');
  });

  test('FARGO_DEBUG=1 shows where', () => {
    const ran = cli(['inspect', 'nope.wasm'], { env: { FARGO_DEBUG: '1' } });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/\bat .*load-module\.js:\d+:\d+/);
  });
});

describe('completion', () => {
  test.each(['bash', 'zsh', 'fish'])('%s', (shell) => {
    const ran = cli(['completion', shell]);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expectGolden(`completion.${shell}`, ran.stdout);
  });

  test.each([
    [['fargo-wasm', 'f'], ['fork']],
    [
      ['fargo-wasm', ''],
      [
        'fork',
        'run',
        'diff',
        'cp',
        'inspect',
        'build',
        'bench',
        'demo',
        'completion',
        'help',
        '-V',
        '--version',
        '-h',
        '--help',
      ],
    ],
    [
      ['fargo-wasm', 'fork', '--c'],
      ['--count', '--call'],
    ],
    [['fargo-wasm', 'fork', '--count', ''], []],
    [
      ['fargo-wasm', 'completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['fargo-wasm', 'inspect', 'package.j'], ['package.json']],
    [['fargo-wasm', 'run', '--dir', 'guests/ass'], ['guests/assembly']],
    [['fargo-wasm', 'help', 'in'], ['inspect']],
    [
      ['fargo-wasm', 'build', '--w'],
      ['--wit', '--world'],
    ],
    [['fargo-wasm', 'run', 'test/cli/.cache/two w'], ['test/cli/.cache/two words.wasm']],
  ])('bash completes %j', (words, expected) => {
    const script = `source <("${process.execPath}" "${MAIN}" completion bash)
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}) COMP_CWORD=${words.length - 1}
_fargo_wasm
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script], { cwd: ROOT, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout.split('\n').filter((word) => word !== '')).toEqual(expected);
  });
});

describe('docs/cli.md', () => {
  const document = readFileSync(join(ROOT, 'docs/cli.md'), 'utf8');

  test('has every option, command and exit code of the help texts', () => {
    const missing: string[] = [];
    for (const command of ['fork', 'run', 'diff', 'cp', 'inspect', 'bench', 'demo', 'completion']) {
      const help = cli([command, '--help']).stdout;
      for (const [, option] of help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)) {
        if (option !== '--help' && !document.includes(option!)) missing.push(option!);
      }
      for (const [, code] of help.matchAll(/^ {2}(\d+) {2,}/gm)) {
        if (!document.includes(`| ${code} |`)) missing.push(code!);
      }
      if (!document.includes(`## ${command}`)) missing.push(command);
    }
    expect(missing).toEqual([]);
  });

  test.each(['fork', 'bench', 'inspect', 'demo'])('has every key of the JSON of %s', (command) => {
    const shape = readFileSync(join(ROOT, `test/cli/golden/json-${command}.txt`), 'utf8');
    const keys = [...shape.matchAll(/"(\w+)":/g)].map((match) => match[1]!);
    expect(keys.length).toBeGreaterThan(10);
    expect(keys.filter((key) => !document.includes(`\`${key}\``) && !document.includes(`.${key}\``))).toEqual([]);
  });
});
