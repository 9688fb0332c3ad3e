/**
 * The call expressions of the command line: `name(1, 2.5, "text")`, and for components `name({ at: 3, of: [some("x")] })`.
 *
 * ```
 * expression = name [ "(" [ argument { "," argument } ] ")" ]
 * name       = characters other than space ( ) , " '   |   string
 * argument   = integer | float | string | "null" | word | case | list | tuple | record
 * integer    = [ "+" | "-" ] ( digits | "0x" hexdigits ) [ "n" ]
 * float      = [ "+" | "-" ] ( digits with "." or exponent | "inf" | "nan" )
 * string     = "…" or '…' with the escapes \n \t \r \0 \\ \" \' \xHH \u{H…}
 * word       = letters, digits, - and _, a letter first
 * case       = word "(" [ argument ] ")"
 * list       = "[" [ argument { "," argument } ] "]"
 * tuple      = "(" [ argument { "," argument } ] ")"
 * record     = "{" [ field { "," field } ] "}"      field = ( word | string ) [ ":" argument ]
 * ```
 *
 * Digits may be grouped by `_`. What an argument means depends on the export's type: see invocation.ts and, for components,
 * wit-values.ts. It is what WebAssembly's value encoding (WAVE) has, and JSON.
 */

export type Argument =
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'null' }
  | { readonly kind: 'word'; readonly value: string }
  | { readonly kind: 'case'; readonly name: string; readonly value: Argument | undefined }
  | { readonly kind: 'list' | 'tuple'; readonly items: readonly Argument[] }
  | { readonly kind: 'record'; readonly fields: readonly Field[] };

/** A field of a record, or a flag, which has no value. */
export interface Field {
  readonly name: string;
  readonly value: Argument | undefined;
}

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
    args.push(...scanner.items(')', 0));
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

/** What a terminal would act on, or not show. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
/** A bare name of an export. */
const NAME = /[^\s(),"']+/y;
/** A number, a word or null. */
const WORD = /[^\s(),"'[\]{}:]+/y;
const BARE_WORD = /^\p{L}[\p{L}\p{N}_-]*$/u;
/** Arguments within each other. */
const DEPTH_MAX = 100;
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
    return this.#match(NAME) ?? this.fail('expected the name of an export');
  }

  /** What stands between an opening sign that was taken and `close`. */
  items(close: string, depth: number): Argument[] {
    const items: Argument[] = [];
    this.#separated(close, () => items.push(this.#argument(depth)));
    return items;
  }

  #separated(close: string, read: () => void): void {
    this.skipSpace();
    if (this.take(close)) return;
    do read();
    while (this.take(','));
    if (!this.take(close)) this.fail(`expected "," or "${close}"`);
  }

  #argument(depth: number): Argument {
    this.skipSpace();
    if (depth > DEPTH_MAX) this.fail(`arguments are nested deeper than ${DEPTH_MAX}`);
    const argument = this.#value(depth + 1);
    this.skipSpace();
    return argument;
  }

  #value(depth: number): Argument {
    if (this.#atQuote) return { kind: 'text', value: this.#string() };
    if (this.take('[')) return { kind: 'list', items: this.items(']', depth) };
    if (this.take('(')) return { kind: 'tuple', items: this.items(')', depth) };
    if (!this.take('{')) return this.#word(depth);
    const fields: Field[] = [];
    this.#separated('}', () => fields.push(this.#field(depth)));
    return { kind: 'record', fields };
  }

  #field(depth: number): Field {
    this.skipSpace();
    const name = this.#atQuote ? this.#string() : (this.#match(WORD) ?? this.fail('expected the name of a field'));
    this.skipSpace();
    const value = this.take(':') ? this.#argument(depth) : undefined;
    return { name, value };
  }

  get #atQuote(): boolean {
    return this.#text[this.#at] === '"' || this.#text[this.#at] === "'";
  }

  #word(depth: number): Argument {
    const at = this.#at;
    const word = this.#match(WORD);
    if (word === undefined) return this.fail('expected a number, a string or null');
    if (this.take('(')) return this.#case(word, at, depth);
    if (word === 'null') return { kind: 'null' };
    if (INTEGER.test(word)) return { kind: 'integer', value: integerOf(word) };
    if (FLOAT.test(word)) return { kind: 'float', value: floatOf(word) };
    if (BARE_WORD.test(word)) return { kind: 'word', value: word };
    return this.fail(`${word} is no number, no "string" and not null`, at);
  }

  #case(name: string, at: number, depth: number): Argument {
    if (!BARE_WORD.test(name)) this.fail(`${name} is no name of a case`, at);
    const items = this.items(')', depth);
    if (items.length > 1) this.fail(`${name} has ${items.length} values; a case has one`, at);
    return { kind: 'case', name, value: items[0] };
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

/** The text of an argument, that parses to the same. */
export function formatArgument(argument: Argument): string {
  switch (argument.kind) {
    case 'integer':
      return String(argument.value);
    case 'float':
      return formatFloat(argument.value);
    case 'text':
      return formatText(argument.value);
    case 'null':
      return 'null';
    case 'word':
      return argument.value;
    case 'case':
      return `${argument.name}(${argument.value === undefined ? '' : formatArgument(argument.value)})`;
    case 'list':
      return `[${argument.items.map(formatArgument).join(', ')}]`;
    case 'tuple':
      return `(${argument.items.map(formatArgument).join(', ')})`;
    case 'record':
      return `{${argument.fields.map(formatField).join(', ')}}`;
  }
}

function formatField({ name, value }: Field): string {
  const bare = BARE_WORD.test(name) ? name : formatText(name);
  return value === undefined ? bare : `${bare}: ${formatArgument(value)}`;
}

export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

export function formatText(value: string): string {
  let text = '';
  for (const character of value) {
    const code = character.codePointAt(0)!;
    if (character === '"' || character === '\\') text += `\\${character}`;
    else if (code < 0x20 || code === 0x7f) text += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (UNSEEN.test(character)) text += `\\u{${code.toString(16)}}`;
    else text += character;
  }
  return `"${text}"`;
}
