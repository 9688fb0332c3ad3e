/** What was heard of all engines, and what it comes to: the matrix, the failures, the differences. */

import { knownOf } from './known.mjs';

/** Facts that must be the same on all engines begin so. */
const COMPARED = 'digest of ';

/** Longer values stand below the table of facts. */
const SHORT = 16;

class EngineReport {
  version = '';
  absent = undefined;
  ms = 0;
  /** By suite. */
  suites = new Map();
  facts = new Map();
  /** Tests that fail for a reason that is known: how many, by reason. */
  limits = new Map();
}

const newSuite = () => ({ passed: 0, skipped: 0, failed: 0, known: 0, ms: 0, failures: [], last: '' });

export class Report {
  #suites;
  #engines = new Map();

  /** @param {readonly string[]} suites in the order of the columns */
  constructor(suites) {
    this.#suites = suites;
  }

  #engine(name) {
    if (!this.#engines.has(name)) this.#engines.set(name, new EngineReport());
    return this.#engines.get(name);
  }

  version(engine, version) {
    this.#engine(engine).version = version.replace(/ \(.*/, '');
  }

  absent(engine, reason) {
    this.#engine(engine).absent = reason;
  }

  finished(engine, ms) {
    this.#engine(engine).ms = ms;
  }

  /** Takes an event: see inside/run.ts. */
  tell(engine, suite, told) {
    const report = this.#engine(engine);
    if (told.kind === 'fact') {
      if (told.name === 'userAgent') report.version = agentVersion(told.value);
      else report.facts.set(told.name, told.value);
      return;
    }
    if (!report.suites.has(suite)) report.suites.set(suite, newSuite());
    const counts = report.suites.get(suite);
    if (told.kind === 'begins') {
      counts.last = `${told.file}: ${told.name}`;
      return;
    }
    counts.ms += told.ms;
    const known = knownOf(engine, told);
    if (known !== undefined) {
      counts.known++;
      report.limits.set(known.why, (report.limits.get(known.why) ?? 0) + 1);
      return;
    }
    counts[told.state]++;
    if (told.state !== 'failed') return;
    const during = told.name.startsWith('(') && counts.last !== '' ? ` during ${counts.last}` : '';
    counts.failures.push({ file: told.file, test: told.name + during, error: told.error });
  }

  /** One line of the matrix: passed tests (and failed), or what is missing, for each suite. */
  #cells(name) {
    const { suites, absent } = this.#engine(name);
    return this.#suites.map((suite) => {
      if (absent !== undefined) return '-';
      const counts = suites.get(suite);
      if (counts === undefined || counts.passed + counts.failed + counts.known === 0) return 'NONE';
      const known = counts.known > 0 ? `(-${counts.known})` : '';
      const text = `${counts.failed > 0 ? `${counts.failed} FAIL/` : ''}${counts.passed}${known}`;
      return `${text} ${(counts.ms / 1000).toFixed(0)}s`;
    });
  }

  line(name) {
    const { version, ms } = this.#engine(name);
    return `${name} (${version}): ${this.#suites.map((suite, i) => `${suite} ${this.#cells(name)[i]}`).join(', ')}; ${(ms / 1000).toFixed(0)} s`;
  }

  /** Compared facts that not all engines have alike: name to value to engines. */
  #differences() {
    const names = new Set([...this.#engines.values()].flatMap(({ facts }) => [...facts.keys()]));
    const found = [];
    for (const name of names) {
      if (!name.startsWith(COMPARED)) continue;
      const byValue = new Map();
      for (const [engine, { facts, absent }] of this.#engines) {
        if (absent !== undefined) continue;
        const value = facts.get(name) ?? 'missing';
        byValue.set(value, [...(byValue.get(value) ?? []), engine]);
      }
      if (byValue.size > 1) found.push({ name, values: Object.fromEntries(byValue) });
    }
    return found;
  }

  #compared() {
    const present = [...this.#engines].filter(([, { absent }]) => absent === undefined);
    const count = present.map(([, { facts }]) => [...facts.keys()].filter((name) => name.startsWith(COMPARED)).length);
    return { engines: present.length, digests: Math.max(0, ...count) };
  }

  failed(absentFails) {
    const { digests } = this.#compared();
    if (this.#suites.includes('digests') && digests === 0) return true;
    if (this.#differences().length > 0) return true;
    return [...this.#engines.values()].some(({ absent, suites }) => {
      if (absent !== undefined) return absentFails;
      return this.#suites.some((suite) => !ran(suites.get(suite)) || suites.get(suite).failed > 0);
    });
  }

  text(names) {
    const rows = [['engine', ...this.#suites, 'time']];
    for (const name of names) {
      const { absent, version, ms } = this.#engine(name);
      rows.push([`${name} ${absent ?? version}`, ...this.#cells(name), `${(ms / 1000).toFixed(0)}s`]);
    }
    const parts = [table(rows)];
    const facts = new Set(
      names.flatMap((name) => [...this.#engine(name).facts.keys()].filter((each) => !each.startsWith(COMPARED))),
    );
    if (facts.size > 0) {
      const present = names.filter((name) => this.#engine(name).absent === undefined);
      const valuesOf = (fact) => present.map((name) => this.#engine(name).facts.get(fact) ?? '?');
      const short = [...facts].filter((fact) => valuesOf(fact).every((value) => value.length <= SHORT));
      parts.push(table([['', ...present], ...short.map((fact) => [fact, ...valuesOf(fact)])]));
      const long = [...facts].filter((fact) => !short.includes(fact));
      const who = (fact, value) => present.filter((name) => (this.#engine(name).facts.get(fact) ?? '?') === value);
      for (const fact of long) {
        const values = [...new Set(valuesOf(fact))];
        parts.push(
          `${fact}:\n${indented(values.map((value) => `${value}: ${who(fact, value).join(', ')}`).join('\n'))}`,
        );
      }
    }
    for (const name of names) {
      for (const [why, count] of this.#engine(name).limits) parts.push(`(-) ${count} on ${name}: ${why}`);
    }
    for (const name of names) {
      for (const [suite, { failures }] of this.#engine(name).suites) {
        for (const { file, test, error } of failures.slice(0, 20)) {
          parts.push(`FAILED on ${name}, ${suite}: ${file}: ${test}\n${indented(error)}`);
        }
        if (failures.length > 20) parts.push(`... and ${failures.length - 20} more on ${name}, ${suite}`);
      }
    }
    for (const { name, values } of this.#differences()) {
      parts.push(
        `DIFFERENT: ${name}\n${indented(
          Object.entries(values)
            .map(([value, who]) => `${value}: ${who.join(', ')}`)
            .join('\n'),
        )}`,
      );
    }
    const { engines, digests } = this.#compared();
    if (digests > 0) {
      const different = this.#differences().length;
      parts.push(
        `${digests} digests compared on ${engines} engines: ${different === 0 ? 'all the same' : `${different} DIFFER`}`,
      );
    }
    const counts = this.#total();
    // The form that says in any language what was counted.
    parts.push(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    return parts.join('\n\n');
  }

  #total() {
    const total = newSuite();
    for (const { suites } of this.#engines.values()) {
      for (const counts of suites.values())
        for (const key of ['passed', 'failed', 'skipped']) total[key] += counts[key];
    }
    total.failed += this.#differences().length;
    return total;
  }

  data() {
    return {
      suites: this.#suites,
      engines: Object.fromEntries(
        [...this.#engines].map(([name, { version, absent, ms, suites, facts, limits }]) => [
          name,
          {
            version,
            absent,
            ms: Math.round(ms),
            suites: Object.fromEntries(suites),
            facts: Object.fromEntries(facts),
            limits: Object.fromEntries(limits),
          },
        ]),
      ),
      differences: this.#differences(),
    };
  }
}

const ran = (counts) => counts !== undefined && counts.passed + counts.known > 0;

function table(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const indented = (text) => text.replaceAll(/^/gm, '    ');

/** `Firefox/153.0` of a browser's long name for itself. WebKit's Safari is not Safari. */
function agentVersion(agent) {
  return /(Firefox|Chrome|HeadlessChrome)\/[\d.]+/.exec(agent)?.[0] ?? /AppleWebKit\/[\d.]+/.exec(agent)?.[0] ?? agent;
}
