/** Pages that follow one another, in frames that do: one copy for all of them. */

import { type FrameIndex, type PageIndex } from '../base/units.ts';
import { FramePool, ZERO_FRAME } from './frame-pool.ts';

export interface PageRuns {
  /** Takes the next page. */
  add(page: PageIndex, frame: FrameIndex): void;
  /** After the last one. */
  end(): void;
}

/** Gathers pages and their frames into runs, and calls `copy` with each: its first page, its first frame, its pages. */
export function pageRuns(copy: (first: PageIndex, frame: FrameIndex, pages: number) => void): PageRuns {
  let first = 0;
  let firstFrame = ZERO_FRAME;
  let pages = 0;
  const end = (): void => {
    if (pages > 0) copy(first, firstFrame, pages);
  };
  return {
    add(page, frame) {
      if (page !== first + pages || !FramePool.follows(firstFrame, pages, frame)) {
        end();
        first = page;
        firstFrame = frame;
        pages = 0;
      }
      pages++;
    },
    end,
  };
}
