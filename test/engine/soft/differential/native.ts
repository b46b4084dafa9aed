// The host's processor as an oracle: compiles native/harness.c once, runs it, and sends it batches of requests.

import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BATCH_HEADER, DATA_SIZE, REQUEST_SIZE, RESULT_SIZE } from './record.ts'

const checkout: URL = new URL('../../../../../', import.meta.url)
const source = fileURLToPath(new URL('test/engine/soft/differential/native/harness.c', checkout))
/** The kernel runs each instruction as the processor does, so tests in other harnesses are of no use without one. */
export const nativeMissing: string | false =
  process.platform === 'linux' && process.arch === 'x64'
    ? false
    : 'needs an x86-64 processor under Linux as the oracle'

/** Compiles a C program of the tests into build/, named after its content. @returns the program's path */
export function compileNative(file: string, ...options: string[]): string {
  const hash = createHash('sha256')
    .update(readFileSync(file))
    .update(options.join(' '))
    .digest('hex')
    .slice(0, 16)
  const folder = fileURLToPath(new URL('build/native/', checkout))
  const program = `${folder}${file.replace(/.*\/|\.c$/g, '')}-${hash}`
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true })
    const temporary = `${program}.${process.pid}`
    execFileSync('gcc', ['-O2', '-fno-stack-protector', ...options, '-o', temporary, file], { stdio: 'pipe' })
    renameSync(temporary, program)
  }
  return program
}

export class NativeProcessor {
  readonly #child: ChildProcessWithoutNullStreams
  #received: Buffer[] = []
  #receivedBytes = 0
  #waiting: { bytes: number; resolve: (all: Buffer) => void; reject: (error: Error) => void } | undefined
  #ended: Error | undefined

  constructor() {
    this.#child = spawn(compileNative(source))
    this.#child.stdout.on('data', (chunk: Buffer) => {
      this.#received.push(chunk)
      this.#receivedBytes += chunk.length
      this.#settle()
    })
    this.#child.stdin.on('error', () => {})
    this.#child.on('close', (code, signal) => {
      this.#ended = new Error(`the native harness ended with ${signal ?? code}`)
      this.#settle()
    })
  }

  /** Runs `count` requests on the data area's image. @returns the results; with the data area behind each if `verbose` */
  run(data: Uint8Array, requests: Uint8Array, count: number, verbose = false): Promise<Buffer> {
    const header = Buffer.alloc(BATCH_HEADER)
    header.writeUInt32LE(count, 0)
    header.writeUInt32LE(verbose ? 1 : 0, 4)
    this.#child.stdin.write(Buffer.concat([header, data, requests.subarray(0, count * REQUEST_SIZE)]))
    const bytes = count * (RESULT_SIZE + (verbose ? DATA_SIZE : 0))
    return new Promise((resolve, reject) => {
      this.#waiting = { bytes, resolve, reject }
      this.#settle()
    })
  }

  close(): void {
    this.#child.stdin.end()
  }

  #settle(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    if (this.#receivedBytes >= waiting.bytes) {
      const all = Buffer.concat(this.#received)
      this.#received = []
      this.#receivedBytes = 0
      this.#waiting = undefined
      waiting.resolve(all)
    } else if (this.#ended) {
      this.#waiting = undefined
      waiting.reject(this.#ended)
    }
  }
}
