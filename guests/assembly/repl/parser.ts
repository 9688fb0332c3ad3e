/**
 * Reads one line:
 *
 * ```
 * line       = [ name '=' | name '(' [ name { ',' name } ] ')' '=' ] comparison
 * comparison = sum [ ( '<' | '<=' | '>' | '>=' | '==' | '!=' ) sum ]
 * sum        = product { ( '+' | '-' ) product }
 * product    = signed { ( '*' | '/' | '%' ) signed }
 * signed     = '-' signed | power
 * power      = primary [ '^' signed ]
 * primary    = number | name [ '(' [ comparison { ',' comparison } ] ')' ] | '(' comparison ')'
 * ```
 *
 * AssemblyScript has no exceptions: the first error is kept in `error` and everything after it yields zero.
 */

import { Kind, Line, Tree } from './tree';

/** Deepest nesting of one line: keeps the parser and the evaluator off the end of their stacks. */
const NESTING_MAX = 100;

const none: Tree[] = [];

function isDigit(c: i32): bool {
  return c >= 48 && c <= 57;
}

function isLetter(c: i32): bool {
  return (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95;
}

class Parser {
  at: i32 = 0;
  error: string = '';
  nesting: i32 = 0;

  constructor(public text: string) {}

  fail(reason: string): Tree {
    if (this.error.length === 0) this.error = reason;
    return new Tree(Kind.Number, none, '', 0);
  }

  skipBlanks(): void {
    while (this.at < this.text.length && this.text.charCodeAt(this.at) <= 32) this.at++;
  }

  /** The character after blanks; 0 at the end of the line. */
  peek(): i32 {
    this.skipBlanks();
    return this.at < this.text.length ? this.text.charCodeAt(this.at) : 0;
  }

  /** Takes `symbol` if it comes next. */
  take(symbol: string): bool {
    this.skipBlanks();
    if (!this.text.startsWith(symbol, this.at)) return false;
    this.at += symbol.length;
    return true;
  }

  takeName(): string {
    this.skipBlanks();
    const from = this.at;
    if (!isLetter(this.peek())) return '';
    while (this.at < this.text.length) {
      const c = this.text.charCodeAt(this.at);
      if (!isLetter(c) && !isDigit(c)) break;
      this.at++;
    }
    return this.text.substring(from, this.at);
  }

  takeNumber(): Tree {
    const from = this.at;
    while (this.at < this.text.length) {
      const c = this.text.charCodeAt(this.at);
      if (!isDigit(c) && c !== 46) break;
      this.at++;
    }
    const digits = this.text.substring(from, this.at);
    const value = parseFloat(digits);
    if (digits.indexOf('.') !== digits.lastIndexOf('.') || isNaN(value)) return this.fail(`bad number ${digits}`);
    return new Tree(Kind.Number, none, '', value);
  }

  /** The head of a definition, `name =` or `name(a, b) =`; leaves the position alone when there is none. */
  takeHead(line: Line): void {
    const from = this.at;
    const name = this.takeName();
    let parameters: string[] | null = null;
    let matched = name.length > 0;
    if (matched && this.take('(')) {
      const names: string[] = [];
      if (!this.take(')')) {
        do {
          const parameter = this.takeName();
          if (parameter.length === 0) matched = false;
          names.push(parameter);
        } while (matched && this.take(','));
        matched = matched && this.take(')');
      }
      parameters = names;
    }
    if (matched && this.peek() === 61 && !this.text.startsWith('==', this.at)) {
      this.at++;
      line.target = name;
      line.parameters = parameters;
    } else {
      this.at = from;
    }
  }

  comparison(): Tree {
    if (++this.nesting > NESTING_MAX) return this.fail('nested too deep');
    const left = this.sum();
    let tree = left;
    if (this.take('==')) tree = new Tree(Kind.Equal, [left, this.sum()], '', 0);
    else if (this.take('!=')) tree = new Tree(Kind.NotEqual, [left, this.sum()], '', 0);
    else if (this.take('<=')) tree = new Tree(Kind.LessOrEqual, [left, this.sum()], '', 0);
    else if (this.take('>=')) tree = new Tree(Kind.LessOrEqual, [this.sum(), left], '', 0);
    else if (this.take('<')) tree = new Tree(Kind.Less, [left, this.sum()], '', 0);
    else if (this.take('>')) tree = new Tree(Kind.Less, [this.sum(), left], '', 0);
    this.nesting--;
    return tree;
  }

  sum(): Tree {
    let tree = this.product();
    while (this.error.length === 0) {
      if (this.take('+')) tree = new Tree(Kind.Add, [tree, this.product()], '', 0);
      else if (this.take('-')) tree = new Tree(Kind.Subtract, [tree, this.product()], '', 0);
      else break;
    }
    return tree;
  }

  product(): Tree {
    let tree = this.signed();
    while (this.error.length === 0) {
      if (this.take('*')) tree = new Tree(Kind.Multiply, [tree, this.signed()], '', 0);
      else if (this.take('/')) tree = new Tree(Kind.Divide, [tree, this.signed()], '', 0);
      else if (this.take('%')) tree = new Tree(Kind.Remainder, [tree, this.signed()], '', 0);
      else break;
    }
    return tree;
  }

  signed(): Tree {
    if (++this.nesting > NESTING_MAX) return this.fail('nested too deep');
    const tree = this.take('-') ? new Tree(Kind.Negate, [this.signed()], '', 0) : this.power();
    this.nesting--;
    return tree;
  }

  power(): Tree {
    const base = this.primary();
    return this.take('^') ? new Tree(Kind.Power, [base, this.signed()], '', 0) : base;
  }

  primary(): Tree {
    const c = this.peek();
    if (isDigit(c) || c === 46) return this.takeNumber();
    if (this.take('(')) {
      const inner = this.comparison();
      return this.take(')') ? inner : this.fail('missing )');
    }
    const name = this.takeName();
    if (name.length === 0) return this.fail(c === 0 ? 'unexpected end' : `unexpected ${this.text.charAt(this.at)}`);
    if (!this.take('(')) return new Tree(Kind.Name, none, name, 0);
    const parts: Tree[] = [];
    if (this.take(')')) return new Tree(Kind.Call, parts, name, 0);
    do {
      parts.push(this.comparison());
    } while (this.take(','));
    return this.take(')') ? new Tree(Kind.Call, parts, name, 0) : this.fail('missing )');
  }
}

/** Reads one line that is not blank. */
export function parse(text: string): Line {
  const parser = new Parser(text);
  const line = new Line();
  parser.takeHead(line);
  line.body = parser.comparison();
  if (parser.peek() !== 0) parser.fail(`unexpected ${text.charAt(parser.at)}`);
  line.error = parser.error;
  return line;
}
