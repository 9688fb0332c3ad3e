/** The commands of a script, in the form that `wast2json` writes. */

/** A value: `value` is the unsigned decimal of its bits, `nan:canonical`, `nan:arithmetic`, `null`, or a number that names a host reference. */
export type SpecValue =
  | { readonly type: 'i32' | 'i64' | 'f32' | 'f64' | 'funcref' | 'externref'; readonly value: string }
  | { readonly type: 'v128'; readonly lane_type: LaneType; readonly value: readonly string[] };

export type LaneType = 'i8' | 'i16' | 'i32' | 'i64' | 'f32' | 'f64';

export type Action =
  | { readonly type: 'invoke'; readonly module?: string; readonly field: string; readonly args: readonly SpecValue[] }
  | { readonly type: 'get'; readonly module?: string; readonly field: string };

/** A command with an action. In those that trap `expected` holds types only. */
interface ActionCommand {
  readonly line: number;
  readonly action: Action;
  readonly expected: readonly SpecValue[];
}

/** A command with a module that must not become an instance. */
interface ModuleCommand {
  readonly line: number;
  readonly filename: string;
  readonly text: string;
  readonly module_type: 'binary' | 'text';
}

export type Command =
  | { readonly type: 'module'; readonly line: number; readonly name?: string; readonly filename: string }
  | { readonly type: 'register'; readonly line: number; readonly name?: string; readonly as: string }
  | ({ readonly type: 'action' | 'assert_return' } & ActionCommand)
  | ({ readonly type: 'assert_trap' | 'assert_exhaustion'; readonly text: string } & ActionCommand)
  | ({
      readonly type: 'assert_invalid' | 'assert_malformed' | 'assert_unlinkable' | 'assert_uninstantiable';
    } & ModuleCommand);
