import { expect, test } from 'vitest';
import { Host } from '../component/host.ts';
import { wasmFromText } from '../wasm/text.ts';

test('memory that no address reaches is refused before it is charged', async () => {
  using host = new Host();
  const bytes = await wasmFromText(
    '(module (memory 0) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))',
  );
  const vm = host.buildSync(new Uint8Array(bytes), { budget: true }).bootSync();
  for (const pages of [-1, -65_536, 65_537]) expect(vm.call('grow', pages)).toBe(-1);
  expect(vm.call('grow', 2)).toBe(0);
  expect(vm.memory.byteLength).toBe(2 * 65_536);
});
