/**
 * `using` on engines without `Symbol.dispose` (WebKit 2.50). There compilers of `using` look for this symbol in its place
 * (Babel, esbuild, Rolldown; TypeScript wants a polyfill, which is then there before this library).
 */

interface Disposer {
  dispose(): void;
}

/** Gives a class with `[Symbol.dispose]` the method under that name. To be called in a static block. */
export function disposable({ prototype }: { readonly prototype: Disposer }): void {
  if ((Symbol as Partial<SymbolConstructor>).dispose !== undefined) return;
  // What the class has called `undefined`.
  Reflect.deleteProperty(prototype, 'undefined');
  Object.defineProperty(prototype, Symbol.for('Symbol.dispose'), {
    configurable: true,
    writable: true,
    value(this: Disposer) {
      this.dispose();
    },
  });
}
