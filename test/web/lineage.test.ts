/** Whose a page is in the demo's maps, against what machines were seen to write. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Host } from '../../src/index.ts';
import { TreeNode } from '../../web/worker/node.ts';

const PAGES = 32;
const BOOT = 1;
const GUEST = `(module
  (memory 2)
  (data (i32.const 8192) "given")
  (func (export "write") (param i32 i32) (i32.store (local.get 0) (local.get 1))))`;

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('fork' as const), at: fc.nat() }),
    fc.record({ kind: fc.constant('write' as const), at: fc.nat(), page: fc.nat(PAGES - 1) }),
    fc.record({ kind: fc.constant('back' as const), at: fc.nat(), page: fc.nat() }),
    fc.record({ kind: fc.constant('end' as const), at: fc.nat() }),
  ),
  { minLength: 1, maxLength: 40 },
);

test('a page belongs to the machine that wrote it last, also when that one has ended', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const host = await Host.create();
      const machine = await (await host.build(GUEST)).boot();
      let ids = 0;
      const root = new TreeNode(machine, { id: ++ids, parent: undefined, colour: 0, label: 'boot' });
      const owners = new Uint16Array(PAGES);
      owners[2] = BOOT;
      /** What the model says, step by step of the time line. */
      const alive = [{ node: root, history: [owners], at: 0 }];
      let value = 0;
      for (const step of all) {
        const chosen = alive[step.at % alive.length]!;
        const { node, history } = chosen;
        const now = history[chosen.at]!;
        if (step.kind === 'fork') {
          const child = new TreeNode(node.machine.fork(), { id: ++ids, parent: node, colour: ids - 1, label: 'fork' });
          alive.push({ node: child, history: [now], at: 0 });
        } else if (step.kind === 'write') {
          node.machine.call('write', step.page * 4096, ++value);
          expect(node.step('write')).toBe(1);
          chosen.history = [...history.slice(0, chosen.at + 1), now.with(step.page, 2 + node.colour)];
          chosen.at++;
        } else if (step.kind === 'back') {
          chosen.at = step.page % history.length;
          node.goTo(chosen.at);
          expect(node.strayPages()).toBe(0);
        } else if (alive.length > 1) {
          node.dispose();
          alive.splice(alive.indexOf(chosen), 1);
        }
      }
      for (const { node, history, at } of alive) {
        expect([...node.owners()]).toEqual([...history[at]!]);
        const { parent } = node.info;
        expect([undefined, ...alive.map((each) => each.node.id)]).toContain(parent);
      }
      expect(host.audit().faults).toEqual([]);
      host.dispose();
    }),
    { numRuns: 60, seed: 1 },
  );
});
