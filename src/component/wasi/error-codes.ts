/** Error codes of wasi:filesystem, and how a host function gives the error of a `result` to the glue. */

/** By preview 1's number (`errno` in typenames.witx). */
const CODES: Readonly<Record<number, string>> = {
  1: 'overflow',
  2: 'access',
  6: 'would-block',
  7: 'already',
  8: 'bad-descriptor',
  10: 'busy',
  16: 'deadlock',
  19: 'quota',
  20: 'exist',
  21: 'invalid',
  22: 'file-too-large',
  25: 'illegal-byte-sequence',
  26: 'in-progress',
  27: 'interrupted',
  28: 'invalid',
  29: 'io',
  31: 'is-directory',
  32: 'loop',
  33: 'insufficient-memory',
  34: 'too-many-links',
  37: 'name-too-long',
  43: 'no-device',
  44: 'no-entry',
  46: 'no-lock',
  48: 'insufficient-memory',
  51: 'insufficient-space',
  52: 'unsupported',
  54: 'not-directory',
  55: 'not-empty',
  58: 'unsupported',
  59: 'no-tty',
  60: 'no-such-device',
  61: 'overflow',
  63: 'not-permitted',
  64: 'pipe',
  69: 'read-only',
  70: 'invalid-seek',
  74: 'text-file-busy',
  75: 'cross-device',
  76: 'not-permitted',
};

/** The error case of a `result`: the glue takes the payload of what a host function throws. */
export class WasiError extends Error {
  readonly payload: unknown;

  constructor(payload: unknown) {
    super(`wasi: ${typeof payload === 'string' ? payload : 'error'}`);
    this.name = 'WasiError';
    this.payload = payload;
  }
}

export function errorCode(errno: number): string {
  return CODES[errno] ?? 'io';
}
