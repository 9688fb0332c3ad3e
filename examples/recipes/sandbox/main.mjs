/**
 * Starts the server of server.mjs and sends it what it is for, and what it has to bear.
 *
 *     node examples/recipes/sandbox/main.mjs
 */

import assert from 'node:assert/strict';
import { LIMITS, startServer } from './server.mjs';

const fault = (kind) => ({ status: 422, kind });
let server = await startServer();
const send = async (source) => {
  const response = await fetch(server.url, { method: 'POST', body: source });
  return { status: response.status, ...(await response.json()) };
};
const show = async (what, source, wanted) => {
  const started = performance.now();
  const { status, kind, message, output } = await send(source);
  const ms = (performance.now() - started).toFixed(1).padStart(7);
  const said = message?.split('\n')[0] ?? JSON.stringify(output.length > 40 ? `${output.slice(0, 40)}…` : output);
  console.log(`  ${status}  ${kind.padEnd(14)} ${ms} ms  ${what}: ${said}`);
  assert.deepEqual({ status, kind }, wanted, `${what}: ${message}`);
  return output;
};

try {
  console.log('What it is for:');
  const done = { status: 200, kind: 'done' };
  assert.equal(await show('adds up', 'print sum(1 .. 100)', done), '5050');
  assert.equal(await show('leaves a mark', 'our $mark = "mine"; print $mark', done), 'mine');
  assert.equal(await show('looks for it', 'our $mark; print defined $mark ? "there" : "not there"', done), 'not there');
  assert.equal(await show('looks for our environment', 'print join ",", sort keys %ENV', done), '');

  console.log('What it has to bear:');
  await show('dies', 'die "on purpose\\n"', fault('died'));
  await show('is no Perl', 'this is not Perl at all(', fault('died'));
  await show('exits', 'print "bye"; exit 3', fault('exited'));
  await show('never ends', '1 while 1', fault('budget-spent'));
  await show('recurses for ever', 'sub f { f(@_) } no warnings; f(1)', fault('out-of-bounds-memory'));
  await show('prints for ever', 'print "x" x 1000 while 1', fault('limit'));
  await show('wants a gigabyte', 'my $x = "x" x (1 << 30); print length $x', fault('exited'));
  await show('is too long', `# ${'x'.repeat(LIMITS.sourceBytes)}`, { status: 413, kind: 'too-large' });

  console.log('And after all that:');
  assert.equal(await show('adds up', 'print sum(1 .. 100)', done), '5050');
  const answers = await Promise.all(Array.from({ length: 50 }, () => send('print rand()')));
  assert.equal(new Set(answers.map(({ output }) => output)).size, 50);
  console.log('  ok   50 programs at once, 50 different random numbers');
  const started = performance.now();
  for (let i = 0; i < 200; i++) assert.equal((await send(`print ${i} * 2`)).output, `${i * 2}`);
  const each = (performance.now() - started) / 200;
  console.log(`  ok   200 requests, ${each.toFixed(2)} ms each, HTTP and the hop between threads included`);

  console.log('With a budget that is far too high, the clock on the wall is what is left:');
  await server.close();
  server = await startServer(0, { budget: 1e15, wallMs: 300 });
  await show('never ends', '1 while 1', fault('timed-out'));
  assert.equal(await show('adds up, on a new thread', 'print sum(1 .. 100)', done), '5050');

  console.log('Where more programs wait than may:');
  await server.close();
  server = await startServer(0, { waiting: 0 });
  await show('adds up', 'print sum(1 .. 100)', { status: 503, kind: 'busy' });
} finally {
  await server.close();
}
