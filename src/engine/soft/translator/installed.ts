// The translated regions of a machine, as its vCPU's thread holds them: their functions in the core's table, their
// records in memory by which the core enters and drops them (core/regions.ts draws them).

import {
  BLOCK_EPOCH,
  CHAIN_EPOCHS,
  GUEST_BASE,
  JUMP_BITS,
  JUMP_BITS_VIEW,
  JUMPS,
  JUMPS_MASK,
  JUMPS_VIEW,
  PAGE_REGIONS,
} from './addresses.ts'
import { executedPage } from './code-view.ts'
import { NO_PAGE, operationConstants, pageConstants } from './places.ts'
import { isSameCode, NODE, NODE_WORDS, type StoredRegion } from './stored-batch.ts'

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
  /** What its function finds in the record, if it was made for any machine. */
  readonly constants?: RegionConstants
  /** Addresses of the blocks that it was made from, and their physical addresses. */
  readonly blocks: readonly (readonly [block: number, physical: number])[]
  /** How often all blocks had been forgotten when the region was formed. */
  readonly epoch: number
}

export interface RegionConstants {
  /** For each of its pages the host address, or NO_PAGE. */
  readonly pages: readonly number[]
  /** How many entries the function was made with; some may be missing in this machine. */
  readonly entries: number
  /** Addresses of the operations that it hands to the interpreter. */
  readonly operations: readonly number[]
}

export interface RegionEntry {
  readonly block: number
  readonly physical: number
  readonly number: number
  /** From the region's first page to this one's, in bytes. */
  readonly distance: number
}

/** A stored region that may fit here, with all that it needs to live. Goes through a message port, too. */
export interface FoundRegion {
  readonly region: StoredRegion
  readonly functionIndex: number
  readonly record: number
  readonly operations: readonly number[]
  /** Linear address of its first page. */
  readonly origin: bigint
  /** The node that was asked for. */
  readonly node: number
}

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
    if (plan.constants) this.#writeConstants(record, plan.constants)
    this.#plans.set(record, plan)
    if (plan.promoted) this.#breakChains()
    return true
  }

  #writeConstants(record: number, { pages, entries, operations }: RegionConstants): void {
    const write = (offset: number, values: readonly number[]): void => {
      for (const [i, value] of values.entries()) this.#view.setUint32(record + offset + i * 4, value, true)
    }
    write(pageConstants(entries, pages.length), pages)
    write(operationConstants(entries, pages.length), operations)
  }

  /**
   * Looks whether a stored region is what lies here, instruction by instruction. Pages that are not known, or hold other
   * code, stay outside of it.
   * @param decode gives the decoded block at a physical address
   * @returns undefined when the code that was asked for is other code
   */
  plan(found: FoundRegion, decode: (physical: number) => number): RegionPlan | undefined {
    const { region, functionIndex, record, operations, origin, node } = found
    const { user, nodes, distances } = region
    const epoch = this.#view.getUint32(BLOCK_EPOCH, true)
    const pages = new Map<number, number>()
    for (const distance of distances) {
      const physical = executedPage(this.#view, BigInt.asUintN(64, origin + BigInt(distance)), user)
      // A page that is there twice: its code would not know at which of the two places it runs.
      if (physical >= 0 && ![...pages.values()].includes(physical)) pages.set(distance, physical)
    }
    const blocks = new Map<number, readonly [number, number]>()
    for (let i = 0; i * NODE_WORDS < nodes.length; i++) {
      const delta = nodes[i * NODE_WORDS + NODE.delta]!
      const page = pages.get(delta & ~0xfff)
      if (page === undefined) continue
      const block = decode(page + (delta & 0xfff))
      if (block !== 0 && isSameCode(region, i, this.#view, block))
        blocks.set(i, [block, page + (delta & 0xfff)])
      else pages.delete(delta & ~0xfff)
    }
    const pageOf = (i: number): number => nodes[i * NODE_WORDS + NODE.delta]! & ~0xfff
    if (!pages.has(pageOf(node)) || this.#view.getUint32(BLOCK_EPOCH, true) !== epoch) return undefined
    const entries: RegionEntry[] = []
    for (const [i, [block, physical]] of blocks) {
      const number = nodes[i * NODE_WORDS + NODE.entry]!
      const distance = pageOf(i)
      if (number >= 0 && pages.has(distance)) entries.push({ block, physical, number, distance })
    }
    return {
      promoted: false,
      functionIndex,
      record,
      user,
      instructions: region.instructions,
      entries,
      pages: [...pages.values()].map((page) => page >>> 12),
      constants: {
        pages: [...distances].map((distance) => {
          const physical = pages.get(distance)
          return physical === undefined ? NO_PAGE : GUEST_BASE + physical
        }),
        entries: region.entries,
        operations,
      },
      blocks: [],
      epoch,
    }
  }

  /** A region that could not become live: the translator shall have its place back. */
  giveBack(record: number): void {
    this.#gone.push(record)
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
