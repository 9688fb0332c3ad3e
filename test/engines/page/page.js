/**
 * Runs suites one after another, each in a worker of its own, and sends what it hears to the server: in a page the main
 * thread of some engines refuses to compile large modules at once.
 */

const order = new URLSearchParams(location.search);
const suites = order.get('suites').split(',');
const skip = JSON.parse(order.get('skip'));
const now = document.querySelector('#now');

let waiting = [];
let sending = Promise.resolve();

function tell(suite, told) {
  waiting.push({ suite, told });
  if (waiting.length > 1) return;
  sending = sending.then(async () => {
    const batch = waiting;
    waiting = [];
    if (batch.length > 0) await fetch('/told', { method: 'POST', body: JSON.stringify(batch) });
  });
}

function run(suite) {
  return new Promise((done) => {
    const worker = new Worker('/worker.js', { type: 'module' });
    const end = () => {
      worker.terminate();
      done();
    };
    worker.addEventListener('message', ({ data }) => {
      tell(suite, data);
      if (data.kind === 'begins') now.textContent = `${suite}: ${data.name}`;
      if (data.kind === 'done') end();
    });
    worker.addEventListener('error', (event) => {
      const error = event.message ?? 'the worker failed';
      tell(suite, { kind: 'ended', file: suite, name: '(the worker)', state: 'failed', ms: 0, error });
      tell(suite, { kind: 'done' });
      end();
    });
    worker.postMessage({ suite, skip }, []);
  });
}

tell('', { kind: 'fact', name: 'userAgent', value: navigator.userAgent });
for (const suite of suites) await run(suite);
now.textContent = 'done';
await sending;
tell('', { kind: 'finished' });
