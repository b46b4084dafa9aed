// From requests to modules: forms regions of the blocks that the core has found hot, and writes one WebAssembly module
// for a batch of them. It reads the machine's memory while the vCPU may be running; what it made is checked again
// when it is installed (installed.ts), in the vCPU's thread.

import { performance } from 'node:perf_hooks'
import { BLOCK_EPOCH, BLOCK_HASH, BLOCK_HASH_MASK, GUEST_BASE, PAGES } from './addresses.ts'
import { Allocation, type Holding } from './allocation.ts'
import { executedPage } from './code-pages.ts'
import type { CodeStore } from './code-store.ts'
import { compile } from './compile.ts'
import { encodeModule, type FunctionBody, type FunctionImport, type FunctionType, I32 } from './encoder.ts'
import type { RegionPlan } from './installed.ts'
import { Keeping } from './keeping.ts'
import { BlockReader, OP_SIZE, type Operation } from './operations.ts'
import { placesInRecord, recordBytes } from './places.ts'
import { type CodeView, formRegion, type Region, type Request } from './region.ts'
import { type TranslationOptions, translateRegion } from './region-function.ts'
import { type FoundInStore, StoreSearch } from './store-search.ts'
import { type Recipe, recipeOf } from './stored-batch.ts'

const TYPE: FunctionType = { parameters: [I32], results: [I32] }
// In the order of IMPORTS in function-writer.ts.
const IMPORTS: readonly FunctionImport[] = [
  { name: 'holds', type: TYPE },
  { name: 'perform', type: TYPE },
]

export interface TranslatorOptions extends TranslationOptions {
  /** Runs of a block after which it is translated. */
  readonly threshold?: number
  /** Translates it in the vCPU's thread before it runs once more. For tests. */
  readonly atOnce?: boolean
  /** Folder of the store of translated code (code-store.ts). */
  readonly store?: string
}

export const THRESHOLD = 3000

// A first region is small: cheap, for code that may not run much longer. One that is entered all the time is formed again,
// with the functions that it calls and the cases of its switches. A region may hold blocks that others hold, too: going
// from one region to another costs more than the copy, until there is so much code that the host's caches hold none
// of it for long; then the copies cost more.
const SMALL = 100
const LARGE = 500
/** Regions from which on new ones do without copies. */
const CROWDED = 5000

/** What the translator must know of the vCPU's core. */
export interface CoreFacts {
  /** Where the core keeps what an operation holds for each handler number. */
  readonly handlerNumbers: number
  /** First free index of its function table. */
  readonly firstFunction: number
}

/** The module of some regions; the function of `plans[i]` is exported as `i`. */
export interface Batch {
  readonly module: WebAssembly.Module
  readonly plans: readonly RegionPlan[]
  readonly bytes: number
  readonly translateMilliseconds: number
  readonly compileMilliseconds: number
}

export class Translator {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #options: TranslatorOptions
  readonly #reader: BlockReader
  readonly #allocation: Allocation
  readonly #code: CodeView
  /** Where a large region is entered already, by its record: a slot of the jump table that was lost counts anew. */
  readonly #promoted = new Map<string, number>()
  readonly #keeping: Keeping | undefined
  readonly #search: StoreSearch | undefined

  /** @param store where translated code is kept and looked for */
  constructor(
    buffer: ArrayBufferLike,
    { handlerNumbers, firstFunction }: CoreFacts,
    options: TranslatorOptions,
    store?: CodeStore,
  ) {
    this.#view = new DataView(buffer)
    this.#bytes = new Uint8Array(buffer)
    this.#options = options
    this.#reader = new BlockReader(buffer, handlerNumbers)
    this.#allocation = new Allocation(firstFunction)
    this.#code = {
      reader: this.#reader,
      findBlock: (physical) => this.#findBlock(physical),
      translated: (block) => this.#view.getUint32(block + 36, true) !== 0,
      blocksOf: (page) => this.#blocksOf(page),
      runs: (block) => this.#view.getUint32(block + 32, true),
      pageAt: (linear) => this.#pageAt(linear),
    }
    if (!store) return
    this.#keeping = new Keeping(store)
    this.#search = new StoreSearch(buffer, store, this.#allocation, (physical) => this.#findBlock(physical))
  }

  /** How many regions there are. */
  get regions(): number {
    return this.#allocation.regions
  }

  /** These regions are gone; their places are free. */
  release(records: readonly number[]): void {
    const gone = new Set(records)
    for (const record of gone) this.#allocation.release(record)
    this.#keeping?.release(gone)
    for (const [entry, record] of this.#promoted) if (gone.has(record)) this.#promoted.delete(entry)
  }

  /**
   * Looks into the store.
   * @param lookups requests that are not to be translated otherwise
   * @returns what is there, and the other requests
   */
  find(
    requests: readonly Request[],
    lookups: readonly Request[],
  ): { found: readonly FoundInStore[]; rest: readonly Request[] } {
    if (!this.#search) return { found: [], rest: requests }
    const wanted = this.#search.find(
      requests.filter(({ anew }) => !anew),
      false,
    )
    const has = new Set(wanted.map(({ request }) => request))
    return {
      found: [...wanted, ...this.#search.find(lookups, true)],
      rest: requests.filter((request) => !has.has(request)),
    }
  }

  /** Writes what has been translated since the last time, as far as it is still in use. */
  keep(): void {
    this.#keeping?.save()
  }

  /** @returns undefined when none of the requests still makes sense */
  translate(requests: readonly Request[]): Batch | undefined {
    const start = performance.now()
    const bodies: FunctionBody[] = []
    const plans: RegionPlan[] = []
    const recipes = new Map<number, Recipe>()
    const entered = new Set<string>()
    const epoch = this.#view.getUint32(BLOCK_EPOCH, true)
    for (const asked of requests) {
      // A promotion names the code's physical address: what block lies there now?
      const request = asked.promote ? { ...asked, block: this.#findBlock(asked.block) } : asked
      const region = this.#form(request, entered)
      if (!region) continue
      const holding = this.#allocation.begin()
      const { body, handed } = this.#body(region, bodies.length)
      const pages = [...region.pages.values()]
      const bytes = recordBytes(region.entries.length, pages.length, handed.length)
      if (!this.#take(holding, region, handed) || !this.#allocation.record(holding, bytes)) {
        this.#allocation.abandon(holding)
        continue
      }
      const recipe = this.#keeping && recipeOf(region, bodies.length, request.promote, handed)
      if (recipe) recipes.set(holding.record, recipe)
      for (const node of region.entries) entered.add(entryKey(node.block.physical, region.user))
      if (request.promote)
        for (const node of region.entries)
          this.#promoted.set(entryKey(node.block.physical, region.user), holding.record)
      bodies.push(body)
      plans.push({
        promoted: request.promote,
        functionIndex: holding.functionIndex,
        record: holding.record,
        user: region.user,
        instructions: region.instructions,
        entries: region.entries.map((node) => ({
          block: node.block.address,
          physical: node.block.physical,
          number: node.entry,
          distance: Math.floor(node.delta / 0x1000) * 0x1000,
        })),
        pages: pages.map((page) => page >>> 12),
        pageAddresses: pages.map((page) => GUEST_BASE + page),
        allEntries: region.entries.length,
        operations: holding.operations,
        blocks: region.nodes.map(({ block }) => [block.address, block.physical] as const),
        epoch,
      })
    }
    if (bodies.length === 0) return undefined
    const bytes = encodeModule(IMPORTS, TYPE, bodies, bodies.length)
    const written = performance.now()
    const module = compile(bytes)
    this.#keeping?.add(module, bytes, recipes)
    return {
      module,
      plans,
      bytes: bytes.length,
      translateMilliseconds: written - start,
      compileMilliseconds: performance.now() - written,
    }
  }

  #form(request: Request, entered: ReadonlySet<string>): Region | undefined {
    if (request.block === 0) return undefined
    const physical = this.#view.getUint32(request.block, true)
    if (physical === 0xffffffff || entered.has(entryKey(physical, request.user))) return undefined
    if (!request.promote && this.#code.translated(request.block)) return undefined
    if (request.promote && this.#promoted.has(entryKey(physical, request.user))) return undefined
    const threshold = this.#options.threshold ?? THRESHOLD
    const minimumRuns = Math.min(threshold, Math.max(1, threshold >> 3))
    return formRegion(this.#code, request, {
      instructions: request.promote ? LARGE : SMALL,
      overlapping: request.promote || this.regions < CROWDED,
      minimumRuns,
    })
  }

  #body(region: Region, number: number): { body: FunctionBody; handed: [node: number, position: number][] } {
    const handed: [number, number][] = []
    const keep = (operation: Operation): number => {
      const node = region.nodes.findIndex(({ block }) => block.operations.includes(operation))
      return handed.push([node, region.nodes[node]!.block.operations.indexOf(operation)]) - 1
    }
    const places = placesInRecord(number, region.entries.length, [...region.pages.keys()])
    const { locals, code, unlikely } = translateRegion(region, places, keep, this.#options)
    return { body: { locals, code, unlikely, exportName: String(number) }, handed }
  }

  /** Room for the operations that are handed to the interpreter. @returns false when there is none */
  #take(holding: Holding, region: Region, handed: readonly (readonly [number, number])[]): boolean {
    for (const [node, position] of handed) {
      const at = this.#allocation.operation(holding)
      if (at === 0) return false
      const { raw } = region.nodes[node]!.block
      this.#bytes.set(raw.subarray(position * OP_SIZE, (position + 1) * OP_SIZE), at)
    }
    return true
  }

  /** As `findBlock` in core/blocks.ts. */
  #findBlock(physical: number): number {
    const view = this.#view
    const bucket = (physical ^ (physical >>> 16)) & BLOCK_HASH_MASK
    let block = view.getUint32(BLOCK_HASH + bucket * 4, true)
    // Bounded by hand: the vCPU may be changing the list just now.
    for (let i = 0; i < 1000 && block !== 0; i++) {
      if (view.getUint32(block, true) === physical) return block
      block = view.getUint32(block + 24, true)
    }
    return 0
  }

  /** The list of a page's blocks, as core/blocks.ts keeps it. */
  #blocksOf(page: number): number[] {
    const view = this.#view
    const blocks: number[] = []
    let block = view.getUint32(PAGES + (page >>> 12) * 8, true)
    // Bounded by hand: the vCPU may be changing the list just now.
    for (let i = 0; i < 2000 && block !== 0; i++) {
      const start = view.getUint32(block + 28, true)
      const isSecond = start >>> 12 !== page >>> 12
      if (!isSecond && view.getUint32(block, true) === start) blocks.push(block)
      block = view.getUint32(block + (isSecond ? 20 : 8), true)
    }
    return blocks
  }

  /** A hint, from what the TLBs hold: translated code looks again before it relies on it. */
  #pageAt(linear: bigint): number {
    for (const user of [true, false]) {
      const page = executedPage(this.#view, linear, user)
      if (page >= 0) return page
    }
    return -1
  }
}

const entryKey = (physical: number, user: boolean): string => `${physical} ${user}`
