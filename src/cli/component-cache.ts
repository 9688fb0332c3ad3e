/** Where the command line keeps what jco made of components: a second run of a JavaScript engine is spared jco's seconds. */

import { FargoError } from '../base/errors.ts';
import type { ComponentCache } from '../host/prepared.ts';
import { componentCache } from '../platform/node/index.ts';

/** As an option of `Host.build` and `Host.load`; none where there is no folder that only the user can write. */
export function cacheOption(): { readonly cache?: ComponentCache } {
  try {
    return { cache: componentCache() };
  } catch (error) {
    if (error instanceof FargoError) return {};
    throw error;
  }
}
