/**
 * Whether the native stack has room for work that must not end half-way: a WebAssembly function whose frame is that
 * large. Every engine checks at entry whether a frame fits, whatever the function then does, so asking costs one call.
 *
 * ```
 * (import "" "some" (func $some (result i64 × 64)))   ;; imported, so that no engine can know its results or inline it
 * (global $sum (mut i64) (i64.const 0))
 * (func (export "probe") (param i32)
 *   (if (local.get 0)   ;; 8192 values lie on the stack at once; never run
 *     (then (global.set $sum (call $some) × 128, i64.add × 8191), nop × 100,000)))
 * ```
 *
 * The `nop`s keep JavaScriptCore from optimizing it: its best compiler takes 4 to 15 s for so many values, without end where
 * other threads want to compile too, and leaves functions alone that have more bytes than that.
 *
 * The road not taken: recursion. It costs 3 µs, and how large its frames are depends on how the engine has compiled it:
 * 400 of them were less than half of what the work can need. Most of that is the engine's own: one compiles a function
 * that it meets for the first time only if 40 KiB are left (V8), and warm work needs 2 KiB.
 */

import { encodeExport, encodeFuncType, encodeGlobalType, encodeHeader, encodeImport } from '../wasm/encode.ts';
import { ValType } from '../wasm/module.ts';
import { ByteWriter } from '../wasm/writer.ts';

/** Room that is proved, in bytes. Measured need: 43 KiB on Node 20. */
const PROBE_BYTES = 65_536;
const VALUE_BYTES = 8;
/** Values of one call: engines take long to compile a call for each value. */
const VALUES_PER_CALL = 64;

/** More than JavaScriptCore optimizes: its `maximumOMGCandidateCost` is 100,000 bytes. */
const PADDING_BYTES = 100_000;

const TYPE_SECTION = 1;
const IMPORT_SECTION = 2;
const FUNCTION_SECTION = 3;
const GLOBAL_SECTION = 6;
const EXPORT_SECTION = 7;
const CODE_SECTION = 10;
const NOP = 0x01;
const IF = 0x04;
const VOID = 0x40;
const END = 0x0b;
const CALL = 0x10;
const LOCAL_GET = 0x20;
const GLOBAL_SET = 0x24;
const I64_CONST = 0x42;
const I64_ADD = 0x7c;

let probe: ((go: number) => void) | undefined;

/** Compiles the probe, some milliseconds, unless it has been. To be called while there is stack to do so. */
export function prepareStackProbe(): void {
  if (probe !== undefined) return;
  const imports = { '': { some: (): readonly bigint[] => [] } };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(probeModule()), imports);
  probe = exports['probe'] as (go: number) => void;
}

/** Returns if there is room. @throws what the engine throws when its stack is exhausted */
export function probeStack(): void {
  prepareStackProbe();
  probe!(0);
}

function probeModule(): Uint8Array<ArrayBuffer> {
  const values = PROBE_BYTES / VALUE_BYTES;
  const writer = new ByteWriter(values * 2 + PADDING_BYTES);
  encodeHeader(writer);
  writer.section(TYPE_SECTION, () => {
    writer.u32(2);
    encodeFuncType(writer, { params: [], results: Array.from({ length: VALUES_PER_CALL }, () => ValType.i64) });
    encodeFuncType(writer, { params: [ValType.i32], results: [] });
  });
  writer.section(IMPORT_SECTION, () => {
    writer.u32(1);
    encodeImport(writer, { module: '', name: 'some', kind: 'func', typeIndex: 0 });
  });
  writer.section(FUNCTION_SECTION, () => writer.bytes([1, 1]));
  writer.section(GLOBAL_SECTION, () => {
    writer.u32(1);
    encodeGlobalType(writer, { value: ValType.i64, mutable: true });
    writer.bytes([I64_CONST, 0, END]);
  });
  writer.section(EXPORT_SECTION, () => {
    writer.u32(1);
    encodeExport(writer, { name: 'probe', kind: 'func', index: 1 });
  });
  writer.section(CODE_SECTION, () => {
    writer.u32(1);
    const large = new ByteWriter(values * 2 + PADDING_BYTES);
    large.bytes([0, LOCAL_GET, 0, IF, VOID]);
    for (let i = 0; i < values / VALUES_PER_CALL; i++) large.bytes([CALL, 0]);
    for (let i = 1; i < values; i++) large.u8(I64_ADD);
    large.bytes([GLOBAL_SET, 0]);
    large.bytes(new Uint8Array(PADDING_BYTES).fill(NOP));
    large.bytes([END, END]);
    writer.u32(large.length);
    writer.bytes(large.finish());
  });
  return writer.finish();
}
