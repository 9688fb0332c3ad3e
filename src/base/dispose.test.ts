import { afterEach, expect, test, vi } from 'vitest';
import { disposable } from './dispose.ts';

afterEach(() => vi.unstubAllGlobals());

class Thing {
  disposed = 0;
  dispose(): void {
    this.disposed++;
  }
  [Symbol.dispose ?? 'undefined'](): void {
    this.dispose();
  }
}

test('without Symbol.dispose the symbol of compilers leads to dispose', () => {
  vi.stubGlobal('Symbol', { for: Symbol.for });
  disposable(Thing);
  const thing = new Thing() as unknown as Record<symbol, () => void> & Thing;
  thing[globalThis.Symbol.for('Symbol.dispose')]!();
  expect(thing.disposed).toBe(1);
});

test.skipIf(Symbol.dispose === undefined)('where there is Symbol.dispose nothing is added', () => {
  class Other extends Thing {}
  disposable(Other);
  expect(Reflect.ownKeys(Other.prototype)).toEqual(['constructor']);
});
