// One buffer that the driver offers: a chain of descriptors, as a part to read followed by a part to write.
//
// The queue fills a chain in from the descriptor table after checking every address, so nothing here can leave
// guest RAM. Both parts are streams of bytes with a cursor: the specification forbids a device to depend on how
// the driver cut them into descriptors (virtio 1.2, 2.7.4.1). Neighbouring segments are joined.
//
// Chains are reused, one per head index, because a request must not cost an allocation. A device holds one from
// `pop` until it gives it back with `push`, and not a moment longer.
// The guest can change the bytes while we read them: a device copies a header out once and believes that copy.

import type { GuestMemory } from '../memory/index.ts'
import { copyFromGuest, copyToGuest } from './guest-copy.ts'

export class Chain {
  readonly head: number
  /** Bytes the driver gives, in all. */
  readableLength = 0
  /** Bytes the driver takes, in all. */
  writableLength = 0
  /** Bytes put into the writable part so far, from its start: `len` of the used ring. */
  written = 0
  /** Popped and not yet pushed. */
  inFlight = false

  readonly #ram: Uint8Array
  /** Segments, first the readable ones. */
  readonly #addresses: number[] = []
  readonly #lengths: number[] = []
  #readableCount = 0
  #count = 0
  #readSegment = 0
  #readOffset = 0
  #writeSegment = 0
  #writeOffset = 0

  /** @param ram all of guest RAM */
  constructor(head: number, ram: Uint8Array) {
    this.head = head
    this.#ram = ram
  }

  /** Forgets the last use. For the queue. */
  start(): void {
    this.readableLength = this.writableLength = this.written = 0
    this.#readableCount = this.#count = 0
    this.#readSegment = this.#readOffset = this.#writeSegment = this.#writeOffset = 0
  }

  /** Adds a checked segment. Writable ones come last (virtio 1.2, 2.7.4.2). For the queue. */
  append(address: number, length: number, writable: boolean): void {
    if (writable) this.writableLength += length
    else this.readableLength += length
    if (length === 0) return
    const last = this.#count - 1
    const sameKind = writable ? last >= this.#readableCount : last >= 0
    if (sameKind && this.#addresses[last]! + this.#lengths[last]! === address) {
      this.#lengths[last]! += length
      return
    }
    this.#addresses[this.#count] = address
    this.#lengths[this.#count] = length
    this.#count++
    if (!writable) this.#readableCount = this.#count
    this.#writeSegment = this.#readableCount
  }

  /**
   * Tells the memory which of its bytes the device has written: all up to the cursor, whatever `written` says by now
   * (a failed read may have left something there). For the queue.
   */
  reportWritten(memory: GuestMemory): void {
    for (let i = this.#readableCount; i <= this.#writeSegment && i < this.#count; i++) {
      const length = i < this.#writeSegment ? this.#lengths[i]! : this.#writeOffset
      if (length > 0) memory.written(this.#addresses[i]!, length)
    }
  }

  /** Bytes of the readable part behind the cursor. */
  get readableLeft(): number {
    let left = -this.#readOffset
    for (let i = this.#readSegment; i < this.#readableCount; i++) left += this.#lengths[i]!
    return left
  }

  /** Copies up to `length` bytes to `target[start…]` and moves on. @returns how many there were */
  read(target: Uint8Array, start: number, length: number): number {
    let copied = 0
    while (copied < length && this.#readSegment < this.#readableCount) {
      const address = this.#addresses[this.#readSegment]! + this.#readOffset
      const part = Math.min(length - copied, this.#lengths[this.#readSegment]! - this.#readOffset)
      copyFromGuest(this.#ram, address, target, start + copied, part)
      copied += part
      this.#readOffset += part
      if (this.#readOffset === this.#lengths[this.#readSegment]) {
        this.#readSegment++
        this.#readOffset = 0
      }
    }
    return copied
  }

  /** Copies up to `length` bytes of `source[start…]` into the writable part. @returns how many found room */
  write(source: Uint8Array, start: number, length: number): number {
    let copied = 0
    while (copied < length && this.#writeSegment < this.#count) {
      const address = this.#addresses[this.#writeSegment]! + this.#writeOffset
      const part = Math.min(length - copied, this.#lengths[this.#writeSegment]! - this.#writeOffset)
      copyToGuest(source, start + copied, this.#ram, address, part)
      copied += part
      this.#writeOffset += part
      if (this.#writeOffset === this.#lengths[this.#writeSegment]) {
        this.#writeSegment++
        this.#writeOffset = 0
      }
    }
    this.written += copied
    return copied
  }

  writeByte(value: number): void {
    if (this.#writeSegment >= this.#count) return
    this.#ram[this.#addresses[this.#writeSegment]! + this.#writeOffset] = value
    this.written++
    if (++this.#writeOffset === this.#lengths[this.#writeSegment]) {
      this.#writeSegment++
      this.#writeOffset = 0
    }
  }

  /** The next `length` readable bytes as live views of guest RAM, one a segment; moves on. */
  readViews(length: number): Uint8Array[] {
    const views: Uint8Array[] = []
    while (length > 0 && this.#readSegment < this.#readableCount) {
      const address = this.#addresses[this.#readSegment]! + this.#readOffset
      const part = Math.min(length, this.#lengths[this.#readSegment]! - this.#readOffset)
      views.push(this.#ram.subarray(address, address + part))
      length -= part
      this.#readOffset += part
      if (this.#readOffset === this.#lengths[this.#readSegment]) {
        this.#readSegment++
        this.#readOffset = 0
      }
    }
    return views
  }

  /** The next `length` writable bytes as live views of guest RAM, to be filled; counts them as written. */
  writeViews(length: number): Uint8Array[] {
    const views: Uint8Array[] = []
    while (length > 0 && this.#writeSegment < this.#count) {
      const address = this.#addresses[this.#writeSegment]! + this.#writeOffset
      const part = Math.min(length, this.#lengths[this.#writeSegment]! - this.#writeOffset)
      views.push(this.#ram.subarray(address, address + part))
      length -= part
      this.written += part
      this.#writeOffset += part
      if (this.#writeOffset === this.#lengths[this.#writeSegment]) {
        this.#writeSegment++
        this.#writeOffset = 0
      }
    }
    return views
  }
}
