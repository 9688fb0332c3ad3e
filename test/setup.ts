/** Every test runs with costly invariant checks and poisoning on. */
import { setParanoid } from '../src/base/assert.ts';

setParanoid(true);
