/**
 * Names by which an upper layer says what of the lower ones is gone. OCI image specification, layer.md, "Whiteouts":
 * `.wh.NAME` removes `NAME` of the layers below, `.wh..wh..opq` all that the layers below have in its directory.
 */

const WHITEOUT_PREFIX = '.wh.';
/** Name in a directory that hides what lower layers have in it. */
export const OPAQUE_NAME = '.wh..wh..opq';

/** Whether a name is not a file's but about one: all that begin with `.wh.`, as the specification reserves them. */
export function isWhiteout(name: string): boolean {
  return name.startsWith(WHITEOUT_PREFIX);
}

/** The name that says that `name` is gone. */
export function whiteoutOf(name: string): string {
  return `${WHITEOUT_PREFIX}${name}`;
}

/** What a whiteout removes, or undefined for the opaque mark and for names that only some other program understands. */
export function removedBy(whiteout: string): string | undefined {
  const name = whiteout.slice(WHITEOUT_PREFIX.length);
  return name === '' || isWhiteout(name) ? undefined : name;
}
