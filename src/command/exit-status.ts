// How a program ended, and what output() collected.
import { type ProcessExit, signalName } from '../agent/index.ts'

export interface ExitStatus {
  /** 0 to 255, or null if a signal ended the program. */
  readonly code: number | null
  /** `'SIGKILL'` and so on (`'SIGRT34'` for a real-time signal), or null if the program exited by itself. */
  readonly signal: string | null
  /** It exited with code 0. */
  readonly success: boolean
}

export interface Output {
  readonly status: ExitStatus
  /** Empty if stdout was not piped. */
  readonly stdout: Buffer
  readonly stderr: Buffer
}

export function exitStatus({ code, signal }: ProcessExit): ExitStatus {
  return { code, signal: signal === null ? null : signalName(signal), success: code === 0 }
}
