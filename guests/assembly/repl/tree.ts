/** What a line of the REPL means, as a tree. */

export enum Kind {
  Number,
  Name,
  Call,
  Negate,
  Add,
  Subtract,
  Multiply,
  Divide,
  Remainder,
  Power,
  Less,
  LessOrEqual,
  Equal,
  NotEqual,
}

/** A node: `number` for Kind.Number, `name` for Kind.Name and Kind.Call, operands or arguments in `parts`. */
export class Tree {
  constructor(
    public kind: Kind,
    public parts: Tree[],
    public name: string,
    public number: f64,
  ) {}
}

/** A whole line. `target` is '' for a bare expression; `parameters` is null unless the line defines a function. */
export class Line {
  target: string = '';
  parameters: string[] | null = null;
  body: Tree | null = null;
  /** Why the line can't be read; '' when it can. */
  error: string = '';
}
