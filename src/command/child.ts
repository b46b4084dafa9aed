// A running program.
//
//    Stdio.from / inherit ─► feed ─► stdin ┐             ┌ stdout, stderr ─► piped: the caller's streams
//                                          ├─ program ──┤
//    timeout, AbortSignal ─► SIGKILL ──────┘             └─► Drain ─► Stdio.to / inherit
//
// The end comes in this order: the program exits; what it wrote has arrived here; what goes to a target has been
// written there; a machine of the command's own is closed; wait() resolves. A descendant that still holds stdout
// or stderr does not delay that (as with any child process), except that a machine of our own must outlive the
// pipes that the caller reads. Without such a pipe it ends with its program, and its last processes with it.
import type { Readable, Writable } from 'node:stream'
import { type ProcessExit, type ProcessHost, type RemoteProcess, signalNumber } from '../agent/index.ts'
import type { CommandError, CommandErrorCode } from './command-error.ts'
import { type ExitStatus, exitStatus } from './exit-status.ts'
import { invalid } from './invalid.ts'
import { onAbort } from './on-abort.ts'
import { Drain, feed } from './pump.ts'
import { type StdioPlans, sharesPipe } from './settings.ts'
import { type Push, push } from './sink.ts'
import { type Pull, pull, pullStdin } from './source.ts'
import type { StdioPlan } from './stdio.ts'

const SIGKILL = 9
/** A kernel that has not reaped a SIGKILLed process by then is stuck; a machine of our own is then torn down. */
const KILL_GRACE_MS = 5_000
const DELIVERY_GRACE_MS = 1_000

/** What the program's descriptors are connected to, opened before the program starts so that a mistake in them
 * starts nothing. */
export interface Ends {
  readonly stdin: Pull | undefined
  readonly stdout: Push | undefined
  readonly stderr: Push | undefined
}

export async function openEnds(plans: StdioPlans): Promise<Ends> {
  const { stdin } = plans
  const input =
    stdin.kind === 'from'
      ? await pull(stdin.source)
      : stdin.kind === 'inherit'
        ? pullStdin(process.stdin)
        : undefined
  const opened: { -readonly [End in keyof Ends]: Ends[End] } = {
    stdin: input,
    stdout: undefined,
    stderr: undefined,
  }
  try {
    opened.stdout = openOutput(plans.stdout, process.stdout)
    if (!sharesPipe(plans)) opened.stderr = openOutput(plans.stderr, process.stderr)
  } catch (error) {
    abandonEnds(opened)
    throw error
  }
  return opened
}

/** The program does not come into being. */
export function abandonEnds(ends: Ends): void {
  ends.stdin?.cancel()
  ends.stdout?.abandon()
  ends.stderr?.abandon()
}

function openOutput(plan: StdioPlan, inherited: Writable): Push | undefined {
  return plan.kind === 'to' ? push(plan.target) : plan.kind === 'inherit' ? push(inherited) : undefined
}

export interface ChildOptions {
  readonly process: RemoteProcess
  readonly plans: StdioPlans
  readonly ends: Ends
  /** The command's own machine; undefined if others use it too. */
  readonly machine: ProcessHost | undefined
  readonly timeout: number | undefined
  readonly signal: AbortSignal | undefined
  /** wait() lasts until no descendant holds a pipe any more. */
  readonly untilClosed: boolean
  readonly error: (verdict: Verdict, status?: ExitStatus) => CommandError
}

/** What went wrong, apart from the program itself. */
export interface Verdict {
  readonly message: string
  readonly code: CommandErrorCode
  readonly cause?: unknown
}

export class Child<
  In extends Writable | null = Writable | null,
  Out extends Readable | null = Readable | null,
  Err extends Readable | null = Readable | null,
> {
  /** Present where stdin, stdout or stderr is `Stdio.piped()`, else null. */
  readonly stdin: In
  readonly stdout: Out
  readonly stderr: Err
  /** In the guest. */
  readonly pid: number

  readonly #options: ChildOptions
  readonly #drains: Drain[]
  readonly #end: Promise<ExitStatus>
  #verdict: Verdict | undefined
  readonly #condemned: Promise<void>
  #giveUp!: () => void
  #stopWatching = (): void => {}

  constructor(options: ChildOptions) {
    const { process, plans, ends } = options
    this.#options = options
    this.pid = process.pid
    this.stdin = (plans.stdin.kind === 'piped' ? process.stdin : null) as In
    this.stdout = (plans.stdout.kind === 'piped' ? process.stdout : null) as Out
    this.stderr = (plans.stderr.kind === 'piped' ? process.stderr : null) as Err
    this.#drains = [
      ...(ends.stdout && process.stdout ? [new Drain(process.stdout, ends.stdout)] : []),
      ...(ends.stderr && process.stderr ? [new Drain(process.stderr, ends.stderr)] : []),
    ]
    this.#condemned = new Promise((resolve) => {
      this.#giveUp = resolve
    })
    this.#watch()
    if (ends.stdin && process.stdin) {
      feed(ends.stdin, process.stdin).catch((cause) =>
        this.#condemn({ message: 'was killed: its input could not be read', code: 'ERR_STDIO', cause }),
      )
    }
    this.#end = this.#run()
    this.#end.catch(() => {})
  }

  /**
   * Resolves when the program has ended and all it wrote before has arrived (see above); at once if it has.
   * Rejects with a CommandError after a timeout or an abort, with a VmError if the machine broke. A program
   * that failed by itself is a result: see `success`. Does not close stdin.
   */
  wait(): Promise<ExitStatus> {
    return this.#end
  }

  /** Sends a signal to the program, by name or Linux number. False if it has ended already. */
  kill(signal: string | number = 'SIGTERM'): boolean {
    return this.#send(signal, 'process')
  }

  /** The same to the program's process group: to it and to the children that it has not moved elsewhere, as a
   * terminal does on Ctrl-C. */
  killGroup(signal: string | number = 'SIGTERM'): boolean {
    return this.#send(signal, 'group')
  }

  /** Kills the program and its process group if they still run, and waits for the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { process, machine } = this.#options
    this.#kill()
    await this.#end.catch(() => {})
    for (const stream of [process.stdin, process.stdout, process.stderr]) stream?.destroy()
    await machine?.close()
  }

  async #run(): Promise<ExitStatus> {
    const { process, ends, machine, error } = this.#options
    let exit: ProcessExit
    try {
      exit = await process.exited
    } catch (cause) {
      this.#stopWatching()
      await machine?.close()
      throw this.#verdict === undefined ? cause : error(this.#verdict)
    } finally {
      ends.stdin?.cancel()
      process.stdin?.destroy()
    }
    await Promise.race([this.#delivered(exit), this.#impatience()])
    this.#stopWatching()
    if (this.#verdict !== undefined) for (const drain of this.#drains) drain.stop()
    await this.#release(exit)

    const status = exitStatus(exit)
    if (this.#verdict !== undefined) throw error(this.#verdict, status)
    return status
  }

  /** The targets of stdout and stderr have all they will get from this program. */
  async #delivered({ held }: ProcessExit): Promise<void> {
    const { untilClosed } = this.#options
    try {
      await Promise.all(this.#drains.map((drain) => (held && !untilClosed ? drain.flushed() : drain.done)))
    } catch (cause) {
      this.#verdict ??= { message: 'failed: its output could not be written', code: 'ERR_STDIO', cause }
    }
  }

  /** Resolves a moment after a timeout or an abort: time for a working target to take the last output, and an end
   * to waiting for one that does not. */
  async #impatience(): Promise<void> {
    await this.#condemned
    await new Promise((resolve) => setTimeout(resolve, DELIVERY_GRACE_MS).unref())
  }

  async #release({ held }: ProcessExit): Promise<void> {
    const { process, machine } = this.#options
    if (machine === undefined) return
    const callerReads = this.stdout !== null || this.stderr !== null
    if (held && callerReads && this.#verdict === undefined)
      process.closed.then(() => machine.close()).catch(() => {})
    else await machine.close()
  }

  // ── timeout and abort ───────────────────────────────────────────────────────────────────────────────────

  #watch(): void {
    const { timeout, signal } = this.#options
    const timer =
      timeout === undefined
        ? undefined
        : setTimeout(
            () => this.#condemn({ message: `took longer than ${timeout} ms`, code: 'ETIMEDOUT' }),
            timeout,
          )
    const aborted = (): void =>
      this.#condemn({ message: 'was canceled', code: 'ABORT_ERR', cause: signal?.reason })
    const forget = signal === undefined ? undefined : onAbort(signal, aborted)
    this.#stopWatching = () => {
      clearTimeout(timer)
      forget?.()
    }
  }

  /** Kills the program, and gives up waiting for targets. */
  #condemn(verdict: Verdict): void {
    if (this.#verdict !== undefined) return
    this.#verdict = verdict
    this.#kill()
    this.#giveUp()
  }

  #send(signal: string | number, target: 'process' | 'group'): boolean {
    const number = signalNumber(signal)
    if (number === undefined) throw invalid(`Linux has no signal ${JSON.stringify(signal)}`)
    return this.#options.process.kill(number, target)
  }

  #kill(): void {
    const { process, machine } = this.#options
    if (!process.kill(SIGKILL, 'group') || machine === undefined) return
    const stuck = setTimeout(() => machine.close().catch(() => {}), KILL_GRACE_MS)
    process.exited.finally(() => clearTimeout(stuck)).catch(() => {})
  }
}
