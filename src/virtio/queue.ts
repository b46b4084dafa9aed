// The split virtqueue, device side (virtio 1.2, section 2.7), with indirect descriptors and event index.
//
//   descriptor table        available ring (driver)           used ring (device)
//   16 B × size             u16 flags, idx, ring[size],       u16 flags, idx,
//   addr len flags next     used_event                        { u32 id, len }[size], avail_event
//
// The driver runs on another thread (the vCPU's), so every index is loaded and stored with `Atomics`, which is
// sequentially consistent; the plain accesses between them are ordered by it. Every field is read once.
//
// The driver is hostile. Ring addresses are checked once, when the queue is set up; buffer addresses at `pop`.
// A broken ring cannot be answered, so it stops the device: `owner.fail` → DEVICE_NEEDS_RESET, and from then on
// the queue is dead, which means always empty and deaf. Nothing here throws.

import type { GuestMemory } from '../memory/index.ts'
import { Chain } from './chain.ts'
import {
  DESCRIPTOR_BYTES,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTQ_AVAIL_F_NO_INTERRUPT,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
  VIRTQ_USED_F_NO_NOTIFY,
} from './registers.ts'

/** A driver that adds buffers as fast as we use them must not keep the caller's thread (and other machines). */
const MAX_DRAIN_MILLISECONDS = 4
/** Less than this is always done at once, however slow the thread: a request alone is bounded by its device. */
const MIN_DRAIN_CHAINS = 4
/** virtio 1.2, 2.7.4.1: at most 2³² bytes in a chain; `len` of the used ring could not say more. */
const MAX_CHAIN_BYTES = 2 ** 32 - 1

/** Where the driver has put a queue: what it wrote to QueueNum, QueueDesc…, QueueDriver…, QueueDevice…. */
export interface QueueLayout {
  readonly size: number
  readonly descriptors: number
  readonly driver: number
  readonly device: number
}

/** What a queue needs from the transport. */
export interface QueueOwner {
  /** Tells the driver that buffers were used. */
  interrupt(): void
  /** The driver broke the rules in a way that cannot be answered. */
  fail(reason: string): void
  /** Calls the device's `notify(index)` again, soon, but after others had their turn. */
  resume(queue: SplitQueue): void
}

export class SplitQueue {
  readonly index: number
  /** Entries; 0 for a queue that the driver did not set up. */
  readonly size: number
  #live: boolean
  readonly #owner: QueueOwner
  readonly #maxSize: number
  readonly #indirect: boolean
  readonly #eventIndex: boolean

  readonly #memory: GuestMemory
  readonly #ram: Uint8Array
  readonly #view: DataView
  readonly #descriptors: number
  /** The available ring as 16-bit words: flags, idx, ring[size], used_event. */
  readonly #avail: Uint16Array
  /** The used ring as 16-bit words; its elements as 32-bit words behind flags and idx. */
  readonly #used: Uint16Array
  readonly #usedElements: Uint32Array
  readonly #chains: (Chain | undefined)[] = []

  /** Index of the next entry of the available ring that we take, modulo 2¹⁶ like every index here. */
  #nextAvail = 0
  #nextUsed = 0
  /** `#nextUsed` when we last thought about an interrupt. */
  #signalled = 0

  /**
   * @param layout checked with `checkLayout`, or undefined for a dead queue
   * @param maxSize QueueNumMax, which also bounds indirect tables
   */
  constructor(
    owner: QueueOwner,
    memory: GuestMemory,
    index: number,
    maxSize: number,
    layout: QueueLayout | undefined,
    features: bigint,
  ) {
    const { size, descriptors, driver, device } = layout ?? { size: 0, descriptors: 0, driver: 0, device: 0 }
    this.index = index
    this.size = size
    this.#live = layout !== undefined
    this.#owner = owner
    this.#maxSize = maxSize
    this.#indirect = (features & VIRTIO_F_INDIRECT_DESC) !== 0n
    this.#eventIndex = (features & VIRTIO_F_EVENT_IDX) !== 0n
    this.#memory = memory
    this.#ram = memory.slice(0, memory.size)
    const { buffer, byteOffset } = this.#ram
    this.#view = new DataView(buffer, byteOffset, memory.size)
    this.#descriptors = descriptors
    this.#avail = new Uint16Array(buffer, byteOffset + driver, size === 0 ? 0 : 3 + size)
    this.#used = new Uint16Array(buffer, byteOffset + device, size === 0 ? 0 : 3 + 4 * size)
    this.#usedElements = new Uint32Array(buffer, byteOffset + device + (size === 0 ? 0 : 4), 2 * size)
    // A driver that sets up anew after a reset starts with cleared rings (virtio 1.2, 4.2.3.2).
  }

  /** False before set-up, after a reset and after a failure. */
  get live(): boolean {
    return this.#live
  }

  /** Whether `pop` would find something. */
  get hasAvailable(): boolean {
    return this.#live && Atomics.load(this.#avail, 1) !== this.#nextAvail
  }

  /** Makes the queue dead: requests still under way complete into the void. For the transport. */
  detach(): void {
    this.#live = false
  }

  /**
   * Hands every available chain to `handle`, then asks for notifications again and signals what was used.
   * Bounded by one ring's worth of chains and by time; the rest comes in a later turn of the event loop.
   */
  drain(handle: (chain: Chain) => void): void {
    if (!this.#live) return
    const deadline = performance.now() + MAX_DRAIN_MILLISECONDS
    this.#disableNotifications()
    for (let handled = 0; ; handled++) {
      if (handled === this.size || (handled >= MIN_DRAIN_CHAINS && performance.now() > deadline)) {
        this.#owner.resume(this)
        break
      }
      const chain = this.popOrListen()
      if (chain === undefined) break
      handle(chain)
    }
    this.signal()
  }

  /** The next chain, or undefined: then the driver will notify us when it adds one. */
  popOrListen(): Chain | undefined {
    const chain = this.pop()
    if (chain !== undefined || !this.#live) return chain
    // Between our last look and the new avail_event the driver may have added a buffer and seen that we did not
    // want to know. So: publish first, look again afterwards. Atomics keep the store ahead of the load.
    this.#enableNotifications()
    return this.pop()
  }

  /** The next chain. It stays the device's own until `push`. */
  pop(): Chain | undefined {
    if (!this.#live) return undefined
    const available = (Atomics.load(this.#avail, 1) - this.#nextAvail) & 0xffff
    if (available === 0) return undefined
    if (available > this.size) return this.#fail(`avail.idx is ${available} ahead, with ${this.size} entries`)
    const head = this.#avail[2 + (this.#nextAvail & (this.size - 1))]!
    this.#nextAvail = (this.#nextAvail + 1) & 0xffff
    if (head >= this.size) return this.#fail(`head ${head} is outside of the table of ${this.size}`)
    this.#chains[head] ??= new Chain(head, this.#ram)
    const chain = this.#chains[head]
    if (chain.inFlight) return this.#fail(`head ${head} is offered while it is in use`)
    chain.start()
    if (!this.#collect(chain)) return undefined
    chain.inFlight = true
    return chain
  }

  /** Gives a chain back to the driver, with `chain.written` bytes in it. Follow with `signal`. */
  push(chain: Chain): void {
    chain.inFlight = false
    // Before the driver can know, and also if nobody will tell it: an engine may keep decoded code of these pages.
    chain.reportWritten(this.#memory)
    if (!this.#live) return
    const slot = this.#nextUsed & (this.size - 1)
    this.#usedElements[2 * slot] = chain.head
    this.#usedElements[2 * slot + 1] = chain.written
    this.#nextUsed = (this.#nextUsed + 1) & 0xffff
    // The element before the index: a driver that sees the new index reads the element at once.
    Atomics.store(this.#used, 1, this.#nextUsed)
  }

  /** Interrupts the driver if something was pushed since the last time and it wants to know. */
  signal(): void {
    if (!this.#live || this.#nextUsed === this.#signalled) return
    // used.idx was stored before this load: a driver that sets used_event and then sees no new used.idx must be
    // seen here, or both sides would wait for each other.
    const wanted = this.#eventIndex
      ? needEvent(Atomics.load(this.#avail, 2 + this.size), this.#nextUsed, this.#signalled)
      : (Atomics.load(this.#avail, 0) & VIRTQ_AVAIL_F_NO_INTERRUPT) === 0
    this.#signalled = this.#nextUsed
    if (wanted) this.#owner.interrupt()
  }

  /** With event index nothing is to be done: avail_event lies behind, and the driver will not pass it again. */
  #disableNotifications(): void {
    if (!this.#eventIndex) Atomics.store(this.#used, 0, VIRTQ_USED_F_NO_NOTIFY)
  }

  #enableNotifications(): void {
    if (this.#eventIndex) Atomics.store(this.#used, 2 + 4 * this.size, this.#nextAvail)
    else Atomics.store(this.#used, 0, 0)
  }

  /** Follows the chain through the table. A table has `size` entries: whoever takes more steps walks in a loop. */
  #collect(chain: Chain): boolean {
    let index = chain.head
    for (let steps = 0; steps < this.size; steps++) {
      const at = this.#descriptors + DESCRIPTOR_BYTES * index
      const flags = this.#view.getUint16(at + 12, true)
      if ((flags & VIRTQ_DESC_F_INDIRECT) !== 0) return this.#collectIndirect(chain, at, flags, steps)
      const next = this.#view.getUint16(at + 14, true)
      if (!this.#append(chain, at, flags)) return false
      if ((flags & VIRTQ_DESC_F_NEXT) === 0) return true
      if (next >= this.size) return this.#refuse(`next ${next} is outside of the table of ${this.size}`)
      index = next
    }
    return this.#refuse('the descriptor chain is a loop')
  }

  /** virtio 1.2, 2.7.5.3: the last descriptor of a chain may point to a table of its own, one level deep. */
  #collectIndirect(chain: Chain, at: number, flags: number, stepsBefore: number): boolean {
    const address = this.#address(at)
    const length = this.#view.getUint32(at + 8, true)
    if (!this.#indirect) return this.#refuse('VIRTQ_DESC_F_INDIRECT was not negotiated')
    if ((flags & VIRTQ_DESC_F_NEXT) !== 0) return this.#refuse('an indirect descriptor has a next one')
    if (length === 0 || length % DESCRIPTOR_BYTES !== 0)
      return this.#refuse(`indirect table of ${length} bytes`)
    if (!this.#inRam(address, length)) return this.#refuse('the indirect table is outside of RAM')
    const entries = length / DESCRIPTOR_BYTES
    // The whole chain, tables included, is at most a queue long (2.7.5.3.1): bounds the work per notification.
    const limit = this.#maxSize - stepsBefore
    let index = 0
    for (let steps = 0; steps < limit; steps++) {
      const entry = address + DESCRIPTOR_BYTES * index
      const entryFlags = this.#view.getUint16(entry + 12, true)
      const next = this.#view.getUint16(entry + 14, true)
      if ((entryFlags & VIRTQ_DESC_F_INDIRECT) !== 0)
        return this.#refuse('an indirect table inside another one')
      if (!this.#append(chain, entry, entryFlags)) return false
      if ((entryFlags & VIRTQ_DESC_F_NEXT) === 0) return true
      if (next >= entries) return this.#refuse(`next ${next} is outside of the indirect table of ${entries}`)
      index = next
    }
    return this.#refuse(`the indirect chain is a loop or longer than ${limit}`)
  }

  #append(chain: Chain, at: number, flags: number): boolean {
    const address = this.#address(at)
    const length = this.#view.getUint32(at + 8, true)
    const writable = (flags & VIRTQ_DESC_F_WRITE) !== 0
    if (!this.#inRam(address, length)) return this.#refuse(`buffer ${address}+${length} is outside of RAM`)
    if (!writable && chain.writableLength > 0)
      return this.#refuse('a readable descriptor after a writable one')
    chain.append(address, length, writable)
    if (chain.readableLength + chain.writableLength > MAX_CHAIN_BYTES)
      return this.#refuse('a chain over 4 GiB')
    return true
  }

  /** Above 2⁵³ this rounds, but such an address is outside of RAM either way. */
  #address(at: number): number {
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32
  }

  #inRam(address: number, length: number): boolean {
    return address + length <= this.#ram.length
  }

  #refuse(reason: string): false {
    this.#fail(reason)
    return false
  }

  #fail(reason: string): undefined {
    this.#live = false
    this.#owner.fail(`queue ${this.index}: ${reason}`)
    return undefined
  }
}

/** virtio 1.2, 2.7.10: has the index moved past `event` on its way from `old` to `now`? Modulo 2¹⁶. */
export function needEvent(event: number, now: number, old: number): boolean {
  return ((now - event - 1) & 0xffff) < ((now - old) & 0xffff)
}

/** What is wrong with the place where the driver wants a queue, or undefined. virtio 1.2, 2.7: sizes, alignment. */
export function checkLayout(layout: QueueLayout, maxSize: number, memory: GuestMemory): string | undefined {
  const { size, descriptors, driver, device } = layout
  if (size === 0 || size > maxSize || (size & (size - 1)) !== 0)
    return `queue size ${size} of at most ${maxSize}`
  const areas = [
    { name: 'descriptor table', start: descriptors, bytes: DESCRIPTOR_BYTES * size, align: 16 },
    { name: 'available ring', start: driver, bytes: 6 + 2 * size, align: 2 },
    { name: 'used ring', start: device, bytes: 6 + 8 * size, align: 4 },
  ]
  for (const area of areas) {
    if (area.start + area.bytes > memory.size) return `${area.name} at ${area.start} is outside of RAM`
    if (area.start % area.align !== 0) return `${area.name} at ${area.start} is not aligned to ${area.align}`
    for (const other of areas) {
      if (other !== area && area.start < other.start + other.bytes && other.start < area.start + area.bytes) {
        return `${area.name} and ${other.name} overlap`
      }
    }
  }
  return undefined
}
