/** `@bytecodealliance/jco`, an optional package. */

import { FargoError } from '../base/errors.ts';

/** A variable, and typed as any string: so neither the compiler nor a bundler resolves it. */
export const PACKAGE: string = '@bytecodealliance/jco';

export interface Jco {
  transpile(component: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<Output>;
  componentWit(component: Uint8Array): Promise<string>;
}

interface Output {
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly imports: readonly string[];
}

/** @throws FargoError `missing-dependency` */
export async function loadJco(): Promise<Jco> {
  try {
    return (await import(/* @vite-ignore */ PACKAGE)) as Jco;
  } catch (cause) {
    throw missingJco(cause);
  }
}

export function missingJco(cause: unknown): FargoError {
  return new FargoError('missing-dependency', `a component needs ${PACKAGE}; run: npm install ${PACKAGE}`, { cause });
}
