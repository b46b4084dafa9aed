// The end of a vsock connection that the host's program holds: an ordinary Node duplex stream.
//
// It behaves like a socket: `end()` half-closes, the guest's half-close is 'end', writing to a guest that no
// longer reads fails with EPIPE, a reset is ECONNRESET. A write is called back when its last byte lies in guest
// memory, and reading slowly holds the guest back, so a stream of any length runs in constant memory.
// All protocol is in vsock-connection.ts; this class only translates.

import { Duplex } from 'node:stream'

/** What the stream asks of its connection. */
export interface StreamEnd {
  readonly hostPort: number
  readonly guestPort: number
  readMore(): void
  write(chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void
  finish(done: (error?: Error | null) => void): void
  destroy(failed: boolean): void
}

/** Small, because what waits behind it waits in compact form: see `MIN_CHUNK_BYTES` in vsock-connection.ts. */
const READABLE_BYTES = 16 * 1024
const WRITABLE_BYTES = 64 * 1024

export class VsockStream extends Duplex {
  readonly #connection: StreamEnd

  constructor(connection: StreamEnd) {
    super({
      allowHalfOpen: true,
      readableHighWaterMark: READABLE_BYTES,
      writableHighWaterMark: WRITABLE_BYTES,
    })
    this.#connection = connection
  }

  /** The vsock port on the host's side. */
  get hostPort(): number {
    return this.#connection.hostPort
  }

  /** The vsock port on the guest's side. */
  get guestPort(): number {
    return this.#connection.guestPort
  }

  override _read(): void {
    this.#connection.readMore()
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#connection.write([chunk], done)
  }

  /** Several small writes leave in one packet. */
  override _writev(writes: { chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    this.#connection.write(
      writes.map(({ chunk }) => chunk),
      done,
    )
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connection.finish(done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#connection.destroy(error !== null)
    done(error)
  }
}
