/** What makes the machines of a program component machines: known by all of them together. */

import { FargoError } from '../base/errors.ts';
import type { ForkSource } from '../machine/fork.ts';
import type { MachineKind } from '../machine/kind.ts';
import type { Machine, MachineParts, TrapPolicy } from '../machine/machine.ts';
import type { State } from '../machine/state.ts';
import { ComponentError, type ComponentShape } from './component-calls.ts';
import { ComponentMachine } from './component-machine.ts';
import { ComponentSnapshot } from './component-snapshot.ts';

/** As jco names the export `fargo-on-fork`. */
const HOOK = 'fargoOnFork';

export class ComponentKind implements MachineKind {
  readonly shape: ComponentShape;
  readonly onFork: MachineKind['onFork'];

  constructor(shape: ComponentShape) {
    this.shape = shape;
    this.onFork = shape.exports.get(HOOK)?.kind === 'function' ? callHook : undefined;
  }

  machine(parts: MachineParts, state: State, source: ForkSource | undefined): ComponentMachine {
    requireRollback(parts);
    return new ComponentMachine(parts, state, { shape: this.shape, calls: callsOf(source) });
  }

  snapshot(source: ForkSource, state: State): ComponentSnapshot {
    requireRollback(source);
    return new ComponentSnapshot(source, state, callsOf(source));
  }
}

/** How many calls a machine had made, or that of a snapshot; none has been made of what was loaded. */
function callsOf(source: ForkSource | undefined): number {
  return source instanceof ComponentMachine || source instanceof ComponentSnapshot ? source.calls : 0;
}

function requireRollback({ onTrap }: { readonly onTrap: TrapPolicy }): void {
  if (onTrap === 'rollback') return;
  throw new FargoError('unsupported', 'a component that trapped may not be entered: `onTrap` can only be "rollback"');
}

/** Calls `fargo-on-fork` with the generation: what must differ in a child (I7) is made different there. */
function callHook(child: Machine): void {
  const { id, generation } = child.identity;
  let why: string;
  try {
    const outcome = child.tryCall('fargo-on-fork', generation);
    if (outcome.kind === 'return' && (outcome.value === undefined || outcome.value === 0)) return;
    if (outcome.kind === 'return') why = `returned ${String(outcome.value)}; nothing or 0 is expected`;
    else why = outcome.kind === 'trap' ? `trapped: ${outcome.trap.kind}` : `exited with code ${outcome.code}`;
  } catch (error) {
    if (!(error instanceof ComponentError)) throw error;
    why = `gave an error: ${error.message}`;
  }
  throw new FargoError('fork-refused', `fargo-on-fork of child ${id} ${why}`);
}
