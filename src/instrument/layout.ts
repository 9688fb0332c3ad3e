/**
 * The front region: what lies before guest address 0 in every linear memory of a core. One picture, one file.
 *
 * ```
 * 0x000000  write map        one byte per 4 KiB guest page, 1 MiB: 2^20 pages, all that an i32 address can name
 * 0x100000  header           256 bytes: word 0 = where the next scan goes on
 * 0x100400  call frame       arguments, then results, of an exact call: 16 bytes a value
 * 0x104000  scan list        page numbers found marked by a scan, i32 each
 * 0x108000  saved registers  what `save` wrote
 * 0x10c000  loaded registers what `load` reads
 * 0x110000  guest address 0
 * ```
 *
 * Invariant: the whole of the write map may be hit by a store that then traps (a wrapped address), so nothing else may
 * lie in it. The front region is the same for every image: instances that share a memory agree on the shift.
 */

import { WASM_PAGE_BYTES } from '../base/units.ts';

/** Bytes of the write map. */
export const WRITE_MAP_BYTES = 0x10_0000;
/** Where the header lies. */
export const HEADER_AT = 0x10_0000;
/** Where the call frame of exact calls lies. */
export const CALL_FRAME_AT = 0x10_0400;
/** Bytes of one value in the call frame. */
export const CALL_FRAME_SLOT_BYTES = 16;
/** Values that fit into the call frame. */
export const CALL_FRAME_SLOTS = 960;
/** Where the scan writes page numbers. */
export const SCAN_LIST_AT = 0x10_4000;
/** Page numbers that one scan can write. */
export const SCAN_LIST_ENTRIES = 4096;
/** Where `save` writes the registers of an instance. */
export const SAVED_REGISTERS_AT = 0x10_8000;
/** Where `load` reads the registers of an instance from. */
export const LOADED_REGISTERS_AT = 0x10_c000;
/** Bytes of registers that an instance may have. */
export const REGISTER_BYTES_MAX = 0x4000;
/** Guest address 0: what is added to every guest address. */
export const GUEST_AT = 0x11_0000;
/** The front region in 64 KiB pages. */
export const FRONT_WASM_PAGES: number = GUEST_AT / WASM_PAGE_BYTES;
/** The most 64 KiB pages that a guest's memory can have: what the front region leaves of 4 GiB. */
export const GUEST_WASM_PAGES_MAX: number = 65_536 - FRONT_WASM_PAGES;
