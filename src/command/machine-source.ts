// Where a bare Command gets its machine from. src/index.ts provides the real one; tests provide another.
// The only link from command/ to a machine, so that this room can be read and tested without one.
import type { ProcessHost } from '../agent/index.ts'
import { VmError } from '../errors/index.ts'

/** What a bare Command says about the machine it wants. */
export interface MachineRequest {
  /** A root file system, as `image.from…()` returns it. Default: the busybox root of the package. */
  readonly image?: unknown
  /** Bytes, or a text such as `'512MiB'`. */
  readonly memory?: number | string
  /** Aborted when the machine is not wanted any more, possibly while it boots. */
  readonly signal?: AbortSignal
}

export type StartMachine = (request: MachineRequest) => Promise<ProcessHost>

let provided: StartMachine | undefined

export function provideMachines(start: StartMachine): void {
  provided = start
}

export function startMachine(request: MachineRequest): Promise<ProcessHost> {
  if (provided === undefined) throw new VmError('ERR_INLINUX_BOOT', 'no machine is provided in this build')
  return provided(request)
}
