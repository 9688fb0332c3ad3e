import { describe, expect, it } from 'vitest';
import { TEXT_CHARACTERS_MAX } from './limits.ts';
import { isBinary, loadParser, wasmFromText } from './text.ts';

describe('text format', () => {
  it('is parsed', async () => {
    const bytes = await wasmFromText('(module (func (export "answer") (result i32) i32.const 42))');
    expect(isBinary(bytes)).toBe(true);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>));
    expect((instance.exports['answer'] as () => number)()).toBe(42);
  });

  it('is told from binary', () => {
    expect(isBinary(new TextEncoder().encode('(module)'))).toBe(false);
    expect(isBinary(new Uint8Array(0))).toBe(false);
  });

  it('gives line and column of a mistake', async () => {
    await expect(wasmFromText('(module\n  (func (expor "f")))')).rejects.toMatchObject({
      code: 'invalid-module',
      message: 'module in text format, line 2, column 10: unknown operator or unexpected token',
    });
  });

  it.each(['', '(module "', '(module (func call $nowhere))', '(module (func i32.const 99999999999))', '(', '\0'])(
    'a mistake is an invalid module: %j',
    async (text) => {
      const rejected = expect(wasmFromText(text)).rejects;
      await rejected.toMatchObject({
        code: 'invalid-module',
        message: expect.stringMatching(/line \d+, column \d+: \w/),
      });
    },
  );

  it('more text than the cap is a limit', async () => {
    await expect(wasmFromText(' '.repeat(TEXT_CHARACTERS_MAX + 1))).rejects.toMatchObject({ code: 'limit' });
  });

  it('says what to install when the parser is absent', async () => {
    await expect(loadParser('no-such-package-here')).rejects.toMatchObject({
      code: 'missing-dependency',
      message: expect.stringContaining('npm install @bytecodealliance/jco'),
    });
    await expect(loadParser('node:events')).rejects.toMatchObject({ code: 'missing-dependency' });
  });
});
