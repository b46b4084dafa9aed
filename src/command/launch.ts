// From a command's settings to a running child: a machine if it has none, the ends of its stdio, the program.
// Whatever fails on the way, nothing is left behind: no machine, no listener on a stream, no half-open source.
import type { Readable, Writable } from 'node:stream'
import { type ProcessHost, type ProcessSpec, type RemoteProcess, StartFailure } from '../agent/index.ts'
import { abandonEnds, Child, type ChildOptions, type Ends, openEnds } from './child.ts'
import { CommandError } from './command-error.ts'
import { invalid } from './invalid.ts'
import { startMachine } from './machine-source.ts'
import { onAbort } from './on-abort.ts'
import { processSpec, type Settings, type StdioPlans } from './settings.ts'

export interface LaunchOptions {
  readonly settings: Settings
  readonly plans: StdioPlans
  /** Where to run; undefined: in a machine of the command's own. */
  readonly machine: ProcessHost | undefined
  /** What output() has so far, for errors. Its presence makes wait() last until the pipes end. */
  readonly collected: (() => Collected) | undefined
}

export interface Collected {
  readonly stdout: Buffer
  readonly stderr: Buffer
}

export async function launch<
  In extends Writable | null,
  Out extends Readable | null,
  Err extends Readable | null,
>({ settings, plans, machine, collected }: LaunchOptions): Promise<Child<In, Out, Err>> {
  const { program, args, timeout, signal, image, memory } = settings
  const error: ChildOptions['error'] = ({ message, code, cause }, status) =>
    new CommandError(`${program} ${message}`, {
      code,
      path: program,
      spawnargs: args,
      ...(status === undefined ? {} : { status, ...collected?.() }),
      ...(cause === undefined ? {} : { cause }),
    })
  const canceled = (): CommandError =>
    error({ message: 'was canceled before it started', code: 'ABORT_ERR', cause: signal?.reason })
  if (signal?.aborted) throw canceled()
  if (machine !== undefined && (image !== undefined || memory !== undefined))
    throw invalid('image() and memory() belong to a command that starts its own machine')

  const own = machine === undefined ? await bootFor(settings, canceled) : undefined
  const host = own ?? (machine as ProcessHost)
  const spec = processSpec(settings, plans, host.processDefaults ?? {})
  let ends: Ends | undefined
  let process: RemoteProcess
  try {
    ends = await openEnds(plans)
    process = await host.start(spec)
  } catch (cause) {
    if (ends !== undefined) abandonEnds(ends)
    await own?.close()
    throw cause instanceof StartFailure ? startError(settings, spec, cause) : cause
  }
  const untilClosed = collected !== undefined
  return new Child<In, Out, Err>({ process, plans, ends, machine: own, timeout, signal, untilClosed, error })
}

/** A machine for one command. An abort gives up on it at once; should it come up later, it is closed. */
async function bootFor(
  { image, memory, signal }: Settings,
  canceled: () => CommandError,
): Promise<ProcessHost> {
  const booting = startMachine({
    ...(image === undefined ? {} : { image }),
    ...(memory === undefined ? {} : { memory }),
    ...(signal === undefined ? {} : { signal }),
  })
  if (signal === undefined) return booting
  let giveUp!: () => void
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => reject(canceled())
  })
  const forget = onAbort(signal, giveUp)
  try {
    return await Promise.race([booting, aborted])
  } catch (cause) {
    if (!signal.aborted) throw cause
    booting.then((machine) => machine.close()).catch(() => {})
    throw canceled()
  } finally {
    forget()
  }
}

const STEP_REASONS: Readonly<Record<string, (spec: ProcessSpec) => string>> = {
  chdir: ({ cwd }) => `: cannot enter the directory ${cwd ?? '/'}`,
  user: ({ user }) => `: cannot become the user ${user ?? 'root'}`,
  stdio: () => ': cannot make its pipes',
  fork: () => ': cannot make a process',
}

/** As Node words it: `spawn PROGRAM ENOENT`, with negative errno. */
function startError(
  { program, args }: Settings,
  spec: ProcessSpec,
  { code, errno, step }: StartFailure,
): CommandError {
  const reason = STEP_REASONS[step]?.(spec) ?? ''
  const syscall = `spawn ${program}`
  return new CommandError(`${syscall} ${code}${reason}`, {
    code,
    errno: -errno,
    syscall,
    step,
    path: program,
    spawnargs: args,
  })
}
