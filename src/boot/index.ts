// boot/: what lies in guest memory when the first instruction runs.

export { type ImageFile, withImageFile } from './image-file.ts'
export { type KernelEntry, type LinuxImage, loadLinux } from './linux.ts'
