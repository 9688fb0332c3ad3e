/**
 * What glue uses to reach a guest's memory: a buffer that is a stand-in, and the constructors that know it.
 *
 * ```
 *   new Uint8Array(memory.buffer, pointer, length)   →  the range is checked against the guest's memory, and marked;
 *                                                       a view of the core's own memory behind the front region
 * ```
 *
 * Invariants: no view reaches the front region or beyond the guest's memory. Whatever a view could write is marked before
 * the glue has it (I2); the marks of a text that is only decoded are taken back, since nothing runs in between.
 */

import { FargoError } from '../base/errors.ts';
import { PAGE_SHIFT, type ByteCount, type GuestAddress } from '../base/units.ts';
import { GUEST_AT } from '../instrument/layout.ts';
import type { ResidentMemory } from '../memory/resident-memory.ts';

/** Stands for the `ArrayBuffer` of a guest's memory. Another one after the memory has grown, as with the engine's. */
class GuestBuffer {
  readonly memory: ResidentMemory;
  /** The core's whole memory, of before the next growth. */
  readonly bytes: Uint8Array;
  readonly meter: GlueMeter;

  constructor(memory: ResidentMemory, meter: GlueMeter) {
    this.memory = memory;
    this.bytes = memory.bytes;
    this.meter = meter;
  }

  get byteLength(): ByteCount {
    return this.bytes.length - GUEST_AT;
  }

  /** A copy. Unlike the engine's it never clamps: a list that leaves the memory is an error. */
  slice(start: GuestAddress, end: GuestAddress): ArrayBuffer {
    const at = this.checked(start, end - start);
    this.meter.take(end - start);
    return this.bytes.slice(at, at + (end - start)).buffer as ArrayBuffer;
  }

  /** Where a range begins in the core's memory. @throws RangeError unless it lies in the guest's memory */
  checked(start: GuestAddress, length: ByteCount): number {
    const inside =
      Number.isSafeInteger(start) &&
      start >= 0 &&
      Number.isSafeInteger(length) &&
      length >= 0 &&
      start + length <= this.byteLength;
    if (inside) return start + GUEST_AT;
    throw new RangeError(
      `bytes ${start} to ${start + length} are outside the guest's memory of ${this.byteLength} bytes`,
    );
  }
}

/** Units of work that glue may do between guest and host at once: some seconds, and a gigabyte of values at most. */
const UNITS_MAX: number = 1 << 24;
/** A list or text of its own is worth so many accesses, and a unit so many bytes of it. */
const VIEW_UNITS = 16;
const BYTES_A_UNIT = 16;

/**
 * Counts what glue does in the guest's name: an access of the guest's memory is a unit, a list or text more. Threat: a few
 * bytes of a guest can say that a million texts of a megabyte each lie at one address.
 */
export class GlueMeter {
  #left = UNITS_MAX;

  /** Between guest and host begins something new. @returns what was left before, to go on with */
  begin(left: number = UNITS_MAX): number {
    const before = this.#left;
    this.#left = left;
    return before;
  }

  get used(): number {
    return UNITS_MAX - this.#left;
  }

  count(units: number = 1): void {
    this.#left -= units;
    if (this.#left >= 0) return;
    throw new FargoError(
      'limit',
      `the component's values are too large: all that a call passes at once may be ${UNITS_MAX * BYTES_A_UNIT} bytes of lists and texts, or ${UNITS_MAX} numbers`,
    );
  }

  /** A list or text of its own. */
  take(length: ByteCount): void {
    this.count(VIEW_UNITS + Math.floor(length / BYTES_A_UNIT));
  }
}

/** Stands for a `WebAssembly.Memory` that the guest exports. */
export class GuestMemory {
  readonly #memory: ResidentMemory;
  readonly #meter: GlueMeter;
  #buffer: GuestBuffer;

  constructor(memory: ResidentMemory, meter: GlueMeter) {
    this.#memory = memory;
    this.#meter = meter;
    memory.refresh();
    this.#buffer = new GuestBuffer(memory, meter);
  }

  /** The glue asks for it at every access. */
  get buffer(): GuestBuffer {
    this.#meter.count();
    this.#memory.refresh();
    if (this.#buffer.bytes !== this.#memory.bytes) this.#buffer = new GuestBuffer(this.#memory, this.#meter);
    return this.#buffer;
  }
}

interface TypedArrayConstructor {
  new (...args: never[]): ArrayBufferView;
  readonly prototype: object;
  readonly BYTES_PER_ELEMENT: number;
}

/** Longer texts keep their marks: taking them back would cost more than it saves. */
const UNMARKED_PAGES_MAX = 64;

/** Marks of the last view that was made, in case it is only decoded. */
class LastMarks {
  #view: object | undefined = undefined;
  #bytes: Uint8Array = new Uint8Array();
  #firstPage = 0;
  #pages = 0;
  readonly #before = new Uint8Array(UNMARKED_PAGES_MAX);

  /** Marks what a view lies over. */
  mark(view: object, bytes: Uint8Array, start: GuestAddress, length: ByteCount): void {
    this.#view = undefined;
    if (length === 0) return;
    const firstPage = start >>> PAGE_SHIFT;
    const endPage = ((start + length - 1) >>> PAGE_SHIFT) + 1;
    const pages = endPage - firstPage;
    if (pages <= UNMARKED_PAGES_MAX) {
      this.#view = view;
      this.#bytes = bytes;
      this.#firstPage = firstPage;
      this.#pages = pages;
      for (let i = 0; i < pages; i++) this.#before[i] = bytes[firstPage + i]!;
    }
    if (pages === 1) bytes[firstPage] = 1;
    else bytes.fill(1, firstPage, endPage);
  }

  /** Takes them back: nothing has run since. */
  undo(view: object): void {
    if (this.#view !== view) return;
    this.#view = undefined;
    for (let i = 0; i < this.#pages; i++) this.#bytes[this.#firstPage + i] = this.#before[i]!;
  }
}

/** Constructors to be in scope where glue is evaluated, under the names that they have here. One set a glue. */
export function guestViews(): Readonly<Record<string, unknown>> {
  const last = new LastMarks();

  const typedArray = (native: TypedArrayConstructor): unknown => {
    const size = native.BYTES_PER_ELEMENT;
    // A function, and no Proxy: engines compile `new` of one.
    function View(...args: unknown[]): object {
      const [buffer, start = 0, count] = args;
      if (!(buffer instanceof GuestBuffer)) return Reflect.construct(native, args) as object;
      const from = start as number;
      const length = count === undefined ? Math.floor((buffer.byteLength - from) / size) : (count as number);
      const at = buffer.checked(from, length * size);
      buffer.meter.take(length * size);
      const view = new native(...([buffer.bytes.buffer, at, length] as never[]));
      last.mark(view, buffer.bytes, from, length * size);
      return view;
    }
    View.prototype = native.prototype;
    return Object.setPrototypeOf(View, native) as unknown;
  };

  class GlueTextDecoder {
    readonly #label: string;
    readonly #decoder: TextDecoder;

    constructor(label = 'utf-8') {
      this.#label = label;
      this.#decoder = new TextDecoder(label, { fatal: true, ignoreBOM: true });
    }

    decode(view: Uint8Array): string {
      last.undo(view);
      try {
        return this.#decoder.decode(view);
      } catch (cause) {
        throw new TypeError(`a text is not ${this.#label}`, { cause });
      }
    }
  }

  return {
    DataView: guestDataView(),
    TextDecoder: GlueTextDecoder,
    TextEncoder,
    Int8Array: typedArray(Int8Array),
    Uint8Array: typedArray(Uint8Array),
    Uint8ClampedArray: typedArray(Uint8ClampedArray),
    Int16Array: typedArray(Int16Array),
    Uint16Array: typedArray(Uint16Array),
    Int32Array: typedArray(Int32Array),
    Uint32Array: typedArray(Uint32Array),
    BigInt64Array: typedArray(BigInt64Array),
    BigUint64Array: typedArray(BigUint64Array),
    Float32Array: typedArray(Float32Array),
    Float64Array: typedArray(Float64Array),
  };
}

const SETTERS = [
  'setInt8',
  'setUint8',
  'setInt16',
  'setUint16',
  'setInt32',
  'setUint32',
  'setBigInt64',
  'setBigUint64',
  'setFloat32',
  'setFloat64',
] as const;

/** A `DataView` that marks what it writes, where it lies over a guest's memory. */
function guestDataView(): unknown {
  class GuestDataView extends (DataView as new (
    buffer: ArrayBuffer,
    from: number,
    length: number,
  ) => DataView<ArrayBuffer>) {
    readonly guest: GuestBuffer;
    readonly from: GuestAddress;

    constructor(guest: GuestBuffer, from: GuestAddress, length: ByteCount) {
      super(guest.bytes.buffer as ArrayBuffer, guest.checked(from, length), length);
      this.guest = guest;
      this.from = from;
    }

    override get buffer(): ArrayBuffer {
      return this.guest as unknown as ArrayBuffer;
    }
  }
  for (const name of SETTERS) {
    const native = DataView.prototype[name] as (offset: number, value: never, little?: boolean) => void;
    Object.defineProperty(GuestDataView.prototype, name, {
      // A store that straddles two pages marks the first: the other's fringe counts as written.
      value(this: GuestDataView, offset: number, value: never, little?: boolean) {
        native.call(this, offset, value, little);
        this.guest.bytes[(this.from + offset) >>> PAGE_SHIFT] = 1;
      },
    });
  }
  return new Proxy(DataView, {
    construct(target, args: unknown[]) {
      const [buffer, from = 0, length] = args;
      if (!(buffer instanceof GuestBuffer)) return Reflect.construct(target, args) as object;
      const start = from as number;
      return new GuestDataView(buffer, start, (length as number | undefined) ?? buffer.byteLength - start);
    },
  });
}
