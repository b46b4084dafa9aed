// What a disk needs from its back end: numbered bytes. And the simplest one, an array in memory.
//
// Offsets and lengths are bytes, whole sectors, and inside of `size`: the device has checked them. A method that
// returns nothing is done; one that returns a promise is done when it resolves. Whatever is thrown or rejected
// becomes an I/O error in the guest.

export const SECTOR_BYTES = 512

export interface BlockBackend {
  /** Bytes; what lies behind the last whole sector is not seen. */
  readonly size: number
  readonly readonly: boolean
  /** True if `read` returns promises: then it is given private memory, because a guest may reset its disk. */
  readonly slowReads?: boolean
  /** Fills all of `into`, one after the other, with the bytes from `offset` on. The views are guest RAM. */
  read(offset: number, into: readonly Uint8Array[]): void | Promise<void>
  /** The guest may change `from` at any time: take each byte once. */
  write(offset: number, from: readonly Uint8Array[]): void | Promise<void>
  /** Makes finished writes durable. */
  flush(): void | Promise<void>
  /** The content is no longer needed. Without this member the guest is told that the disk cannot. */
  discard?(offset: number, length: number): void | Promise<void>
  writeZeroes?(offset: number, length: number): void | Promise<void>
}

export class MemoryBlockBackend implements BlockBackend {
  readonly size: number
  readonly readonly: boolean
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array, readonly = false) {
    this.bytes = bytes
    this.size = bytes.length
    this.readonly = readonly
  }

  read(offset: number, into: readonly Uint8Array[]): void {
    for (const view of into) {
      view.set(this.bytes.subarray(offset, offset + view.length))
      offset += view.length
    }
  }

  write(offset: number, from: readonly Uint8Array[]): void {
    for (const view of from) {
      this.bytes.set(view, offset)
      offset += view.length
    }
  }

  flush(): void {}

  discard(offset: number, length: number): void {
    this.bytes.fill(0, offset, offset + length)
  }

  writeZeroes(offset: number, length: number): void {
    this.bytes.fill(0, offset, offset + length)
  }
}
