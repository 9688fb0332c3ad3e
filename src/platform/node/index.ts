/**
 * What only Node has: host directories, disk images in files, and the process's streams.
 *
 * @module fargo-wasm/node
 */

export { componentCache } from './component-cache.ts';
export { copyOut } from './copy-out.ts';
export type { CopiedOut } from './copy-out.ts';
export { hostDirectory } from './host-directory.ts';
export type { NodeHostDirectory } from './host-directory.ts';
export { createImageFile, openImageFile } from './image-file.ts';
export type { NodeDiskImage, NodeDiskImageOptions, NodeImageSink } from './image-file.ts';
export { processInput, processOutput } from './stdio.ts';
