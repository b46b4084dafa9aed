// An error becomes a line on stderr and an exit code that says whose fault it was.

import { CommandError, VmError } from '../index.ts'
import { type Ending, FAILURE, NOT_EXECUTABLE, NOT_FOUND, TIMED_OUT } from './ending.ts'
import { complain } from './terminal.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  ENOEXEC: 'exec format error',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory',
  ELOOP: 'too many levels of symbolic links',
  E2BIG: 'argument list too long',
  ENOMEM: 'out of memory',
}

/** Tells the user, and how to end. */
export function explain(error: unknown): Ending {
  if (error instanceof CommandError) return explainCommand(error)
  if (error instanceof VmError) complain(error.message)
  else complain(`internal error: ${error instanceof Error ? error.stack : error}`)
  return FAILURE
}

function explainCommand(error: CommandError): Ending {
  const { code, path, step, timedOut, cause } = error
  const reason = REASONS[code] ?? code
  if (timedOut) {
    complain(error.message)
    return TIMED_OUT
  }
  if (step === 'exec') {
    complain(`${path}: ${reason}`)
    return code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE
  }
  if (step !== undefined) {
    const what = error.message.split(': ').slice(1).join(': ')
    complain(`${path}: ${what || 'cannot be started'}: ${reason}`)
  } else complain(cause instanceof Error ? `${error.message}: ${cause.message}` : error.message)
  return FAILURE
}
