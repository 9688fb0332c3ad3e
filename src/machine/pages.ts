/**
 * What lies in each page of a machine's memory, and who else holds it: for memory maps, and for telling what a call wrote.
 *
 * Read only, proportional to the pages that are not zero (a listing) or that differ (a difference). A frame's number
 * names its contents for as long as one machine or snapshot holds it: two holders share a page if and only if their
 * numbers for it are the same. Once all have let go of it, it may name something else.
 */

import { PAGE_BYTES, WASM_PAGE_BYTES, type PageIndex } from '../base/units.ts';
import type { PageMapRoot } from '../memory/page-map.ts';
import type { Runtime } from './runtime.ts';
import type { State } from './state.ts';

/** A memory, page by page, in the order of addresses. A page has 4,096 bytes. */
export interface Pages {
  /** Number of the frame that holds the page; 0 where it is all zero and costs nothing. */
  readonly frames: Uint32Array;
  /** 1 where nothing else holds that frame (machine, snapshot, what this machine would reset to), else 0. */
  readonly own: Uint8Array;
}

/** @param holders how many of the state's holders belong to the one that asks */
export function pagesOf(runtime: Runtime, state: State, memory: { position: number; holders: number }): Pages {
  const { position, holders } = memory;
  const pages = (state.wasmPages[position]! * WASM_PAGE_BYTES) / PAGE_BYTES;
  const frames = new Uint32Array(pages);
  const own = new Uint8Array(pages);
  runtime.maps.forEachOwned(state.roots[position]!, state.holders <= holders, (page, frame, owned) => {
    frames[page] = frame;
    own[page] = owned ? 1 : 0;
  });
  return { frames, own };
}

/** The pages whose frames differ between two states' memories, ascending. */
export function differingPages(runtime: Runtime, a: PageMapRoot, b: PageMapRoot): Uint32Array {
  const pages: PageIndex[] = [];
  runtime.maps.diff(a, b, (page) => pages.push(page));
  return Uint32Array.from(pages);
}
