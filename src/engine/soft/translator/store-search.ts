// Finds stored regions for code that is about to get hot. What is found here is a guess: the machine goes on meanwhile, and
// its own thread compares every instruction before a region becomes live (installed.ts).

import type { Allocation } from './allocation.ts'
import type { Candidate, CodeStore, LoadedBatch } from './code-store.ts'
import { executedPage } from './code-view.ts'
import type { FoundRegion } from './installed.ts'
import { BLOCK_HEADER, BLOCK_LIMIT, OP_SIZE } from './operations.ts'
import { recordBytes } from './places.ts'
import type { CodeView, Request } from './region.ts'
import { hashOf, isSameCode, NODE, NODE_WORDS, operationsOf, type StoredRegion } from './stored-batch.ts'

const PAGE_OF = ~0xfff
const OP_WORDS = OP_SIZE / 4

/** A module of stored regions. */
export interface StoredModule {
  readonly module: WebAssembly.Module
  readonly functions: number
  readonly instructions: number
}

export interface FoundInStore extends FoundRegion {
  readonly file: string
  /** Only with the first region of the file. */
  readonly from?: StoredModule
  readonly request: Request
  /** Asked for before it is time to translate it. */
  readonly early: boolean
}

interface Choice extends Candidate {
  readonly score: number
  readonly stored: StoredRegion
  readonly batch: LoadedBatch
  readonly origin: bigint
}

export class StoreSearch {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #store: CodeStore
  readonly #allocation: Allocation
  readonly #code: CodeView
  readonly #alonePages: ReadonlySet<number>
  readonly #sent = new Set<string>()

  /** @param alonePages physical pages with instructions that are to stay alone: stored regions know nothing of them */
  constructor(
    buffer: ArrayBufferLike,
    store: CodeStore,
    allocation: Allocation,
    code: CodeView,
    alonePages: ReadonlySet<number>,
  ) {
    this.#view = new DataView(buffer)
    this.#bytes = new Uint8Array(buffer)
    this.#store = store
    this.#allocation = allocation
    this.#code = code
    this.#alonePages = alonePages
  }

  /** @returns what may fit, and which of the other requests the store has nothing for */
  find(requests: readonly Request[], early: boolean): { found: FoundInStore[]; missed: Request[] } {
    const found: FoundInStore[] = []
    const missed: Request[] = []
    const chosen = new Set<string>()
    for (const request of requests) {
      const choice = this.#choose(request)
      if (choice === 'unknown') missed.push(request)
      if (typeof choice === 'string') continue
      const { file, region, stored, batch, origin, node } = choice
      const key = `${file} ${region} ${origin}`
      if (chosen.has(key)) continue
      const place = this.#place(stored)
      if (!place) continue
      chosen.add(key)
      const { regions, module, instructions } = batch
      const from = this.#sent.has(file) ? {} : { from: { module, functions: regions.length, instructions } }
      this.#sent.add(file)
      found.push({ file, region: stored, origin, node, request, early, ...from, ...place })
    }
    return { found, missed }
  }

  /** The vCPU may just be forgetting all blocks: what is read then can point anywhere. */
  #choose(request: Request): Choice | 'unknown' | 'unfit' {
    try {
      return this.#bestOf(request)
    } catch (error) {
      if (error instanceof RangeError) return 'unfit'
      throw error
    }
  }

  #bestOf({ block, promote, user, rip }: Request): Choice | 'unknown' | 'unfit' {
    // Larger regions are made by those who need them.
    if (promote || block === 0) return 'unfit'
    const physical = this.#code.reader.physical(block)
    if (physical === 0xffffffff || this.#code.translated(block)) return 'unfit'
    const operations = this.#operationsAt(block)
    let best: Choice | 'unknown' | 'unfit' = 'unknown'
    for (const linked of [false, true])
      for (const candidate of this.#store.find(hashOf(user, physical & 0xfff, operations, linked))) {
        if (best === 'unknown') best = 'unfit'
        const batch = this.#store.load(candidate.file)
        const stored = batch?.regions[candidate.region]
        if (!batch || !stored || stored.user !== user) continue
        const at = candidate.node * NODE_WORDS
        const delta = stored.nodes[at + NODE.delta]
        if (delta === undefined || stored.nodes[at + NODE.entry]! < 0) continue
        const origin = BigInt.asUintN(64, (rip & ~0xfffn) - BigInt(delta & PAGE_OF))
        const score = this.#score(stored, origin, delta & PAGE_OF)
        if (score > (typeof best === 'string' ? 0 : best.score))
          best = { ...candidate, score, stored, batch, origin }
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
        if (this.#alonePages.has(page)) return 0
        pages.set(distance, page)
      }
      if (page < 0) continue
      const block = this.#code.findBlock(page + (delta & 0xfff))
      if (block !== 0 && !isSameCode(region, at / NODE_WORDS, this.#view, block)) {
        if (distance === home) return 0
        pages.set(distance, -1)
        counts.delete(distance)
      } else counts.set(distance, (counts.get(distance) ?? 0) + nodes[at + NODE.count]!)
    }
    let score = 0
    for (const count of counts.values()) score += count
    return counts.has(home) ? score : 0
  }

  #operationsAt(block: number): Int32Array {
    const count = Math.min(this.#view.getUint32(block + 4, true), BLOCK_LIMIT)
    return new Int32Array(this.#view.buffer, block + BLOCK_HEADER, count * OP_WORDS)
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
