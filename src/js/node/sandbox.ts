/** {@link sandbox}: from a source, wherever it is, to a template. */

import type { Host } from '../../component/host.ts';
import { createSandbox, type AnyFunctions, type Sandbox, type SandboxOptions } from '../sandbox.ts';
import { asFunction } from './modules.ts';
import { loadParser } from './packages.ts';
import { engineOf, type EngineOptions } from './sandbox-engine.ts';

export interface NodeSandboxOptions<Functions = AnyFunctions> extends SandboxOptions<Functions>, EngineOptions {
  /** Whose machines they are. Default: a host of all sandboxes that name none, which lives as long as the process. */
  readonly host?: Host;
  /** The engine's component, as {@link buildEngine} gave it: then componentize-js is not needed. */
  readonly engine?: Uint8Array;
}

/**
 * A template of a source: a module of JavaScript, as text.
 *
 * @throws GuestError for what the source throws when it loads or is warmed, SyntaxError too; TrapError at a limit; FargoError
 *   `missing-dependency` where packages are missing, `bad-argument`, `no-export`
 */
export async function sandbox<Functions = AnyFunctions>(
  source: string,
  options: NodeSandboxOptions<Functions> = {},
): Promise<Sandbox<Functions>> {
  const code = asFunction(await loadParser(options.packages), source);
  const engine = await engineOf(options.host, options.engine, options);
  return createSandbox<Functions>(engine, code, options);
}
