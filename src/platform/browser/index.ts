/** What only pages need. */

export { fetchBytes } from './fetch-bytes.ts';
