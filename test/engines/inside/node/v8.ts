/** `node:v8` for tests that run without Node: flags are given when the engine is started. */
export const setFlagsFromString = (): void => undefined;
