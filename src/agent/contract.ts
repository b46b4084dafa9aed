// What a machine offers to whoever starts programs in it, and what it needs itself.
//
// command/ is written against `ProcessHost`; a machine implements it by handing the calls to its
// `AgentConnection`. The agent in turn knows nothing of virtio: it gets its streams through `StreamTransport`.
import type { Duplex, Readable, Writable } from 'node:stream'
import type { StartStep, StdioMode } from './protocol.ts'

/**
 * Opens byte streams to a port of the guest. A stream is a Duplex with `allowHalfOpen: true` in which
 * `end()` closes only our direction (VIRTIO_VSOCK_SHUTDOWN_F_SEND), 'end' says that the guest closed its own,
 * `destroy()` resets, and the callback of a write comes when the guest's credit has let the bytes pass.
 */
export interface StreamTransport {
  connect(port: number): Promise<Duplex>
}

export interface ProcessSpec {
  /** A path if it holds a slash, else a name to be found in the PATH of `env`. */
  readonly program: string
  /** All of argv, the program's own name first. */
  readonly argv: readonly string[]
  /** The whole environment, `K=V` each. */
  readonly env: readonly string[]
  /** Adds HOME from the guest's /etc/passwd; set it when `env` has none and the caller did not remove it. */
  readonly defaultHome?: boolean
  /** Default: `/`. */
  readonly cwd?: string
  /** `NAME|UID[:GROUP|GID]`, looked up in the guest. Default: root. */
  readonly user?: string
  /** Default: 0o022. */
  readonly umask?: number
  readonly stdin: 'null' | 'pipe'
  readonly stdout: 'null' | 'pipe'
  /** `stdout`: the same pipe as stdout, so that the order of writes to both is kept. */
  readonly stderr: StdioMode
}

/** How a process ended: exactly one of `code` and `signal` is not null. `signal` is the Linux number. */
export interface ProcessExit {
  readonly code: number | null
  readonly signal: number | null
  /** A descendant still holds a piped stdout or stderr: more output may follow, the stream has not ended. */
  readonly held: boolean
}

export interface RemoteProcess {
  /** In the guest. */
  readonly pid: number
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  /** Sends a signal by its Linux number. False if the process is known to have ended: nothing is sent. */
  kill(signal: number, target: 'process' | 'group'): boolean
  /** The process has ended and everything it wrote before is on this side, in the streams' buffers or read. */
  readonly exited: Promise<ProcessExit>
  /** Exited, and no descendant holds a pipe any more: nothing more can come. Never rejects. */
  readonly closed: Promise<void>
}

/** What the image says about running a program in it. */
export interface ProcessDefaults {
  /** `K=V` each, in order. */
  readonly env?: readonly string[]
  readonly cwd?: string
  readonly user?: string
}

/** A place where programs run: a machine, seen from command/. */
export interface ProcessHost {
  readonly processDefaults?: ProcessDefaults
  /** Rejects with a StartFailure when the program cannot be started, with a VmError when the machine is gone. */
  start(spec: ProcessSpec): Promise<RemoteProcess>
  close(): Promise<void>
}

/** A program that could not be started, with the errno of the step that failed. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure'
  readonly code: string
  /** Positive, the Linux number. */
  readonly errno: number
  readonly step: StartStep

  constructor(code: string, errno: number, step: StartStep) {
    super(`${step}: ${code}`)
    this.code = code
    this.errno = errno
    this.step = step
  }
}
