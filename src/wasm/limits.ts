/**
 * Caps of what is read. Each stands with its unit, the threat and the reason for its value.
 *
 * Most are the limits that engines share (JavaScript API, "Implementation-defined limits"): a module beyond them runs
 * nowhere, so refusing it costs nothing. Beside them, the reader allocates only what the remaining bytes can hold.
 */

/** Bytes of a module. Threat: memory. The shared limit is 1 GiB; at that size offsets still fit an `Int32Array`. */
export const MODULE_BYTES_MAX = 0x4000_0000;
/** Types. Threat: memory, about 100 bytes an object each. */
export const TYPES_MAX = 1_000_000;
/** Functions, imported and defined. */
export const FUNCTIONS_MAX = 1_000_000;
/** Imports. */
export const IMPORTS_MAX = 1_000_000;
/** Exports. */
export const EXPORTS_MAX = 1_000_000;
/** Globals, imported and defined. */
export const GLOBALS_MAX = 1_000_000;
/** Tags, imported and defined. */
export const TAGS_MAX = 1_000_000;
/** Tables, imported and defined. */
export const TABLES_MAX = 100_000;
/** Memories, imported and defined. The shared limit. */
export const MEMORIES_MAX = 100;
/** Data segments. */
export const DATA_SEGMENTS_MAX = 100_000;
/** Element segments. Threat: memory, about 150 bytes an object for 3 bytes of input. */
export const ELEMENT_SEGMENTS_MAX = 1_000_000;
/** Custom sections. No engine has a limit; compilers write about ten. Threat: memory, an object for 3 bytes of input. */
export const CUSTOM_SECTIONS_MAX = 100_000;
/** Entries of one element segment. */
export const ELEMENT_ITEMS_MAX = 10_000_000;
/** Parameters of a function type, and results. */
export const ARITY_MAX = 1000;
/** Bytes of a function body. */
export const BODY_BYTES_MAX = 7_654_321;
/** Locals of a function, parameters included. Threat: a rewriter's arrays by local; five bytes can declare 2^32. */
export const LOCALS_MAX = 50_000;
/** Bytes of an import's, export's or custom section's name. The shared limit is 100,000. */
export const NAME_BYTES_MAX = 100_000;
/** Function and local names taken from a name section. Threat: memory, a string each. */
export const DEBUG_NAMES_MAX = 1_000_000;
/** 64 KiB pages of a memory (specification 3.2.3): 2^16, or 2^48 with 64-bit addresses. */
export const MEMORY_PAGES_MAX = 65_536;
export const MEMORY64_PAGES_MAX = 0x1_0000_0000_0000;
/** Bytes that a `ByteWriter` grows to. Rewriting makes a module larger, so more than {@link MODULE_BYTES_MAX}. */
export const WRITER_BYTES_MAX = 0x7000_0000;
/** Characters of a module in the text format. Threat: memory of the parser, several times the text. */
export const TEXT_CHARACTERS_MAX = 0x400_0000;
