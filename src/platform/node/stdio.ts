/**
 * The process's standard streams as ports: synchronous, since a guest's call is.
 *
 * A pipe or terminal that another program made non-blocking answers EAGAIN; then these wait a little and try again.
 */

import { readSync, writeSync } from 'node:fs';

import { FargoError } from '../../base/errors.ts';
import type { InputPort } from '../../devices/ports.ts';

/** First and longest pause before a stream is tried again, in milliseconds: it doubles in between. */
const PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 32;

/** Standard input of the process (or another descriptor), read as the guest asks for it. Ends once and for all. */
export function processInput(fd = 0): InputPort {
  let ended = false;
  return {
    read(max) {
      if (ended || max === 0) return undefined;
      const bytes = new Uint8Array(max);
      const count = retrying(() => readSync(fd, bytes, 0, max, null), 'EOF');
      ended = count === 0;
      return ended ? undefined : bytes.subarray(0, count);
    },
  };
}

/** A sink that writes all it is given to a descriptor, 1 for standard output or 2 for standard error. */
export function processOutput(fd: number): (bytes: Uint8Array) => void {
  return (bytes) => {
    for (let done = 0; done < bytes.length;) {
      done += retrying(() => writeSync(fd, bytes, done, bytes.length - done), 'EPIPE');
    }
  };
}

/**
 * Calls `work` until the stream is ready. `end` is the error that means the other side has gone: 0 for input, and an
 * error of its own for output, so that a writer stops.
 */
function retrying(work: () => number, end: 'EOF' | 'EPIPE'): number {
  for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return work();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === end && end === 'EOF') return 0;
      if (code !== 'EAGAIN' && code !== 'EINTR') {
        throw new FargoError('io', `a standard stream failed: ${code ?? String(error)}`, { cause: error });
      }
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
  }
}
