/**
 * What jco made of a component, small: the glue, and of each core module where in the component it stands. Modules that stand
 * nowhere (adapters between components) are there whole.
 *
 * It has three forms: plain data; bytes for a cache, with a digest in front; and a JavaScript module for a page whose policy
 * lets no text become code. In the last the glue is a function that was checked when the module was written.
 */

import { toHex } from '../base/bytes.ts';
import { FargoError } from '../base/errors.ts';
import type { PreparedComponent } from '../host/prepared.ts';
import { digestOf } from '../image/snapshot/digest.ts';
import { Cursor } from '../wasm/leb.ts';
import { readGlue } from './glue-source.ts';
import { compileGlue, GLUE_PARAMETERS, type CompiledGlue } from './glue.ts';

/** Changes with the form, and with what is around glue that is a function. */
const VERSION = 1;
const DIGEST_LENGTH = 71;
const HEADER_BYTES = 8;
const MODULE = 1;
const COMPONENT = 4;

/** A component taken apart. */
export interface Apart {
  /** As jco wrote it, or as a function. */
  readonly glue: string | GlueFunction;
  /** Of the glue as jco wrote it. */
  readonly glueDigest: string;
  /** Core modules, by the names that the glue has for them. */
  readonly modules: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** `.d.ts` files, by name. */
  readonly types: ReadonlyMap<string, string>;
  /** Interfaces and functions that the component imports. */
  readonly imports: readonly string[];
}

/** Glue that is a function, with what its text said beside it. */
export interface GlueFunction {
  readonly run: CompiledGlue['run'];
  readonly tables: readonly (readonly [string, number])[];
  readonly allocators: readonly string[];
}

/** What jco made of `component`. */
export function prepare(
  component: Uint8Array,
  apart: Omit<Apart, 'modules'> & { readonly digest: string; readonly modules: ReadonlyMap<string, Uint8Array> },
): PreparedComponent {
  const standing = coreModulesIn(component);
  const modules = [...apart.modules].map(([file, bytes]) => {
    const found = standing.find((each) => isSame(component.subarray(each.at, each.at + each.length), bytes));
    return found === undefined ? { file, hex: toHex(bytes) } : { file, ...found };
  });
  return {
    version: VERSION,
    component: apart.digest,
    glue: apart.glue,
    glueDigest: apart.glueDigest,
    modules,
    types: Object.fromEntries(apart.types),
    imports: apart.imports,
  };
}

/** A component taken apart as was prepared: its modules are views of `component`. @throws FargoError `bad-argument` for what was prepared of another component */
export function modulesOf(prepared: PreparedComponent, component: Uint8Array<ArrayBuffer>, digest: string): Apart {
  const { version, component: of, glue, glueDigest, modules, types, imports } = prepared;
  if (version !== VERSION) {
    throw new FargoError(
      'bad-argument',
      `what was prepared has version ${version}; ${VERSION} is taken: prepare it again`,
    );
  }
  if (of !== digest) {
    throw new FargoError('bad-argument', `what was prepared is of component ${of}; this is ${digest}`);
  }
  const bytesOf = (each: (typeof modules)[number]): Uint8Array<ArrayBuffer> =>
    'hex' in each ? fromHex(each.hex) : component.subarray(each.at, each.at + each.length);
  return {
    glue: glue as string | GlueFunction,
    glueDigest,
    modules: new Map(modules.map((each) => [each.file, bytesOf(each)])),
    types: new Map(Object.entries(types)),
    imports,
  };
}

/** The glue of a component taken apart, checked and ready to be evaluated. @throws FargoError `unsupported` */
export function glueOf({ glue }: Apart): CompiledGlue {
  if (typeof glue === 'string') return compileGlue(readGlue(glue));
  const { run, tables, allocators } = glue;
  return { source: { body: '', tables: new Map(tables), allocators: new Set(allocators) }, run };
}

/** For a cache. */
export async function writePrepared(prepared: PreparedComponent): Promise<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const text = encoder.encode(JSON.stringify(prepared));
  const bytes = new Uint8Array(DIGEST_LENGTH + text.length);
  bytes.set(encoder.encode(await digestOf(text)));
  bytes.set(text, DIGEST_LENGTH);
  return bytes;
}

/** What {@link writePrepared} wrote; undefined for what is damaged or of another version. */
export async function readPrepared(bytes: Uint8Array): Promise<PreparedComponent | undefined> {
  const decoder = new TextDecoder();
  const text = bytes.subarray(DIGEST_LENGTH);
  if (decoder.decode(bytes.subarray(0, DIGEST_LENGTH)) !== (await digestOf(text))) return undefined;
  const prepared = JSON.parse(decoder.decode(text)) as PreparedComponent;
  return prepared.version === VERSION ? prepared : undefined;
}

/**
 * What was prepared as the text of a JavaScript module, which exports it as `prepared`: for a page whose content security policy
 * has no `unsafe-eval`. Types are left out.
 *
 * @throws FargoError `unsupported` for glue that is not known
 */
export function preparedModule(prepared: PreparedComponent): string {
  const { glue, ...rest } = prepared;
  if (typeof glue !== 'string') throw new FargoError('bad-argument', 'what was prepared is a module already');
  const { body, tables, allocators } = readGlue(glue);
  const facts = JSON.stringify({ ...rest, types: {} });
  const names = JSON.stringify({ tables: [...tables], allocators: [...allocators] });
  return `const run = function (${GLUE_PARAMETERS.join(', ')}) {\n${body}\n};
export const prepared = { ...${facts}, glue: { ...${names}, run } };
`;
}

interface Place {
  readonly at: number;
  readonly length: number;
}

/** Where core modules stand in a component, and in those within. The names in it were read before, so its sections are sound. */
function coreModulesIn(component: Uint8Array): Place[] {
  const found: Place[] = [];
  const walk = (cursor: Cursor): void => {
    while (cursor.at < cursor.end) {
      const id = cursor.u8();
      const length = cursor.u32();
      const at = cursor.skip(length);
      if (id === MODULE) found.push({ at, length });
      else if (id === COMPONENT && length >= HEADER_BYTES) {
        walk(new Cursor(component, at + HEADER_BYTES, at + length, 'component'));
      }
    }
  };
  walk(new Cursor(component, HEADER_BYTES, component.length, 'component'));
  return found;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: text.length / 2 }, (_, at) => Number.parseInt(text.slice(2 * at, 2 * at + 2), 16));
}
