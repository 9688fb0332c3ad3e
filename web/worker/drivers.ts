/** Which driver goes with which guest: a new guest is one file, one line here and one in page/catalogue.ts. */

import type { GuestId } from '../protocol.ts';
import type { Driver } from './driver.ts';
import { javascript } from './drivers/javascript.ts';
import { keyValue } from './drivers/key-value.ts';
import { mandelbrot } from './drivers/mandelbrot.ts';
import { perl } from './drivers/perl.ts';
import { repl } from './drivers/repl.ts';

export const DRIVERS: Readonly<Record<GuestId, Driver>> = { javascript, perl, kv: keyValue, mandelbrot, repl };
