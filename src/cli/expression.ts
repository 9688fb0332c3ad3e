/**
 * The call expressions of the command line: `name(1, 2.5, "text")`.
 *
 * ```
 * expression = name [ "(" [ argument { "," argument } ] ")" ]
 * name       = characters other than space ( ) , " '   |   string
 * argument   = integer | float | string | "null"
 * integer    = [ "+" | "-" ] ( digits | "0x" hexdigits ) [ "n" ]
 * float      = [ "+" | "-" ] ( digits with "." or exponent | "inf" | "nan" )
 * string     = "…" or '…' with the escapes \n \t \r \0 \\ \" \' \xHH \u{H…}
 * ```
 *
 * Digits may be grouped by `_`. What an argument means depends on the export's type: see invocation.ts.
 */

export type Argument =
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'null' };

export interface Expression {
  /** As it was given. */
  readonly text: string;
  /** Name of the export. */
  readonly name: string;
  readonly args: readonly Argument[];
}

/** What is wrong with an expression, with the column, from 1. */
export class ExpressionError extends Error {
  constructor(message: string, text: string, at: number) {
    super(`${message} at column ${at + 1} of ${JSON.stringify(text)}`);
    this.name = 'ExpressionError';
  }
}

/** Parses an expression. @throws ExpressionError */
export function parseExpression(text: string): Expression {
  const scanner = new Scanner(text);
  scanner.skipSpace();
  const name = scanner.name();
  const args: Argument[] = [];
  scanner.skipSpace();
  if (scanner.take('(')) {
    scanner.skipSpace();
    if (!scanner.take(')')) {
      do args.push(scanner.argument());
      while (scanner.take(','));
      if (!scanner.take(')')) scanner.fail('expected "," or ")"');
    }
    scanner.skipSpace();
  }
  if (!scanner.atEnd) scanner.fail('expected the end');
  return { text, name, args };
}

/** The text of an expression that parses to the same. */
export function formatExpression({ name, args }: Pick<Expression, 'name' | 'args'>): string {
  const bare = /^[^\s(),"']+$/.test(name);
  return `${bare ? name : formatText(name)}(${args.map(formatArgument).join(', ')})`;
}

/** A bare name, a number or null. */
const WORD = /[^\s(),"']+/y;
const INTEGER = /^[+-]?(?:0[xX][0-9a-fA-F]+(?:_[0-9a-fA-F]+)*|[0-9]+(?:_[0-9]+)*)n?$/;
const DIGITS = '[0-9]+(?:_[0-9]+)*';
const EXPONENT = '[eE][+-]?[0-9]+';
const FLOAT: RegExp = new RegExp(
  `^[+-]?(?:${DIGITS}[.](?:${DIGITS})?(?:${EXPONENT})?|[.]${DIGITS}(?:${EXPONENT})?|${DIGITS}${EXPONENT}|inf|nan)$`,
);
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '0': '\0',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  fail(message: string, at: number = this.#at): never {
    throw new ExpressionError(message, this.#text, at);
  }

  skipSpace(): void {
    while (/\s/.test(this.#text.charAt(this.#at))) this.#at++;
  }

  take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  name(): string {
    if (this.#atQuote) return this.#string();
    return this.#match(WORD) ?? this.fail('expected the name of an export');
  }

  argument(): Argument {
    this.skipSpace();
    const argument: Argument = this.#atQuote ? { kind: 'text', value: this.#string() } : this.#word();
    this.skipSpace();
    return argument;
  }

  get #atQuote(): boolean {
    return this.#text[this.#at] === '"' || this.#text[this.#at] === "'";
  }

  #word(): Argument {
    const at = this.#at;
    const word = this.#match(WORD);
    if (word === undefined) return this.fail('expected a number, a string or null');
    if (word === 'null') return { kind: 'null' };
    if (INTEGER.test(word)) return { kind: 'integer', value: integerOf(word) };
    if (FLOAT.test(word)) return { kind: 'float', value: floatOf(word) };
    return this.fail(`${word} is no number, no "string" and not null`, at);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #string(): string {
    const start = this.#at;
    const quote = this.#text[this.#at++]!;
    let value = '';
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) return this.fail('a string without an end', start);
      this.#at++;
      if (character === quote) return value;
      value += character === '\\' ? this.#escape() : character;
    }
  }

  #escape(): string {
    const at = this.#at - 1;
    const character = this.#text[this.#at++] ?? '';
    const simple = ESCAPES[character];
    if (simple !== undefined) return simple;
    const hex = this.#match(character === 'x' ? /[0-9a-fA-F]{2}/y : /\{[0-9a-fA-F]{1,6}\}/y);
    const code = hex === undefined ? Number.NaN : Number.parseInt(hex.replace('{', ''), 16);
    if ((character !== 'x' && character !== 'u') || !(code <= 0x10_ffff)) this.fail('unknown escape', at);
    return String.fromCodePoint(code);
  }
}

function integerOf(word: string): bigint {
  const negative = word.startsWith('-');
  const magnitude = BigInt(word.replace(/^[+-]/, '').replace(/n$/, '').replaceAll('_', ''));
  return negative ? -magnitude : magnitude;
}

function floatOf(word: string): number {
  const named = word.replace('inf', 'Infinity').replace('nan', 'NaN');
  if (named === word) return Number(word.replaceAll('_', ''));
  return named.includes('NaN') ? Number.NaN : Number(named);
}

function formatArgument(argument: Argument): string {
  switch (argument.kind) {
    case 'integer':
      return String(argument.value);
    case 'float':
      return formatFloat(argument.value);
    case 'text':
      return formatText(argument.value);
    case 'null':
      return 'null';
  }
}

function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function formatText(value: string): string {
  let text = '';
  for (const character of value) {
    const code = character.codePointAt(0)!;
    if (character === '"' || character === '\\') text += `\\${character}`;
    else if (code < 0x20 || code === 0x7f) text += `\\x${code.toString(16).padStart(2, '0')}`;
    else text += character;
  }
  return `"${text}"`;
}
