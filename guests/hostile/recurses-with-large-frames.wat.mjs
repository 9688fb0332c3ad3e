/**
 * Attack: a function of 20,000 live locals that calls itself: each level takes a large piece of the engine's stack.
 * Exit: stack-exhausted, or depth-exceeded where call depth is limited low enough.
 */

const COUNT = 20_000;
const sets = Array.from({ length: COUNT }, (_, i) => `(local.set ${i + 1} (i64.load (i32.const ${(i * 8) % 65_528})))`);
const sums = Array.from({ length: COUNT }, (_, i) => `(local.get ${i + 1}) i64.add`);

export default `(module
  (memory 1)
  (func $f (export "recurse") (param i32) (result i64) (local ${'i64 '.repeat(COUNT)})
    ${sets.join(' ')}
    (call $f (local.get 0))
    ${sums.join(' ')})
  (func (export "alive") (result i32) (i32.const 1)))
`;
