/**
 * What a rewriter does with custom sections.
 *
 * Rewriting moves code and adds functions at the end, so a section that holds code offsets, or one entry for each
 * function, would lie afterwards. The name section is corrected (names.ts); everything else does not depend on the code.
 */

export type CustomPolicy = 'correct' | 'drop' | 'keep';

/** Sections that hold code offsets, by name: object files (tool conventions), source maps, debug information elsewhere. */
const DROPPED_NAMES: ReadonlySet<string> = new Set([
  'linking',
  'sourceMappingURL',
  'external_debug_info',
  // One byte for each defined function, so wrong once functions are added.
  'compilationHints',
]);

/** DWARF, relocations, code metadata such as branch hints. */
const DROPPED_PREFIXES: readonly string[] = ['.debug_', 'reloc.', 'metadata.code.'];

/** What happens to the custom section called `name` when code is rewritten. */
export function customPolicy(name: string): CustomPolicy {
  if (name === 'name') return 'correct';
  const dropped = DROPPED_NAMES.has(name) || DROPPED_PREFIXES.some((prefix) => name.startsWith(prefix));
  return dropped ? 'drop' : 'keep';
}
