// What is translated for the store: code that has run often in this machine and is not there yet. It is not meant for this
// machine but for the next process. So even code of a program that is over in a second is worth it: it is done once.
// (What is really hot in this machine is translated for itself, and in larger regions: translator.ts.)
//
// Blocks that the store did not have are remembered with the page that they ran in: when there is time, the program may
// have ended. The regions do not overlap, so that all of it is optimized once.

import type { CodeStore } from './code-store.ts'
import { codeView } from './code-view.ts'
import type { FunctionBody } from './encoder.ts'
import { writeBody, writeModule } from './module.ts'
import { type CodeView, formRegion, type Region, type Request } from './region.ts'
import { type Recipe, recipeOf } from './stored-batch.ts'

/** Runs of a block after which it is worth it. */
export const WARM = 512
const INSTRUCTIONS = 150
/** Regions of a module: some 100 ms of compiling, 100 KB. */
const BATCH = 48
/** What a guest can make this thread remember of it, and do for it. */
const BLOCK_LIMIT = 30_000
const REGION_LIMIT = 20_000

export class Ahead {
  readonly #code: CodeView
  readonly #view: CodeView
  readonly #store: CodeStore
  readonly #warm: number
  /** Blocks that may get warm, by their address. */
  readonly #missed = new Map<number, Request & { readonly physical: number }>()
  /** Physical pages by view and linear page number. */
  readonly #pages = new Map<string, number>()
  /** Blocks of regions that were formed, with their physical addresses. */
  readonly #covered = new Map<number, number>()
  #waiting: Region[] = []
  #formed = 0

  constructor(buffer: ArrayBufferLike, handlerNumbers: number, store: CodeStore, warm: number = WARM) {
    this.#store = store
    this.#warm = warm
    this.#code = codeView(buffer, handlerNumbers)
    this.#view = {
      ...this.#code,
      translated: (block) => this.#isCovered(block),
      pageAt: (linear) => this.#pageAt(linear),
    }
  }

  /** The store does not have these. */
  missed(requests: readonly Request[]): void {
    for (const request of requests) {
      // The oldest have had their time to get warm.
      if (this.#missed.size >= BLOCK_LIMIT) this.#missed.delete(this.#missed.keys().next().value!)
      const physical = this.#code.reader.physical(request.block)
      this.#missed.set(request.block, { ...request, physical })
      if (this.#pages.size >= BLOCK_LIMIT) this.#pages.delete(this.#pages.keys().next().value!)
      this.#pages.set(keyOf(request.rip, request.user), physical & ~0xfff)
    }
  }

  /** Forms regions of what has got warm since the last time. */
  form(): void {
    const warm: { request: Request; runs: number }[] = []
    for (const [block, request] of this.#missed) {
      const runs = this.#code.runs(block)
      if (this.#code.reader.physical(block) !== request.physical) this.#missed.delete(block)
      else if (runs >= this.#warm) warm.push({ request, runs })
    }
    warm.sort((a, b) => b.runs - a.runs)
    for (const { request } of warm) {
      this.#missed.delete(request.block)
      if (this.#isCovered(request.block) || this.#formed >= REGION_LIMIT) continue
      const extent = {
        instructions: INSTRUCTIONS,
        overlapping: false,
        minimumRuns: Math.max(1, this.#warm >> 1),
      }
      const region = formRegion(this.#view, request, extent)
      if (!region) continue
      this.#formed++
      for (const { block } of region.nodes) this.#covered.set(block.address, block.physical)
      this.#waiting.push(region)
    }
  }

  /** Writes a batch of regions. @param least not fewer. @returns the file's name, or undefined when there is nothing to write */
  write(least: number): string | undefined {
    if (this.#waiting.length < Math.max(1, least)) return undefined
    const regions = this.#waiting.splice(0, BATCH)
    const bodies: FunctionBody[] = []
    const recipes: Recipe[] = []
    for (const region of regions) {
      const { body, handed } = writeBody(region, bodies.length, {})
      const recipe = recipeOf(region, bodies.length, handed)
      if (!recipe) continue
      bodies.push(body)
      recipes.push(recipe)
    }
    return bodies.length === 0 ? undefined : this.#store.save(recipes, writeModule(bodies))
  }

  #isCovered(block: number): boolean {
    return this.#covered.get(block) === this.#code.reader.physical(block)
  }

  #pageAt(linear: bigint): number {
    return (
      this.#pages.get(keyOf(linear, false)) ??
      this.#pages.get(keyOf(linear, true)) ??
      this.#code.pageAt(linear)
    )
  }
}

const keyOf = (linear: bigint, user: boolean): string => `${linear >> 12n} ${user}`
