// From requests to modules: forms regions of the blocks that the core has found hot, and writes one WebAssembly module
// for a batch of them. It reads the machine's memory while the vCPU may be running; what it made is checked again
// when it is installed (installed.ts), in the vCPU's thread.

import { performance } from 'node:perf_hooks'
import { BLOCK_EPOCH, BLOCK_HASH, BLOCK_HASH_MASK, GUEST_BASE, PAGES, TLB_INDEX, tlbOf } from './addresses.ts'
import { Allocation, type Holding, OP_SIZE } from './allocation.ts'
import { tailCalls } from './chain-function.ts'
import { compile } from './compile.ts'
import { encodeModule, type FunctionBody, type FunctionImport, type FunctionType, I32 } from './encoder.ts'
import { IMPORTS as FUNCTION_IMPORTS } from './imports.ts'
import { type RegionPlan, recordBytes } from './installed.ts'
import { BlockReader, type Operation } from './operations.ts'
import { type CodeView, formRegion, type Region, type Request } from './region.ts'
import { type TranslationOptions, translateRegion } from './region-function.ts'

const TYPE: FunctionType = { parameters: [I32], results: [I32] }
const IMPORTS: readonly FunctionImport[] = Object.keys(FUNCTION_IMPORTS).map((name) => ({ name, type: TYPE }))

const chainOf = (user: boolean): number | undefined =>
  tailCalls ? FUNCTION_IMPORTS[user ? 'chainUser' : 'chainKernel'] : undefined

export interface TranslatorOptions extends TranslationOptions {
  /** Runs of a block after which it is translated. */
  readonly threshold?: number
  /** Translates it in the vCPU's thread before it runs once more. For tests. */
  readonly atOnce?: boolean
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
  readonly #reader: BlockReader
  readonly #allocation: Allocation
  readonly #code: CodeView
  /** Where a large region is entered already, by its record: a slot of the jump table that was lost counts anew. */
  readonly #promoted = new Map<string, number>()

  /** Physical addresses of instructions whose accesses stay out of groups (accesses.ts). */
  readonly #alone = new Set<number>()

  constructor(
    buffer: ArrayBufferLike,
    { handlerNumbers, firstFunction }: CoreFacts,
    options: TranslatorOptions,
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
  }

  /** How many regions there are. */
  get regions(): number {
    return this.#allocation.regions
  }

  /** These regions are gone; their places are free. */
  release(records: readonly number[]): void {
    const gone = new Set(records)
    for (const record of gone) this.#allocation.release(record)
    for (const [entry, record] of this.#promoted) if (gone.has(record)) this.#promoted.delete(entry)
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
    const bytes = encodeModule(IMPORTS, TYPE, bodies)
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
    if (this.#alone.size >= ALONE_LIMIT) this.#alone.clear()
    this.#alone.add(physical)
  }

  /** The vCPU may just be forgetting all blocks: what is read then can point anywhere. */
  #formIfSound(asked: Request, entered: ReadonlySet<string>): Region | undefined {
    try {
      // A promotion names the code's physical address: what block lies there now?
      const block = asked.promote ? this.#findBlock(asked.block) : asked.block
      return this.#form({ ...asked, block }, entered)
    } catch (error) {
      if (error instanceof RangeError) return undefined
      throw error
    }
  }

  #form(request: Request, entered: ReadonlySet<string>): Region | undefined {
    if (request.block === 0) return undefined
    const physical = this.#view.getUint32(request.block, true)
    if (physical === 0xffffffff || entered.has(entryKey(physical, request.user))) return undefined
    // Forgotten since, and something else is there.
    if (this.#findBlock(physical) !== request.block) return undefined
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
    const { locals, code, unlikely } = translateRegion(region, holding.functionIndex, keep, {
      ...this.#options,
      chain: chainOf(region.user),
      alone: (physical) => this.#alone.has(physical),
    })
    return room ? { locals, code, unlikely, exportName: String(number) } : undefined
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
    const page = linear & ~0xfffn
    const low = Number(linear & 0xffffffffn)
    for (const user of [true, false]) {
      const entry = tlbOf(user, 'execute') + ((low >>> 8) & TLB_INDEX)
      if (this.#view.getBigUint64(entry, true) !== page) continue
      return ((this.#view.getUint32(entry + 8, true) + (low & ~0xfff)) >>> 0) - GUEST_BASE
    }
    return -1
  }
}

const entryKey = (physical: number, user: boolean): string => `${physical} ${user}`
