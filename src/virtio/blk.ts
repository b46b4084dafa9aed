// virtio-blk (virtio 1.2, section 5.2): a disk over anything that has numbered bytes.
//
//   request:  type u32, reserved u32, sector u64 | data … | status u8      (5.2.6, in one chain)
//             readable                           | either | writable
//
// A back end may answer at once (return nothing) or with a promise: then the chain stays in flight, others overtake
// it, and if the driver resets the device meanwhile, its answer falls into a dead queue. The driver sees errors as
// status bytes only. Reads go straight from the back end into guest RAM, one view a segment.
//
// Left out: several queues (there is one vCPU), secure erase, lifetime, zoned devices.

import { type BlockBackend, SECTOR_BYTES } from './blk-backend.ts'
import type { Chain } from './chain.ts'
import type { ActiveDriver, VirtioDevice } from './device.ts'
import type { SplitQueue } from './queue.ts'

/** 5.2.3: feature bits. */
export const VIRTIO_BLK_F_SIZE_MAX: bigint = 1n << 1n
export const VIRTIO_BLK_F_SEG_MAX: bigint = 1n << 2n
export const VIRTIO_BLK_F_RO: bigint = 1n << 5n
export const VIRTIO_BLK_F_BLK_SIZE: bigint = 1n << 6n
export const VIRTIO_BLK_F_FLUSH: bigint = 1n << 9n
export const VIRTIO_BLK_F_DISCARD: bigint = 1n << 13n
export const VIRTIO_BLK_F_WRITE_ZEROES: bigint = 1n << 14n

/** 5.2.6: request types and status values. */
export const VIRTIO_BLK_T_IN = 0
export const VIRTIO_BLK_T_OUT = 1
export const VIRTIO_BLK_T_FLUSH = 4
export const VIRTIO_BLK_T_GET_ID = 8
export const VIRTIO_BLK_T_DISCARD = 11
export const VIRTIO_BLK_T_WRITE_ZEROES = 13
export const VIRTIO_BLK_S_OK = 0
export const VIRTIO_BLK_S_IOERR = 1
export const VIRTIO_BLK_S_UNSUPP = 2

const HEADER_BYTES = 16
/** struct virtio_blk_discard_write_zeroes: sector u64, num_sectors u32, flags u32. */
const RANGE_BYTES = 16
const RANGE_FLAG_UNMAP = 1
const ID_BYTES = 20
const CONFIG_BYTES = 60

const QUEUE_SIZE = 256
/** Slow reads keep private memory while they are under way: 30 × 64 KiB × 32 requests is 60 MiB at most. */
const QUEUE_SIZE_OF_SLOW_READS = 32
const SIZE_MAX = 64 * 1024

export interface BlkOptions {
  readonly backend: BlockBackend
  /** What the guest sees in /sys/block/vd?/serial; at most 20 ASCII characters. */
  readonly id?: string
  /** Logical block size in bytes, a multiple of 512. */
  readonly blockSize?: number
}

export interface BlkCounters {
  requests: number
  /** Answered with VIRTIO_BLK_S_IOERR, for the guest's or the back end's fault. */
  errors: number
  /** What the back end said last. */
  lastError: unknown
}

export class BlkDevice implements VirtioDevice {
  readonly name = 'blk'
  readonly deviceId = 2
  readonly features: bigint
  readonly queueSizes: readonly number[]
  readonly config: Uint8Array = new Uint8Array(CONFIG_BYTES)
  readonly counters: BlkCounters = { requests: 0, errors: 0, lastError: undefined }
  readonly #backend: BlockBackend
  readonly #id: Uint8Array
  readonly #header = new Uint8Array(HEADER_BYTES)
  readonly #headerView = new DataView(this.#header.buffer)
  /** A back end holds the caller's thread or memory for a request: none is larger than seg_max × size_max. */
  readonly #maxRequestBytes: number
  #queue: SplitQueue | undefined

  constructor({ backend, id = 'inlinux', blockSize = SECTOR_BYTES }: BlkOptions) {
    this.#backend = backend
    this.#id = new TextEncoder().encode(id.padEnd(ID_BYTES, '\0')).subarray(0, ID_BYTES)
    this.features = featuresOf(backend)
    const queueSize = backend.slowReads === true ? QUEUE_SIZE_OF_SLOW_READS : QUEUE_SIZE
    this.queueSizes = [queueSize]
    // Header and status take two descriptors of a chain.
    const segMax = queueSize - 2
    this.#maxRequestBytes = segMax * SIZE_MAX
    writeConfigSpace(this.config, {
      size: backend.size,
      blockSize,
      segMax,
      maxRequestBytes: this.#maxRequestBytes,
    })
  }

  activate({ queues }: ActiveDriver): void {
    this.#queue = queues[0]
  }

  notify(): void {
    this.#queue?.drain(this.#serve)
  }

  reset(): void {
    this.#queue = undefined
  }

  readonly #serve = (chain: Chain): void => {
    const queue = this.#queue
    if (queue === undefined) return
    this.counters.requests++
    let answer: number | Promise<number>
    try {
      answer = this.#execute(queue, chain)
    } catch (error) {
      answer = this.#backendFailed(error)
    }
    if (typeof answer === 'number') {
      this.#finish(queue, chain, answer)
      return
    }
    answer
      .catch((error) => this.#backendFailed(error))
      .then((status) => {
        this.#finish(queue, chain, status)
        queue.signal()
      })
  }

  #execute(queue: SplitQueue, chain: Chain): number | Promise<number> {
    // Without room for a status there is nobody to tell what became of it, so nothing is done.
    if (chain.writableLength === 0) return VIRTIO_BLK_S_IOERR
    if (chain.read(this.#header, 0, HEADER_BYTES) < HEADER_BYTES) return VIRTIO_BLK_S_IOERR
    const type = this.#headerView.getUint32(0, true)
    const sector = this.#u64(8)
    switch (type) {
      case VIRTIO_BLK_T_IN:
        return this.#in(queue, chain, sector)
      case VIRTIO_BLK_T_OUT:
        return this.#out(chain, sector)
      case VIRTIO_BLK_T_FLUSH:
        return whenDone(this.#backend.flush())
      case VIRTIO_BLK_T_GET_ID:
        if (chain.writableLength < ID_BYTES + 1) return VIRTIO_BLK_S_IOERR
        chain.write(this.#id, 0, ID_BYTES)
        return VIRTIO_BLK_S_OK
      case VIRTIO_BLK_T_DISCARD:
      case VIRTIO_BLK_T_WRITE_ZEROES:
        return this.#clear(chain, type)
      default:
        return VIRTIO_BLK_S_UNSUPP
    }
  }

  #in(queue: SplitQueue, chain: Chain, sector: number): number | Promise<number> {
    const length = chain.writableLength - 1
    if (!this.#inDisk(sector, length)) return VIRTIO_BLK_S_IOERR
    const offset = sector * SECTOR_BYTES
    if (this.#backend.slowReads !== true)
      return whenDone(this.#backend.read(offset, chain.writeViews(length)))
    // A reset in the meantime gives this memory to other uses, so a late answer must not land there.
    const bytes = new Uint8Array(length)
    return Promise.resolve(this.#backend.read(offset, [bytes])).then(() => {
      if (queue.live) chain.write(bytes, 0, length)
      return VIRTIO_BLK_S_OK
    })
  }

  #out(chain: Chain, sector: number): number | Promise<number> {
    const length = chain.readableLeft
    if (this.#backend.readonly || !this.#inDisk(sector, length)) return VIRTIO_BLK_S_IOERR
    return whenDone(this.#backend.write(sector * SECTOR_BYTES, chain.readViews(length)))
  }

  /** Discard and write zeroes. One range a request, so that a request is bounded like a write. */
  #clear(chain: Chain, type: number): number | Promise<number> {
    const backend = this.#backend
    const possible = type === VIRTIO_BLK_T_DISCARD ? backend.discard : backend.writeZeroes
    if (backend.readonly || possible === undefined) return VIRTIO_BLK_S_UNSUPP
    if (chain.readableLeft !== RANGE_BYTES) return VIRTIO_BLK_S_IOERR
    // Into the header's place, whose fields have been used.
    chain.read(this.#header, 0, RANGE_BYTES)
    const sector = this.#u64(0)
    const length = this.#headerView.getUint32(8, true) * SECTOR_BYTES
    const flags = this.#headerView.getUint32(12, true)
    // 5.2.6.2: the unmap flag is for write zeroes only, and the other bits are reserved.
    if ((flags & ~(type === VIRTIO_BLK_T_DISCARD ? 0 : RANGE_FLAG_UNMAP)) !== 0) return VIRTIO_BLK_S_UNSUPP
    if (!this.#inDisk(sector, length)) return VIRTIO_BLK_S_IOERR
    return whenDone(possible.call(backend, sector * SECTOR_BYTES, length))
  }

  /** Whole sectors, none of them behind the end. */
  #inDisk(sector: number, length: number): boolean {
    if (length < 0 || length % SECTOR_BYTES !== 0 || length > this.#maxRequestBytes) return false
    return sector * SECTOR_BYTES + length <= this.#backend.size
  }

  /** The status byte is the last of the writable part, whatever lies before it. */
  #finish(queue: SplitQueue, chain: Chain, status: number): void {
    if (status !== VIRTIO_BLK_S_OK) this.counters.errors++
    const data = chain.writableLength - 1
    // `len` promises that many bytes from the first one on; after a failed read nothing is promised.
    const written = status === VIRTIO_BLK_S_OK ? chain.written : 0
    if (chain.written < data) chain.writeViews(data - chain.written)
    chain.writeByte(status)
    chain.written = written === data ? written + 1 : written
    queue.push(chain)
  }

  /** Above 2⁵³ this rounds, and is behind the end of any disk either way. */
  #u64(at: number): number {
    return this.#headerView.getUint32(at, true) + this.#headerView.getUint32(at + 4, true) * 2 ** 32
  }

  #backendFailed(error: unknown): number {
    this.counters.lastError = error
    return VIRTIO_BLK_S_IOERR
  }
}

function whenDone(pending: void | Promise<void>): number | Promise<number> {
  return pending === undefined ? VIRTIO_BLK_S_OK : pending.then(() => VIRTIO_BLK_S_OK)
}

function featuresOf(backend: BlockBackend): bigint {
  const always = VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_BLK_SIZE
  if (backend.readonly) return always | VIRTIO_BLK_F_RO
  return (
    always |
    VIRTIO_BLK_F_FLUSH |
    (backend.discard === undefined ? 0n : VIRTIO_BLK_F_DISCARD) |
    (backend.writeZeroes === undefined ? 0n : VIRTIO_BLK_F_WRITE_ZEROES)
  )
}

interface Geometry {
  readonly size: number
  readonly blockSize: number
  readonly segMax: number
  readonly maxRequestBytes: number
}

/** struct virtio_blk_config (5.2.4); what is left 0 belongs to features that are not offered. */
function writeConfigSpace(config: Uint8Array, { size, blockSize, segMax, maxRequestBytes }: Geometry): void {
  const view = new DataView(config.buffer)
  view.setBigUint64(0, BigInt(Math.floor(size / SECTOR_BYTES)), true) // capacity
  view.setUint32(8, SIZE_MAX, true)
  view.setUint32(12, segMax, true)
  view.setUint32(20, blockSize, true)
  view.setUint16(34, 1, true) // num_queues
  view.setUint32(36, maxRequestBytes / SECTOR_BYTES, true) // max_discard_sectors
  view.setUint32(40, 1, true) // max_discard_seg
  view.setUint32(44, 1, true) // discard_sector_alignment
  view.setUint32(48, maxRequestBytes / SECTOR_BYTES, true) // max_write_zeroes_sectors
  view.setUint32(52, 1, true) // max_write_zeroes_seg
  view.setUint8(56, 1) // write_zeroes_may_unmap
}
