// boot/: what lies in guest memory when the first instruction runs.
export { type KernelEntry, type LinuxImage, loadLinux } from './linux.ts'
