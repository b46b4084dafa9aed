// What is translated for the store: code that has run often in this machine and is not there yet. It is not meant for this
// machine but for the next process. So even code of a program that is over in a second is worth it: it is done once.
// (What is really hot in this machine is translated for itself, and in larger regions: translator.ts.)
//
// Blocks that the store did not have are remembered with the page that they ran in: when there is time, the program may
// have ended. The regions do not overlap, so that all of it is optimized once.

import type { CodeStore } from './code-store.ts'
import { codeView } from './code-view.ts'
import type { FunctionBody } from './encoder.ts'
import { writeBodyForAll, writeModuleForAll } from './module.ts'
import { type CodeView, formRegion, type Region, type Request } from './region.ts'
import { type Recipe, recipeOf } from './stored-batch.ts'

const INSTRUCTIONS = 150
/** Only blocks that have run as often. */
const MINIMUM_RUNS = 500
/** Regions of a module: some 100 ms of compiling, 100 KB. */
const BATCH = 48
/** What a guest can make this thread remember of it, and do for it. */
const BLOCK_LIMIT = 30_000
const REGION_LIMIT = 20_000

export class Ahead {
  readonly #code: CodeView
  readonly #view: CodeView
  readonly #store: CodeStore
  readonly #minimumRuns: number
  /** Not looked at yet. */
  #missed: { readonly request: Request; readonly physical: number; readonly order: number }[] = []
  #order = 0
  /** Physical pages by view and linear page number. */
  readonly #pages = new Map<string, number>()
  /** Blocks of regions that were formed, with their physical addresses. */
  readonly #covered = new Map<number, number>()
  /** In the order in which they were missed: what is needed together lies in one file. */
  #waiting: { readonly region: Region; readonly order: number }[] = []
  #formed = 0

  constructor(
    buffer: ArrayBufferLike,
    handlerNumbers: number,
    store: CodeStore,
    minimumRuns: number = MINIMUM_RUNS,
  ) {
    this.#store = store
    this.#minimumRuns = minimumRuns
    this.#code = codeView(buffer, handlerNumbers, true)
    this.#view = {
      ...this.#code,
      translated: (block) => this.#isCovered(block),
      pageAt: (linear) => this.#pageAt(linear),
    }
  }

  /** The store does not have these. */
  missed(requests: readonly Request[]): void {
    for (const request of requests) {
      if (this.#missed.length >= BLOCK_LIMIT) return
      const physical = this.#code.reader.physical(request.block)
      this.#missed.push({ request, physical, order: this.#order++ })
      if (this.#pages.size >= BLOCK_LIMIT) this.#pages.delete(this.#pages.keys().next().value!)
      this.#pages.set(keyOf(request.rip, request.user), physical & ~0xfff)
    }
  }

  /** Forms regions of what came since the last time, beginning with what has run most. */
  form(): void {
    const runs = ({ request }: { request: Request }): number => this.#code.runs(request.block)
    const missed = this.#missed
      .filter(({ request, physical }) => this.#code.reader.physical(request.block) === physical)
      .sort((a, b) => runs(b) - runs(a))
    this.#missed = []
    for (const { request, order } of missed) {
      if (this.#isCovered(request.block) || this.#formed >= REGION_LIMIT) continue
      const region = this.#formIfSound(request)
      if (!region) continue
      this.#formed++
      for (const { block } of region.nodes) this.#covered.set(block.address, block.physical)
      this.#waiting.push({ region, order })
    }
    this.#waiting.sort((a, b) => a.order - b.order)
  }

  /** Writes a batch of regions. @param least not fewer. @returns the file's name, or undefined when there is nothing to write */
  write(least: number): string | undefined {
    if (this.#waiting.length < Math.max(1, least)) return undefined
    const regions = this.#waiting.splice(0, BATCH)
    const bodies: FunctionBody[] = []
    const recipes: Recipe[] = []
    for (const { region } of regions) {
      const { body, handed } = writeBodyForAll(region, bodies.length, {})
      const recipe = recipeOf(region, bodies.length, handed)
      if (!recipe) continue
      bodies.push(body)
      recipes.push(recipe)
    }
    return bodies.length === 0 ? undefined : this.#store.save(recipes, writeModuleForAll(bodies))
  }

  /** The vCPU may just be forgetting all blocks: what is read then can point anywhere. */
  #formIfSound(request: Request): Region | undefined {
    try {
      return formRegion(this.#view, request, {
        instructions: INSTRUCTIONS,
        overlapping: false,
        minimumRuns: this.#minimumRuns,
      })
    } catch (error) {
      if (error instanceof RangeError) return undefined
      throw error
    }
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
