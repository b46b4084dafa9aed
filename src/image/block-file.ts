// A file that is written front to back, in large pieces, while the caller goes on.
//
// `write` copies into a buffer of 1 MiB; full buffers are written by the thread pool and reused. A caller that
// produces faster than the disk writes asks `isBehind` and awaits `drained()`. The digest is computed over what
// passes, in file order. Errors of the disk (no space left) surface at the next `drained()` or at `close()`.

import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { VmError } from '../errors/index.ts'

const BUFFER_SIZE = 1024 * 1024
/** Full buffers that may wait for the disk: 8 MiB. */
const BACKLOG_MAX = 8

export class BlockFile {
  readonly path: string
  readonly #handle: FileHandle
  readonly #hash: Hash = createHash('sha256')
  readonly #waiting: Buffer[] = []
  readonly #spare: Buffer[] = []
  #buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_SIZE)
  #fill = 0
  /** Offset in the file of the first byte in `#buffer`. */
  #bufferAt: number
  /** Offset in the file of the first byte in `#waiting`. */
  #writtenTo: number
  #pump: Promise<void> | undefined
  #onProgress: (() => void) | undefined
  #error: unknown

  private constructor(path: string, handle: FileHandle, start: number) {
    this.path = path
    this.#handle = handle
    this.#bufferAt = start
    this.#writtenTo = start
  }

  /** @param start offset of the first byte written; what lies before is filled in with `writeAt` */
  static async create(path: string, start = 0): Promise<BlockFile> {
    return new BlockFile(path, await open(path, 'wx+', 0o644), start)
  }

  /** For reads with `readSync`; what was written is there after `flush()`. */
  get fd(): number {
    return this.#handle.fd
  }

  /** Offset in the file of the next byte. */
  get position(): number {
    return this.#bufferAt + this.#fill
  }

  get isBehind(): boolean {
    return this.#waiting.length > BACKLOG_MAX
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(bytes.length - at, BUFFER_SIZE - this.#fill)
      this.#buffer.set(
        at === 0 && count === bytes.length ? bytes : bytes.subarray(at, at + count),
        this.#fill,
      )
      at += count
      this.#advance(count)
    }
  }

  /** Zeros up to a multiple of `unit` from the start of the file. */
  align(unit: number): void {
    this.padTo(Math.ceil(this.position / unit) * unit)
  }

  /** Zeros up to `offset`. */
  padTo(offset: number): void {
    while (this.position < offset) {
      const count = Math.min(offset - this.position, BUFFER_SIZE - this.#fill)
      this.#buffer.fill(0, this.#fill, this.#fill + count)
      this.#advance(count)
    }
  }

  #advance(count: number): void {
    this.#fill += count
    if (this.#fill === BUFFER_SIZE) this.#send()
  }

  #send(): void {
    const full = this.#buffer.subarray(0, this.#fill)
    this.#hash.update(full)
    this.#bufferAt += this.#fill
    this.#fill = 0
    this.#buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_SIZE)
    this.#waiting.push(full)
    this.#pump ??= this.#run()
  }

  async #run(): Promise<void> {
    try {
      for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
        for (let done = 0; done < next.length; ) {
          const { bytesWritten } = await this.#handle.write(next, done, next.length - done, this.#writtenTo)
          done += bytesWritten
          this.#writtenTo += bytesWritten
        }
        this.#waiting.shift()
        this.#spare.push(Buffer.from(next.buffer))
        this.#onProgress?.()
      }
    } catch (error) {
      this.#error = error
      this.#waiting.length = 0
    }
    this.#pump = undefined
    this.#onProgress?.()
  }

  /** Waits until the disk has caught up. @throws VmError when a write failed */
  async drained(): Promise<void> {
    while (this.#pump !== undefined && this.isBehind) {
      await new Promise<void>((resolve) => {
        this.#onProgress = resolve
      })
    }
    this.#check()
  }

  /** Everything written so far is in the file. */
  async flush(): Promise<void> {
    if (this.#fill > 0) this.#send()
    while (this.#pump !== undefined) await this.#pump
    this.#check()
  }

  /** Writes at a place of its own; counts for the digest now. */
  async writeAt(offset: number, bytes: Buffer): Promise<void> {
    this.#hash.update(bytes)
    await this.#handle.write(bytes, 0, bytes.length, offset)
  }

  /** SHA-256 of all bytes in the order in which they were given; ends the digest. */
  digest(): Buffer {
    return this.#hash.digest()
  }

  /** The digest so far. */
  digestSoFar(): Buffer {
    return this.#hash.copy().digest()
  }

  async close(): Promise<void> {
    while (this.#pump !== undefined) await this.#pump
    await this.#handle.close()
  }

  #check(): void {
    if (this.#error === undefined) return
    const code = (this.#error as NodeJS.ErrnoException).code
    const isFull = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
    throw new VmError(
      isFull ? 'ERR_INLINUX_IMAGE_TOO_LARGE' : 'ERR_INLINUX_IMAGE_INVALID',
      `The image could not be written: ${(this.#error as Error).message}`,
      { cause: this.#error, ...(isFull ? { fix: 'free some space, or choose another cacheDir' } : {}) },
    )
  }
}
