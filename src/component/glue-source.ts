/**
 * The glue that jco generates, as text: what of it is checked before it is evaluated, and how its variables are reached.
 *
 * Checked is that it remembers nothing that is not known here. Everything before the first core module is jco's own
 * runtime, chosen by what the component needs; each declaration there must stand in {@link KNOWN}. Behind it stands what is
 * generated for the component, where only the tables of {@link STATE} and bindings that are set once may be declared.
 */

import { FargoError } from '../base/errors.ts';
import { directAccessors } from './direct-imports.ts';
import { glueLines, type GlueLine } from './glue-lines.ts';

/** Version of jco whose glue this is. Others are taken while their glue declares nothing else. */
export const JCO_VERSION = '1.35';

/** Declarations of jco's runtime that hold nothing between two calls that are done. */
const KNOWN: ReadonlySet<string> = new Set(
  `emptyFunc dv dataView isLE utf16Decoder TEXT_DECODER_UTF8 TEXT_ENCODER_UTF8 T_FLAG I32_MAX I32_MIN _typeCheckValidI32
  RESOURCE_SCOPE_TASKS RESOURCE_SCOPE_ID SCOPE_ID RESOURCE_CALL_BORROWS WebAssemblyRuntimeError curResourceBorrows ASYNC_TASKS_BY_COMPONENT_IDX
  ASYNC_CURRENT_COMPONENT_IDXS ASYNC_CURRENT_TASK_IDS ASYNC_STATE Waitable INSTANCE_FLAGS STORE_TRAP STORE_ASYNC_STATE
  CORE_TRAP_MESSAGES RepTable ComponentAsyncState GLOBAL_COMPONENT_MEMORY_MAP AsyncSubtask FutureValue ASYNC_DETERMINISM
  _coinFlip ASYNC_EVENT_CODE CURRENT_TASK_META AsyncTask CURRENT_TASK_MAY_BLOCK SYMMETRIC_SYNC_GUEST_CALL_STACK
  symbolCabiDispose symbolRscHandle symbolRscRep symbolDispose HANDLE_TABLES _debugLog ComponentError hasOwnProperty
  _liftFlatVariantScratch i32ToF32I i32ToF32F i32ToF32 f32ToI32 i64ToF64I i64ToF64F i64ToF64 f64ToI64 _conditionalSuspending3I32ToVoidModule`.split(
    /\s+/,
  ),
);

/** Functions that take nothing but their arguments and what is in {@link KNOWN}. */
const KNOWN_FUNCTIONS: ReadonlySet<string> = new Set(
  `rscTableCreateOwn rscTableCreateBorrow rscTableRemove getCurrentTask clearCurrentTask promiseWithResolvers
  createNewCurrentTask finalizationRegistryCreate getOrCreateAsyncState lookupMemoriesForComponent contextGet contextSet
  resourceTransferBorrow resourceTransferOwn getErrorPayload i32ToChar validateGuestChar validateHostChar
  getErrorPayloadString rscTableEnsureBorrowDrop rscTableGet throwUninitialized throwInvalidBool clampGuest _conditionalSuspending3I32ToVoid`.split(
    /\s+/,
  ),
);

/** Names of functions that convert values, whatever the type. */
const CONVERSION =
  /^(_(lift|lower)Flat\w*|_?to(Uint|Int|Big|String|Result|Number|Float)\w*|_\w+AllocateAndEncode|_is\w+|_require\w+)$/;
/** Names of functions of the runtime for what happens within one call. */
const INTERNAL =
  /^_(withGlobal|getGlobal|setGlobal|clear|check|guard|track|suspending|normalize|symmetric|lowerImport)\w*$/;

/** What belongs to the machine, in the order of the tables. */
const STATE = {
  handles: /^ *const (handleTable(\d+)) = \[T_FLAG, 0\];$/gm,
  registries: /^ *const (finalizationRegistry(\d+)) = finalizationRegistryCreate\(\(handle\) => \{$/gm,
  captured: /^ *const captureTable(\d+)= new Map\(\);$/gm,
} as const;

/** What is declared of a component: its bindings are set once, when it is instantiated. */
const GENERATED =
  /^(exports|memory|realloc|postReturn|callback|trampoline|_trampoline|module|instanceFlags|finalizationRegistry|handleTable|captureTable|captureCnt)\d+(Async)?$/;

const DECLARATION = /^ *(async )?(const|let|var|class|function\*?) *(\{[^}]*\}|[\w$]+) *(.*)$/;
/** A value that could be changed: a collection, a list, an object. */
const MUTABLE = /^= *(new (?!Text)|\[|\{|Object\.create)/;
const FIRST_MODULE = /^ *const module0 = getCoreModule\(/m;
const SCOPE = /^ *let gen ?= ?\(function\* ?_initGenerator ?\(\) ?\{$/m;
/** A new table of handles, wherever the glue makes one. */
const TABLE = '[T_FLAG, 0]';
/** Borrows between components: jco's runtime adds to this list and never reads it, so here nothing is kept. */
const BORROWS = 'let RESOURCE_CALL_BORROWS = [];';
const BORROWS_READ = /\bRESOURCE_CALL_BORROWS\b(?! = \[\];|\.push\()/;
/** A new map of captured objects. */
const CAPTURED_MAP = /(?<=^ *const captureTable\d+= )new Map\(\);$/gm;
const EXPORTED = /^export function instantiate\(/m;
/** Longer glue takes the engine seconds and gigabytes; that of a JavaScript engine with all of WASI has a million. */
const CHARACTERS_MAX = 1 << 25;

/**
 * What glue means by these names is not for a component to say: jco gives its resources and imports their own names there, and
 * a class `Map` of the component in the place of the engine's would be asked what the glue remembers.
 */
const RESERVED: readonly string[] = (
  'Array BigInt Boolean Error Function Infinity JSON Map Math NaN Number Object Promise Proxy RangeError Reflect Set ' +
  'String Symbol TypeError WeakMap WeakSet WebAssembly console globalThis undefined ' +
  'DataView TextDecoder TextEncoder FinalizationRegistry ArrayBuffer Int8Array Uint8Array Uint8ClampedArray Int16Array ' +
  'Uint16Array Int32Array Uint32Array BigInt64Array BigUint64Array Float32Array Float64Array ' +
  'getCoreModule imports instantiateCore'
).split(' ');

export interface GlueSource {
  /** The body of a function that returns `instantiate`; `$fargo`, `$table`, `$captured` and the shadowed names are its parameters. */
  readonly body: string;
  /** Table of handles of each class of the guest's resources, by the class's name. */
  readonly tables: ReadonlyMap<string, number>;
  /** Exports of core instances that allocate: calling one does not enter the component. */
  readonly allocators: ReadonlySet<string>;
}

/** @throws FargoError `unsupported` for glue that is not known, by what is not known of it */
export function readGlue(source: string): GlueSource {
  if (source.length > CHARACTERS_MAX) {
    throw new FargoError(
      'limit',
      `the glue of this component has ${source.length} characters; ${CHARACTERS_MAX} are allowed: its types or names are too large`,
    );
  }
  const lines = glueLines(source);
  if (lines === undefined) throw unknown('its braces do not match');
  const imports = lines.some(({ text, depth }) => depth === 0 && text.startsWith('import'));
  if (imports || ![EXPORTED, FIRST_MODULE, SCOPE].every((part) => part.test(source))) {
    throw unknown('it is not of the form of `instantiation: sync`');
  }
  if (BORROWS_READ.test(source)) throw unknown('it reads RESOURCE_CALL_BORROWS');
  const firstModule = lines.findIndex(({ text }) => FIRST_MODULE.test(text));
  const scope = lines.findIndex(({ text }) => SCOPE.test(text));
  const reserved = new Set(RESERVED);
  for (const name of checkRuntime(lines.slice(0, firstModule))) reserved.add(name);
  checkNames(lines.slice(firstModule), reserved);
  checkGenerated(lines.slice(scope + 1));
  const captures = [...source.matchAll(STATE.captured)].map((match) => Number(match[1]));
  for (const table of captures) {
    if (!source.includes(`let captureCnt${table}= 0;`)) throw unknown(`captureTable${table} has no captureCnt${table}`);
  }
  const handles = [...source.matchAll(STATE.handles)];
  const usesHandles = source.includes('const HANDLE_TABLES= [];');
  for (const [, name, number] of handles) {
    if (!source.includes(`HANDLE_TABLES[${number}] = ${name};`)) throw unknown(`${name} is not in HANDLE_TABLES`);
  }
  const accessors = [
    usesHandles ? 'handles: HANDLE_TABLES' : 'handles: []',
    source.includes('const symbolRscHandle =') ? 'handleSymbol: symbolRscHandle' : 'handleSymbol: undefined',
    `captures: [${captures.map(capture).join(', ')}]`,
    ...directAccessors(source),
    `registries: { ${[...source.matchAll(STATE.registries)].map(([, name, number]) => `get ${number}() { return ${name}; }`).join(', ')} }`,
  ];
  const code = `"use strict";\n${source
    .replace(/^export const _util = [^]*$/m, '')
    .replace(SCOPE, (line) => `${line}\n$fargo({ ${accessors.join(', ')} });`)
    .replace(BORROWS, 'let RESOURCE_CALL_BORROWS = { push() {} };')
    .replaceAll(TABLE, '$table([T_FLAG, 0])')
    .replaceAll(CAPTURED_MAP, 'new $captured();')
    .replace(EXPORTED, 'return function instantiate(')}`;
  return { body: code, tables: tablesOf(source), allocators: allocatorsOf(source) };
}

/** Closures over one table of captured objects. They are called when the glue has run. */
function capture(table: number): string {
  return `{ get map() { return captureTable${table}; }, get count() { return captureCnt${table}; }, set count(to) { captureCnt${table} = to; } }`;
}

/** What stands in the body of `instantiate`, before the first core module. Gives the names. */
function checkRuntime(lines: readonly GlueLine[]): string[] {
  const names: string[] = [];
  for (const { text, depth } of lines) {
    const [, , kind, name] = DECLARATION.exec(text) ?? [];
    if (depth !== 1 || kind === undefined) continue;
    names.push(name!);
    if (KNOWN.has(name!)) continue;
    const isFunction = kind === 'function' || kind === 'function*';
    if (!isFunction || !isKnownFunction(name!)) throw unknown(`its runtime declares the ${kind} ${name}`);
  }
  return names;
}

/** What is declared for the component may hide nothing that the glue uses. */
function checkNames(lines: readonly GlueLine[], reserved: ReadonlySet<string>): void {
  for (const { text, depth } of lines) {
    const [, , kind, names] = DECLARATION.exec(text) ?? [];
    if (kind === undefined || depth < 1 || depth > 2) continue;
    // `{ name, name: own }`, or one name.
    for (const part of names!.replace(/[{}]/g, '').split(',')) {
      const name = part.split(':').at(-1)!.trim();
      if (reserved.has(name)) {
        throw new FargoError(
          'unsupported',
          `the component has something named ${name}: in its glue that is another thing`,
        );
      }
    }
  }
}

function isKnownFunction(name: string): boolean {
  return KNOWN_FUNCTIONS.has(name) || CONVERSION.test(name) || INTERNAL.test(name);
}

/** What stands in the scope that instantiates the component. */
function checkGenerated(lines: readonly GlueLine[]): void {
  for (const { text, depth } of lines) {
    const [, asynchronous, kind, name, rest] = DECLARATION.exec(text) ?? [];
    if (depth !== 2 || kind === undefined) continue;
    if (asynchronous !== undefined)
      throw new FargoError('unsupported', `the component exports an async function: ${name}`);
    if (kind === 'class' || kind === 'function' || kind === 'function*' || GENERATED.test(name!)) continue;
    if (rest === ';' || !MUTABLE.test(rest!)) continue;
    // What the component exports: an object of functions that nothing changes.
    if (kind === 'const' && rest === '= {') continue;
    throw unknown(`it declares the ${kind} ${name} ${rest}`);
  }
}

/** By where an object of a class is made and registered. */
function tablesOf(source: string): Map<string, number> {
  const made =
    /Object\.create\(([\w$]+)\.prototype\);\s+Object\.defineProperty\(\w+, symbolRscHandle, [^\n]*\n\s*finalizationRegistry(\d+)\.register\(/g;
  return new Map([...source.matchAll(made)].map(([, name, table]) => [name!, Number(table)]));
}

function allocatorsOf(source: string): Set<string> {
  const names = new Set<string>();
  for (const [, dotted, quoted] of source.matchAll(/^ *realloc\d+ = exports\d+(?:\.([\w$]+)|\['([^']*)'\]);$/gm)) {
    names.add((dotted ?? quoted)!);
  }
  return names;
}

function unknown(what: string): FargoError {
  return new FargoError(
    'unsupported',
    `the glue of this component is not known here: ${what}; use @bytecodealliance/jco ${JCO_VERSION}, and no async functions, streams or futures`,
  );
}
