// Finds stored regions for code that is about to get hot. What is found here is a guess: the machine goes on meanwhile, and
// its own thread compares every instruction before a region becomes live (installed.ts).

import { JUMPS, JUMPS_MASK, JUMPS_VIEW } from './addresses.ts'
import type { Allocation } from './allocation.ts'
import { executedPage } from './code-pages.ts'
import type { Candidate, CodeStore } from './code-store.ts'
import type { FoundRegion } from './installed.ts'
import { BLOCK_HEADER, OP_SIZE } from './operations.ts'
import { recordBytes } from './places.ts'
import type { Request } from './region.ts'
import { hashOf, NODE, NODE_WORDS, operationsOf, type StoredRegion } from './stored-batch.ts'

const PAGE_OF = ~0xfff
const OP_WORDS = OP_SIZE / 4
/** As in core/blocks.ts. */
const BLOCK_LIMIT = 64

/** A region of a module that the machine may know already. */
export interface FoundInStore extends FoundRegion {
  readonly file: string
  readonly module: WebAssembly.Module
  /** How many functions the module has. */
  readonly functions: number
  readonly request: Request
  /** Asked for before it is time to translate it. */
  readonly early: boolean
}

interface Choice extends Candidate {
  readonly score: number
  readonly stored: StoredRegion
  readonly module: WebAssembly.Module
  readonly functions: number
  readonly origin: bigint
}

export class StoreSearch {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #store: CodeStore
  readonly #allocation: Allocation
  readonly #findBlock: (physical: number) => number

  constructor(
    buffer: ArrayBufferLike,
    store: CodeStore,
    allocation: Allocation,
    findBlock: (physical: number) => number,
  ) {
    this.#view = new DataView(buffer)
    this.#bytes = new Uint8Array(buffer)
    this.#store = store
    this.#allocation = allocation
    this.#findBlock = findBlock
  }

  find(requests: readonly Request[], early: boolean): FoundInStore[] {
    const found: FoundInStore[] = []
    const chosen = new Set<string>()
    for (const request of requests) {
      const choice = this.#choose(request)
      if (!choice) continue
      const key = `${choice.file} ${choice.region} ${choice.origin}`
      if (chosen.has(key)) continue
      const place = this.#place(choice.stored)
      if (!place) continue
      chosen.add(key)
      const { file, module, functions, stored, origin, node } = choice
      found.push({ file, module, functions, region: stored, origin, node, request, early, ...place })
    }
    return found
  }

  #choose({ block, promote, user, rip }: Request): Choice | undefined {
    // Larger regions are made by those who need them.
    if (promote || block === 0) return undefined
    const view = this.#view
    const physical = view.getUint32(block, true)
    if (physical === 0xffffffff || this.#isEntered(physical, user)) return undefined
    const operations = this.#operationsAt(block)
    let best: Choice | undefined
    for (const linked of [false, true])
      for (const candidate of this.#store.find(hashOf(user, physical & 0xfff, operations, linked))) {
        const batch = this.#store.load(candidate.file)
        const stored = batch?.regions[candidate.region]
        if (!batch || !stored || stored.user !== user) continue
        const at = candidate.node * NODE_WORDS
        const delta = stored.nodes[at + NODE.delta]
        if (delta === undefined || stored.nodes[at + NODE.entry]! < 0) continue
        const origin = BigInt.asUintN(64, (rip & ~0xfffn) - BigInt(delta & PAGE_OF))
        const score = this.#score(stored, origin, delta & PAGE_OF)
        if (score > (best?.score ?? 0))
          best = { ...candidate, score, stored, module: batch.module, functions: batch.functions, origin }
      }
    return best
  }

  /** Instructions that are here, or may be; 0: it does not fit. */
  #score(region: StoredRegion, origin: bigint, home: number): number {
    const { nodes, user } = region
    const pages = new Map<number, number>()
    const counts = new Map<number, number>()
    for (let at = 0; at < nodes.length; at += NODE_WORDS) {
      const delta = nodes[at + NODE.delta]!
      const distance = delta & PAGE_OF
      let page = pages.get(distance)
      if (page === undefined) {
        page = executedPage(this.#view, BigInt.asUintN(64, origin + BigInt(distance)), user)
        pages.set(distance, page)
      }
      if (page < 0) continue
      const block = this.#findBlock(page + (delta & 0xfff))
      if (block !== 0 && !this.#isSame(region, at / NODE_WORDS, block)) {
        if (distance === home) return 0
        pages.set(distance, -1)
        counts.delete(distance)
      } else counts.set(distance, (counts.get(distance) ?? 0) + nodes[at + NODE.count]!)
    }
    let score = 0
    for (const count of counts.values()) score += count
    return counts.has(home) ? score : 0
  }

  #isSame(region: StoredRegion, node: number, block: number): boolean {
    const stored = operationsOf(region, node)
    const here = this.#operationsAt(block)
    const last = stored.length - (region.nodes[node * NODE_WORDS + NODE.linked] === 1 ? 2 : 0)
    if (here.length !== stored.length) return false
    for (let i = 0; i < last; i++) if (stored[i] !== here[i]) return false
    return true
  }

  #operationsAt(block: number): Int32Array {
    const count = Math.min(this.#view.getUint32(block + 4, true), BLOCK_LIMIT)
    return new Int32Array(this.#view.buffer, block + BLOCK_HEADER, count * OP_WORDS)
  }

  /** Can code be entered there already? */
  #isEntered(physical: number, user: boolean): boolean {
    const slot =
      JUMPS + (user ? JUMPS_VIEW : 0) + ((((physical >>> 2) ^ (physical >>> 14)) & JUMPS_MASK) << 4)
    return this.#view.getUint32(slot, true) === physical
  }

  /** @returns undefined when there is no room */
  #place(region: StoredRegion): Pick<FoundRegion, 'functionIndex' | 'record' | 'operations'> | undefined {
    const { handed, entries, distances } = region
    const holding = this.#allocation.begin()
    for (let i = 0; i < handed.length; i += 2) {
      const at = this.#allocation.operation(holding)
      if (at === 0) {
        this.#allocation.abandon(holding)
        return undefined
      }
      const first = handed[i + 1]! * OP_WORDS
      const words = operationsOf(region, handed[i]!).slice(first, first + OP_WORDS)
      this.#bytes.set(new Uint8Array(words.buffer), at)
    }
    if (!this.#allocation.record(holding, recordBytes(entries, distances.length, handed.length / 2))) {
      this.#allocation.abandon(holding)
      return undefined
    }
    const { functionIndex, record, operations } = holding
    return { functionIndex, record, operations }
  }
}
