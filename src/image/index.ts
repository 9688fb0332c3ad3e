/** Formats of files and disks. */

export { nonZeroBlocks } from './disk/contents.ts';
export type { DiskBlock, DiskContents } from './disk/contents.ts';
export type { DiskFormat, DiskImage, Qcow2Info } from './disk/disk-image.ts';
export { DISK_IMAGE_LIMITS } from './disk/limits.ts';
export type { DiskImageLimits } from './disk/limits.ts';
export { openDiskImage } from './disk/open.ts';
export type { BackingFile, BackingRequest, DiskImageOptions } from './disk/open.ts';
export { memoryFile } from './disk/ports.ts';
export type { ImageFile, ImageSink } from './disk/ports.ts';
export { writeQcow2, writeQcow2Overlay } from './disk/write-qcow2.ts';
export type { OverlayContents, WrittenQcow2 } from './disk/write-qcow2.ts';
export { writeRaw } from './disk/write-raw.ts';
export { stackLayers } from './tar/stack-layers.ts';
export { TAR_LIMITS } from './tar/limits.ts';
export type { TarLimits } from './tar/limits.ts';
export type { ByteStream } from './tar/source.ts';
export { tarLayer, tarLayerFrom } from './tar/tar-layer.ts';
export type { TarLayer, TarNote, TarOptions } from './tar/tar-layer.ts';
export { treeItems } from './tar/tree-tar.ts';
export { joinChunks, writeTar } from './tar/write-tar.ts';
