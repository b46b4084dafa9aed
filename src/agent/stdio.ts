// The host's end of a program's pipes, as the Node streams that a child process has.
//
//    ProcessInput   Writable: end() → the program reads end of file; the program closes stdin → EPIPE
//    ProcessOutput  Readable: the program's output; destroy() → the program's next write gets SIGPIPE
//
// Both sit on one stream of the transport each, which carries data in one direction only: an end in the other
// direction says that the reader is gone. A guest decides when these streams fail, so both carry an 'error'
// listener of their own: without one Node would end the whole process over a program that closes its stdin.
import { type Duplex, Readable, Writable } from 'node:stream'

/** How much is buffered before the guest has to wait: a pipe's worth. */
const HIGH_WATER_BYTES = 65_536
/** What the program wrote before it ended is fetched without waiting for a reader. A pipe, the agent and the
 * transport hold well below this together; a guest that sends more is back to waiting. */
const MAX_READ_AHEAD_BYTES: number = 4 << 20

type Callback = (error?: Error | null) => void

export class ProcessInput extends Writable {
  readonly #stream: Duplex
  /** Why the program cannot be written to any more. */
  #gone: Error | undefined
  #pending: Callback | undefined

  /** `lost` explains an end that came with the end of the whole connection. */
  constructor(stream: Duplex, lost: () => Error | undefined) {
    super({ highWaterMark: HIGH_WATER_BYTES, decodeStrings: true })
    this.#stream = stream
    this.on('error', () => {})
    const readerGone = (): void => {
      this.#gone ??= lost() ?? brokenPipe()
      this.#settle(this.#gone)
    }
    stream.on('error', readerGone)
    stream.on('end', readerGone)
    stream.on('close', readerGone)
    stream.on('data', () => {}) // the guest sends nothing here; its end is only seen while reading
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    if (!this.#begin(callback)) return
    this.#stream.write(chunk, (error) => this.#written(error))
  }

  override _writev(chunks: { chunk: Buffer }[], callback: Callback): void {
    if (!this.#begin(callback)) return
    this.#stream.cork()
    chunks.forEach(({ chunk }, index) => {
      if (index < chunks.length - 1) this.#stream.write(chunk)
      else this.#stream.write(chunk, (error) => this.#written(error))
    })
    this.#stream.uncork()
  }

  override _final(callback: Callback): void {
    if (this.#gone !== undefined) {
      callback() // the program need not read what is left for it
      return
    }
    this.#pending = () => callback()
    this.#stream.end(() => this.#settle(null))
  }

  override _destroy(error: Error | null, callback: Callback): void {
    // After a proper end the agent closes the stream once the program has had everything.
    if (!this.writableFinished) this.#stream.destroy()
    callback(error)
  }

  #begin(callback: Callback): boolean {
    if (this.#gone !== undefined) callback(this.#gone)
    else this.#pending = callback
    return this.#gone === undefined
  }

  #written(error: Error | null | undefined): void {
    if (error) this.#gone ??= brokenPipe()
    this.#settle(this.#gone ?? null)
  }

  #settle(error: Error | null): void {
    const pending = this.#pending
    this.#pending = undefined
    pending?.(error)
  }
}

export class ProcessOutput extends Readable {
  readonly #stream: Duplex
  #received = 0
  /** Fetch up to here, in bytes from the start, whether or not somebody reads. */
  #readAhead = 0
  #arrivals: { bytes: number; resolve: () => void }[] = []
  /** Resolved when the guest can send nothing more here. */
  readonly finished: Promise<void>

  /** `lost` explains an end that came with the end of the whole connection. */
  constructor(stream: Duplex, lost: () => Error | undefined) {
    super({ highWaterMark: HIGH_WATER_BYTES })
    this.#stream = stream
    this.on('error', () => {})
    let ended = false
    stream.on('data', (chunk: Buffer) => this.#take(chunk))
    stream.on('end', () => {
      ended = true
      this.push(null)
      stream.end()
    })
    stream.on('error', () => {}) // 'close' follows
    this.finished = new Promise((resolve) => {
      stream.on('end', resolve)
      stream.on('close', () => {
        // A stream that was cut must not look like one that has ended.
        if (!ended && !this.destroyed) this.destroy(lost() ?? cutOff())
        resolve()
      })
    })
    this.finished.then(() => this.#arrived(Number.POSITIVE_INFINITY))
  }

  override _read(): void {
    this.#stream.resume()
  }

  override _destroy(error: Error | null, callback: Callback): void {
    if (!this.#stream.readableEnded) this.#stream.destroy()
    callback(error)
  }

  /**
   * The process is dead and has written `bytes` in all. Resolved when they are here; if no descendant holds the
   * pipe, also its end. From now on the guest does not wait for our reader, who may never come.
   */
  fetch(bytes: number, held: boolean): Promise<void> {
    // The end of the stream is one step after the last byte, so reading must go on beyond it.
    this.#readAhead = Math.min(held ? bytes : bytes + 1, this.#received + MAX_READ_AHEAD_BYTES)
    this.#stream.resume()
    if (!held) return this.finished
    if (bytes <= this.#received) return Promise.resolve()
    const arrival = new Promise<void>((resolve) => this.#arrivals.push({ bytes: this.#readAhead, resolve }))
    return Promise.race([arrival, this.finished])
  }

  #take(chunk: Buffer): void {
    this.#received += chunk.length
    const wanted = this.push(chunk)
    this.#arrived(this.#received)
    if (!wanted && this.#received >= this.#readAhead) this.#stream.pause()
  }

  #arrived(bytes: number): void {
    for (const arrival of this.#arrivals) if (arrival.bytes <= bytes) arrival.resolve()
    this.#arrivals = this.#arrivals.filter((arrival) => arrival.bytes > bytes)
  }
}

function brokenPipe(): Error {
  return Object.assign(new Error('write EPIPE'), { code: 'EPIPE', errno: -32, syscall: 'write' })
}

function cutOff(): Error {
  return Object.assign(new Error('the guest cut off this stream'), {
    code: 'ECONNRESET',
    errno: -104,
    syscall: 'read',
  })
}
