/**
 * What tests use of Node's `Buffer`, where there is none. Bun and Deno have it.
 */

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (each) => each.charCodeAt(0));

export class SmallBuffer extends Uint8Array {
  static override from(given: unknown, second?: unknown, third?: unknown): SmallBuffer {
    if (typeof given === 'string') {
      const encoding = (second ?? 'utf8') as string;
      if (encoding === 'hex')
        return new SmallBuffer((given.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)));
      if (encoding === 'base64') return new SmallBuffer(latin1(atob(given)));
      return new SmallBuffer(encoding === 'utf8' ? new TextEncoder().encode(given) : latin1(given));
    }
    if (
      given instanceof ArrayBuffer ||
      (typeof SharedArrayBuffer === 'function' && given instanceof SharedArrayBuffer)
    ) {
      return new SmallBuffer(given as ArrayBuffer, second as number | undefined, third as number | undefined);
    }
    return new SmallBuffer(given as Uint8Array);
  }

  static alloc(length: number): SmallBuffer {
    return new SmallBuffer(length);
  }

  static byteLength(text: string): number {
    return new TextEncoder().encode(text).length;
  }

  static concat(parts: readonly Uint8Array[]): SmallBuffer {
    const whole = new SmallBuffer(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  static compare(a: Uint8Array, b: Uint8Array): number {
    const length = Math.min(a.length, b.length);
    const at = firstDifference(a, b, length);
    return at < length ? Math.sign(a[at]! - b[at]!) : Math.sign(a.length - b.length);
  }

  equals(other: Uint8Array): boolean {
    return SmallBuffer.compare(this, other) === 0;
  }

  override indexOf(what: number | Uint8Array | string, from = 0): number {
    if (typeof what === 'number') return super.indexOf(what, from);
    const wanted = typeof what === 'string' ? new TextEncoder().encode(what) : what;
    if (wanted.length === 0) return from;
    for (let at = super.indexOf(wanted[0]!, from); at >= 0; at = super.indexOf(wanted[0]!, at + 1)) {
      if (wanted.every((byte, i) => this[at + i] === byte)) return at;
    }
    return -1;
  }

  override includes(what: number | Uint8Array | string): boolean {
    return this.indexOf(what) >= 0;
  }

  override toString(encoding = 'utf8'): string {
    if (encoding === 'hex') return Array.from(this, (byte) => byte.toString(16).padStart(2, '0')).join('');
    if (encoding === 'utf8') return new TextDecoder().decode(this);
    let text = '';
    for (let at = 0; at < this.length; at += 8192) text += String.fromCharCode(...this.subarray(at, at + 8192));
    return encoding === 'base64' ? btoa(text) : text;
  }
}

function firstDifference(a: Uint8Array, b: Uint8Array, length: number): number {
  let at = 0;
  // Eight bytes at a time, where both lie so.
  if (a.byteOffset % 8 === 0 && b.byteOffset % 8 === 0) {
    const words = length >> 3;
    const wide = [a, b].map((each) => new BigInt64Array(each.buffer, each.byteOffset, words));
    while (at < words && wide[0]![at] === wide[1]![at]) at++;
    at *= 8;
  }
  while (at < length && a[at] === b[at]) at++;
  return at;
}
