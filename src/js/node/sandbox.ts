/** {@link sandbox}: from a source, wherever it is, to a template. */

import type { Host } from '../../component/host.ts';
import { createSandbox, savedSandbox, type AnyFunctions, type Sandbox, type SandboxOptions } from '../sandbox.ts';
import { engineOf, savedEngine, type EngineOptions } from './sandbox-engine.ts';
import { loadable, readSource } from './source.ts';

export interface NodeSandboxOptions<Functions = AnyFunctions> extends SandboxOptions<Functions>, EngineOptions {
  /** Whose machines they are. Default: a host of all sandboxes that name none, which lives as long as the process. */
  readonly host?: Host;
  /** The engine's component, as {@link buildEngine} gave it: then componentize-js is not needed. */
  readonly engine?: Uint8Array;
}

/**
 * A template of a source: a module of JavaScript or TypeScript, as text or a file.
 *
 * A text may import what `imports` gives and nothing else; it is TypeScript if its `name` ends so. A file (a `file:` URL) may
 * import other files and packages too, which become one module: they are read when the template is made.
 *
 * @throws GuestError for what the source throws when it loads or is warmed; SyntaxError; TrapError at a limit; FargoError
 *   `missing-dependency` where packages are missing, `bad-argument`, `no-export`, `limit`, `io`
 */
export async function sandbox<Functions = AnyFunctions>(
  source: string | URL,
  options: NodeSandboxOptions<Functions> = {},
): Promise<Sandbox<Functions>> {
  const given = readSource(source, options.name);
  const external = Object.keys(options.imports ?? {});
  const loaded = await loadable(given, { external, packages: options.packages });
  const engine = await engineOf(options.host, options.engine, options);
  return createSandbox<Functions>(engine, loaded, { ...options, name: given.name });
}

/** What a sandbox that was saved is given anew. */
export type LoadSandboxOptions = Omit<NodeSandboxOptions, 'warm' | 'templateEntropy' | 'name' | 'engine' | 'packages'>;

/**
 * A template that `save` gave, in this process or another. Its functions of the host and its limits are given here again. Needs jco
 * unless the cache has what that makes of the engine; componentize-js is not needed.
 *
 * @throws FargoError as `Host.load`, `invalid-image` for a file of something else
 */
export async function loadSandbox<Functions = AnyFunctions>(
  file: Uint8Array,
  options: LoadSandboxOptions = {},
): Promise<Sandbox<Functions>> {
  return savedSandbox<Functions>(await savedEngine(options.host, file, options.cache), options);
}
