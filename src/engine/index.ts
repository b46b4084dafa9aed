// engine/: the CPU of a machine.
export type {
  CpuEntry,
  EngineName,
  Exit,
  IoWidth,
  ShutdownReason,
  TranslatorWork,
  Vcpu,
  VcpuActivity,
  VcpuCounters,
  VcpuOutside,
} from './contract.ts'
export { type CpuOutside, CpuThread, MAX_RAM_BYTES } from './cpu-thread.ts'
