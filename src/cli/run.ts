// `inlinux run`: a program of a guest as if it were a program of the host.
//
//    image ─► machine ─► program             signals until here: give up, clean up, die by the signal
//                          stdin, stdout, stderr as they are; signals to the program
//                          └─► exit code, or death by the same signal

import {
  type Child,
  Command,
  CommandError,
  type ExitStatus,
  image,
  type PreparedImage,
  type Progress,
} from '../index.ts'
import { type Ending, end, FAILURE } from './ending.ts'
import { explain } from './failure.ts'
import type { Variables } from './option-values.ts'
import { type ForwardedSignal, isForGroup, isHarmless, isOrderToEnd, SignalRelay } from './signals.ts'
import { complain, ProgressLine } from './terminal.ts'

/** The options, as the grammar in cli.ts names them. */
export interface RunWords {
  readonly image?: string
  readonly env?: Variables
  readonly workdir?: string
  readonly user?: string
  readonly memory?: string
  /** Milliseconds; 0 is none. */
  readonly timeout?: number
}

const WATCH_MS = 100

/** @param words the program and its arguments; empty: what the image says */
export async function run(words: readonly string[], options: RunWords): Promise<Ending> {
  const progress = new ProgressLine()
  const abort = new AbortController()
  let received: ForwardedSignal | undefined
  const signals = new SignalRelay((signal) => {
    if (isHarmless(signal)) return
    if (received !== undefined) void end({ signal }) // asked twice: without cleaning up
    received ??= signal
    abort.abort()
  })
  // A reader that goes away is told to the program by SIGPIPE. Here it is no error, also when it goes late.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  try {
    const root =
      options.image === undefined ? undefined : await prepare(options.image, progress, abort.signal)
    const line = words.length > 0 ? words : defaultWords(root)
    if (line.length === 0) {
      complain(root === undefined ? 'no PROGRAM given' : 'no PROGRAM given, and the image names none')
      return FAILURE
    }
    progress.say('starting Linux')
    const child = await command(line, options, root).signal(abort.signal).spawn()
    progress.end()
    signals.redirect((signal) => {
      const isAlive = isForGroup(signal) ? child.killGroup(signal) : child.kill(signal)
      if (isHarmless(signal)) return
      if (!isAlive) abort.abort()
      else if (isOrderToEnd(signal)) leaveWith(child, abort)
    })
    return asEnding(await child.wait())
  } catch (error) {
    progress.end()
    if (received !== undefined) return { signal: received }
    if (error instanceof CommandError && error.isCanceled && error.status !== undefined)
      return asEnding(error.status)
    return explain(error)
  } finally {
    progress.end()
    signals.stop()
  }
}

function asEnding({ code, signal }: ExitStatus): Ending {
  return signal === null ? { code: code ?? 0 } : { signal }
}

/**
 * A program that is dead may have output here that nobody takes: its reader is stuck. Who ordered it to end does not
 * wait for that. An abort leaves the output a second more.
 */
function leaveWith(child: Child, abort: AbortController): void {
  const watch = setInterval(() => {
    if (child.kill(0)) return
    clearInterval(watch)
    abort.abort()
  }, WATCH_MS)
  watch.unref()
}

function command(
  [program = '', ...args]: readonly string[],
  options: RunWords,
  root?: PreparedImage,
): Command {
  const { env, workdir, user, memory, timeout } = options
  const command = new Command(program).args(args)
  if (root !== undefined) command.image({ prepare: async () => root })
  if (env !== undefined) command.envs(env)
  if (workdir !== undefined) command.currentDir(workdir)
  if (user !== undefined) command.user(user)
  if (memory !== undefined) command.memory(memory)
  if (timeout !== undefined && timeout > 0) command.timeout(timeout)
  return command
}

/** Here and not in the machine, to have progress to show. */
function prepare(path: string, progress: ProgressLine, signal: AbortSignal): Promise<PreparedImage> {
  progress.say(`looking at ${path}`)
  const onProgress = ({ phase, done, total }: Progress): void => {
    const amount = total === undefined ? `${mebibytes(done)} MiB` : `${Math.floor((done / total) * 100)} %`
    progress.say(`${phase === 'hash' ? 'reading' : 'converting'} ${path}: ${amount}`)
  }
  return image.fromPath(path).prepare({ signal, onProgress })
}

const mebibytes = (bytes: number): number => Math.floor(bytes / 2 ** 20)

function defaultWords(root: PreparedImage | undefined): readonly string[] {
  const { entrypoint = [], cmd = [] } = root?.config ?? {}
  return [...entrypoint, ...cmd]
}
