// The builder: std::process::Command for programs in a machine.
//
//    new Command('cc').args(['-c', 'x.c']).currentDir('/src').env('LC_ALL', 'C').output()
//
// It only collects; nothing runs before spawn(), output() or status(), and each of them can be called any number
// of times. Differences from std that a promise-based API brings: those three are asynchronous, and a mistake in
// an argument (a NUL, an empty name) is thrown by the builder, where the caller's stack still shows it.
import type { Readable, Writable } from 'node:stream'
import type { ProcessHost } from '../agent/index.ts'
import type { Child } from './child.ts'
import type { ExitStatus, Output } from './exit-status.ts'
import { checkText, invalid } from './invalid.ts'
import { type Collected, launch } from './launch.ts'
import type { MachineRequest } from './machine-source.ts'
import type { Settings, StdioPlans } from './settings.ts'
import { Stdio, type StdioPlan } from './stdio.ts'

/** setTimeout() takes a 32-bit number of milliseconds and runs at once above it. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** Distributes over the kinds: of a Stdio that may be piped, a stream or null. */
type StreamOf<S extends Stdio, Stream> =
  S extends Stdio<infer Kind> ? (Kind extends 'piped' ? Stream : null) : never

export interface CommandOptions {
  /** Runs the program in this machine instead of one of its own. `machine.command(program)` sets it. */
  readonly machine?: ProcessHost
}

export class Command<
  In extends Writable | null = Writable | null,
  Out extends Readable | null = Readable | null,
  Err extends Readable | null = Readable | null,
> {
  readonly #settings: Settings
  readonly #machine: ProcessHost | undefined

  /** `program` is a path if it holds a slash, else looked up in the PATH that the program will have. */
  constructor(program: string, options: CommandOptions = {}) {
    this.#machine = options.machine
    this.#settings = {
      program: checkText('a program', program),
      arg0: undefined,
      args: [],
      clearEnv: false,
      env: new Map(),
      cwd: undefined,
      user: undefined,
      stdin: undefined,
      stdout: undefined,
      stderr: undefined,
      image: undefined,
      memory: undefined,
      timeout: undefined,
      signal: undefined,
    }
    if (program === '') throw invalid('a program must have a name')
  }

  /** Adds one argument. It reaches the program as it is: no shell is involved. */
  arg(value: string): this {
    this.#settings.args.push(checkText('an argument', value))
    return this
  }

  args(values: Iterable<string>): this {
    if (typeof values === 'string') throw invalid('args() takes a list of arguments, arg() takes one')
    for (const value of values) this.arg(value)
    return this
  }

  /** What the program finds as its own name in argv[0]. Default: the program as given to `new Command()`. */
  arg0(name: string): this {
    this.#settings.arg0 = checkText('argv[0]', name)
    return this
  }

  env(name: string, value: string): this {
    this.#settings.env.set(checkName(name), checkText('the value of a variable', value))
    return this
  }

  envs(variables: Readonly<Record<string, string>> | Iterable<readonly [string, string]>): this {
    const pairs =
      Symbol.iterator in variables
        ? (variables as Iterable<readonly [string, string]>)
        : Object.entries(variables)
    for (const [name, value] of pairs) this.env(name, value)
    return this
  }

  /** Removes a variable, also one that the image sets, or PATH or HOME. */
  envRemove(name: string): this {
    this.#settings.env.set(checkName(name), null)
    return this
  }

  /** Starts from an empty environment: without PATH, HOME and what the image sets, and without what was set
   * on this command so far. */
  envClear(): this {
    this.#settings.clearEnv = true
    this.#settings.env.clear()
    return this
  }

  /** A directory in the guest. Default: the image's working directory, else `/`. */
  currentDir(path: string): this {
    this.#settings.cwd = checkText('a directory', path)
    return this
  }

  /** `NAME` or `UID`, optionally with `:GROUP` or `:GID`, looked up in the guest. Default: the image's, else root. */
  user(user: string | number): this {
    this.#settings.user = checkText('a user', typeof user === 'number' ? String(user) : user)
    return this
  }

  /** Default: inherit for spawn() and status(), null for output(). */
  stdin<S extends Stdio>(stdio: S): Command<StreamOf<S, Writable>, Out, Err> {
    if (!(stdio instanceof Stdio) || stdio.kind === 'to')
      throw invalid('stdin takes Stdio.piped(), inherit(), null() or from()')
    this.#settings.stdin = stdio
    return this as unknown as Command<StreamOf<S, Writable>, Out, Err>
  }

  /** Default: inherit for spawn() and status(), piped for output(). */
  stdout<S extends Stdio>(stdio: S): Command<In, StreamOf<S, Readable>, Err> {
    this.#settings.stdout = checkOutput(stdio)
    return this as unknown as Command<In, StreamOf<S, Readable>, Err>
  }

  /** Default: inherit for spawn() and status(), piped for output(). */
  stderr<S extends Stdio>(stdio: S): Command<In, Out, StreamOf<S, Readable>> {
    this.#settings.stderr = checkOutput(stdio)
    return this as unknown as Command<In, Out, StreamOf<S, Readable>>
  }

  /** The root file system of the command's own machine, from `image.from…()`. Default: the package's busybox root. */
  image(image: NonNullable<MachineRequest['image']>): this {
    if (typeof image?.prepare !== 'function')
      throw invalid('image() takes what image.fromTar() and the like return')
    this.#settings.image = image
    return this
  }

  /** The memory of the command's own machine, in bytes or as `'512MiB'`. */
  memory(size: number | string): this {
    this.#settings.memory = size
    return this
  }

  /** Milliseconds that the program may run, from its start; booting a machine does not count. After that its
   * process group is killed, and wait(), output() and status() reject with `timedOut`. */
  timeout(milliseconds: number): this {
    if (!(milliseconds > 0 && milliseconds <= MAX_TIMEOUT_MS))
      throw invalid('a timeout is a positive number of milliseconds')
    this.#settings.timeout = milliseconds
    return this
  }

  /** Aborting kills the program's process group; wait(), output() and status() reject with `isCanceled`. */
  signal(signal: AbortSignal): this {
    if (!(signal instanceof AbortSignal))
      throw invalid('signal() takes an AbortSignal; child.kill() sends signals')
    this.#settings.signal = signal
    return this
  }

  /** Starts the program. Rejects with a CommandError if it cannot be started. */
  spawn(): Promise<Child<In, Out, Err>> {
    return this.#launch(this.#plans('inherit', 'inherit'))
  }

  /** Runs the program to its end and collects what it writes to stdout and stderr, where those are piped. A piped
   * stdin is empty. Like any reader of a pipe, this waits also for a descendant that holds one. */
  async output(): Promise<Output> {
    const plans = this.#plans('null', 'piped')
    const stdout = new Collector()
    const stderr = new Collector()
    const child = await this.#launch(
      {
        stdin: unlessPiped(plans.stdin),
        stdout: stdout.insteadOf(plans.stdout),
        stderr: stderr.insteadOf(plans.stderr),
      },
      () => ({ stdout: stdout.bytes(), stderr: stderr.bytes() }),
    )
    const status = await child.wait()
    return { status, stdout: stdout.bytes(), stderr: stderr.bytes() }
  }

  /** Runs the program to its end. Nobody could reach the other end of a piped descriptor: it is /dev/null. */
  async status(): Promise<ExitStatus> {
    const { stdin, stdout, stderr } = this.#plans('inherit', 'inherit')
    const child = await this.#launch({
      stdin: unlessPiped(stdin),
      stdout: unlessPiped(stdout),
      stderr: unlessPiped(stderr),
    })
    return child.wait()
  }

  #plans(input: 'inherit' | 'null', output: 'inherit' | 'piped'): StdioPlans {
    const { stdin, stdout, stderr } = this.#settings
    return {
      stdin: (stdin ?? Stdio[input]()).plan,
      stdout: (stdout ?? Stdio[output]()).plan,
      stderr: (stderr ?? Stdio[output]()).plan,
    }
  }

  /** `collected` makes wait() last until the pipes end, and goes into its errors. */
  #launch(plans: StdioPlans, collected?: () => Collected): Promise<Child<In, Out, Err>> {
    // The builder may be changed and used again while this start is under way.
    const settings = { ...this.#settings, args: [...this.#settings.args], env: new Map(this.#settings.env) }
    return launch<In, Out, Err>({ settings, plans, machine: this.#machine, collected })
  }
}

/** Takes the place of a pipe that output() reads. */
class Collector {
  readonly #chunks: Buffer[] = []

  insteadOf(plan: StdioPlan): StdioPlan {
    return plan.kind === 'piped' ? { kind: 'to', target: (chunk) => void this.#chunks.push(chunk) } : plan
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}

function unlessPiped(plan: StdioPlan): StdioPlan {
  return plan.kind === 'piped' ? { kind: 'null' } : plan
}

function checkName(name: string): string {
  if (checkText('the name of a variable', name) === '') throw invalid('a variable must have a name')
  if (name.includes('=')) throw invalid('the name of a variable must not contain "="')
  return name
}

function checkOutput<S extends Stdio>(stdio: S): S {
  if (!(stdio instanceof Stdio) || stdio.kind === 'from')
    throw invalid('an output takes Stdio.piped(), inherit(), null() or to()')
  return stdio
}
