// A file of the host as a disk: the back end behind virtio-blk where host I/O is allowed.
//
// Reads and writes are synchronous: on a file in the page cache `preadv` into guest memory takes a microsecond,
// a tenth of what a round trip through the thread pool costs, and the caller's thread has nothing to copy.
// Flushing waits for a disk, so it does not hold the thread. Discard is not offered: Node cannot punch holes.
// It fits virtio's `BlockBackend` by its shape alone.

import {
  closeSync,
  fdatasync,
  fstatSync,
  openSync,
  readSync,
  readvSync,
  writeSync,
  writevSync,
} from 'node:fs'

const ZEROES = new Uint8Array(1024 * 1024)

export interface FileBlockBackendOptions {
  /** Default true: a disk that nobody asked to write on stays as it is. */
  readonly readonly?: boolean
}

export class FileBlockBackend {
  readonly size: number
  readonly readonly: boolean
  readonly #path: string
  #file: number
  #flushes = 0
  #closing = false

  /** Opens the file; throws what `openSync` throws. */
  constructor(path: string, { readonly = true }: FileBlockBackendOptions = {}) {
    this.#path = path
    this.#file = openSync(path, readonly ? 'r' : 'r+')
    this.readonly = readonly
    this.size = fstatSync(this.#file).size
  }

  read(offset: number, into: readonly Uint8Array[]): void {
    const [first] = into
    if (into.length === 1) readFully(this.#fd, first!, offset)
    else if (into.length > 1) this.#readMany(offset, into)
  }

  write(offset: number, from: readonly Uint8Array[]): void {
    const length = from.reduce((sum, view) => sum + view.length, 0)
    if (length === 0 || writevSync(this.#fd, from, offset) === length) return
    // A short write (a full disk, a signal): what is left goes one by one, and the reason comes out as an error.
    for (const view of from) {
      writeFully(this.#fd, view, offset)
      offset += view.length
    }
  }

  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      const fd = this.#fd
      this.#flushes++
      fdatasync(fd, (error) => {
        this.#flushes--
        this.#closeWhenIdle()
        if (error === null) resolve()
        else reject(error)
      })
    })
  }

  writeZeroes(offset: number, length: number): void {
    for (let done = 0; done < length; done += ZEROES.length) {
      writeFully(this.#fd, ZEROES.subarray(0, Math.min(ZEROES.length, length - done)), offset + done)
    }
  }

  /** No request may follow; a flush under way is finished first. */
  close(): void {
    this.#closing = true
    this.#closeWhenIdle()
  }

  /** The number of a closed file may soon be another file's, and nothing may ever be written there. */
  get #fd(): number {
    if (this.#closing) throw new Error(`the disk ${this.#path} is closed`)
    return this.#file
  }

  #closeWhenIdle(): void {
    if (!this.#closing || this.#flushes > 0 || this.#file < 0) return
    closeSync(this.#file)
    this.#file = -1
  }

  #readMany(offset: number, into: readonly Uint8Array[]): void {
    const length = into.reduce((sum, view) => sum + view.length, 0)
    if (readvSync(this.#fd, into, offset) === length) return
    for (const view of into) {
      readFully(this.#fd, view, offset)
      offset += view.length
    }
  }
}

function readFully(fd: number, into: Uint8Array, offset: number): void {
  for (let done = 0; done < into.length; ) {
    const count = readSync(fd, into, done, into.length - done, offset + done)
    if (count === 0) throw new Error('the disk image has become shorter')
    done += count
  }
}

function writeFully(fd: number, from: Uint8Array, offset: number): void {
  for (let done = 0; done < from.length; )
    done += writeSync(fd, from, done, from.length - done, offset + done)
}
