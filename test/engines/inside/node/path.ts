/** `node:path` for tests that run without Node: paths of POSIX. */
export const join = (...parts: string[]): string =>
  new URL(`file:///${parts.join('/')}`).pathname.replace(/\/{2,}/g, '/');
export const dirname = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf('/')));
export const basename = (path: string, suffix = ''): string => {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return suffix !== '' && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
};
