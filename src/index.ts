/**
 * fargo-wasm: fork running WebAssembly machines.
 *
 * ```ts
 * import { Host } from 'fargo-wasm';
 *
 * const host = await Host.create();
 * const image = await host.build(bytes); // a module, binary or text
 * const vm = await image.boot();
 * vm.call('warm', 1000);
 * const warm = vm.snapshot();
 * const [a, b] = warm.fork(2);
 * a.call('f', 1); // b and vm see nothing of it
 * host.dispose();
 * ```
 *
 * Runs wherever there is WebAssembly; `fargo-wasm/node` and `fargo-wasm/browser` add the ports of their platform.
 *
 * @module fargo-wasm
 */

export { AssertionError, setParanoid } from './base/assert.ts';
export { FargoError, type ErrorPlace, type FargoErrorCode } from './base/errors.ts';
export {
  memoryLayer,
  systemClock,
  systemEntropy,
  wasi,
  WASI_LIMITS,
  type BlockImage,
  type Clock,
  type DataRange,
  type DirectoryItem,
  type DiskUsage,
  type FileChange,
  type FileInfo,
  type InodeKind,
  type ClockSetting,
  type Entropy,
  type Layer,
  type LayerStat,
  type InputPort,
  type MemoryFiles,
  type PreopenOptions,
  type SnapshotPause,
  type WasiLimits,
  type WasiOptions,
  type WasiState,
} from './devices/index.ts';
export { copyIn, type CopyOptions } from './host/copy.ts';
export { diffFiles, exportTar, TarStream, type ExportOptions } from './host/export.ts';
export { diskOf, MachineDisk } from './host/machine-disk.ts';
export { filesOf, type MachineFiles, type SnapshotFiles } from './host/files.ts';
export type { BuildOptions, HostUsage, ModuleSource } from './host/base-host.ts';
export type { ComponentImports, ComponentOptions } from './component/build.ts';
export { ComponentError, type AnyExports } from './component/component-calls.ts';
export { ComponentImage, type ComponentBootOptions } from './component/component-image.ts';
export { ComponentMachine, type ComponentForkResult } from './component/component-machine.ts';
export { ComponentSnapshot } from './component/component-snapshot.ts';
export type { ComponentCaller } from './component/glue-device.ts';
export { Host } from './component/host.ts';
export { preparedModule } from './component/prepared.ts';
export { GuestResource } from './component/resource.ts';
export type { ComponentLoadOptions } from './component/typed-host.ts';
export type { HttpHandler } from './component/wasi/http.ts';
export type {
  HttpFailure,
  HttpHeaders,
  HttpRequest,
  HttpRequestInit,
  HttpResponse,
  HttpResponseInit,
} from './component/wasi/http-shapes.ts';
export { prepareComponent } from './component/transpile.ts';
export type { ComponentCache, PreparedComponent } from './host/prepared.ts';
export { Image, type BootOptions } from './host/image.ts';
export type { LoadOptions } from './host/load.ts';
export type { Imports, ImportValue, ProvidedImport } from './host/imports.ts';
export { setClock } from './host/guest-clock.ts';
export { callWithBytes, callWithText, reserveHeadroom, withBytes, type Allocator } from './host/guest-data.ts';
export {
  DISK_IMAGE_LIMITS,
  memoryFile,
  nonZeroBlocks,
  openDiskImage,
  stackLayers,
  tarLayer,
  tarLayerFrom,
  TAR_LIMITS,
  writeQcow2,
  writeQcow2Overlay,
  writeRaw,
  type BackingFile,
  type BackingRequest,
  type ByteStream,
  type DiskBlock,
  type DiskContents,
  type DiskFormat,
  type DiskImage,
  type DiskImageLimits,
  type DiskImageOptions,
  type ImageFile,
  type ImageSink,
  type OverlayContents,
  type Qcow2Info,
  type TarLayer,
  type TarLimits,
  type TarNote,
  type TarOptions,
  type WrittenQcow2,
} from './image/index.ts';
export { instrument } from './instrument/instrument.ts';
export type {
  BudgetMeta,
  ExportMeta,
  Hooks,
  ImportMeta,
  Instrumented,
  InstrumentOptions,
  InstrumentReport,
  MemoryMeta,
  ModuleMeta,
  TableMeta,
} from './instrument/meta.ts';
export type { CorePoolOptions } from './machine/core-pool.ts';
export type {
  Device,
  DeviceFactory,
  GuestContext,
  GuestValue,
  HostFunction,
  HostFunctions,
  LoadingOptions,
  MemoryDoor,
  SavedDevice,
  SavedPart,
  SavingOptions,
} from './machine/device.ts';
export type { Json } from './base/fields.ts';
export type { ForkOptions, ForkResult } from './machine/fork.ts';
export { lineageOf, type Identity } from './machine/identity.ts';
export type { MachineLimits } from './machine/limits.ts';
export { Machine, type CommandSink, type OutputSink, type TrapPolicy } from './machine/machine.ts';
export {
  ExitError,
  TrapError,
  type GuestFrame,
  type Outcome,
  type OutputChunk,
  type Trap,
  type TrapKind,
} from './machine/outcome.ts';
export type { Pages } from './machine/pages.ts';
export type { RuntimeOptions as HostOptions } from './machine/runtime.ts';
export { Snapshot, type SaveOptions } from './machine/snapshot.ts';
export type { Usage } from './machine/usage.ts';
export { FunctionRef } from './machine/values.ts';
export type { AuditReport } from './memory/audit.ts';
export type { FuncType, GlobalType, MemoryType, TableType } from './wasm/module.ts';
