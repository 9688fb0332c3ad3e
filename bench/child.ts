/** One bench in this process: `child.js NAME [--quick]`. Prints its results as the last line, JSON. */

import { BENCHES } from './benches.ts';

const [name, ...options] = process.argv.slice(2);
const bench = BENCHES.find((each) => each.name === name);
if (bench === undefined) throw new Error(`there is no bench ${String(name)}`);
const results = await bench.run({ quick: options.includes('--quick') });
console.log(JSON.stringify(results));
process.exit(0);
