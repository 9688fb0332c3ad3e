/**
 * What an engine cannot do, test by test, each with the reason; docs/engines.md says more. The matrix counts these tests
 * apart, and prints the reasons. Only the failure that is named is excused: with any other error the test is red.
 */

const IDENTITY = {
  why: 'WebKit 2.50 has several objects for one function: machines whose tables change are refused where it matters',
  error: /a table was changed, and this engine does not tell which function stands in it now/,
};
/** Wherever a reference is compared. */
const IDENTITY_OF_REFERENCES = { why: IDENTITY.why, error: /expected \[Function 0\] to be \[Function 0\]/ };
/** Every command of these scripts that fails is one of the two. */
const LAX = {
  why: 'WebKit 2.50 takes some modules that are not valid: in code that is never reached, and in constant expressions',
  error: /"invalid-module" is expected; it became an instance/,
};
const STACK_TEXT = {
  why: 'Bun shows no function of WebAssembly in the text of a stack',
  error: /expected \[\] to deeply equal \[ \{ index: 6, name: 'inner' \}/,
};
const SMALL_STACK =
  'the stack of a worker in Chromium is half of that of Node: it ends before what the test wants to meet';
/** The engine's stack ends where the guest's limit was to. */
const SMALL_GUEST_STACK = {
  why: SMALL_STACK,
  error: /got \{"kind":"trap","trap":"stack-exhausted"\}, expected \{"trap":\["depth-exceeded"\]\}/,
};
/** Measured: more than 200 s, where the other engines take one. */
const MANY_CORES = {
  file: 'test/bad-input/stack.test.ts',
  test: /a call that grows/,
  skip: true,
  why: 'JavaScriptCore takes minutes for thousands of new cores below a deep stack',
};

/**
 * @typedef {object} Known
 * @property {string} file
 * @property {RegExp} [test] by its name; default every test of the file
 * @property {RegExp} [error] what its failure says; every entry has it, but those that are not tried
 * @property {true} [skip] not even tried
 * @property {string} why
 */

/** @type {Readonly<Record<string, readonly Known[]>>} by engine */
export const KNOWN = {
  chromium: [
    {
      file: 'test/spec/fork.spec.ts',
      test: / (elem|table_copy)$/,
      why: 'Chromium has address space for about a hundred memories',
      error: /Out of memory: Cannot allocate Wasm memory for new instance/,
    },
    { file: 'guests/hostile/machine.test.ts', test: /recurses-with-large-frames, depth limited/, ...SMALL_GUEST_STACK },
    { file: 'test/hostile/hostile.test.ts', test: /recurses-with-large-frames, depth limited/, ...SMALL_GUEST_STACK },
    {
      file: 'src/wasm/reader.test.ts',
      test: /more than a cap, as a limit/,
      why: SMALL_STACK,
      error: /^RangeError: Maximum call stack size exceeded/,
    },
  ],
  bun: [
    { file: 'src/machine/machine.test.ts', test: /have the stack of the original module/, ...STACK_TEXT },
    MANY_CORES,
  ],
  webkit: [
    { file: 'src/machine/tables.test.ts', ...IDENTITY },
    {
      file: 'src/instrument/instrument.test.ts',
      test: /references go through private tables/,
      ...IDENTITY_OF_REFERENCES,
    },
    ...['test/spec/plain.spec.ts', 'test/spec/fork.spec.ts'].flatMap((file) => [
      { file, test: / (linking|ref_func|table_copy|table_init)$/, ...IDENTITY },
      { file, test: / (data|elem|global|unreached-invalid)$/, ...LAX },
    ]),
    { file: 'test/differential/differential.test.ts', ...IDENTITY },
    { file: 'test/snapshot/golden.test.ts', test: /^(linked|difference) > /, ...IDENTITY },
    { file: 'test/snapshot/save-load.test.ts', test: /linked modules share/, ...IDENTITY },
    // It damages machines of linked modules, too.
    { file: 'test/snapshot/mutations.test.ts', test: /^a damaged file is refused/, ...IDENTITY },
    MANY_CORES,
  ],
};

/**
 * What is known of a test that did not pass, if it is this that happened.
 *
 * @param {{ file: string, name: string, state: string, error?: string }} ended
 * @returns {Known | undefined}
 */
export function knownOf(engine, { file, name, state, error = '' }) {
  return KNOWN[engine]?.find((each) => {
    if (each.file !== file || !(each.test?.test(name) ?? true)) return false;
    return each.skip === true ? state === 'skipped' : state === 'failed' && (each.error?.test(error) ?? false);
  });
}

/** What is not tried on an engine, as a runner takes it: files and patterns of names. */
export function skippedOn(engine) {
  const skipped = (KNOWN[engine] ?? []).filter(({ skip }) => skip);
  return skipped.map(({ file, test }) => ({ file, test: test?.source ?? '' }));
}
