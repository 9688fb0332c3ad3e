/**
 * What only pages need: a host that fetches its parts when they are needed, and modules from an address.
 *
 * @module fargo-wasm/browser
 */

export { fetchBytes } from './fetch-bytes.ts';
export { Host } from './host.ts';
