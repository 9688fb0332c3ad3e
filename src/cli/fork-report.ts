/** What `fork` prints: the same figures as a table for people and as JSON with stable keys. */

import type { Colours } from './colour.ts';
import type { Distribution } from './clock.ts';
import type { ForkRun } from './fork.ts';
import { formatBytes, formatCount, formatNs, formatRatio, plural } from './format.ts';
import { formatResult, resultToJson } from './invocation.ts';
import type { Baseline, ForkFigures, ResultTally } from './measure.ts';
import type { Step } from './fork-session.ts';
import { platformFacts } from './platform-facts.ts';
import { formatTable } from './table.ts';

/** Results that are listed one by one. */
const RESULTS_SHOWN = 3;
/** Characters of an expression that are shown in a table. */
const LABEL_MAX = 36;

export function forkReportText(run: ForkRun, colours: Colours): string[] {
  const { session, figures, count } = run;
  const { bold, dim } = colours;
  const name = session.isDefault ? `${session.module.name}, a guest of our own` : session.module.name;
  const budget = session.budget === undefined ? 'budget off' : 'budget on';
  const lines = [
    `${bold(name)}  ${dim(`${formatBytes(session.module.bytes.length)}, ${plural(count, 'child', 'children')}, ${budget}`)}`,
    '',
    ...stepLines(run, colours),
    '',
    ...childLines(run, colours),
  ];
  if (run.baselines !== undefined) lines.push('', ...comparisonLines(run, colours));
  lines.push('', ...resultLines(figures), ...headlines(run, colours));
  if (session.call === undefined) {
    lines.push('Without --call there is no first result to wait for: forking alone is not what a user feels.');
  }
  return lines;
}

function stepLines({ session }: ForkRun, { dim }: Colours): string[] {
  const { image, buildMs, module, booted, warmed, boot, snapshotMs } = session;
  const { inputBytes, outputBytes, totalMs } = image.report;
  const rows = [
    [dim('step'), dim('time'), dim('memory')],
    ['read', ms(module.readMs), formatBytes(module.bytes.length)],
  ];
  if (module.format === 'snapshot') rows.push(['load', ms(buildMs), memoryOf(booted)]);
  else {
    rows.push(
      ['build: instrument', ms(totalMs), `${formatBytes(inputBytes)} become ${formatBytes(outputBytes)}`],
      ['build: compile, link', ms(buildMs - totalMs), ''],
      ['boot', ms(booted.ms), memoryOf(booted)],
    );
  }
  if (warmed !== undefined) {
    const calls = shorten(boot.map((each) => each.expression.text).join(', '));
    rows.push([`warm${calls === '' ? '' : `: ${calls}`}`, ms(warmed.ms), memoryOf(warmed)]);
  }
  rows.push(['snapshot, with writing back', ms(snapshotMs), '']);
  return formatTable(rows, ['left', 'right', 'left']);
}

function memoryOf({ guestBytes, writtenBytes }: Step): string {
  return `${formatBytes(guestBytes)} of memory, ${formatBytes(writtenBytes)} of it not zero`;
}

function childLines({ session, figures }: ForkRun, { bold, dim }: Colours): string[] {
  const { fork, call, forkToFirstResult: first, forkCallDiscard: discard, pagesWritten } = figures;
  const process = (bytes: number): string => dim(`process: ${formatBytes(bytes)}`);
  const rows = [
    [dim('of one child'), dim('p50'), dim('p99'), dim('memory')],
    ['fork', ...times(fork), `${formatBytes(figures.idleBytesEach)} idle  ${process(figures.processIdleBytesEach)}`],
  ];
  if (call !== undefined && first !== undefined && discard !== undefined) {
    const pages = pagesWritten!.max === pagesWritten!.p50 ? '' : `, at most ${formatCount(pagesWritten!.max)}`;
    const memory = `${formatBytes(figures.activeBytesEach!)} after work  ${process(figures.processActiveBytesEach!)}`;
    rows.push(
      [
        `first call: ${shorten(session.call!.expression.text)}`,
        ...times(call),
        `${plural(pagesWritten!.p50, 'page')} written${pages}`,
      ],
      [bold('fork to first result'), ...times(first).map(bold), memory],
      ['fork, call, discard', ...times(discard), ''],
    );
  }
  return formatTable(rows, ['left', 'right', 'right', 'left']);
}

function comparisonLines({ session, figures, baselines, count }: ForkRun, { dim }: Colours): string[] {
  const { forkToFirstResult: first } = figures;
  const total = (each: number): string => formatNs(each * count);
  const many = `× ${formatCount(count)}`;
  const here = first ?? figures.fork;
  const hereBytes = figures.activeBytesEach ?? figures.idleBytesEach;
  const hereName = first === undefined ? 'fork' : 'fork to first result';
  const rows = [
    [dim('the same, compared'), dim('one'), dim(many), dim('memory of one'), dim(many), dim('time'), dim('memory')],
    [
      hereName,
      formatNs(here.p50Ns),
      total(here.p50Ns),
      formatBytes(hereBytes),
      formatBytes(hereBytes * count),
      formatRatio(1),
      formatRatio(1),
    ],
  ];
  const add = (what: string, each: Baseline | undefined): void => {
    if (each === undefined) {
      rows.push([what, dim('does not run without fargo-wasm')]);
      return;
    }
    const { p50Ns, memoryBytes } = each;
    rows.push([
      `${what} ${dim(`(measured on ${each.sample})`)}`,
      formatNs(p50Ns),
      dim('~') + total(p50Ns),
      formatBytes(memoryBytes),
      dim('~') + formatBytes(memoryBytes * count),
      formatRatio(p50Ns / here.p50Ns),
      memoryBytes === 0 ? '-' : formatRatio(memoryBytes / hereBytes),
    ]);
  };
  add(session.call === undefined ? 'boot each' : 'boot each, to first result', baselines!.boot);
  add('copy the memory for each', baselines!.copy);
  return formatTable(rows, ['left', 'right', 'right', 'right', 'right', 'right', 'right']);
}

function resultLines({ results, failures, forked }: ForkFigures): string[] {
  const lines = results.slice(0, RESULTS_SHOWN).map(({ outcome, count }) => {
    const who =
      count === forked
        ? forked === 1
          ? 'The child'
          : `All ${plural(count, 'child', 'children')}`
        : plural(count, 'child', 'children');
    return `${who} ${describeOutcome(outcome)}.`;
  });
  const rest = results.slice(RESULTS_SHOWN).reduce((sum, { count }) => sum + count, 0);
  if (rest > 0)
    lines.push(`${plural(rest, 'child', 'children')} ended in ${plural(results.length - RESULTS_SHOWN, 'other way')}.`);
  const failed = failures.reduce((sum, { count }) => sum + count, 0);
  if (failed > 0) lines.push(`${plural(failed, 'fork')} failed.`);
  return lines;
}

/** The figure that counts, in a sentence. */
function headlines({ figures, baselines }: ForkRun, { bold }: Colours): string[] {
  const { forkToFirstResult: first, activeBytesEach } = figures;
  if (first === undefined) return [];
  const lines = [bold(`Fork to first result: ${formatNs(first.p50Ns)}, ${formatBytes(activeBytesEach!)} each.`)];
  const { boot, copy } = baselines ?? {};
  const against = [
    boot === undefined ? '' : `${formatRatio(boot.p50Ns / first.p50Ns)} as long to boot`,
    copy === undefined ? '' : `${formatRatio(copy.p50Ns / first.p50Ns)} as long to copy its memory`,
  ].filter((text) => text !== '');
  if (against.length > 0) lines.push(`Without fargo-wasm it takes ${against.join(', ')}.`);
  return lines;
}

function describeOutcome(outcome: ResultTally['outcome']): string {
  if (outcome.kind === 'return') {
    const value = formatResult(outcome.value);
    return value === '' ? 'returned' : `answered ${value}`;
  }
  return outcome.kind === 'exit' ? `exited with ${outcome.code}` : `trapped: ${outcome.trap.kind}`;
}

function shorten(text: string): string {
  return text.length <= LABEL_MAX ? text : `${text.slice(0, LABEL_MAX - 1)}…`;
}

function times({ p50Ns, p99Ns }: Distribution): [string, string] {
  return [formatNs(p50Ns), formatNs(p99Ns)];
}

function ms(value: number): string {
  return formatNs(Math.max(0, value) * 1e6);
}

/** The same for machines: keys are stable, absent figures are null. docs/cli.md describes it. */
export function forkReportJson(run: ForkRun): Record<string, unknown> {
  const { session, figures, count, baselines } = run;
  const { module, image, booted, warmed } = session;
  return {
    command: 'fork',
    ...platformFacts(),
    guest: { name: module.name, bytes: module.bytes.length, ours: session.isDefault },
    options: {
      count,
      boot: session.boot.map((each) => each.expression.text),
      call: session.call?.expression.text ?? null,
      budgetUnits: session.budget === undefined ? null : Number(session.budget),
    },
    steps: {
      readMs: module.readMs,
      instrumentMs: image.report.totalMs,
      compileMs: session.buildMs - image.report.totalMs,
      inputBytes: image.report.inputBytes,
      outputBytes: image.report.outputBytes,
      boot: booted,
      warm: warmed === undefined ? null : { ...warmed, results: session.bootResults.map(resultToJson) },
      snapshotMs: session.snapshotMs,
    },
    ...figuresJson(figures),
    results: figures.results.slice(0, 100).map(resultJson),
    differentResults: figures.results.length,
    compared: baselines === undefined ? null : comparedJson(run),
  };
}

function figuresJson(figures: ForkFigures): Record<string, unknown> {
  return {
    fork: figures.fork,
    call: figures.call ?? null,
    forkToFirstResult: figures.forkToFirstResult ?? null,
    forkCallDiscard: figures.forkCallDiscard ?? null,
    children: {
      forked: figures.forked,
      failures: figures.failures,
      idleBytesEach: figures.idleBytesEach,
      activeBytesEach: figures.activeBytesEach ?? null,
      processIdleBytesEach: figures.processIdleBytesEach,
      processActiveBytesEach: figures.processActiveBytesEach ?? null,
      pagesWritten: figures.pagesWritten ?? null,
    },
    clockNs: figures.clockNs,
  };
}

function resultJson({ outcome, count }: ResultTally): Record<string, unknown> {
  if (outcome.kind === 'return') return { kind: 'return', value: resultToJson(outcome.value), count };
  if (outcome.kind === 'exit') return { kind: 'exit', code: outcome.code, count };
  return { kind: 'trap', trap: outcome.trap.kind, message: outcome.trap.message, count };
}

function comparedJson({ figures, baselines, count }: ForkRun): Record<string, unknown> {
  const one = (each: Baseline | undefined): Record<string, unknown> | null =>
    each === undefined
      ? null
      : {
          measuredOn: each.sample,
          p50Ns: each.p50Ns,
          memoryBytes: each.memoryBytes,
          extrapolatedTotalNs: each.p50Ns * count,
          timeRatio: figures.forkToFirstResult === undefined ? null : each.p50Ns / figures.forkToFirstResult.p50Ns,
          memoryRatio: figures.activeBytesEach === undefined ? null : each.memoryBytes / figures.activeBytesEach,
        };
  return { boot: one(baselines!.boot), copy: one(baselines!.copy) };
}
