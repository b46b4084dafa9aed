// The translated regions of a machine: their functions in the core's table, their records in memory by which the core
// enters and drops them (core/regions.ts draws them), and what happens to both when code goes.

import {
  BLOCK_HASH,
  BLOCK_HASH_MASK,
  JUMPS,
  JUMPS_MASK,
  JUMPS_VIEW,
  PAGE_REGIONS,
  REGION_OPERATIONS,
  REGION_OPERATIONS_END,
  REGION_RECORDS,
  REGION_RECORDS_END,
} from './addresses.ts'
import type { Operation } from './operations.ts'
import type { Region } from './region.ts'

const OP_SIZE = 32
const HEADER = 16
const ENTRY_SIZE = 16
const PAGE_SIZE = 8

/** The core's function table. */
export interface FunctionTable {
  readonly length: number
  grow(by: number): number
  set(index: number, value: unknown): void
}

interface Installed {
  readonly functionIndex: number
  readonly bytes: number
  readonly operations: readonly number[]
  readonly pages: readonly number[]
}

/** What a region needs before its function can be written: an index and places for operations. */
export interface Reservation {
  readonly functionIndex: number
  readonly operations: number[]
}

export class InstalledRegions {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #table: FunctionTable
  readonly #takeDropped: () => number
  readonly #records = new Map<number, Installed>()
  readonly #freeFunctions: number[] = []
  readonly #freeOperations: number[] = []
  #nextOperation = REGION_OPERATIONS
  #nextRecord = REGION_RECORDS
  /** Freed records by their size. */
  readonly #freeRecords = new Map<number, number[]>()

  constructor(buffer: ArrayBufferLike, table: FunctionTable, takeDropped: () => number) {
    this.#view = new DataView(buffer)
    this.#bytes = new Uint8Array(buffer)
    this.#table = table
    this.#takeDropped = takeDropped
  }

  get count(): number {
    return this.#records.size
  }

  /** Address of the decoded block at a physical address, or 0; as `findBlock` in core/blocks.ts. */
  findBlock(physical: number): number {
    const view = this.#view
    const bucket = (physical ^ (physical >>> 16)) & BLOCK_HASH_MASK
    let block = view.getUint32(BLOCK_HASH + bucket * 4, true)
    // Bounded: each block is in its bucket once.
    while (block !== 0 && view.getUint32(block, true) !== physical) block = view.getUint32(block + 24, true)
    return block
  }

  /** Is there a region that can be entered here? */
  has(physical: number, user: boolean): boolean {
    const view = this.#view
    const slot = this.#slot(physical, user)
    if (view.getUint32(slot, true) === physical) return true
    const block = this.findBlock(physical)
    return block !== 0 && view.getUint32(block + 36, true) !== 0
  }

  #slot(physical: number, user: boolean): number {
    return JUMPS + (user ? JUMPS_VIEW : 0) + (((physical ^ (physical >>> 15)) & JUMPS_MASK) << 4)
  }

  reserve(): Reservation {
    const functionIndex = this.#freeFunctions.pop() ?? this.#table.grow(1)
    return { functionIndex, operations: [] }
  }

  /** A copy of an operation that stays where it is as long as the region. @returns 0 when there is no room */
  keepOperation(reservation: Reservation, operation: Operation): number {
    let at = this.#freeOperations.pop()
    if (at === undefined) {
      if (this.#nextOperation + OP_SIZE > REGION_OPERATIONS_END) return 0
      at = this.#nextOperation
      this.#nextOperation += OP_SIZE
    }
    reservation.operations.push(at)
    this.#bytes.copyWithin(at, operation.pointer, operation.pointer + OP_SIZE)
    return at
  }

  release({ functionIndex, operations }: Reservation): void {
    this.#freeFunctions.push(functionIndex)
    this.#freeOperations.push(...operations)
  }

  /** Makes a region live. @returns false when there is no room for its record; the reservation is released then */
  install(region: Region, reservation: Reservation, code: unknown): boolean {
    const pages = [...region.pages.values()]
    const size = HEADER + region.entries.length * ENTRY_SIZE + pages.length * PAGE_SIZE
    const record = this.#allocate(size)
    if (record === 0) {
      this.release(reservation)
      return false
    }
    const view = this.#view
    const { functionIndex } = reservation
    this.#table.set(functionIndex, code)
    view.setUint32(record, functionIndex, true)
    view.setUint32(record + 4, (region.entries.length << 1) | (region.user ? 1 : 0), true)
    view.setUint32(record + 8, pages.length, true)
    view.setUint32(record + 12, 0, true)
    for (const [i, node] of region.entries.entries()) {
      const at = record + HEADER + i * ENTRY_SIZE
      const { physical } = node.block
      const distance = Math.floor(node.delta / 0x1000) * 0x1000
      view.setUint32(at, physical, true)
      view.setUint32(at + 4, node.entry, true)
      view.setInt32(at + 8, distance, true)
      const slot = this.#slot(physical, region.user)
      view.setUint32(slot, physical, true)
      view.setUint32(slot + 4, functionIndex, true)
      view.setUint32(slot + 8, node.entry, true)
      view.setInt32(slot + 12, distance, true)
      view.setUint32(node.block.address + 36, record, true)
      view.setUint32(node.block.address + 40, i, true)
    }
    for (const [i, page] of pages.entries()) {
      const at = record + HEADER + region.entries.length * ENTRY_SIZE + i * PAGE_SIZE
      const head = PAGE_REGIONS + (page >>> 12) * 4
      view.setUint32(at, page >>> 12, true)
      view.setUint32(at + 4, view.getUint32(head, true), true)
      view.setUint32(head, record, true)
    }
    this.#records.set(record, {
      functionIndex,
      bytes: size,
      operations: reservation.operations,
      pages: pages.map((page) => page >>> 12),
    })
    return true
  }

  #allocate(size: number): number {
    const free = this.#freeRecords.get(size)?.pop()
    if (free !== undefined) return free
    if (this.#nextRecord + size > REGION_RECORDS_END) return 0
    const record = this.#nextRecord
    this.#nextRecord += size
    return record
  }

  /** Takes back what belonged to regions that the core has dropped. Nothing of them may be running. */
  collect(): void {
    let record = this.#takeDropped()
    // Bounded: each dropped record is in the list once.
    while (record !== 0) {
      const next = this.#view.getUint32(record + 12, true)
      const installed = this.#records.get(record)
      if (installed) this.#forget(record, installed)
      record = next
    }
  }

  #forget(record: number, { functionIndex, bytes, operations, pages }: Installed): void {
    for (const page of pages) this.#unlink(record, page)
    this.#records.delete(record)
    this.#table.set(functionIndex, null)
    this.#freeFunctions.push(functionIndex)
    this.#freeOperations.push(...operations)
    const free = this.#freeRecords.get(bytes)
    if (free) free.push(record)
    else this.#freeRecords.set(bytes, [record])
  }

  /** Out of a page's list, where the core left it if the write was to another of its pages. */
  #unlink(record: number, page: number): void {
    const view = this.#view
    let link = PAGE_REGIONS + page * 4
    // Bounded: a record is in a page's list once.
    for (let at = view.getUint32(link, true); at !== 0; at = view.getUint32(link, true)) {
      const next = this.#linkOf(at, page)
      if (next === 0) return
      if (at === record) {
        view.setUint32(link, view.getUint32(next, true), true)
        return
      }
      link = next
    }
  }

  /** Address of the link to a page's next record, within this record. */
  #linkOf(record: number, page: number): number {
    const view = this.#view
    const entries = view.getUint32(record + 4, true) >>> 1
    const pages = view.getUint32(record + 8, true)
    for (let i = 0; i < pages; i++) {
      const at = record + HEADER + entries * ENTRY_SIZE + i * PAGE_SIZE
      if (view.getUint32(at, true) === page) return at + 4
    }
    return 0
  }
}
