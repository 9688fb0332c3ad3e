/**
 * What the environment does wrong is a {@link FargoError} with a stable `code`; what a guest does wrong is a value
 * (see `src/machine/outcome.ts`); what a programmer of this library does wrong is an assertion (`assert.ts`).
 *
 * A message says what was given and what is allowed. It never holds bytes of a guest's memory.
 */

/** Stable codes, safe to switch on. A code is never renamed; its meaning stands beside it. */
export type FargoErrorCode =
  /** The bytes are not a valid WebAssembly module. Carries `offset` and `section` where known. */
  | 'invalid-module'
  /** The bytes are no tar or disk image of the kind that was asked for, or a damaged one. Carries `offset` where known. */
  | 'invalid-image'
  /** A valid module that cannot be captured, or that uses a feature this library or this engine lacks. */
  | 'unsupported'
  /** An import is missing or does not match, or an export name is taken. */
  | 'link'
  /** A cap was reached: memory, frames, machines, output, nesting. */
  | 'limit'
  /** An argument of a call to this library is of the wrong type or out of range. */
  | 'bad-argument'
  /** The guest has no such export, or it is of another kind. */
  | 'no-export'
  /** The machine is in a call, so it can't be forked, snapshotted, rolled back or disposed. */
  | 'machine-busy'
  /** The machine, snapshot, image or host was disposed. */
  | 'disposed'
  /** The guest's `fargo_on_fork` refused or trapped, so the child was discarded. */
  | 'fork-refused'
  /** An operation of the host on a machine's files can't be done; the message ends with the errno's name. */
  | 'file-error'
  /** An optional package is needed and not installed. */
  | 'missing-dependency'
  /** A file or stream of the outside could not be read or written. */
  | 'io';

/** Where in a module's bytes, or an image's, something is wrong. */
export interface ErrorPlace {
  /** Byte offset from the start of the module or image. */
  readonly offset?: number;
  /** Section name as the specification spells it, for example `code` or `custom "name"`. */
  readonly section?: string;
}

/** Every error this library throws on purpose, assertions and guest traps apart. */
export class FargoError extends Error {
  readonly code: FargoErrorCode;
  readonly offset: number | undefined;
  readonly section: string | undefined;

  constructor(code: FargoErrorCode, message: string, place: ErrorPlace & { readonly cause?: unknown } = {}) {
    const where =
      place.offset === undefined
        ? ''
        : ` (at byte ${place.offset}${place.section === undefined ? '' : `, section ${place.section}`})`;
    super(message + where, place.cause === undefined ? undefined : { cause: place.cause });
    this.name = 'FargoError';
    this.code = code;
    this.offset = place.offset;
    this.section = place.section;
  }
}
