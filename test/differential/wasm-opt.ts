/**
 * Binaryen's `wasm-opt` within this process: its script is compiled once, and its WebAssembly once, so that a run takes
 * 50 ms instead of a second. It sees arguments and exit code of its own.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { compileFunction } from 'node:vm';

type Script = (...values: unknown[]) => void;

const require = createRequire(import.meta.url);

export class WasmOpt {
  readonly #script: Script;
  readonly #compiled: WebAssembly.Module;

  private constructor(script: Script, compiled: WebAssembly.Module) {
    this.#script = script;
    this.#compiled = compiled;
  }

  static async load(): Promise<WasmOpt> {
    const path = join(dirname(require.resolve('binaryen')), 'bin', 'wasm-opt');
    const text = readFileSync(path, 'utf8').replace(/^#!.*/, '');
    const names = ['Module', 'require', '__dirname', '__filename', 'module', 'process', 'WebAssembly'];
    const script = compileFunction(text, names, { filename: path }) as Script;
    // The first start is stopped where the script would compile: there its bytes are seen.
    const bytes = await new Promise<Uint8Array>((resolve) => {
      const stopped = { instantiate: (given: Uint8Array) => (resolve(given), new Promise(() => {})) };
      script({}, require, '', '', undefined, ownProcess([]), Object.assign(Object.create(WebAssembly), stopped));
    });
    return new WasmOpt(script, new WebAssembly.Module(bytes));
  }

  /** Runs it; what it prints is dropped. @throws Error when it fails */
  run(args: readonly string[]): void {
    const own = ownProcess(args);
    const settings = {
      instantiateWasm: (imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) =>
        done(new WebAssembly.Instance(this.#compiled, imports)),
      print: () => {},
      printErr: () => {},
    };
    this.#script(settings, require, '', '', undefined, own, WebAssembly);
    if (own.exitCode !== 0) throw new Error(`wasm-opt ${args.join(' ')} ends with ${String(own.exitCode)}`);
  }
}

function ownProcess(args: readonly string[]): NodeJS.Process {
  return Object.create(process, {
    argv: { value: ['node', 'wasm-opt', ...args] },
    exitCode: { value: undefined, writable: true },
  }) as NodeJS.Process;
}
