/** Reports of several modules as one. */

import type { InstrumentReport } from './meta.ts';

/** The sum of what instrumenting modules cost; a note that several have is there once. */
export function sumOfReports(reports: readonly InstrumentReport[]): InstrumentReport {
  const sum = (of: (report: InstrumentReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  return {
    inputBytes: sum((each) => each.inputBytes),
    outputBytes: sum((each) => each.outputBytes),
    codeBytesBefore: sum((each) => each.codeBytesBefore),
    codeBytesAfter: sum((each) => each.codeBytesAfter),
    functions: sum((each) => each.functions),
    loads: sum((each) => each.loads),
    stores: sum((each) => each.stores),
    marks: sum((each) => each.marks),
    totalMs: sum((each) => each.totalMs),
    validateMs: sum((each) => each.validateMs),
    notes: [...new Set(reports.flatMap((each) => each.notes))],
  };
}
