// The translated regions of a machine, as its vCPU's thread holds them: their functions in the core's table, their
// records in memory by which the core enters and drops them (core/regions.ts draws them).

import {
  BLOCK_EPOCH,
  CHAIN_EPOCHS,
  JUMP_BITS,
  JUMP_BITS_VIEW,
  JUMPS,
  JUMPS_MASK,
  JUMPS_VIEW,
  PAGE_REGIONS,
} from './addresses.ts'

const HEADER = 16
const ENTRY_SIZE = 16
const PAGE_SIZE = 8
/** A count that does not come to a promotion any more. */
const NEVER = 0x80000000

/** The core's function table. */
export interface FunctionTable {
  readonly length: number
  grow(by: number): number
  set(index: number, value: unknown): void
}

/** A translated region, on its way from the translator to the vCPU. Plain data: it goes through a message port. */
export interface RegionPlan {
  readonly functionIndex: number
  readonly record: number
  readonly user: boolean
  /** In the place of smaller regions. */
  readonly promoted: boolean
  readonly instructions: number
  readonly entries: readonly RegionEntry[]
  /** Physical page numbers. */
  readonly pages: readonly number[]
  /** Addresses of the blocks that it was made from, and their physical addresses. */
  readonly blocks: readonly (readonly [block: number, physical: number])[]
  /** How often all blocks had been forgotten when the region was formed. */
  readonly epoch: number
}

export interface RegionEntry {
  readonly block: number
  readonly physical: number
  readonly number: number
  /** From the region's first page to this one's, in bytes. */
  readonly distance: number
}

export const recordBytes = (entries: number, pages: number): number =>
  HEADER + entries * ENTRY_SIZE + pages * PAGE_SIZE

export class InstalledRegions {
  readonly #view: DataView
  readonly #table: FunctionTable
  readonly #takeDropped: () => number
  readonly #plans = new Map<number, RegionPlan>()
  /** Records whose regions are gone, for the translator. */
  #gone: number[] = []

  constructor(buffer: ArrayBufferLike, table: FunctionTable, takeDropped: () => number) {
    this.#view = new DataView(buffer)
    this.#table = table
    this.#takeDropped = takeDropped
  }

  get count(): number {
    return this.#plans.size
  }

  /** Makes a region live, unless the code has changed since it was formed. @returns whether it did */
  install(plan: RegionPlan, code: unknown): boolean {
    if (!this.#stands(plan)) {
      this.#gone.push(plan.record)
      return false
    }
    const view = this.#view
    const { functionIndex, record, user } = plan
    if (functionIndex >= this.#table.length) this.#table.grow(functionIndex + 64 - this.#table.length)
    this.#table.set(functionIndex, code)
    view.setUint32(record, functionIndex, true)
    view.setUint32(record + 4, (plan.entries.length << 1) | (user ? 1 : 0), true)
    view.setUint32(record + 8, plan.pages.length, true)
    view.setUint32(record + 12, 0, true)
    for (const [i, { block, physical, number, distance }] of plan.entries.entries()) {
      const at = record + HEADER + i * ENTRY_SIZE
      view.setUint32(at, physical, true)
      view.setUint32(at + 4, number, true)
      view.setInt32(at + 8, distance, true)
      const index = ((physical >>> 2) ^ (physical >>> 14)) & JUMPS_MASK
      const slot = JUMPS + (user ? JUMPS_VIEW : 0) + (index << 4)
      // What may be entered through a larger region stays so.
      if (!plan.promoted && view.getUint32(slot, true) === physical) continue
      view.setUint32(slot, physical, true)
      view.setUint32(slot + 4, functionIndex, true)
      view.setInt32(slot + 8, number | distance, true)
      view.setUint32(slot + 12, plan.promoted ? NEVER : 0, true)
      const bits = JUMP_BITS + (user ? JUMP_BITS_VIEW : 0) + (index >>> 3)
      view.setUint8(bits, view.getUint8(bits) | (1 << (index & 7)))
      view.setUint32(block + 36, record, true)
      view.setUint32(block + 40, i, true)
    }
    for (const [i, page] of plan.pages.entries()) {
      const at = record + HEADER + plan.entries.length * ENTRY_SIZE + i * PAGE_SIZE
      const head = PAGE_REGIONS + page * 4
      view.setUint32(at, page, true)
      view.setUint32(at + 4, view.getUint32(head, true), true)
      view.setUint32(head, record, true)
    }
    this.#plans.set(record, plan)
    if (plan.promoted) this.#breakChains()
    return true
  }

  /** What is chained to the regions that this one replaces is to find it instead. */
  #breakChains(): void {
    for (const at of [CHAIN_EPOCHS, CHAIN_EPOCHS + 4])
      this.#view.setUint32(at, this.#view.getUint32(at, true) + 1, true)
  }

  #stands({ blocks, epoch }: RegionPlan): boolean {
    const view = this.#view
    return (
      view.getUint32(BLOCK_EPOCH, true) === epoch &&
      blocks.every(([block, physical]) => view.getUint32(block, true) === physical)
    )
  }

  /** Looks after regions that the core has dropped. Nothing of them may be running. @returns records that are free */
  collect(): number[] {
    let record = this.#takeDropped()
    // Bounded: each dropped record is in the list once.
    while (record !== 0) {
      const next = this.#view.getUint32(record + 12, true)
      const plan = this.#plans.get(record)
      if (plan) this.#forget(plan)
      record = next
    }
    const gone = this.#gone
    this.#gone = []
    return gone
  }

  #forget({ record, functionIndex, pages }: RegionPlan): void {
    for (const page of pages) this.#unlink(record, page)
    this.#plans.delete(record)
    this.#table.set(functionIndex, null)
    this.#gone.push(record)
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
