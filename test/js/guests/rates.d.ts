declare module 'rates' {
  export function rate(currency: string): number;
}
