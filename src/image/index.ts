// The door of image/: root file systems for machines, made from directories, archives and container images.

export type { WrittenImage } from './erofs-writer.ts'
export type { ContainerOptions, DirectoryOptions, ImageOptions, TarSource } from './image.ts'
export { image } from './image.ts'
export type { ImageLimits } from './limits.ts'
export type { ImageConfig, PreparedImage, PrepareOptions, Progress, RootImage } from './root-image.ts'
export type { EntryOptions, FileSource } from './tree-builder.ts'
export { TreeBuilder } from './tree-builder.ts'
export { writeErofs } from './write-erofs.ts'
