/** Numbers for people. */

const whole = new Intl.NumberFormat('en');

export function count(value: number): string {
  return whole.format(Math.round(value));
}

/** Three significant digits, without an exponent. */
export function digits(value: number): string {
  if (value >= 100) return count(value);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export interface Quantity {
  readonly value: string;
  readonly unit: string;
}

const BYTE_UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function bytes(value: number): Quantity {
  let scaled = value;
  let unit = 0;
  while (scaled >= 1024 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return { value: unit === 0 ? count(scaled) : digits(scaled), unit: BYTE_UNITS[unit]! };
}

/** A time given in microseconds. */
export function duration(us: number): Quantity {
  if (us < 1) return { value: count(us * 1000), unit: 'ns' };
  if (us < 1000) return { value: digits(us), unit: 'µs' };
  if (us < 1_000_000) return { value: digits(us / 1000), unit: 'ms' };
  return { value: digits(us / 1_000_000), unit: 's' };
}

export function text({ value, unit }: Quantity): string {
  return `${value} ${unit}`;
}

/** A time on the page's own clock, whose steps are coarse. */
export function elapsed(ms: number): string {
  return ms < 0.1 ? 'under 0.1 ms' : text(duration(ms * 1000));
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
