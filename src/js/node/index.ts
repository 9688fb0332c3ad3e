/**
 * Sandboxes of JavaScript: a source is loaded and warmed once, then forked for each request.
 *
 * ```ts
 * import { sandbox } from 'fargo-wasm/js';
 *
 * const template = await sandbox(`let n = 0; export const handle = (x) => ({ n: ++n, x });`, { warm: [['handle', 1]] });
 * template.fork().call('handle', 'a'); // { n: 2, x: 'a' }
 * template.run('handle', 'b'); // { n: 2, x: 'b' }
 * ```
 *
 * @module fargo-wasm/js
 */

export { loadSandbox, sandbox, type LoadSandboxOptions, type NodeSandboxOptions } from './sandbox.ts';
export { buildEngine, type EngineOptions } from './sandbox-engine.ts';
export { buildJs, inferWit, type BuiltComponent, type ComponentBuildOptions } from './component.ts';
export { GuestError } from '../guest-error.ts';
export {
  Sandbox,
  SandboxMachine,
  type AnyFunctions,
  type ConsoleText,
  type FunctionArgs,
  type FunctionName,
  type FunctionResult,
  type SandboxCall,
  type SandboxOptions,
} from '../sandbox.ts';
export type { HostFunction, SandboxImports } from '../engine.ts';
export { ValueError } from '../values.ts';
