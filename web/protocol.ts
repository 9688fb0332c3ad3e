/**
 * What the page and its worker say to one another. The host and all its machines live in the worker; the page only asks
 * and draws. Every figure that the page shows was counted or measured over there, or in the page itself.
 */

import type { FileChange } from 'fargo-wasm';

export type { FileChange };

/** A guest that can be chosen. What drives it is in worker/drivers. */
export type GuestId = 'javascript' | 'perl' | 'kv' | 'mandelbrot' | 'repl';

/** Of a machine in the tree. */
export interface NodeInfo {
  readonly id: number;
  readonly parent: number | undefined;
  /** Forks between it and the machine that booted. */
  readonly generation: number;
  /** Position in the list of colours; its pages have the same in every map. */
  readonly colour: number;
  /** Pages in which it differs from what it was at birth. */
  readonly changedPages: number;
  /** Whether it came out of a file. */
  readonly loaded: boolean;
  /** How its last call ended. */
  readonly last: 'none' | 'return' | 'trap';
}

/** A group of children of one machine that are too many to stand in the tree one by one. */
export interface SwarmInfo {
  readonly id: number;
  /** The nearest machine above that has not been ended; undefined where none is left. */
  readonly parent: number | undefined;
  readonly count: number;
  /** How long forking them took. */
  readonly forkMs: number;
  /** Line that was run in all of them last. */
  readonly line: string | undefined;
}

/** Of the whole host. Bytes of frames that several machines share are counted once. */
export interface Stats {
  readonly machines: number;
  readonly totalBytes: number;
  /** What the same machines would hold if each had a copy of its memory. */
  readonly copiesBytes: number;
  readonly cores: number;
}

/** All that the tree and the counters show. */
export interface View {
  readonly nodes: readonly NodeInfo[];
  readonly swarms: readonly SwarmInfo[];
  readonly stats: Stats;
}

export interface Opened {
  readonly view: View;
  readonly guest: GuestId;
  readonly root: number;
  /** Size of the guest's memory. */
  readonly guestBytes: number;
  /** Instrumenting and compiling; 0 where that had been done. */
  readonly buildMs: number;
  /** Booting, or loading. */
  readonly bootMs: number;
  /** Whether other machines were there before. */
  readonly joined: boolean;
  /** Whether it still has to be warmed. */
  readonly cold: boolean;
}

/** One step of a machine's time line. */
export interface Checkpoint {
  readonly label: string;
  /** Pages that the step wrote. */
  readonly pages: number;
}

/** What the panel of one machine shows. */
export interface Inspection {
  readonly node: NodeInfo;
  readonly lineage: readonly number[];
  /** By page: 0 zero, 1 as the guest booted, else 2 + colour of the machine that wrote it. */
  readonly owners: Uint16Array;
  /** By page: 255 written by the last call, fading with each further call. */
  readonly heat: Uint8Array;
  readonly guestBytes: number;
  readonly timeline: readonly Checkpoint[];
  /** Where on the time line it stands. */
  readonly position: number;
  /** Files that differ from those it was born with; undefined for a guest that has none. */
  readonly files: readonly FileChange[] | undefined;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** RGBA. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
}

export interface RunResult {
  readonly view: View;
  /** `failed`: the guest itself reported an error. A trap was rolled back. */
  readonly kind: 'return' | 'failed' | 'trap';
  readonly text: string;
  readonly picture: Picture | undefined;
  readonly ms: number;
  readonly pagesWritten: number;
  /** Innermost first, where the call trapped. */
  readonly stack: readonly string[];
}

/** What one child answered. */
export interface Answer {
  readonly kind: 'return' | 'failed' | 'trap';
  readonly text: string;
  readonly tile: Uint8ClampedArray<ArrayBuffer> | undefined;
}

export interface SwarmResult {
  readonly view: View;
  readonly ms: number;
  /** Memory that the answers cost, by child. */
  readonly bytesPerChild: number;
  /** Children that have answered. */
  readonly done: number;
}

/** Medians over batches: see docs/demo.md. */
export interface Measurement {
  readonly forkUs: number;
  readonly forks: number;
  /** Fork, call, answer read, discarded. */
  readonly firstResultUs: number;
  readonly firstResults: number;
  /** One copy of the guest's memory. */
  readonly copyUs: number;
  readonly copies: number;
  readonly guestBytes: number;
  /** Smallest step of the clock in the worker. */
  readonly clockStepUs: number;
}

/** What the worker does on request. */
export interface WorkerApi {
  open(guest: GuestId, module: Uint8Array<ArrayBuffer>): Opened;
  /** Goes on with a saved machine: in the same family if it is of the same guest. */
  load(file: Uint8Array<ArrayBuffer>): Opened;
  save(node: number): Uint8Array<ArrayBuffer>;
  warm(): { readonly view: View; readonly text: string; readonly ms: number };
  measure(node: number): Measurement;
  fork(node: number, count: number): { readonly view: View; readonly made: readonly number[]; readonly ms: number };
  swarm(node: number, count: number): { readonly view: View; readonly made: number; readonly ms: number };
  run(node: number, line: string): RunResult;
  runAll(swarm: number, line: string): SwarmResult;
  stop(): void;
  /** Lets go of all machines. */
  close(): void;
  adopt(swarm: number, index: number): { readonly view: View; readonly made: number };
  inspect(node: number): Inspection;
  readFile(node: number, path: string): string;
  rollback(node: number, position: number): View;
  dispose(node: number): View;
  disposeSwarm(swarm: number): View;
}

export type Method = keyof WorkerApi;

export interface Request {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}

export type Reply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly code: string; readonly message: string };

/** Said without being asked: answers as they come. */
export interface AnswersEvent {
  readonly event: 'answers';
  readonly swarm: number;
  /** Number of the first of these children. */
  readonly from: number;
  readonly answers: readonly Answer[];
}

export type FromWorker = Reply | AnswersEvent;
