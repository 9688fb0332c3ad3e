/** Formats of files and disks. */

export { stackLayers } from './tar/stack-layers.ts';
export { TAR_LIMITS } from './tar/limits.ts';
export type { TarLimits } from './tar/limits.ts';
export type { ByteStream } from './tar/source.ts';
export { tarLayer, tarLayerFrom } from './tar/tar-layer.ts';
export type { TarLayer, TarNote, TarOptions } from './tar/tar-layer.ts';
export { treeItems } from './tar/tree-tar.ts';
export { joinChunks, writeTar } from './tar/write-tar.ts';
export type { TarItem } from './tar/write-tar.ts';
