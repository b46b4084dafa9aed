// Mistakes of the caller, thrown where they are made: in the builder, not in the promise.
import { VmError } from '../errors/index.ts'

export function invalid(message: string, fix?: string): VmError {
  return new VmError('ERR_INLINUX_INVALID_ARGUMENT', message, fix === undefined ? {} : { fix })
}

/** A string as execve() can take it: the guest's C strings end at a NUL. */
export function checkText(what: string, value: unknown): string {
  if (typeof value !== 'string') throw invalid(`${what} must be a string, not ${typeof value}`)
  if (value.includes('\0')) throw invalid(`${what} must not contain a NUL character`)
  return value
}
