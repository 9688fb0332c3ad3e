/**
 * What an engine cannot do, test by test, each with the reason; docs/engines.md says more. The matrix counts these tests
 * apart, and prints the reasons.
 */

const IDENTITY =
  'WebKit 2.50 has several objects for one function: machines whose tables change are refused where it matters';
const STACK_TEXT = 'Bun shows no function of WebAssembly in the text of a stack';
const SMALL_STACK =
  'the stack of a worker in Chromium is half of that of Node: it ends before what the test wants to meet';
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
    },
    { file: 'guests/hostile/machine.test.ts', test: /recurses-with-large-frames, depth limited/, why: SMALL_STACK },
    { file: 'test/hostile/hostile.test.ts', test: /recurses-with-large-frames, depth limited/, why: SMALL_STACK },
    { file: 'src/wasm/reader.test.ts', test: /more than a cap, as a limit/, why: SMALL_STACK },
  ],
  bun: [
    { file: 'src/machine/machine.test.ts', test: /have the stack of the original module/, why: STACK_TEXT },
    MANY_CORES,
  ],
  webkit: [
    { file: 'src/machine/tables.test.ts', why: IDENTITY },
    { file: 'test/differential/differential.test.ts', why: IDENTITY },
    { file: 'test/snapshot/golden.test.ts', test: /^(linked|difference) > /, why: IDENTITY },
    { file: 'test/snapshot/save-load.test.ts', test: /linked modules share/, why: IDENTITY },
    // It damages machines of linked modules, too.
    { file: 'test/snapshot/mutations.test.ts', test: /^a damaged file is refused/, why: IDENTITY },
    MANY_CORES,
  ],
};

/** @returns {Known | undefined} what is known of a test */
export function knownOf(engine, file, test) {
  return KNOWN[engine]?.find((each) => each.file === file && (each.test?.test(test) ?? true));
}

/** What is not tried on an engine, as a runner takes it: files and patterns of names. */
export function skippedOn(engine) {
  const skipped = (KNOWN[engine] ?? []).filter(({ skip }) => skip);
  return skipped.map(({ file, test }) => ({ file, test: test?.source ?? '' }));
}
