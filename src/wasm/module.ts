/**
 * The parsed shape of a binary module: what its sections say, and where in its bytes the parts that are copied lie.
 *
 * Bodies, constant expressions and segment contents are not copied or decoded here; they are byte ranges of `bytes`.
 * Index spaces follow the specification (2.5.1): imports first, then definitions.
 */

/** A value type as its binary code (specification 5.3): see {@link ValType}. */
export type ValTypeCode = number;

/** Value type codes, as in the binary format. */
export const ValType = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
  exnref: 0x69,
} as const;

/** Bytes `[start, end)` of the module. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface FuncType {
  readonly params: readonly ValTypeCode[];
  readonly results: readonly ValTypeCode[];
}

/** Limits of a memory (in 64 KiB pages) or of a table (in entries). */
export interface Limits {
  readonly min: number;
  readonly max: number | undefined;
}

export interface MemoryType extends Limits {
  /** memory64: addresses are i64. */
  readonly address64: boolean;
  readonly shared: boolean;
}

export interface TableType extends Limits {
  readonly element: ValTypeCode;
  /** Table indices are i64 (the memory64 proposal's tables). */
  readonly address64: boolean;
}

export interface GlobalType {
  readonly value: ValTypeCode;
  readonly mutable: boolean;
}

/** A constant expression: its instructions without the final `end`, and the functions that it takes by `ref.func`. */
export interface ConstExpr extends ByteRange {
  readonly functionRefs: readonly number[];
}

export type ImportKind = 'func' | 'table' | 'memory' | 'global' | 'tag';

export type Import = { readonly module: string; readonly name: string } & (
  | { readonly kind: 'func'; readonly typeIndex: number }
  | { readonly kind: 'table'; readonly type: TableType }
  | { readonly kind: 'memory'; readonly type: MemoryType }
  | { readonly kind: 'global'; readonly type: GlobalType }
  | { readonly kind: 'tag'; readonly typeIndex: number }
);

export interface Export {
  readonly name: string;
  readonly kind: ImportKind;
  readonly index: number;
}

export interface GlobalDefinition {
  readonly type: GlobalType;
  readonly init: ConstExpr;
}

export interface TableDefinition {
  readonly type: TableType;
  /** The initializer expression of the function-references proposal's table encoding, when present. */
  readonly init: ConstExpr | undefined;
}

export interface ElementSegment {
  readonly mode: 'active' | 'passive' | 'declarative';
  /** Element type: `funcref` or `externref`. */
  readonly type: ValTypeCode;
  /** Table and offset of an active segment. */
  readonly table: number;
  readonly offset: ConstExpr | undefined;
  /** Entries: function indices, or constant expressions, whichever the encoding has. */
  readonly items:
    | { readonly kind: 'functions'; readonly indices: readonly number[] }
    | { readonly kind: 'expressions'; readonly expressions: readonly ConstExpr[] };
}

export interface DataSegment {
  readonly mode: 'active' | 'passive';
  readonly memory: number;
  readonly offset: ConstExpr | undefined;
  /** The segment's contents. */
  readonly contents: ByteRange;
}

export interface CustomSection {
  readonly name: string;
  /** Contents after the name. */
  readonly contents: ByteRange;
  /** Id of the last non-custom section before it; 0 when none. */
  readonly after: number;
}

/** A function body: `locals` begins with the locals vector, `code` with the first instruction and ends after `end`. */
export interface Module {
  readonly bytes: Uint8Array;
  readonly types: readonly FuncType[];
  readonly imports: readonly Import[];
  /** Type indices of the defined functions. */
  readonly functions: readonly number[];
  readonly tables: readonly TableDefinition[];
  readonly memories: readonly MemoryType[];
  /** Type indices of the defined tags. */
  readonly tags: readonly number[];
  readonly globals: readonly GlobalDefinition[];
  readonly exports: readonly Export[];
  readonly start: number | undefined;
  readonly elements: readonly ElementSegment[];
  readonly data: readonly DataSegment[];
  readonly dataCount: number | undefined;
  /** Body `i` of the code section: bytes `[bodies[2i], bodies[2i+1])`, without its size field. */
  readonly bodies: Int32Array;
  /** The whole code section's contents; an empty range when there is none. */
  readonly code: ByteRange;
  readonly customs: readonly CustomSection[];
}
