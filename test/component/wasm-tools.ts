/**
 * wasm-tools, of which jco's own tools are made: a program in Rust of 2.4 MB. jco's package holds its core module, taken out of
 * its component; here it is put into one again, with the interface that the package's `.d.ts` has.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { componentEmbed, componentNew, preview1AdapterReactorPath } from '@bytecodealliance/jco';

const WIT = `package local:wasm-tools;
interface tools {
  variant wit-specifier { source(string), path(string) }
  record semver-version { major: u64, minor: u64, patch: u64, pre: option<string>, build: option<string> }
  record interface-metadata { namespace: string, %package: string, %interface: string, version: option<semver-version> }
  record wit-metadata { imports: list<interface-metadata>, exports: list<interface-metadata> }
  type producers-fields = list<tuple<string, list<tuple<string, string>>>>;
  enum string-encoding { utf8, utf16, compact-utf16 }
  variant enabled-feature-set { %list(list<string>), all }
  record embed-opts {
    binary: option<list<u8>>, wit-source: option<string>, wit-path: option<string>,
    string-encoding: option<string-encoding>, dummy: option<bool>, %world: option<string>,
    metadata: option<producers-fields>, features: option<enabled-feature-set>,
  }
  variant module-meta-type { module, component(u32) }
  record module-metadata {
    parent-index: option<u32>, name: option<string>, meta-type: module-meta-type, range: tuple<u32, u32>,
    producers: producers-fields,
  }
  parse: func(wat: string) -> result<list<u8>, string>;
  print: func(binary: list<u8>) -> result<string, string>;
  component-new: func(binary: list<u8>, adapters: option<list<tuple<string, list<u8>>>>) -> result<list<u8>, string>;
  component-wit: func(binary: list<u8>) -> result<string, string>;
  component-wit-metadata-for-world: func(wit: wit-specifier, world-name: option<string>) -> result<wit-metadata, string>;
  component-embed: func(embed-opts: embed-opts) -> result<list<u8>, string>;
  metadata-show: func(binary: list<u8>) -> result<list<module-metadata>, string>;
  metadata-add: func(binary: list<u8>, metadata: producers-fields) -> result<list<u8>, string>;
}
world wasm-tools { export tools; }`;

/** What of it is called here, as its `.d.ts` has it. */
export interface WasmTools {
  readonly tools: {
    parse(wat: string): Uint8Array;
    print(binary: Uint8Array): string;
    componentWit(binary: Uint8Array): string;
    componentEmbed(options: {
      readonly witPath?: string;
      readonly dummy?: boolean;
      readonly world?: string;
    }): Uint8Array;
    componentNew(binary: Uint8Array, adapters: undefined): Uint8Array;
    metadataShow(
      binary: Uint8Array,
    ): readonly { readonly producers: readonly (readonly [string, readonly unknown[]])[] }[];
  };
}

export async function wasmToolsComponent(): Promise<Uint8Array> {
  const jco = createRequire(createRequire(import.meta.url).resolve('@bytecodealliance/jco'));
  const core = new URL('../vendor/wasm-tools.core.wasm', `file://${jco.resolve('@bytecodealliance/jco-transpile')}`);
  const binary = await componentEmbed({ binary: readFileSync(core), witSource: WIT });
  return componentNew(binary, [['wasi_snapshot_preview1', readFileSync(preview1AdapterReactorPath())]]);
}
