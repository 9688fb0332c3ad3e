/**
 * The files that tests read, by their path in the repository: one pack of bytes and a list of what lies where, loaded
 * before any test. So a read is synchronous on every engine, and all engines read the same.
 */

/** Path to offset and length in the pack. */
export type AssetList = Readonly<Record<string, readonly [number, number]>>;

let list: AssetList = {};
let pack = new Uint8Array();

export function setAssets(given: { list: AssetList; pack: Uint8Array<ArrayBuffer> }): void {
  ({ list, pack } = given);
}

/** The bytes of a file, a copy. @throws Error when it is not in the pack */
export function asset(path: string): Uint8Array<ArrayBuffer> {
  const place = list[path];
  if (place === undefined) throw new Error(`${path} is not in the pack of test files: see suites.mjs`);
  return pack.slice(place[0], place[0] + place[1]);
}

export function hasAsset(path: string): boolean {
  return path in list || folder(path).length > 0;
}

/** Names in a folder, in order. */
export function folder(path: string): string[] {
  const start = path.endsWith('/') ? path : `${path}/`;
  const names = Object.keys(list).flatMap((each) =>
    each.startsWith(start) ? [each.slice(start.length).split('/')[0]!] : [],
  );
  return [...new Set(names)].toSorted();
}
