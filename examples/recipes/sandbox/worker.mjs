/**
 * The thread on which guests run, one request after the other: each gets a fresh child of one warm Perl, and the child is
 * disposed whatever becomes of it. What ends a program is told as a kind and a message; nothing it does is an exception here.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { callWithText, ExitError, FargoError, Host, reserveHeadroom, TrapError } from 'fargo-wasm';
import { bootPerl, perl, perlBuild, perlBytes } from '../../perl/perl.mjs';

const SCALAR = 1;
const HEADROOM_BYTES = 8 << 20;
const WASM_PAGE_BYTES = 65_536;
const { outputBytes, budget } = workerData.limits;

const host = await Host.create({ maxBytes: 256 << 20 });
const image = await host.build(await perlBytes(), { ...perlBuild, budget: true });
const parent = await bootPerl(image);
perl(parent, 'use strict; use warnings; use List::Util qw(sum min max first shuffle); 1');
reserveHeadroom(parent, HEADROOM_BYTES); // so that children allocate without growing their memory
const template = parent.snapshot();
const limits = {
  budget,
  outputBytes,
  callDepth: 2_000,
  memoryPages: parent.usage().guestBytes / WASM_PAGE_BYTES, // what it has now, headroom included, is all there is
};
parent.dispose();
// The engine compiles hot code on threads of its own, and Node waits for these when a thread first falls idle: now, and not
// before the first answer.
answerTo('print sum(1 .. 1000)');
await new Promise((done) => setTimeout(done, 0));

parentPort.on('message', (source) => parentPort.postMessage(answerTo(source), []));
parentPort.postMessage('ready', []);

function answerTo(source) {
  let child;
  try {
    [child] = template.fork(1, { limits });
    const status = callWithText(child, 'zeroperl_eval', source, SCALAR, 0, 0);
    child.call('zeroperl_flush');
    const output = textOf(child.takeOutput());
    if (status === 0) return { kind: 'done', output, pagesWritten: child.pagesSince(template).length };
    const message = child.memory.readCString(child.call('zeroperl_last_error'));
    return { kind: 'died', message: message.trimEnd().slice(0, 2_000), output };
  } catch (error) {
    return failureOf(error, child);
  } finally {
    child?.dispose();
  }
}

/** Whose fault it is: the program's, by the kind of its trap; the host's, which has no room; or ours. */
function failureOf(error, child) {
  if (error instanceof TrapError) {
    const { kind, message, output } = error.trap;
    return { kind, message, output: textOf(output) };
  }
  if (error instanceof ExitError) {
    return { kind: 'exited', message: `exit code ${error.exitCode}`, output: textOf(child.takeOutput()) };
  }
  if (error instanceof FargoError && error.code === 'limit') return { kind: 'no-room', message: error.message };
  return { kind: 'internal', message: error instanceof Error ? error.message : String(error) };
}

function textOf(chunks) {
  return Buffer.concat(chunks.map(({ bytes }) => bytes)).toString('utf8');
}
