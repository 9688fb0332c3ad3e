/**
 * Attack: tries to name the write map, which lies below guest address 0, with every vector access: addresses near 4 GiB
 * (negative ones, to a C program), constant offsets that bring the sum to 2^32 and beyond.
 *
 * Exit: out-of-bounds-memory each time: effective addresses have 33 bits and never wrap. `intact()` stays 0.
 */

import { vector, moduleOf } from './access-kinds.mjs';

export default moduleOf(vector);
