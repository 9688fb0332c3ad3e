/** Numbers for people: three significant digits and a unit; and text that others chose. */

import { ValType, type FuncType, type ValTypeCode } from '../wasm/module.ts';

/** `0.31 µs`, `14.1 ms`, `2.50 s`, `3 min 20 s`. */
export function formatNs(ns: number): string {
  if (!Number.isFinite(ns)) return '-';
  if (ns < 100) return `${digits(ns)} ns`;
  if (ns < 1e6) return `${digits(ns / 1e3)} µs`;
  if (ns < 1e9) return `${digits(ns / 1e6)} ms`;
  if (ns < 120e9) return `${digits(ns / 1e9)} s`;
  const seconds = Math.round(ns / 1e9);
  return seconds < 7200
    ? `${Math.floor(seconds / 60)} min ${seconds % 60} s`
    : `${formatCount(Math.round(seconds / 3600))} h`;
}

/** `640 B`, `4.63 KiB`, `16.0 MiB`. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '-';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? String(Math.round(value)) : digits(value)} ${units[unit]}`;
}

/** `1,234,567`. */
export function formatCount(count: number | bigint): string {
  return count.toLocaleString('en-US');
}

/** `6,210 ×`, `3.20 ×`. */
export function formatRatio(ratio: number): string {
  if (!Number.isFinite(ratio)) return '-';
  return `${ratio < 1000 ? digits(ratio) : formatCount(Number(ratio.toPrecision(3)))} ×`;
}

/** `1 child`, `2 children`. */
export function plural(count: number, one: string, many: string = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

const TYPE_NAMES: ReadonlyMap<ValTypeCode, string> = new Map(
  Object.entries(ValType).map(([name, code]) => [code, name]),
);

/** `i32`, `funcref`. */
export function formatType(type: ValTypeCode): string {
  return TYPE_NAMES.get(type) ?? `type 0x${type.toString(16)}`;
}

/** `(i32, i64) -> f64`. */
export function formatFuncType({ params, results }: FuncType): string {
  const to = results.length === 0 ? '' : ` -> ${results.length === 1 ? listed(results) : `(${listed(results)})`}`;
  return `(${listed(params)})${to}`;
}

function listed(types: readonly ValTypeCode[]): string {
  return types.map(formatType).join(', ');
}

/** Three significant digits, never in exponential form. */
function digits(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 100 || value === 0) return String(Math.round(value));
  return value.toFixed(magnitude >= 10 ? 1 : 2);
}

/** Text that a guest or a file chose, on one line of a terminal: what would move the cursor or end the line is escaped. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u${char.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );
}

/** JSON for people and programs: what a terminal would act on, or not show, is escaped within its strings. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, undefined, 2).replaceAll(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (char) =>
    char.replaceAll(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}
