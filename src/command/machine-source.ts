// Where a bare Command gets its machine from. src/index.ts provides the real one; tests provide another.
// Of machine/ only types are known here, so that this room can be read and tested without a machine.
import type { ProcessHost } from '../agent/index.ts'
import { VmError } from '../errors/index.ts'
import type { MachineOptions } from '../machine/index.ts'

/** What a bare Command says about the machine it wants. */
export type MachineRequest = Pick<MachineOptions, 'image' | 'memory' | 'signal'>

export type StartMachine = (request: MachineRequest) => Promise<ProcessHost>

let provided: StartMachine | undefined

export function provideMachines(start: StartMachine): void {
  provided = start
}

export function startMachine(request: MachineRequest): Promise<ProcessHost> {
  if (provided === undefined) throw new VmError('ERR_INLINUX_BOOT', 'no machine is provided in this build')
  return provided(request)
}
