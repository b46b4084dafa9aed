// Starts the command line as a process, and waits for its end.
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { BUSYBOX } from '../command/busybox.ts'

/** Programs run by the agent on this machine; with the machines of the library. */
export const ON_HOST: string = fileURLToPath(new URL('./main-on-host.js', import.meta.url))
export const IN_MACHINE: string = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

export interface Result {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: Buffer
  readonly stderr: string
}

export interface Surroundings {
  readonly main?: string
  readonly input?: string | Buffer
  readonly env?: Readonly<Record<string, string>>
  /** Nobody reads the output. */
  readonly isStuck?: boolean
}

export function inlinux(
  words: readonly string[],
  { main = ON_HOST, input = '', env = {} }: Surroundings = {},
): Result {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [main, ...words], {
    input,
    env: { ...process.env, ...env },
    timeout: 60_000,
    maxBuffer: 64 << 20,
  })
  return { code: status, signal, stdout, stderr: stderr.toString() }
}

export class Running {
  readonly process: ChildProcessWithoutNullStreams
  readonly exited: Promise<{ code: number | null; signal: string | null }>
  /** Exited, and all its output is here. */
  readonly ended: Promise<{ code: number | null; signal: string | null }>
  stdout = ''
  stderr = ''
  #wake = (): void => {}

  constructor(words: readonly string[], { main = ON_HOST, env = {}, isStuck = false }: Surroundings = {}) {
    this.process = spawn(process.execPath, [main, ...words], { env: { ...process.env, ...env } })
    this.process.stdin.on('error', () => {})
    if (!isStuck) {
      this.process.stdout.on('data', (chunk: Buffer) => {
        this.stdout += chunk
        this.#wake()
      })
    }
    this.process.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk
      this.#wake()
    })
    this.exited = once(this.process, 'exit').then(([code, signal]) => ({ code, signal }))
    this.ended = once(this.process, 'close').then(([code, signal]) => ({ code, signal }))
  }

  /** Waits until it has written this. */
  async said(text: string): Promise<void> {
    while (!this.stdout.includes(text) && !this.stderr.includes(text)) {
      if (this.process.exitCode !== null) throw new Error(`ended without saying ${text}: ${this.stderr}`)
      await Promise.race([this.#more(), this.ended])
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

/** A pipeline of the host's shell. `$INLINUX` stands for the command line up to the options of `run`. */
export function shell(script: string, { main = ON_HOST, env = {}, input = '' }: Surroundings = {}): Result {
  const { status, signal, stdout, stderr } = spawnSync(BUSYBOX, ['sh', '-c', script], {
    input,
    env: { ...process.env, ...env, INLINUX: `${process.execPath} ${main}` },
    timeout: 60_000,
    maxBuffer: 64 << 20,
  })
  return { code: status, signal, stdout, stderr: stderr.toString() }
}
