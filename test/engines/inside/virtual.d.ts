/** The module that bundle.mjs makes of the list of suites. Nothing here is emitted. */

declare module 'virtual:suites' {
  /** Test files by suite, in their order. */
  export const suites: Readonly<
    Record<string, readonly { readonly path: string; readonly load: () => Promise<unknown> }[]>
  >;
}
