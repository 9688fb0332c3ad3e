/** Resources of the host as the glue knows them: an object with a number. Nothing else is in it, so a number is all to fork. */

const REP: symbol = Symbol.for('cabiRep');

/** An object of a host resource. */
export type Numbered = object;

/** An object of `of` with a number, which is above 0. */
export function numbered<T extends object>(of: new () => T, rep: number): T {
  return Object.defineProperty(new of(), REP, { value: rep });
}

/** As {@link numbered} for a class whose constructor is the guest's to call. */
export function numberedAs<T extends object>(of: { readonly prototype: T }, rep: number): T {
  return Object.defineProperty(Object.create(of.prototype) as T, REP, { value: rep });
}

/** Gives an object that the guest has just made its number. */
export function takeNumber(object: Numbered, rep: number): void {
  Object.defineProperty(object, REP, { value: rep });
}

export function repOf(object: Numbered): number {
  return (object as Record<symbol, number>)[REP]!;
}
