/** What the world of a guest imports. */

declare module 'fargo:js/host' {
  export function call(module: string, name: string, args: string): string;
}
