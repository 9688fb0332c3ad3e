/** The exit codes of the command line: stable, shown by `--help` and in docs/cli.md. */

export const ExitCode = {
  ok: 0,
  /** A file, a module or a limit: what the environment got wrong. */
  failed: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** A bug of this program. `EX_SOFTWARE` of sysexits.h. */
  internal: 70,
  /** A guest trapped: what a shell shows for a process that aborted, and what other WebAssembly runtimes use. */
  trap: 134,
  /** Standard output was closed: what a shell shows for a process ended by SIGPIPE. */
  pipe: 141,
  /** The budget of a call is spent: what a shell shows for a process ended by SIGXCPU. */
  budget: 152,
} as const;

/** One row for each code, in the order of `--help`. */
const ROWS: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'done'],
  ['1', 'failed: a file, a module, an import, a limit'],
  ['2', 'the command line is wrong'],
  ['70', 'a bug of fargo-wasm (FARGO_DEBUG=1 shows where)'],
  ['134', 'a guest trapped'],
  ['141', 'standard output was closed'],
  ['152', "a guest's budget is spent, or its calls nest too deeply"],
];

/** The table of exit codes for `--help`. */
export function exitCodesHelp(ofRun: boolean): string {
  const rows = ROWS.map(([code, meaning]) => `  ${code.padEnd(6)}${meaning}`);
  const others = `  ${'else'.padEnd(6)}the guest's own, its low 8 bits; 1 where only those are 0`;
  return ['Exit codes:', ...rows, ...(ofRun ? [others] : [])].join('\n');
}

/** The exit code of the process for a guest that exited with `code`. An operating system keeps 8 bits. */
export function exitCodeOfGuest(code: number): number {
  return code === 0 ? 0 : code & 0xff || ExitCode.failed;
}
