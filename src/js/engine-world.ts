/** The world of the JavaScript engine's component: between `guests/javascript/engine.ts` and {@link Engine}. */

export const ENGINE_WORLD: string = `package fargo:js;

interface host {
  /// Calls a function that the embedder gives. Values are text: see src/js/values.ts.
  call: func(module: string, name: string, args: string) -> result<string, string>;
}

interface guest {
  record failure {
    name: string,
    message: string,
    stack: string,
    thrown: option<string>,
  }

  record description {
    functions: list<string>,
    notes: string,
  }

  /// Loads the module of this machine, with notes for who describes it; names of its functions.
  load: func(name: string, source: string, modules: string, notes: string) -> result<list<string>, failure>;
  describe: func() -> description;
  call: func(name: string, args: string) -> result<string, failure>;
  /// Why what draws entropy throws from now on, or that it may.
  refuse-entropy: func(reason: option<string>);
}

world engine {
  import host;
  export guest;
}
`;

/** What the component exports. */
export interface EngineExports {
  readonly guest: {
    load(name: string, source: string, modules: string, notes: string): string[];
    describe(): { readonly functions: string[]; readonly notes: string };
    call(name: string, args: string): string;
    refuseEntropy(reason: string | undefined): void;
  };
}

/** An error of the source, as the component gives it. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly thrown?: string | undefined;
}
