/**
 * Attack: 5,000 nested blocks, a branch out of all of them and a `br_table` of 10,000 targets: for parsers that recurse
 * and tables that are quadratic.
 *
 * Exit: it returns.
 */

const DEPTH = 5000;
const targets = Array.from({ length: 10_000 }, (_, i) => i % DEPTH).join(' ');

export default `(module
  (memory 1)
  (func (export "nested") (result i32)
    ${'block '.repeat(DEPTH)}
    br ${DEPTH - 1}
    ${'end '.repeat(DEPTH)}
    (i32.store (i32.const 4) (i32.const 42))
    (i32.load (i32.const 4)))
  (func (export "branching") (param i32) (result i32)
    ${'block '.repeat(DEPTH)}
    local.get 0
    br_table ${targets} 0
    ${'end '.repeat(DEPTH)}
    (i32.const 43)))
`;
