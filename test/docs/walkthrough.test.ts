/**
 * The example of docs/architecture.md, which redraws the state of one machine and its children after every event: it is
 * run here, and what is drawn must be what there is.
 */

import { expect, test } from 'vitest';
import { Host, type Machine, type Snapshot } from '../../src/index.ts';
import type { State } from '../../src/machine/state.ts';
import { readDocument } from './markdown.ts';

const GUEST = `(module
  (memory 1)
  (data (i32.const 0) "hello")
  (func (export "write") (param $page i32)
    (i32.store8 (i32.shl (local.get $page) (i32.const 12)) (i32.const 1)))
  (func (export "fail") (param $page i32)
    (i32.store8 (i32.shl (local.get $page) (i32.const 12)) (i32.const 1))
    (unreachable)))`;

/** Draws states, frames and the core as the document does. */
class Picture {
  readonly #names = new Map<State, string>();
  readonly #frames = new Map<number, string>();

  constructor(birth: State) {
    this.#names.set(birth, 'S0');
  }

  draw(holders: Readonly<Record<string, Machine | Snapshot>>): string {
    const { vm } = holders as { vm: Machine };
    const { maps, pool, cores, births } = vm.runtime;
    const held = new Map<State, string[]>();
    const note = (state: State, who: string): void => void held.set(state, [...(held.get(state) ?? []), who]);
    for (const birth of births) note(birth, 'program');
    for (const [name, holder] of Object.entries(holders)) {
      const [state, origin] = holder.heldStates();
      if (state !== undefined) note(state, name);
      if (origin !== undefined) note(origin, `${name}'s origin`);
    }
    const lines: string[] = [];
    const all = [...cores.all()];
    expect(all).toHaveLength(1);
    const core = all[0]!;
    note(core.state, 'core');
    for (const [state, who] of held) {
      expect(state.holders, 'holders').toBe(who.length);
      if (!this.#names.has(state)) this.#names.set(state, `S${this.#names.size}`);
      const pages: string[] = [];
      maps.forEach(state.roots[0]!, (page, frame) => pages.push(`${page}→${this.#frame(frame)}`));
      const map = pages.length === 0 ? 'all zero' : pages.join(' ');
      lines.push(`${this.#names.get(state)}: ${map}`.padEnd(18) + `held by ${who.join(', ')}`);
    }
    const frames = [...this.#frames].filter(([frame]) => pool.countOf(frame) > 0);
    expect(pool.usedFrames).toBe(frames.length);
    lines.sort();
    lines.push(`frames: ${frames.map(([frame, name]) => `${name} in ${pool.countOf(frame)}`).join(', ')}`);
    const dirty = core.memories[0]!.dirtyList();
    const owner = Object.entries(holders).find(([, holder]) => holder === core.owner)?.[0] ?? 'none';
    lines.push(
      `core: ${this.#names.get(core.state)}, owner ${owner}, ${core.dirty ? `dirty page ${dirty.join()}` : 'clean'}`,
    );
    return lines.join('\n');
  }

  #frame(frame: number): string {
    if (!this.#frames.has(frame)) this.#frames.set(frame, `f${this.#frames.size + 1}`);
    return this.#frames.get(frame)!;
  }
}

test('the example of the architecture, event by event', async () => {
  const drawn = new Map(
    readDocument('docs/architecture.md')
      .blocks.filter(({ info }) => info.startsWith('text after '))
      .map(({ info, text }) => [info.slice('text after '.length), text]),
  );
  const host = await Host.create();
  const vm = await (await host.build(GUEST)).boot();
  const [birth] = vm.runtime.births;
  const picture = new Picture(birth!);
  const seen: string[] = [];
  const after = (event: string, holders: Record<string, Machine | Snapshot>): void => {
    seen.push(event);
    expect(picture.draw(holders), `after ${event}`).toBe(drawn.get(event));
  };

  after('boot', { vm });
  vm.call('write', 5);
  after('warm', { vm });
  const warm = vm.snapshot();
  after('snapshot', { vm, warm });
  const [a, b] = warm.fork(2) as [Machine, Machine];
  after('fork', { vm, warm, a, b });
  a.call('write', 5);
  after('write', { vm, warm, a, b });
  expect(b.tryCall('fail', 7).kind).toBe('trap');
  after('trap', { vm, warm, a, b });
  a.dispose();
  after('dispose', { vm, warm, b });

  expect([...drawn.keys()]).toEqual(seen);
  expect(host.audit().faults).toEqual([]);
  host.dispose();
});
