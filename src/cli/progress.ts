/** Progress of long work: one line that is written over, on standard error, and only when that is a terminal. */

/** Nothing is shown for work shorter than this, and no two updates come closer together. */
const INTERVAL_MS = 120;

export interface Progress {
  /** `total` undefined: it is not known. Cheap: most calls show nothing. */
  update(what: string, done: number, total?: number): void;
  /** Takes the line away. */
  clear(): void;
}

/** What writes progress to `stream`. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Progress on `stream`: a stand-in that does nothing where it is not a terminal. */
export function progressOn(stream: ProgressStream): Progress {
  if (stream.isTTY !== true || process.env['TERM'] === 'dumb') return { update: () => {}, clear: () => {} };
  let last = performance.now();
  let shown = false;
  return {
    update(what, done, total) {
      const now = performance.now();
      if (now - last < INTERVAL_MS) return;
      last = now;
      shown = true;
      const share = total === undefined || total === 0 ? '' : ` ${Math.floor((100 * done) / total)} %`;
      const columns = stream.columns ?? 0;
      const room = columns > 0 ? columns - 1 : 79;
      stream.write(`\r\u001b[K${`${what}${share}`.slice(0, room)}`);
    },
    clear() {
      if (shown) stream.write('\r\u001b[K');
      shown = false;
    },
  };
}
