// boot/: what lies in guest memory when the first instruction runs.
export { type CpuEntry, type LinuxImage, loadLinux } from './linux.ts'
