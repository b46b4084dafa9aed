// How this process ends: with the program's exit code, or by the signal that ended the program.
//
// A shell tells the two apart (`$?` is 128+n for a signal, "Segmentation fault" is printed, `set -e` and Ctrl-C in
// a loop depend on it), so a signal is not turned into a number: it is sent to ourselves, with its default action.

import { writeFileSync } from 'node:fs'
import os from 'node:os'
import type { Writable } from 'node:stream'

export type Ending = { readonly code: number } | { readonly signal: string }

export const OK: Ending = { code: 0 }
/** inlinux itself failed; 126 and 127 as in env(1), 124 as in timeout(1). */
export const FAILURE: Ending = { code: 125 }
export const TIMED_OUT: Ending = { code: 124 }
export const NOT_EXECUTABLE: Ending = { code: 126 }
export const NOT_FOUND: Ending = { code: 127 }

/** The default action of a signal takes effect at once, except in process 1 of a container, which has none. */
const SURVIVED_MS = 100
const SIGNALLED = 128
const FLUSH_MS = 200

/** Does not return to its caller in the end. */
export async function end(ending: Ending): Promise<void> {
  await Promise.all([flushed(process.stdout), flushed(process.stderr)])
  if ('code' in ending) process.exit(ending.code)
  else dieBy(ending.signal)
}

function dieBy(signal: string): void {
  const number = signalNumber(signal)
  process.exitCode = SIGNALLED + number
  setTimeout(() => process.exit(SIGNALLED + number), SURVIVED_MS)
  if (!(signal in os.constants.signals)) return // real-time signals: Node cannot send them
  withoutMemoryInCore()
  leaveBlocking()
  restoreDefault(signal)
  process.kill(process.pid, signal)
}

/** After SIGSEGV and its like the kernel writes a core file. It would be one of Node, with the guest's RAM in it. */
function withoutMemoryInCore(): void {
  try {
    writeFileSync('/proc/self/coredump_filter', '0')
  } catch {
    // Not Linux, or no /proc: then a core is as it is.
  }
}

/**
 * Node makes pipes non-blocking and undoes that at a normal exit; a signal leaves no time for it. The flag belongs
 * to the pipe and not to us: the next program on the same pipe would get EAGAIN.
 */
function leaveBlocking(): void {
  for (const stream of [process.stdin, process.stdout, process.stderr]) {
    const { _handle } = stream as { _handle?: { setBlocking?: (blocking: boolean) => void } }
    _handle?.setBlocking?.(true)
  }
}

/** Node ignores SIGPIPE and opens a debugger on SIGUSR1; when the last listener goes, the default action is back. */
function restoreDefault(signal: string): void {
  process.removeAllListeners(signal)
  if (signal === 'SIGKILL') return
  const listener = (): void => {}
  process.on(signal, listener)
  process.off(signal, listener)
}

function signalNumber(signal: string): number {
  const known: Readonly<Record<string, number>> = os.constants.signals
  return known[signal] ?? Number(/^SIGRT(\d+)$/.exec(signal)?.[1] ?? 0)
}

/** What is on its way out gets out, unless its reader is stuck: what a program wrote was waited for before. */
function flushed(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) resolve()
    else {
      setTimeout(resolve, FLUSH_MS)
      stream.once('error', () => resolve())
      stream.write('', () => resolve())
    }
  })
}
