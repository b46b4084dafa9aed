// The driver's side of virtio-mmio and of the split queue, written once for unit tests, benches and fuzz targets.
//
// `MockDriver` owns a small guest: RAM, a register window, a counted interrupt line and a transport. It does what
// Linux does on probe, register by register, and offers each step alone, so that a test can leave one out or do it
// wrong. `DriverQueue` builds well-formed chains, direct or indirect; `writeDescriptor` and `offer` build any. It
// uses the rings as a driver on another thread must, and can be opened there over the same memory.

import { GuestMemory } from '../../src/memory/index.ts'
import type { VirtioDevice } from '../../src/virtio/index.ts'
import { MmioTransport } from '../../src/virtio/index.ts'
import { needEvent } from '../../src/virtio/queue.ts'
import * as reg from '../../src/virtio/registers.ts'

export interface Segment {
  readonly address: number
  readonly length: number
}

/** Where a queue lies in guest RAM. */
export interface RingLayout {
  readonly descriptors: number
  readonly availRing: number
  readonly usedRing: number
}

/** What a `DriverQueue` needs of the guest it belongs to. */
export interface RingOwner {
  readonly ram: Uint8Array
  readonly accepted: bigint
  allocate(length: number): number
  notify(index: number): void
}

export interface UsedChain {
  readonly head: number
  readonly length: number
}

export interface MockDriverOptions {
  readonly memoryBytes?: number
  /** Hears of every range that a device has written, before the driver is told. */
  readonly onWritten?: (address: number, length: number) => void
  /** Masks what the device offers. */
  readonly features?: bigint
}

export class MockDriver {
  readonly memory: GuestMemory
  readonly ram: Uint8Array
  readonly window: Int32Array
  readonly transport: MmioTransport
  interrupts = 0
  /** Called at each interrupt, after it was counted. */
  onInterrupt: (() => void) | undefined
  accepted = 0n
  readonly #wanted: bigint
  #free = 0x1000

  constructor(
    device: VirtioDevice,
    { memoryBytes = 4 << 20, features = ~0n, onWritten }: MockDriverOptions = {},
  ) {
    this.memory = new GuestMemory(new SharedArrayBuffer(memoryBytes), 0, memoryBytes, onWritten)
    this.ram = this.memory.slice(0, memoryBytes)
    this.window = new Int32Array(new SharedArrayBuffer(reg.WINDOW_BYTES))
    this.#wanted = features
    const raise = (): void => {
      this.interrupts++
      this.onInterrupt?.()
    }
    this.transport = new MmioTransport({ device, memory: this.memory, window: this.window, line: { raise } })
  }

  /** As the CPU's thread does it: straight from the shared words. */
  read(register: number): number {
    return Atomics.load(this.window, register >> 2) >>> 0
  }

  write(register: number, value: number): void {
    this.transport.write(register, 4, value)
  }

  acknowledgeInterrupt(): number {
    const status = this.read(reg.InterruptStatus)
    Atomics.and(this.window, reg.InterruptStatus >> 2, ~status)
    return status
  }

  get status(): number {
    return this.read(reg.Status)
  }

  get needsReset(): boolean {
    return (this.status & reg.DEVICE_NEEDS_RESET) !== 0
  }

  offeredFeatures(): bigint {
    this.write(reg.DeviceFeaturesSel, 0)
    const low = BigInt(this.read(reg.DeviceFeatures))
    this.write(reg.DeviceFeaturesSel, 1)
    return low | (BigInt(this.read(reg.DeviceFeatures)) << 32n)
  }

  acceptFeatures(features: bigint): void {
    this.accepted = features
    this.write(reg.DriverFeaturesSel, 0)
    this.write(reg.DriverFeatures, Number(features & 0xffff_ffffn))
    this.write(reg.DriverFeaturesSel, 1)
    this.write(reg.DriverFeatures, Number((features >> 32n) & 0xffff_ffffn))
  }

  /** Reset, ACKNOWLEDGE, DRIVER, features, FEATURES_OK. */
  negotiate(): void {
    this.write(reg.Status, 0)
    this.write(reg.Status, reg.ACKNOWLEDGE)
    this.write(reg.Status, reg.ACKNOWLEDGE | reg.DRIVER)
    this.acceptFeatures(this.offeredFeatures() & this.#wanted)
    this.write(reg.Status, reg.ACKNOWLEDGE | reg.DRIVER | reg.FEATURES_OK)
  }

  setUpQueue(index: number, size?: number): DriverQueue {
    this.write(reg.QueueSel, index)
    const entries = size ?? this.read(reg.QueueNumMax)
    const queue = new DriverQueue(this, index, entries, {
      descriptors: this.allocate(16 * entries, 4096),
      availRing: this.allocate(6 + 2 * entries, 4096),
      usedRing: this.allocate(6 + 8 * entries, 4096),
    })
    this.writeQueueLayout(queue.size, queue.descriptors, queue.availRing, queue.usedRing)
    this.write(reg.QueueReady, 1)
    return queue
  }

  /** Of the selected queue. */
  writeQueueLayout(size: number, descriptors: number, avail: number, used: number): void {
    this.write(reg.QueueNum, size)
    this.write(reg.QueueDescLow, descriptors % 2 ** 32)
    this.write(reg.QueueDescHigh, Math.floor(descriptors / 2 ** 32))
    this.write(reg.QueueDriverLow, avail % 2 ** 32)
    this.write(reg.QueueDriverHigh, Math.floor(avail / 2 ** 32))
    this.write(reg.QueueDeviceLow, used % 2 ** 32)
    this.write(reg.QueueDeviceHigh, Math.floor(used / 2 ** 32))
  }

  notify(index: number): void {
    this.transport.notify(index)
  }

  driverOk(): void {
    this.write(reg.Status, this.status | reg.DRIVER_OK)
  }

  /** All of it: negotiates, sets up every queue that the device has, DRIVER_OK. */
  start(sizes: readonly number[] = []): DriverQueue[] {
    this.negotiate()
    const queues: DriverQueue[] = []
    for (let index = 0; ; index++) {
      this.write(reg.QueueSel, index)
      if (this.read(reg.QueueNumMax) === 0) break
      queues.push(this.setUpQueue(index, sizes[index]))
    }
    this.driverOk()
    return queues
  }

  /** Zeroed guest memory, never given back. */
  allocate(length: number, align = 16): number {
    const address = Math.ceil(this.#free / align) * align
    this.#free = address + length
    this.memory.check(address, length)
    return address
  }

  /** A segment with these bytes in it. */
  place(bytes: Uint8Array): Segment {
    const address = this.allocate(bytes.length)
    this.memory.copyIn(address, bytes)
    return { address, length: bytes.length }
  }

  room(length: number): Segment {
    return { address: this.allocate(length), length }
  }
}

export class DriverQueue {
  readonly index: number
  readonly size: number
  readonly descriptors: number
  readonly availRing: number
  readonly usedRing: number
  /** Times that the device was really notified. */
  notifications = 0
  readonly #owner: RingOwner
  readonly #view: DataView
  /** As 16-bit words: flags, idx, ring, event. */
  readonly #avail: Uint16Array
  readonly #used: Uint16Array
  readonly #indirectTables: number[] = []
  readonly #freeHeads: number[] = []
  readonly #chainOf: number[][] = []
  #availIdx = 0
  #kickedIdx = 0
  #usedIdx = 0

  constructor(owner: RingOwner, index: number, size: number, layout: RingLayout) {
    this.#owner = owner
    this.index = index
    this.size = size
    this.descriptors = layout.descriptors
    this.availRing = layout.availRing
    this.usedRing = layout.usedRing
    const { buffer, byteOffset } = owner.ram
    this.#view = new DataView(buffer, byteOffset)
    this.#avail = new Uint16Array(buffer, byteOffset + layout.availRing, 3 + size)
    this.#used = new Uint16Array(buffer, byteOffset + layout.usedRing, 3 + 4 * size)
    for (let i = size - 1; i >= 0; i--) this.#freeHeads.push(i)
  }

  get #eventIdx(): boolean {
    return (this.#owner.accepted & reg.VIRTIO_F_EVENT_IDX) !== 0n
  }

  get freeDescriptors(): number {
    return this.#freeHeads.length
  }

  writeDescriptor(index: number, address: number, length: number, flags: number, next = 0): void {
    this.writeDescriptorAt(this.descriptors + 16 * index, address, length, flags, next)
  }

  writeDescriptorAt(at: number, address: number, length: number, flags: number, next = 0): void {
    this.#view.setUint32(at, address % 2 ** 32, true)
    this.#view.setUint32(at + 4, Math.floor(address / 2 ** 32), true)
    this.#view.setUint32(at + 8, length, true)
    this.#view.setUint16(at + 12, flags, true)
    this.#view.setUint16(at + 14, next, true)
  }

  /** Puts a chain into the available ring. @returns its head */
  add(readable: readonly Segment[], writable: readonly Segment[]): number {
    const segments = [...readable, ...writable]
    const indices: number[] = []
    for (let i = 0; i < segments.length; i++) {
      const free = this.#freeHeads.pop()
      if (free === undefined) throw new Error('the mock driver is out of descriptors')
      indices.push(free)
    }
    segments.forEach(({ address, length }, i) => {
      const write = i >= readable.length ? reg.VIRTQ_DESC_F_WRITE : 0
      const next = i + 1 < segments.length ? reg.VIRTQ_DESC_F_NEXT : 0
      this.writeDescriptor(indices[i]!, address, length, write | next, indices[i + 1] ?? 0)
    })
    this.#chainOf[indices[0]!] = indices
    this.offer(indices[0]!)
    return indices[0]!
  }

  /** The same through an indirect table: one descriptor of the ring for any number of segments. */
  addIndirect(readable: readonly Segment[], writable: readonly Segment[]): number {
    const segments = [...readable, ...writable]
    const head = this.#freeHeads.pop()
    if (head === undefined) throw new Error('the mock driver is out of descriptors')
    this.#indirectTables[head] ??= this.#owner.allocate(16 * this.size)
    const table = this.#indirectTables[head]
    segments.forEach(({ address, length }, i) => {
      const write = i >= readable.length ? reg.VIRTQ_DESC_F_WRITE : 0
      const next = i + 1 < segments.length ? reg.VIRTQ_DESC_F_NEXT : 0
      this.writeDescriptorAt(table + 16 * i, address, length, write | next, i + 1)
    })
    this.writeDescriptor(head, table, 16 * segments.length, reg.VIRTQ_DESC_F_INDIRECT)
    this.#chainOf[head] = [head]
    this.offer(head)
    return head
  }

  /** Any number as the next head. */
  offer(head: number): void {
    this.#avail[2 + (this.#availIdx % this.size)] = head
    this.setAvailIdx(this.#availIdx + 1)
  }

  setAvailIdx(value: number): void {
    this.#availIdx = value & 0xffff
    Atomics.store(this.#avail, 1, this.#availIdx)
  }

  /** Notifies the device if it wants to be. */
  kick(): void {
    const wanted = this.#eventIdx
      ? needEvent(Atomics.load(this.#used, 2 + 4 * this.size), this.#availIdx, this.#kickedIdx)
      : (Atomics.load(this.#used, 0) & reg.VIRTQ_USED_F_NO_NOTIFY) === 0
    this.#kickedIdx = this.#availIdx
    if (!wanted) return
    this.notifications++
    this.#owner.notify(this.index)
  }

  /** Interrupt me once the device has used `count` more than I have seen. */
  interruptAfter(count: number): void {
    Atomics.store(this.#avail, 2 + this.size, (this.#usedIdx + count - 1) & 0xffff)
  }

  suppressInterrupts(suppressed: boolean): void {
    Atomics.store(this.#avail, 0, suppressed ? reg.VIRTQ_AVAIL_F_NO_INTERRUPT : 0)
  }

  get usedIdx(): number {
    return Atomics.load(this.#used, 1)
  }

  /** The next chain that the device has given back; asks to be told of the one after it. */
  popUsed(): UsedChain | undefined {
    if (this.usedIdx === this.#usedIdx) return undefined
    const at = this.usedRing + 4 + 8 * (this.#usedIdx % this.size)
    this.#usedIdx = (this.#usedIdx + 1) & 0xffff
    if (this.#eventIdx) this.interruptAfter(1)
    const head = this.#view.getUint32(at, true)
    for (const index of this.#chainOf[head] ?? []) this.#freeHeads.push(index)
    this.#chainOf[head] = []
    return { head, length: this.#view.getUint32(at + 4, true) }
  }

  /** One request and its answer, for devices that answer at once. */
  transact(readable: readonly Segment[], writable: readonly Segment[]): UsedChain | undefined {
    this.add(readable, writable)
    this.kick()
    return this.popUsed()
  }
}
