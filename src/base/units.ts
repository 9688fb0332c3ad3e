/**
 * The sizes that must agree everywhere, and the conversions between their units.
 *
 * A *page* is 4 KiB of a guest's memory, a *frame* 4 KiB of the pool that holds a page's bytes, a *wasm page* the
 * specification's 64 KiB unit of `memory.size`.
 */

/** log2 of {@link PAGE_BYTES}. */
export const PAGE_SHIFT = 12;
/** Bytes of a page and of a frame. */
export const PAGE_BYTES: number = 1 << PAGE_SHIFT;
/** Bytes of a WebAssembly page (specification 4.2.8, memory instances). */
export const WASM_PAGE_BYTES = 65_536;
/** Pages of 4 KiB in a WebAssembly page. */
export const PAGES_PER_WASM_PAGE: number = WASM_PAGE_BYTES / PAGE_BYTES;
/** The bytes after a marked page that count as written too: see the fringe rule in docs/architecture.md. */
export const FRINGE_BYTES = 64;

/** Number of a 4 KiB page in a guest's memory, 0 to 1,048,575. */
export type PageIndex = number;
/** Number of a frame in the pool; 0 is the zero frame. */
export type FrameIndex = number;
/** A guest's address, in bytes, 0 to 2^32 - 1. */
export type GuestAddress = number;
/** A count of bytes. */
export type ByteCount = number;
/** A count of 64 KiB WebAssembly pages. */
export type WasmPageCount = number;
