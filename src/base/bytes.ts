/** What is asked of plain bytes in many places. */

/** Whether all of `bytes` are zero. */
export function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}
