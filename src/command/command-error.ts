// The error of a command: it could not be started, ran out of time, was cancelled, or its input or output broke.
// A program that ran and exited non-zero is no error (as in std::process): look at `status.success`.
//
// Its fields are those of an Output, so that a handler of the error sees as much as a handler of the result,
// and those of Node's spawn errors (`code`, `errno`, `syscall`, `path`, `spawnargs`).
import type { ExitStatus } from './exit-status.ts'

/**
 * `ETIMEDOUT`: `timedOut`. `ABORT_ERR`: `isCanceled`. `ERR_STDIO`: what was given to `Stdio.from()` or
 * `Stdio.to()` failed, see `cause`. Anything else is the errno of a program that could not be started.
 */
export type CommandErrorCode =
  | 'ETIMEDOUT'
  | 'ABORT_ERR'
  | 'ERR_STDIO'
  | 'ENOENT'
  | 'EACCES'
  | 'ENOEXEC'
  | (string & {})

/** What could not be done: `exec` the program, `chdir` to its directory, become its `user`, … */
export type CommandStep = 'exec' | 'chdir' | 'user' | 'stdio' | 'fork' | 'protocol'

export interface CommandErrorFields {
  readonly code: CommandErrorCode
  readonly path: string
  readonly spawnargs: readonly string[]
  readonly errno?: number
  readonly syscall?: string
  readonly step?: CommandStep
  readonly status?: ExitStatus
  readonly stdout?: Buffer
  readonly stderr?: Buffer
  readonly cause?: unknown
}

export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly code: CommandErrorCode
  /** The program as it was given. */
  readonly path: string
  /** Its arguments, without its own name. */
  readonly spawnargs: readonly string[]
  /** Negative, as in Node. Only of a program that could not be started. */
  readonly errno: number | undefined
  readonly syscall: string | undefined
  readonly step: CommandStep | undefined
  /** How the program ended, if it ran. */
  readonly status: ExitStatus | undefined
  /** What `output()` had collected by then. */
  readonly stdout: Buffer | undefined
  readonly stderr: Buffer | undefined
  readonly timedOut: boolean
  readonly isCanceled: boolean

  constructor(message: string, fields: CommandErrorFields) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause })
    this.code = fields.code
    this.path = fields.path
    this.spawnargs = fields.spawnargs
    this.errno = fields.errno
    this.syscall = fields.syscall
    this.step = fields.step
    this.status = fields.status
    this.stdout = fields.stdout
    this.stderr = fields.stderr
    this.timedOut = fields.code === 'ETIMEDOUT'
    this.isCanceled = fields.code === 'ABORT_ERR'
  }
}
