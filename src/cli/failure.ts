/** What went wrong, for people on standard error, and the exit code that says so. */

import { AssertionError } from '../base/assert.ts';
import { FargoError } from '../base/errors.ts';
import { ExitError, TrapError, type Trap } from '../machine/outcome.ts';
import { coloursFor } from './colour.ts';
import { ExitCode } from './exit-codes.ts';
import { printable } from './format.ts';

/** Frames of a guest's stack that are shown. */
const FRAMES_SHOWN = 32;

/** Says what went wrong and returns the exit code. `FARGO_DEBUG=1` shows where it was thrown, too. */
export function reportFailure(error: unknown): number {
  const debug = process.env['FARGO_DEBUG'];
  if (debug !== undefined && debug !== '' && debug !== '0') console.error(error);
  if (isClosedPipe(error)) return ExitCode.pipe;
  if (error instanceof TrapError) {
    say(describeTrap(error.trap));
    return exitCodeOfTrap(error.trap);
  }
  if (error instanceof ExitError) {
    say(`the guest exited with code ${error.exitCode} before it could be forked`);
    return ExitCode.failed;
  }
  if (error instanceof FargoError) {
    say(`${error.code}: ${error.message}`);
    return error.code === 'bad-argument' ? ExitCode.usage : ExitCode.failed;
  }
  const kind = error instanceof AssertionError ? '' : 'unexpected error: ';
  say(`${kind}${error instanceof Error ? error.message : String(error)}`);
  say('this is a bug of fargo-wasm; FARGO_DEBUG=1 shows where');
  return ExitCode.internal;
}

/** Writes a line to standard error, or several. What guests and files chose in it does nothing to the terminal. */
export function say(message: string): void {
  const lines = message.split('\n').map(printable).join('\n');
  process.stderr.write(`${coloursFor(process.stderr).red('fargo-wasm:')} ${lines}\n`);
}

/** A trap as lines: kind, message, the guest's stack, and what can be done about it. */
export function describeTrap(trap: Trap): string {
  const lines = [`the guest trapped: ${trap.kind}: ${printable(trap.message)}`];
  for (const { name, index } of trap.stack.slice(0, FRAMES_SHOWN))
    lines.push(`    in ${printable(name ?? 'function')} [${index}]`);
  if (trap.stack.length > FRAMES_SHOWN) lines.push(`    and ${trap.stack.length - FRAMES_SHOWN} more`);
  if (trap.kind === 'budget-spent') lines.push('--budget allows more; --no-budget turns the budget off');
  if (trap.kind === 'depth-exceeded') lines.push('--max-depth allows more; --no-budget leaves it to the engine');
  return lines.join('\n');
}

export function exitCodeOfTrap(trap: Trap): number {
  if (trap.kind === 'budget-spent' || trap.kind === 'depth-exceeded') return ExitCode.budget;
  return isClosedPipe(trap.cause) ? ExitCode.pipe : ExitCode.trap;
}

/** Whether an error, or what caused it, is that nobody reads our output any more. */
export function isClosedPipe(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ((at as NodeJS.ErrnoException).code === 'EPIPE') return true;
  }
  return false;
}
