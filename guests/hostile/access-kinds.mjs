/** Every instruction that takes a memory argument: what it needs beside the address, and how its result becomes an i32. */

const V128 = '(v128.const i64x2 -1 -1)';
const lane0 = '(i32x4.extract_lane 0 #)';

const toI32 = {
  i32: '#',
  i64: '(i32.wrap_i64 #)',
  f32: '(i32.reinterpret_f32 #)',
  f64: '(i32.wrap_i64 (i64.reinterpret_f64 #))',
};
const ones = { i32: '(i32.const -1)', i64: '(i64.const -1)', f32: '(f32.const -1)', f64: '(f64.const -1)' };

/**
 * @typedef {object} AccessKind
 * @property {string} opcode
 * @property {number} width Bytes.
 * @property {string} operands What stands after the address.
 * @property {string | undefined} result How to make an i32 of the result, `#` standing for it; undefined: there is none.
 * @property {string} lane Lane number with a blank, or ''.
 */

/** @returns {AccessKind} */
function kind(opcode, width, { operands = '', result, lane = '' } = {}) {
  return { opcode, width, operands, result, lane };
}

const type = (opcode) => opcode.slice(0, opcode.indexOf('.'));
const load = (opcode, width) => kind(opcode, width, { result: toI32[type(opcode)] });
const store = (opcode, width) => kind(opcode, width, { operands: ones[type(opcode)] });

/** @type {AccessKind[]} */
export const scalar = [
  load('i32.load', 4),
  load('i64.load', 8),
  load('f32.load', 4),
  load('f64.load', 8),
  ...['i32', 'i64'].flatMap((t) =>
    ['s', 'u'].flatMap((s) => [load(`${t}.load8_${s}`, 1), load(`${t}.load16_${s}`, 2)]),
  ),
  load('i64.load32_s', 4),
  load('i64.load32_u', 4),
  store('i32.store', 4),
  store('i64.store', 8),
  store('f32.store', 4),
  store('f64.store', 8),
  store('i32.store8', 1),
  store('i32.store16', 2),
  store('i64.store8', 1),
  store('i64.store16', 2),
  store('i64.store32', 4),
];

/** @type {AccessKind[]} */
export const vector = [
  kind('v128.load', 16, { result: lane0 }),
  ...['8x8', '16x4', '32x2'].flatMap((shape) =>
    ['s', 'u'].map((s) => kind(`v128.load${shape}_${s}`, 8, { result: lane0 })),
  ),
  ...[8, 16, 32, 64].map((bits) => kind(`v128.load${bits}_splat`, bits / 8, { result: lane0 })),
  ...[32, 64].map((bits) => kind(`v128.load${bits}_zero`, bits / 8, { result: lane0 })),
  ...[8, 16, 32, 64].map((bits) =>
    kind(`v128.load${bits}_lane`, bits / 8, { operands: V128, result: lane0, lane: '0 ' }),
  ),
  kind('v128.store', 16, { operands: V128 }),
  ...[8, 16, 32, 64].map((bits) => kind(`v128.store${bits}_lane`, bits / 8, { operands: V128, lane: '0 ' })),
];

const atomicTypes = [
  ['i32', '', 4],
  ['i64', '', 8],
  ['i32', '8', 1],
  ['i32', '16', 2],
  ['i64', '8', 1],
  ['i64', '16', 2],
  ['i64', '32', 4],
];

/** @type {AccessKind[]} */
export const atomic = [
  ...atomicTypes.map(([t, size, width]) => kind(`${t}.atomic.load${size}${size && '_u'}`, width, { result: toI32[t] })),
  ...atomicTypes.map(([t, size, width]) => kind(`${t}.atomic.store${size}`, width, { operands: ones[t] })),
  ...['add', 'sub', 'and', 'or', 'xor', 'xchg'].flatMap((operation) =>
    atomicTypes.map(([t, size, width]) =>
      kind(`${t}.atomic.rmw${size}.${operation}${size && '_u'}`, width, { operands: ones[t], result: toI32[t] }),
    ),
  ),
  ...atomicTypes.map(([t, size, width]) =>
    kind(`${t}.atomic.rmw${size}.cmpxchg${size && '_u'}`, width, {
      operands: `(${t}.const 0) ${ones[t]}`,
      result: toI32[t],
    }),
  ),
  kind('memory.atomic.notify', 4, { operands: '(i32.const 1)', result: '#' }),
];

/** Constant offsets that, added to an address near 4 GiB, would come out low if anything wrapped. */
export const OFFSETS = [
  0, 1, 16, 0x000f_ffff, 0x0010_0000, 0x0011_0000, 0x7fff_ffff, 0xffee_ffff, 0xffef_0000, 0xfff0_0000, 0xffff_fff0,
  0xffff_ffff,
];

/** A module with one export for each kind and offset, `<opcode> offset=<n>`, from an address to an i32. */
export function moduleOf(kinds) {
  const functions = kinds.flatMap(({ opcode, operands, result, lane }) =>
    OFFSETS.map((offset) => {
      const access = `(${opcode} offset=${offset} ${lane}(local.get 0) ${operands})`;
      const body = result === undefined ? `${access} (i32.const 0)` : result.replace('#', access);
      return `(func (export "${opcode} offset=${offset}") (param i32) (result i32) ${body})`;
    }),
  );
  return `(module
  (memory (export "memory") 1 1)
  ${functions.join('\n  ')}
  ;; 0 when all of memory is still zero.
  (func (export "intact") (result i32) (local $at i32) (local $or i64)
    (loop $next
      (local.set $or (i64.or (local.get $or) (i64.load (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 65536))))
    (i64.ne (local.get $or) (i64.const 0))))
`;
}
