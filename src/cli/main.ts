#!/usr/bin/env node
/** The executable: parses the command line, runs the command, and turns whatever happens into an exit code. */

import { CommanderError } from 'commander';

import { ExitCode } from './exit-codes.ts';
import { isClosedPipe, reportFailure } from './failure.ts';
import { createProgram } from './program.ts';

process.stdout.on('error', (error) => {
  process.exit(isClosedPipe(error) ? ExitCode.pipe : reportFailure(error));
});

try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  else process.exitCode = reportFailure(error);
}
