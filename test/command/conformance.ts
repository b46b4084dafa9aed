// The two sides on which every conformance case runs: node:child_process on this machine, and Command wherever
// `newCommand` runs its programs. A case sees only `Side`, so it cannot know where it is.
//
// Both sides get the same busybox (the guest's root is made of the same binary), the same environment and an
// own session for each program; what a case observes must then be deeply equal.
import { type ChildProcess, type SpawnOptions as SpawnOptionsOfNode, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { type Command, CommandError, type ExitStatus, Stdio } from '../../src/command/index.ts'

export interface SpawnOptions {
  /** Replaces the whole environment, PATH included. Default: PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly arg0?: string
  readonly stdin?: 'pipe' | 'null'
  readonly timeout?: number
  readonly signal?: AbortSignal
}

export interface End {
  readonly code: number | null
  readonly signal: string | null
}

export interface Running {
  readonly stdin: Writable | null
  readonly stdout: Readable
  readonly stderr: Readable
  kill(signal: string | number): boolean
  /** Killed by a timeout or an abort: how it ended all the same. */
  readonly ended: Promise<End>
}

export interface Side {
  /** A directory with busybox's programs. */
  readonly bin: string
  /** Rejects with { code, errno, syscall, path, spawnargs }. */
  spawn(program: string, args: readonly string[], options?: SpawnOptions): Promise<Running>
}

export class NativeSide implements Side {
  readonly bin: string

  constructor(bin: string) {
    this.bin = bin
  }

  async spawn(program: string, args: readonly string[], options: SpawnOptions = {}): Promise<Running> {
    const { env = defaultEnv(this.bin), cwd = '/', arg0, stdin = 'pipe', timeout, signal } = options
    const child = spawnNative(program, args, {
      env,
      cwd,
      detached: true,
      killSignal: 'SIGKILL',
      stdio: [stdin === 'pipe' ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      ...(arg0 === undefined ? {} : { argv0: arg0 }),
      ...(timeout === undefined ? {} : { timeout }),
      ...(signal === undefined ? {} : { signal }),
    })
    const ended = new Promise<End>((resolve) =>
      child.on('exit', (code, name) => resolve({ code, signal: name })),
    )
    if (child.pid === undefined) throw (await once(child, 'error'))[0]
    child.on('error', () => {}) // AbortError
    child.stdin?.on('error', () => {})
    // Without a listener Node throws away, at the exit, what nobody has read yet.
    child.stdout?.on('readable', () => {})
    child.stderr?.on('readable', () => {})
    return {
      stdin: child.stdin,
      stdout: child.stdout as Readable,
      stderr: child.stderr as Readable,
      kill: (name) => child.kill(name as NodeJS.Signals),
      ended,
    }
  }
}

/** Node emits the errors it expects, with the program's name, and throws all others, without it. */
function spawnNative(program: string, args: readonly string[], options: SpawnOptionsOfNode): ChildProcess {
  try {
    return spawn(program, args, options)
  } catch (error) {
    throw Object.assign(error as Error, { syscall: `spawn ${program}`, path: program, spawnargs: args })
  }
}

export class CommandSide implements Side {
  readonly bin: string
  readonly #newCommand: (program: string) => Command

  constructor(bin: string, newCommand: (program: string) => Command) {
    this.bin = bin
    this.#newCommand = newCommand
  }

  async spawn(program: string, args: readonly string[], options: SpawnOptions = {}): Promise<Running> {
    const { env = defaultEnv(this.bin), cwd = '/', arg0, stdin = 'pipe', timeout, signal } = options
    const command = this.#newCommand(program).args(args).envClear().envs(env).currentDir(cwd)
    if (arg0 !== undefined) command.arg0(arg0)
    if (timeout !== undefined) command.timeout(timeout)
    if (signal !== undefined) command.signal(signal)
    const child = await command
      .stdin(stdin === 'pipe' ? Stdio.piped() : Stdio.null())
      .stdout(Stdio.piped())
      .stderr(Stdio.piped())
      .spawn()
    return {
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      kill: (name) => child.kill(name),
      ended: child.wait().then(end, (error: unknown) => {
        if (error instanceof CommandError && error.status !== undefined) return end(error.status)
        throw error
      }),
    }
  }
}

function end({ code, signal }: ExitStatus): End {
  return { code, signal }
}

function defaultEnv(bin: string): Record<string, string> {
  return { PATH: bin, HOME: '/root' }
}

// ── what cases are written with ─────────────────────────────────────────────────────────────────────────────

export interface Result extends End {
  readonly stdout: string
  readonly stderr: string
}

/** Runs to the end with `input` on stdin. Binary output is best hashed: see `digest`. */
export async function run(
  side: Side,
  program: string,
  args: readonly string[],
  options: SpawnOptions & { readonly input?: string | Uint8Array } = {},
): Promise<Result> {
  const child = await side.spawn(program, args, options)
  child.stdin?.end(options.input ?? '')
  const [ended, stdout, stderr] = await Promise.all([child.ended, read(child.stdout), read(child.stderr)])
  return { ...ended, stdout: stdout.toString('latin1'), stderr: stderr.toString('latin1') }
}

export function sh(side: Side, script: string, options: Parameters<typeof run>[3] = {}): Promise<Result> {
  return run(side, 'sh', ['-c', script], options)
}

/** The errno and the words of a program that does not start. */
export async function failure(starting: Promise<unknown>): Promise<unknown> {
  try {
    return await starting
  } catch (error) {
    const { code, errno, syscall, path, spawnargs } = error as NodeJS.ErrnoException & { spawnargs?: unknown }
    return { code, errno, syscall, path, spawnargs }
  }
}

export async function read(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Reads until `text` has come; leaves the stream paused. */
export async function readUntil(stream: Readable, text: string): Promise<string> {
  let seen = ''
  while (!seen.includes(text)) {
    const chunk: Buffer | null = stream.read()
    if (chunk !== null) seen += chunk
    else if (stream.readableEnded) return seen
    else await new Promise((resolve) => stream.once('readable', resolve).once('end', resolve))
  }
  return seen
}

export function digest(bytes: string | Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex')
}

/** A fresh directory, the same on both sides, filled by a shell script. */
export async function scratch(side: Side, script: string): Promise<string> {
  const folder = '/tmp/inlinux-conformance'
  const { code, stderr } = await sh(
    side,
    `rm -rf ${folder} && mkdir ${folder} && cd ${folder} && { ${script}\n}`,
  )
  if (code !== 0) throw new Error(`preparing the case failed: ${stderr}`)
  return folder
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
