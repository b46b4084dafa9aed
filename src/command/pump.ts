// Moves bytes between the program's streams and what Stdio.from() and Stdio.to() name, one piece at a time: the
// next piece is asked for when the last one was taken, so the slowest of all sets the pace.
import type { Readable, Writable } from 'node:stream'
import { type Push, ReaderGone } from './sink.ts'
import type { Pull } from './source.ts'

/** From a source into the program's stdin. Rejects when the source fails; the program then must not see an end
 * of file that would look like a complete input. */
export async function feed(source: Pull, stdin: Writable): Promise<void> {
  try {
    for (;;) {
      const chunk = await source.next()
      if (chunk === undefined) break
      if (stdin.destroyed || !(await write(stdin, chunk))) return source.cancel()
    }
    stdin.end()
  } catch (error) {
    source.cancel() // and stdin stays open until the caller has killed the program
    throw error
  }
}

/** False when the program reads no more. */
function write(stdin: Writable, chunk: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    // destroy() drops the callbacks of later writes on some versions of Node: 'close' always comes.
    const gone = (): void => resolve(false)
    stdin.once('close', gone)
    stdin.write(chunk, (error) => {
      stdin.off('close', gone)
      resolve(!error)
    })
  })
}

/** From the program's output into a target. */
export class Drain {
  readonly #output: Readable
  readonly #target: Push
  #taken = 0
  #delivered = 0
  #waiting: { bytes: number; resolve: () => void } | undefined
  #taking: Promise<void> = Promise.resolve()
  #isAbandoned = false
  #ended!: () => void
  #failed!: (error: unknown) => void
  /** The output has ended and the target has been ended too. Rejects when the target failed. */
  readonly done: Promise<void>

  constructor(output: Readable, target: Push) {
    this.#output = output
    this.#target = target
    this.done = new Promise((resolve, reject) => {
      this.#ended = resolve
      this.#failed = reject
    })
    this.done.catch(() => {})
    output.on('data', (chunk: Buffer) => {
      this.#taking = this.#take(chunk)
    })
    // Pausing does not hold 'end' back when the last chunk and the end of file were read together.
    output.on('end', () => this.#taking.then(() => this.#end()))
    output.on('close', () => {
      if (!output.readableEnded) this.#abandon(output.errored)
    })
  }

  /** All that has come so far is with the target (or the target has failed, which `done` tells). */
  async flushed(): Promise<void> {
    const bytes = this.#taken + this.#output.readableLength
    if (bytes <= this.#delivered) return
    const reached = new Promise<void>((resolve) => {
      this.#waiting = { bytes, resolve }
    })
    await Promise.race([reached, this.done])
  }

  /** Nothing more is to be written: the program's next write gets SIGPIPE. */
  stop(): void {
    this.#output.destroy()
  }

  async #take(chunk: Buffer): Promise<void> {
    this.#taken += chunk.length
    this.#output.pause()
    try {
      await this.#target.write(chunk)
    } catch (error) {
      this.#abandon(error instanceof ReaderGone ? null : error)
      this.stop()
      return
    }
    this.#delivered += chunk.length
    if (this.#waiting !== undefined && this.#waiting.bytes <= this.#delivered) this.#waiting.resolve()
    this.#output.resume()
  }

  #end(): void {
    if (!this.#isAbandoned) this.#target.end().then(this.#ended, this.#failed)
  }

  #abandon(error: unknown): void {
    this.#isAbandoned = true
    this.#target.abandon()
    if (error) this.#failed(error)
    else this.#ended()
  }
}
