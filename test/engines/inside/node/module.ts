/** `node:module` for tests that run without Node: packages whose files lie in the pack. */
const FOLDERS: Readonly<Record<string, string>> = {
  '@bytecodealliance/jco': '/repo/node_modules/@bytecodealliance/jco/dist/api.js',
  '@bytecodealliance/jco-transpile': '/repo/node_modules/@bytecodealliance/jco-transpile/dist/index.js',
};

export function createRequire(): { resolve(name: string): string } {
  return {
    resolve: (name) => {
      const found = FOLDERS[name];
      if (found === undefined) throw new Error(`${name} is not to be had on every engine`);
      return found;
    },
  };
}
