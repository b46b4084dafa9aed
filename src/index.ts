// inlinux: run a Linux program as if it were a child process.

import { Command, provideMachines } from './command/index.ts'
import { Machine as BareMachine, type MachineOptions, startMachine } from './machine/index.ts'

export * from './command/index.ts'
export * from './doctor/index.ts'
export type { EngineName, TranslatorWork, VcpuActivity, VcpuCounters } from './engine/index.ts'
export { type BootPhase, VmError, type VmErrorCode } from './errors/index.ts'
export type {
  ContainerOptions,
  DirectoryOptions,
  ImageConfig,
  ImageOptions,
  PreparedImage,
  PrepareOptions,
  Progress,
  RootImage,
  TarSource,
} from './image/index.ts'
export { image } from './image/index.ts'
export type { Disk, HotPlace, MachineOptions, MachineProfile, ProfileReport } from './machine/index.ts'

/** A running machine: many programs, one after the other or at the same time, in one Linux. */
export class Machine extends BareMachine {
  static override async start(options: MachineOptions = {}): Promise<Machine> {
    return new Machine(await startMachine(options))
  }

  /** A `Command` that runs in this machine and leaves it running. */
  command(program: string): Command {
    return new Command(program, { machine: this })
  }
}

provideMachines((request) => BareMachine.start(request as MachineOptions))
