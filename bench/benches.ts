/** All benches, in the order of the table. */

import { components } from './benches/components.ts';
import { density } from './benches/density.ts';
import { densityPerl } from './benches/density-perl.ts';
import { diskForks } from './benches/disk-forks.ts';
import { diskIo } from './benches/disk-io.ts';
import { firstResult } from './benches/first-result.ts';
import { fixtures } from './benches/fixtures.ts';
import { forkCallDiscard } from './benches/fork-call-discard.ts';
import { fork } from './benches/fork.ts';
import { growth } from './benches/growth.ts';
import { handlers } from './benches/handlers.ts';
import { instrumenting } from './benches/instrumenting.ts';
import { overhead } from './benches/overhead.ts';
import { perlEval } from './benches/perl-eval.ts';
import { snapshotFiles } from './benches/snapshot-files.ts';
import type { Bench } from './result.ts';

export const BENCHES: readonly Bench[] = [
  firstResult,
  fork,
  forkCallDiscard,
  perlEval,
  density,
  densityPerl,
  growth,
  instrumenting,
  overhead,
  diskForks,
  diskIo,
  snapshotFiles,
  fixtures,
  components,
  handlers,
];
