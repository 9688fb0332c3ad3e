/**
 * A text REPL: a small language of numbers, names and functions, in which a session builds up state worth forking.
 *
 * ```
 * > x = 6
 * x = 6
 * > fact(n) = if(n < 2, 1, n * fact(n - 1))
 * fact(n) defined
 * > fact(x)
 * 720
 * ```
 *
 * `_` is the last result, `names` lists what is defined, `rand()` draws from the host, `exit` ends, `#` begins a comment.
 *
 * Two doors: the WASI command `_start` reads lines from standard input until its end; `eval` runs text that the host put
 * into memory by `malloc`. Both work on the same session.
 */

import { runLine } from './repl/session';
import { fd_fdstat_get, fd_read, fd_write, proc_exit } from './wasi_snapshot_preview1';

const CHUNK: usize = 4096;
/** Longest line in bytes. */
const LINE_MAX: i32 = 65_536;
const FILETYPE_CHARACTER_DEVICE: u8 = 2;
const NEWLINE: u8 = 10;

const chunk = memory.data(4096);
const iovec = memory.data(8);
const transferred = memory.data(4);
const stat = memory.data(24, 8);

let result: ArrayBuffer = new ArrayBuffer(1);

export function malloc(bytes: i32): i32 {
  return heap.alloc(bytes as usize) as i32;
}

export function free(address: i32): void {
  if (address !== 0) heap.free(address as usize);
}

/** Runs `length` bytes of UTF-8, line by line; address of what they print: UTF-8, NUL-terminated, until the next call. */
function evaluate(address: i32, length: i32): i32 {
  const lines = String.UTF8.decodeUnsafe(address as usize, length as usize).split('\n');
  const printed: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const text = runLine(lines[i]);
    if (text.length > 0) printed.push(text);
  }
  result = String.UTF8.encode(printed.join('\n'), true);
  return changetype<usize>(result) as i32;
}
export { evaluate as eval };

/** Bytes of what the last `eval` printed, without the NUL. */
export function resultLength(): i32 {
  return result.byteLength - 1;
}

function print(text: string): void {
  const bytes = String.UTF8.encode(text);
  let at = changetype<usize>(bytes);
  let left = bytes.byteLength;
  while (left > 0) {
    store<u32>(iovec, at as u32);
    store<u32>(iovec, left, 4);
    if (fd_write(1, iovec, 1, transferred) !== 0) proc_exit(74);
    const written = load<i32>(transferred);
    at += written as usize;
    left -= written;
  }
}

function isTerminal(): bool {
  return fd_fdstat_get(0, stat) === 0 && load<u8>(stat) === FILETYPE_CHARACTER_DEVICE;
}

function takeLine(bytes: u8[]): void {
  const line = String.UTF8.decodeUnsafe(bytes.dataStart, bytes.length as usize).trim();
  bytes.length = 0;
  if (line === 'exit') proc_exit(0);
  const text = runLine(line);
  if (text.length > 0) print(`${text}\n`);
}

/** The command: reads standard input to its end, printing the result of each line. Exit code 74: it can't print. */
function command(): void {
  const prompt = isTerminal() ? '> ' : '';
  const line: u8[] = [];
  print(prompt);
  while (true) {
    store<u32>(iovec, chunk as u32);
    store<u32>(iovec, CHUNK as u32, 4);
    if (fd_read(0, iovec, 1, transferred) !== 0) break;
    const got = load<i32>(transferred);
    if (got === 0) break;
    for (let i = 0; i < got; i++) {
      const byte = load<u8>(chunk + (i as usize));
      if (byte === NEWLINE) {
        takeLine(line);
        print(prompt);
      } else if (line.length < LINE_MAX) {
        line.push(byte);
      }
    }
  }
  if (line.length > 0) takeLine(line);
}
export { command as _start };
