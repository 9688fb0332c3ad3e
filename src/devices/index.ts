/** The devices: behaviour around a machine. Ports are what they need from the platform. */

export { systemClock } from './clock.ts';
export { systemEntropy } from './entropy.ts';
export { dataRangesOf, findFile, ownBlocks } from './contents.ts';
export type { FoundFile } from './contents.ts';
export { Files, FilesView, spaceOfState } from './files.ts';
export type { DirectoryItem, FileInfo } from './files.ts';
export type { ClockSetting, SnapshotPause } from './machine-clock.ts';
export { differencesOf, readFileAt } from './fs/difference.ts';
export type { FileChange } from './fs/difference.ts';
export type { DataRange, DiskUsage, InodeKind } from './fs/file-system.ts';
export type { MemoryFiles } from './fs/paths.ts';
export { memoryLayer } from './fs/memory-layer.ts';
export { WASI_LIMITS } from './limits.ts';
export type { WasiLimits } from './limits.ts';
export type { BlockImage, Clock, Entropy, InputPort, Layer, LayerStat } from './ports.ts';
export { wasi, wasiOfSaved } from './wasi.ts';
export type { PreopenOptions, WasiDevice, WasiOptions } from './wasi.ts';
export type { WasiState } from './wasi/state.ts';
