/** Tars put together field by field, so that they can be wrong, for tests. */

export interface RawMember {
  readonly name?: string | Uint8Array;
  readonly type?: string;
  /** Text of the size field; default the length of `data`, in octal. */
  readonly size?: string | Uint8Array;
  readonly mtime?: string | Uint8Array;
  readonly link?: string | Uint8Array;
  readonly magic?: string;
  readonly prefix?: string;
  /** Bytes put anywhere in the header, before its sum. */
  readonly patches?: Readonly<Record<number, string | Uint8Array>>;
  readonly data?: string | Uint8Array;
  /** Added to the sum. */
  readonly wrongBy?: number;
  /** Add up signed bytes, as some old writers did. */
  readonly signed?: boolean;
}

const bytesOf = (value: string | Uint8Array): Uint8Array =>
  typeof value === 'string' ? new TextEncoder().encode(value) : value;

/** The tar of `members`, with the two blocks of zeros unless `end` says otherwise. */
export function rawTar(members: readonly RawMember[], end: Uint8Array = new Uint8Array(1024)): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat([...members.flatMap(rawMember), end]));
}

/** Records of an extended header, as they are counted in it. */
export function pax(
  records: Readonly<Record<string, string>> | readonly (readonly [string, string])[],
  type = 'x',
): RawMember {
  const pairs = Array.isArray(records) ? records : Object.entries(records);
  const text = pairs.map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = Buffer.byteLength(rest);
    while (`${length}`.length + Buffer.byteLength(rest) !== length)
      length = `${length}`.length + Buffer.byteLength(rest);
    return `${length}${rest}`;
  });
  return { name: 'PaxHeaders/x', type, data: text.join('') };
}

function rawMember(member: RawMember): Uint8Array[] {
  const data = bytesOf(member.data ?? '');
  const header = new Uint8Array(512);
  const put = (at: number, value: string | Uint8Array): void => header.set(bytesOf(value), at);
  put(0, member.name ?? '');
  put(100, '0000644\0');
  put(124, member.size ?? data.length.toString(8).padStart(11, '0'));
  put(136, member.mtime ?? '00000000000');
  put(148, ' '.repeat(8));
  put(156, member.type ?? '0');
  put(157, member.link ?? '');
  put(257, member.magic ?? 'ustar\x0000');
  put(345, member.prefix ?? '');
  for (const [at, value] of Object.entries(member.patches ?? {})) put(Number(at), value);
  const sum = header.reduce((total, byte) => total + (member.signed === true ? (byte << 24) >> 24 : byte), 0);
  put(148, `${(sum + (member.wrongBy ?? 0)).toString(8).padStart(6, '0')}\0 `);
  return [header, data, new Uint8Array((512 - (data.length % 512)) % 512)];
}
