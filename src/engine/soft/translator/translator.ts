// From requests to modules: forms regions of the blocks that the core has found hot, and writes one WebAssembly module
// for a batch of them. It reads the machine's memory while the vCPU may be running; what it made is checked again
// when it is installed (installed.ts), in the vCPU's thread.

import { performance } from 'node:perf_hooks'
import { BLOCK_EPOCH } from './addresses.ts'
import { Allocation, type Holding } from './allocation.ts'
import type { CodeStore } from './code-store.ts'
import { codeView, interpretedIn } from './code-view.ts'
import { compile } from './compile.ts'
import type { FunctionBody } from './encoder.ts'
import type { RegionPlan } from './installed.ts'
import { writeBody, writeModule } from './module.ts'
import { OP_SIZE, type Operation } from './operations.ts'
import { recordBytes } from './places.ts'
import { type CodeView, formRegion, type Region, type Request } from './region.ts'
import type { TranslationOptions } from './region-function.ts'
import { type FoundInStore, StoreSearch } from './store-search.ts'

export interface TranslatorOptions extends TranslationOptions {
  /** Runs of a block after which it is translated. */
  readonly threshold?: number
  /** Translates it in the vCPU's thread before it runs once more. For tests. */
  readonly atOnce?: boolean
  /** Folder of the store of translated code (code-store.ts). */
  readonly store?: string
  /** Runs of a block after which it is looked for there. */
  readonly early?: number
}

export const THRESHOLD = 3000

// A first region is small: cheap, for code that may not run much longer. One that is entered all the time is formed again,
// with the functions that it calls and the cases of its switches. A region may hold blocks that others hold, too: going
// from one region to another costs more than the copy, until there is so much code that the host's caches hold none
// of it for long; then the copies cost more. (Starting processes over and over, 3000 regions: with copies 2.1 ms of CPU
// for each process, without 1.4 ms. sqlite, with 1500, was faster with them: the limit is a compromise.)
const SMALL = 100
const LARGE = 200
/** Regions from which on new ones do without copies. */
const CROWDED = 500

const ALONE_LIMIT = 20_000

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
  readonly #allocation: Allocation
  readonly #code: CodeView
  /** Where a large region is entered already, by its record: a slot of the jump table that was lost counts anew. */
  readonly #promoted = new Map<string, number>()
  readonly #search: StoreSearch | undefined

  /** Physical addresses of instructions whose accesses stay out of groups (accesses.ts). */
  readonly #alone = new Set<number>()
  readonly #alonePages = new Set<number>()

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
    this.#allocation = new Allocation(firstFunction)
    this.#code = codeView(buffer, handlerNumbers)
    // Stored code keeps flags only where somebody reads them.
    if (!store || options.exactFlags) return
    this.#search = new StoreSearch(buffer, store, this.#allocation, this.#code, this.#alonePages)
  }

  /** How many regions there are. */
  get regions(): number {
    return this.#allocation.regions
  }

  /** Instructions that the interpreter has executed in a block that is asked for. */
  interpreted(block: number): number {
    return interpretedIn(this.#view, block)
  }

  /** These regions are gone; their places are free. */
  release(records: readonly number[]): void {
    const gone = new Set(records)
    for (const record of gone) this.#allocation.release(record)
    for (const [entry, record] of this.#promoted) if (gone.has(record)) this.#promoted.delete(entry)
  }

  /**
   * Looks into the store.
   * @param lookups requests that are not to be translated otherwise
   * @returns what is there, the other requests, and the other lookups
   */
  find(
    requests: readonly Request[],
    lookups: readonly Request[],
  ): { found: readonly FoundInStore[]; rest: readonly Request[]; missed: readonly Request[] } {
    if (!this.#search) return { found: [], rest: requests, missed: [] }
    // First: what is asked for may be what has just given up.
    for (const { alone, block } of requests) if (alone) this.#keepAlone(block)
    const wanted = this.#search.find(
      requests.filter(({ anew, alone }) => !anew && !alone),
      false,
    )
    const has = new Set(wanted.found.map(({ request }) => request))
    const early = this.#search.find(lookups, true)
    return {
      found: [...wanted.found, ...early.found],
      rest: requests.filter((request) => !has.has(request)),
      missed: early.missed,
    }
  }

  /** @returns undefined when none of the requests still makes sense */
  translate(requests: readonly Request[]): Batch | undefined {
    const start = performance.now()
    const bodies: FunctionBody[] = []
    const plans: RegionPlan[] = []
    const entered = new Set<string>()
    const epoch = this.#view.getUint32(BLOCK_EPOCH, true)
    for (const asked of requests) {
      if (asked.alone) {
        this.#keepAlone(asked.block)
        continue
      }
      const region = this.#formIfSound(asked, entered)
      if (!region) continue
      const holding = this.#allocation.begin()
      const body = this.#body(region, holding, bodies.length)
      const pages = [...region.pages.values()].map((page) => page >>> 12)
      if (!body || !this.#allocation.record(holding, recordBytes(region.entries.length, pages.length))) {
        this.#allocation.abandon(holding)
        continue
      }
      for (const node of region.entries) entered.add(entryKey(node.block.physical, region.user))
      if (asked.promote)
        for (const node of region.entries)
          this.#promoted.set(entryKey(node.block.physical, region.user), holding.record)
      bodies.push(body)
      plans.push({
        promoted: asked.promote,
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
        pages,
        blocks: region.nodes.map(({ block }) => [block.address, block.physical] as const),
        epoch,
      })
    }
    if (bodies.length === 0) return undefined
    const bytes = writeModule(bodies)
    const written = performance.now()
    const module = compile(bytes)
    return {
      module,
      plans,
      bytes: bytes.length,
      translateMilliseconds: written - start,
      compileMilliseconds: performance.now() - written,
    }
  }

  #keepAlone(physical: number): void {
    // Code comes and goes; what is still needed will ask again.
    if (this.#alone.size >= ALONE_LIMIT) {
      this.#alone.clear()
      this.#alonePages.clear()
    }
    this.#alone.add(physical)
    this.#alonePages.add(physical & ~0xfff)
  }

  /** The vCPU may just be forgetting all blocks: what is read then can point anywhere. */
  #formIfSound(asked: Request, entered: ReadonlySet<string>): Region | undefined {
    try {
      // A promotion names the code's physical address: what block lies there now?
      const block = asked.promote ? this.#code.findBlock(asked.block) : asked.block
      return this.#form({ ...asked, block }, entered)
    } catch (error) {
      if (error instanceof RangeError) return undefined
      throw error
    }
  }

  #form(request: Request, entered: ReadonlySet<string>): Region | undefined {
    if (request.block === 0) return undefined
    const physical = this.#code.reader.physical(request.block)
    if (physical === 0xffffffff || entered.has(entryKey(physical, request.user))) return undefined
    // Forgotten since, and something else is there.
    if (this.#code.findBlock(physical) !== request.block) return undefined
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

  /** @returns undefined when there is no room for the operations that it hands to the interpreter's handlers */
  #body(region: Region, holding: Holding, number: number): FunctionBody | undefined {
    let room = true
    const keep = (operation: Operation): number => {
      const at = this.#allocation.operation(holding)
      if (at === 0) room = false
      else this.#bytes.copyWithin(at, operation.pointer, operation.pointer + OP_SIZE)
      return at
    }
    const body = writeBody(region, number, holding.functionIndex, keep, {
      ...this.#options,
      alone: (physical) => this.#alone.has(physical),
    })
    return room ? body : undefined
  }
}

const entryKey = (physical: number, user: boolean): string => `${physical} ${user}`
