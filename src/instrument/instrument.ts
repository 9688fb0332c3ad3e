/**
 * The pipeline: bytes of a module in, an instrumented module and what the machine must know of it out.
 *
 * ```
 *   validate (engine) → read → plan (refuse) → [budget] → track writes → append hooks → write
 * ```
 *
 * The original is validated by the engine before anything is rewritten, so the passes may trust types and nesting; what
 * the opcode table doesn't know is refused, never copied through. A rewriter must not turn an invalid module valid.
 */

import { FargoError } from '../base/errors.ts';
import type { Import, Module } from '../wasm/module.ts';
import { readNames } from '../wasm/names.ts';
import type { Names } from '../wasm/names.ts';
import { readModule } from '../wasm/reader.ts';
import { ByteWriter } from '../wasm/writer.ts';
import { addBudget } from './budget.ts';
import type { BudgetPass } from './budget.ts';
import { pageLimitName } from './bulk.ts';
import { exportDeferred } from './deferred-marks.ts';
import type {
  ExportMeta,
  Hooks,
  ImportMeta,
  Instrumented,
  InstrumentOptions,
  MemoryMeta,
  ModuleMeta,
  TableMeta,
} from './meta.ts';
import { functionType, planModule } from './plan.ts';
import type { MemoryPlan, Plan } from './plan.ts';
import { addRegisters } from './registers.ts';
import { addScan } from './scan.ts';
import { addBoot, addElements } from './segments.ts';
import { ShadowStack } from './shadow-stack.ts';
import { addFunctionList, entryLimitName, exportTablesChanged } from './tables.ts';
import { WriteTracker } from './track-writes.ts';
import type { Counts } from './counts.ts';
import { Trampolines } from './trampolines.ts';
import { writeOutput } from './output.ts';

/**
 * Instruments a module. `bytes` are not changed and not kept.
 *
 * Throws `FargoError`: `invalid-module` when the engine does not accept it, `unsupported` when it cannot be captured or
 * uses a feature outside the opcode table, `limit` for a cap of the reader.
 */
export function instrument(bytes: Uint8Array, options: InstrumentOptions = {}): Instrumented {
  const { budget: withBudget = false, exactCalls = false, keepCustomSections = true } = options;
  const started = performance.now();
  const valid = WebAssembly.validate(bytes);
  const validateMs = performance.now() - started;
  const module = readModule(bytes);
  if (!valid) throw invalid(bytes);

  const plan = planModule(module);
  const names = readNames(module);
  plan.notes.push(...names.notes);
  const budget = withBudget ? addBudget(plan) : undefined;
  const bodies = new ByteWriter(Math.ceil((module.code.end - module.code.start) * 1.5) + 1024);
  const counts = rewriteBodies(plan, bodies, budget);

  const boot = addBoot(plan);
  const elements = addElements(plan);
  const { registers, registerBytes, save, load, referenceRegisters, referenceGlobals } = addRegisters(plan);
  const abort = plan.additions.func('fargo:abort', { params: [], results: [] }, (code) => code.op('unreachable'));
  const hooks: Hooks = {
    elements,
    boot,
    save,
    load,
    abort: plan.additions.exportAs('abort', 'func', abort),
    tablesChanged: exportTablesChanged(plan),
    deferred: exportDeferred(plan),
    ...addFunctionList(plan),
    referenceRegisters,
    referenceGlobals,
  };
  const memories = plan.memories.slice(0, plan.counts.memory).map((memory) => memoryMeta(plan, memory));
  const frontMemory = memories[0]?.exportName ?? plan.additions.exportAs('front', 'memory', 0);
  const meta: Omit<ModuleMeta, 'report'> = {
    imports: module.imports.map((item) => importMeta(plan, item)),
    exports: exportMetas(plan, exactCalls),
    memories,
    tables: tableMetas(plan),
    frontMemory,
    registers,
    registerBytes,
    hooks,
    budget: budget?.meta,
    functionNames: functionNames(module, names),
  };

  const output = writeOutput({ plan, bodies, names, keepCustomSections });
  const report = {
    inputBytes: bytes.length,
    outputBytes: output.bytes.length,
    codeBytesBefore: module.code.end - module.code.start,
    codeBytesAfter: output.codeBytes,
    functions: module.functions.length,
    ...counts,
    totalMs: performance.now() - started,
    validateMs,
    notes: plan.notes,
  };
  return { bytes: output.bytes, meta: { ...meta, report } };
}

/** The engine's reason; the reader found none. */
function invalid(bytes: Uint8Array): FargoError {
  const compile = (): WebAssembly.Module => new WebAssembly.Module(bytes);
  try {
    compile();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new FargoError('invalid-module', `the engine refuses the module: ${reason}`, { cause });
  }
  return new FargoError('invalid-module', 'the engine refuses the module');
}

function rewriteBodies(plan: Plan, out: ByteWriter, budget: BudgetPass | undefined): Counts {
  const { module } = plan;
  const shadow = new ShadowStack(plan);
  let tracker: WriteTracker;
  do {
    out.length = 0;
    tracker = new WriteTracker(plan, out, shadow);
    for (const [i, typeIndex] of module.functions.entries()) {
      const start = module.bodies[2 * i]!;
      const end = module.bodies[2 * i + 1]!;
      const index = plan.importedFunctions + i;
      if (budget === undefined) tracker.body(module.bytes, start, end, index);
      else {
        const charged = budget.body(start, end, typeIndex);
        tracker.body(charged.buffer, 0, charged.length, index);
      }
    }
  } while (shadow.again());
  return tracker.counts;
}

function importMeta(plan: Plan, item: Import): ImportMeta {
  if (item.kind === 'func' || item.kind === 'tag') {
    const { module, name, kind, typeIndex } = item;
    return { module, name, kind, type: plan.module.types[typeIndex]! };
  }
  return item;
}

function exportMetas(plan: Plan, exactCalls: boolean): ExportMeta[] {
  const trampolines = new Trampolines(plan, exactCalls);
  return plan.module.exports.map(({ name, kind, index }): ExportMeta => {
    if (kind === 'func') {
      return { name, index, kind, type: functionType(plan, index), exact: trampolines.exportFor(index) };
    }
    if (kind === 'global') return { name, index, kind, type: plan.globals[index]! };
    return { name, index, kind };
  });
}

function memoryMeta(plan: Plan, memory: MemoryPlan): MemoryMeta {
  const { additions } = plan;
  const limit = additions.knownGlobal(pageLimitName(memory));
  return {
    importIndex: memory.importIndex,
    type: memory.guest,
    exportName: additions.exportAs(`memory${memory.index}`, 'memory', memory.index),
    scan: addScan(plan, memory),
    pageLimit: limit === undefined ? undefined : additions.exportAs(`page-limit${memory.index}`, 'global', limit),
  };
}

function tableMetas({ tables, additions }: Plan): TableMeta[] {
  return tables.map((table): TableMeta => {
    const limit = additions.knownGlobal(entryLimitName(table));
    return {
      importIndex: table.importIndex,
      type: table.type,
      exportName: additions.exportAs(`table${table.index}`, 'table', table.index),
      entryLimit: limit === undefined ? undefined : additions.exportAs(`entry-limit${table.index}`, 'global', limit),
    };
  });
}

/** Names from the name section, else from exports and imports. */
function functionNames(module: Module, names: Names): Map<number, string> {
  const known = new Map<number, string>();
  let index = 0;
  for (const { kind, module: from, name } of module.imports) if (kind === 'func') known.set(index++, `${from}.${name}`);
  for (const item of module.exports) if (item.kind === 'func') known.set(item.index, item.name);
  for (const [named, name] of names.functions) known.set(named, name);
  return known;
}
