/** Perl 5, the reactor of `@6over3/zeroperl-ts`, through its exports alone. */

import { callWithText, type Machine } from 'fargo-wasm';
import { lineFor, type Driver, type LineResult } from '../driver.ts';

const SCALAR = 1;
const decoder = new TextDecoder();

/** Loads modules and builds a table of 50,000 entries. */
const WARM = `use strict; use warnings; use List::Util qw(sum max min first shuffle);
our %table = map { $_ => $_ * $_ } 1 .. 50_000;
our $name = "parent";
open(my $out, '>', '/notes.txt') or die $!; print $out "written before the fork\\n"; close $out;
1`;

export const perl: Driver = {
  build: {
    name: 'perl',
    imports: { env: { call_host_function: () => 0 } },
    wasi: { args: ['perl'], files: { 'motd.txt': 'Just another machine.\n' } },
    budget: true,
  },
  budget: 3_000_000_000,
  boot(vm) {
    const status = vm.call('zeroperl_init');
    if (status !== 0) throw new Error(`Perl did not start: ${lastError(vm)}`);
  },
  warm(vm) {
    const { text, failed } = evaluate(vm, WARM);
    if (failed === true) throw new Error(text);
    return 'modules loaded, a hash of 50,000 entries built, a file written';
  },
  run(vm, line) {
    const result = evaluate(vm, `@main::answer = do { ${line}\n};`);
    if (result.failed === true || result.text !== '') return result;
    const shown = evaluate(vm, 'print join " ", map { $_ // "undef" } @main::answer');
    return shown.text === '' ? shown : { text: `=> ${shown.text}` };
  },
  runOne: (vm, line, child) => evaluate(vm, lineFor(line, child)),
  probe(vm) {
    evaluate(vm, '1 + 1');
  },
};

/** Evaluates source as one transaction. */
function evaluate(vm: Machine, source: string): LineResult {
  const error = vm.transaction(() => {
    const status = callWithText(vm, 'zeroperl_eval', source, SCALAR, 0, 0);
    vm.call('zeroperl_flush');
    return status === 0 ? undefined : lastError(vm);
  });
  const text = vm
    .takeOutput()
    .map(({ bytes }) => decoder.decode(bytes))
    .join('');
  return error === undefined ? { text } : { text: `${text}${error.trimEnd()}`, failed: true };
}

function lastError(vm: Machine): string {
  return vm.memory.readCString(vm.call('zeroperl_last_error') as number);
}
