/**
 * Error numbers of WASI preview 1 (`errno` in typenames.witx) that the devices answer, and how results carry them.
 *
 * A guest's mistake is a value, never an exception.
 */

/** An error number; 0 is success. */
export type Errno = number;

/** A result that is not negative, or minus an {@link Errno}. */
export type Outcome = number;

/** Names and numbers as in the specification; those that nothing here answers are left out. */
export const E = {
  success: 0,
  toobig: 1,
  badf: 8,
  busy: 10,
  exist: 20,
  fault: 21,
  fbig: 22,
  ilseq: 25,
  intr: 27,
  inval: 28,
  io: 29,
  isdir: 31,
  loop: 32,
  mfile: 33,
  mlink: 34,
  nametoolong: 37,
  noent: 44,
  nospc: 51,
  nosys: 52,
  notdir: 54,
  notempty: 55,
  notsock: 57,
  notsup: 58,
  overflow: 61,
  perm: 63,
  rofs: 69,
  spipe: 70,
  notcapable: 76,
} as const;
