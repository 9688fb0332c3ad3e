/**
 * Attack: stores that begin in one 4 KiB page and end in the next, with every store that is wider than a byte, at every
 * misalignment, over every boundary of a memory. A write tracker that marks the first page alone would lose the rest.
 *
 * Exit: `straddle(seed)` returns a hash of what it reads back byte by byte, and `digest()` of the whole memory, which
 * must be the same after any world switch, fork or rollback to that instant.
 */

/** Every store of more than one byte: its width and how it gets the i64 in local 1. */
const STORES = [
  ['i32.store16', 2, '(i32.wrap_i64 (local.get 1))'],
  ['i64.store16', 2, '(local.get 1)'],
  ['i32.store', 4, '(i32.wrap_i64 (local.get 1))'],
  ['i64.store32', 4, '(local.get 1)'],
  ['f32.store', 4, '(f32.reinterpret_i32 (i32.wrap_i64 (local.get 1)))'],
  ['i64.store', 8, '(local.get 1)'],
  ['f64.store', 8, '(f64.reinterpret_i64 (local.get 1))'],
  ['v128.store', 16, '(i64x2.splat (local.get 1))'],
  ['v128.store16_lane', 2, '7 (i64x2.splat (local.get 1))'],
  ['v128.store32_lane', 4, '2 (i64x2.splat (local.get 1))'],
  ['v128.store64_lane', 8, '1 (i64x2.splat (local.get 1))'],
];
const PAGES = 32;

function store([opcode, , value], index) {
  // A lane number stands before the operands.
  const lane = /^\d+ /.exec(value)?.[0] ?? '';
  return `(func $store${index} (param i32 i64) (${opcode} ${lane}(local.get 0) ${value.slice(lane.length)}))`;
}

function cases([, width], index) {
  return `
    (local.set $back (i32.const 1))
    (loop $next_back
      (local.set $at (i32.sub (i32.shl (local.get $page) (i32.const 12)) (local.get $back)))
      (local.set $seed (i64.add (i64.mul (local.get $seed) (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))
      (call $store${index} (local.get $at) (local.get $seed))
      (local.set $hash (call $hash (local.get $hash) (local.get $at) (i32.const ${width})))
      (local.set $back (i32.add (local.get $back) (i32.const 1)))
      (br_if $next_back (i32.lt_u (local.get $back) (i32.const ${width}))))`;
}

export default `(module
  (memory (export "memory") ${PAGES / 16} ${PAGES / 16})
  ${STORES.map(store).join('\n  ')}
  (func $hash (param $hash i32) (param $at i32) (param $length i32) (result i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $length)))
        (local.set $hash
          (i32.add (i32.mul (local.get $hash) (i32.const 31)) (i32.load8_u (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (br $next)))
    (local.get $hash))
  (func (export "straddle") (param $seed i64) (result i32)
    (local $page i32) (local $back i32) (local $at i32) (local $hash i32)
    (local.set $page (i32.const 1))
    (loop $next_page
      ${STORES.map(cases).join('')}
      (local.set $page (i32.add (local.get $page) (i32.const 1)))
      (br_if $next_page (i32.lt_u (local.get $page) (i32.const ${PAGES}))))
    (local.get $hash))
  (func (export "digest") (result i32)
    (call $hash (i32.const 0) (i32.const 0) (i32.const ${PAGES * 4096}))))
`;
