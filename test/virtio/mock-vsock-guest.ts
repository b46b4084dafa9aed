// The guest's side of vsock over the mock driver: what Linux's virtio_transport does, as far as tests need it.
//
// Keeps the RX queue filled, takes packets out of it in `poll`, counts credit for each stream like a real guest.
// A test steers it packet by packet (`send`, `received`) or by whole streams (`GuestStream`).

import { copyToGuest } from '../../src/virtio/guest-copy.ts'
import type { VsockDevice } from '../../src/virtio/index.ts'
import * as wire from '../../src/virtio/vsock-packet.ts'
import { type DriverQueue, MockDriver, type MockDriverOptions, type Segment } from './mock-driver.ts'

export interface GuestPacket {
  readonly srcPort: number
  readonly dstPort: number
  readonly op: number
  readonly type?: number
  readonly flags?: number
  readonly bufAlloc?: number
  readonly fwdCnt?: number
  readonly payload?: Uint8Array
  /** As written into the header, if it should lie. */
  readonly length?: number
  readonly srcCid?: number
  readonly dstCid?: number
}

export type ReceivedPacket = Required<Omit<GuestPacket, 'srcCid' | 'dstCid' | 'length'>>

export interface MockVsockGuestOptions extends MockDriverOptions {
  readonly rxBuffers?: number
  readonly rxBufferBytes?: number
  /** Which packets to keep in `received`; a bench keeps none. */
  readonly keep?: boolean
}

/** Packets that a guest may have under way to the host. */
export const TX_SLOTS = 64
const TX_BYTES = wire.HEADER_BYTES + 64 * 1024

export class MockVsockGuest {
  readonly driver: MockDriver
  readonly rx: DriverQueue
  readonly tx: DriverQueue
  readonly received: ReceivedPacket[] = []
  /** Called with each packet in place; the payload is valid during the call only. */
  onPacket: ((packet: ReceivedPacket) => void) | undefined
  readonly #view: DataView
  readonly #rxSegments = new Map<number, Segment>()
  readonly #txFree: number[] = []
  readonly #txByHead = new Map<number, number>()
  readonly #keep: boolean

  constructor(device: VsockDevice, options: MockVsockGuestOptions = {}) {
    const { rxBuffers = 128, rxBufferBytes = 4096, keep = true } = options
    this.#keep = keep
    this.driver = new MockDriver(device, { memoryBytes: 32 << 20, ...options })
    const [rx, tx] = this.driver.start()
    this.rx = rx!
    this.tx = tx!
    this.#view = new DataView(this.driver.ram.buffer, this.driver.ram.byteOffset)
    for (let i = 0; i < TX_SLOTS; i++) this.#txFree.push(this.driver.allocate(TX_BYTES))
    for (let i = 0; i < rxBuffers; i++) this.addRxBuffer(rxBufferBytes)
    this.rx.kick()
  }

  addRxBuffer(length: number): void {
    const segment = this.driver.room(length)
    this.#rxSegments.set(this.rx.add([], [segment]), segment)
  }

  get txSlots(): number {
    return this.#txFree.length
  }

  /** Puts one packet into the TX queue and notifies the device. */
  send(packet: GuestPacket, kick = true): void {
    this.reclaim()
    const at = this.#txFree.pop()
    if (at === undefined) throw new Error('the mock guest is out of TX buffers')
    const payload = packet.payload ?? new Uint8Array(0)
    const view = this.#view
    view.setBigUint64(at, BigInt(packet.srcCid ?? 3), true)
    view.setBigUint64(at + 8, BigInt(packet.dstCid ?? 2), true)
    view.setUint32(at + 16, packet.srcPort, true)
    view.setUint32(at + 20, packet.dstPort, true)
    view.setUint32(at + 24, packet.length ?? payload.length, true)
    view.setUint16(at + 28, packet.type ?? wire.VIRTIO_VSOCK_TYPE_STREAM, true)
    view.setUint16(at + 30, packet.op, true)
    view.setUint32(at + 32, packet.flags ?? 0, true)
    view.setUint32(at + 36, packet.bufAlloc ?? 256 * 1024, true)
    view.setUint32(at + 40, packet.fwdCnt ?? 0, true)
    copyToGuest(payload, 0, this.driver.ram, at + wire.HEADER_BYTES, payload.length)
    const head = this.tx.add([{ address: at, length: wire.HEADER_BYTES + payload.length }], [])
    this.#txByHead.set(head, at)
    if (kick) this.tx.kick()
  }

  /** Takes finished TX buffers back. */
  reclaim(): void {
    for (let used = this.tx.popUsed(); used !== undefined; used = this.tx.popUsed()) {
      this.#txFree.push(this.#txByHead.get(used.head)!)
    }
  }

  /** Takes up to `limit` packets out of the RX queue and puts the buffers back. */
  poll(limit: number = Number.POSITIVE_INFINITY, refill = true): void {
    for (let count = 0; count < limit; count++) {
      const used = this.rx.popUsed()
      if (used === undefined) break
      const segment = this.#rxSegments.get(used.head)!
      this.#rxSegments.delete(used.head)
      if (used.length >= wire.HEADER_BYTES) this.#take(segment.address, used.length)
      if (refill) this.#rxSegments.set(this.rx.add([], [segment]), segment)
    }
    if (refill) this.rx.kick()
  }

  /** The packets received since the last call, as `op` numbers with their ports. */
  takeReceived(): ReceivedPacket[] {
    this.poll()
    return this.received.splice(0)
  }

  #take(at: number, length: number): void {
    const view = this.#view
    const payload = this.driver.ram.subarray(at + wire.HEADER_BYTES, at + length)
    const packet: ReceivedPacket = {
      srcPort: view.getUint32(at + 16, true),
      dstPort: view.getUint32(at + 20, true),
      type: view.getUint16(at + 28, true),
      op: view.getUint16(at + 30, true),
      flags: view.getUint32(at + 32, true),
      bufAlloc: view.getUint32(at + 36, true),
      fwdCnt: view.getUint32(at + 40, true),
      payload: this.#keep ? new Uint8Array(payload) : payload,
    }
    if (view.getUint32(at + 24, true) !== packet.payload.length)
      throw new Error('len of header and used ring differ')
    this.onPacket?.(packet)
    if (this.#keep) this.received.push(packet)
  }
}
