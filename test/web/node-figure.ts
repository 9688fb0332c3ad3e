/** The figures of the demo's page, measured by the same code in this process: what browsers are compared with. */

import { readFileSync } from 'node:fs';
import { Host } from 'fargo-wasm';
import { keyValue } from '../../web/worker/drivers/key-value.ts';
import { measure } from '../../web/worker/measure.ts';

const host = await Host.create();
const image = await host.build(readFileSync(process.argv[2]!), keyValue.build);
const machine = await image.boot({ limits: { budget: keyValue.budget } });
keyValue.warm(machine);
console.log(JSON.stringify(measure(machine, keyValue)));
host.dispose();
