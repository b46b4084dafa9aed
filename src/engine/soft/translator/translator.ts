// From requests to running code: takes the blocks that the core has found hot, forms regions of them, writes one
// WebAssembly module for a batch of regions, and installs its functions.

import { performance } from 'node:perf_hooks'
import { REQUESTS, TRANSLATOR_STATISTICS } from './addresses.ts'
import { encodeModule, type FunctionBody, type FunctionImport, type FunctionType, I32 } from './encoder.ts'
import { type FunctionTable, InstalledRegions, type Reservation } from './installed.ts'
import { BlockReader } from './operations.ts'
import { type CodeView, formRegion, type Region, type Request } from './region.ts'
import { translateRegion, type TranslationOptions } from './region-function.ts'

/** What the translator uses of the core's exports (core/translated.ts). */
export interface TranslatedCore {
  readonly table: FunctionTable
  holds(code: number): number
  perform(operation: number): number
  handlerNumbers(): number
  codeAt(address: bigint): number
  setThreshold(runs: number): void
  takeDropped(): number
}

const TYPE: FunctionType = { parameters: [I32], results: [I32] }
// In the order of IMPORTS in function-writer.ts.
const IMPORTS: readonly FunctionImport[] = [
  { name: 'holds', type: TYPE },
  { name: 'perform', type: TYPE },
]

export interface TranslatorOptions extends TranslationOptions {
  /** Runs of a block after which it is translated. */
  readonly threshold?: number
}

const THRESHOLD = 400

/** Kept in the shared memory (core/state.ts, TRANSLATOR_STATISTICS), a float64 each, in this order. */
export const TRANSLATOR_COUNTERS = [
  'regions',
  /** Regions that live now. */
  'live',
  'modules',
  'instructions',
  'bytes',
  /** In our code: forming regions and writing modules. */
  'translateMilliseconds',
  /** In WebAssembly's API: compiling and instantiating. */
  'compileMilliseconds',
] as const
export type TranslatorCounters = Record<(typeof TRANSLATOR_COUNTERS)[number], number>

export class Translator {
  readonly #memory: WebAssembly.Memory
  readonly #core: TranslatedCore
  readonly #options: TranslatorOptions
  readonly #requests: Uint32Array
  readonly #view: DataView
  readonly #threshold: number
  #parts: { reader: BlockReader; installed: InstalledRegions } | undefined
  readonly #counters: Float64Array

  constructor(memory: WebAssembly.Memory, core: TranslatedCore, options: TranslatorOptions = {}) {
    this.#memory = memory
    this.#core = core
    this.#options = options
    this.#threshold = options.threshold ?? THRESHOLD
    this.#requests = new Uint32Array(memory.buffer, REQUESTS, 4)
    this.#view = new DataView(memory.buffer)
    this.#counters = new Float64Array(memory.buffer, TRANSLATOR_STATISTICS, TRANSLATOR_COUNTERS.length)
    core.setThreshold(this.#threshold)
  }

  /** Translates what has been asked for. Call it while the core does not run. */
  work(): void {
    const count = this.#requests[0]!
    if (count === 0) return
    const start = performance.now()
    this.#parts ??= {
      reader: new BlockReader(this.#memory.buffer, this.#core.handlerNumbers()),
      installed: new InstalledRegions(this.#memory.buffer, this.#core.table, () => this.#core.takeDropped()),
    }
    const { installed } = this.#parts
    installed.collect()
    const requests = this.#takeRequests(count)
    const view = this.#codeView()
    const batch: { region: Region; reservation: Reservation; body: FunctionBody }[] = []
    const entered = new Set<string>()
    for (const request of requests) {
      const region = this.#form(view, request, entered)
      if (!region) continue
      const reservation = installed.reserve()
      let room = true
      const { locals, code } = translateRegion(
        region,
        reservation.functionIndex,
        (operation) => {
          const at = installed.keepOperation(reservation, operation)
          if (at === 0) room = false
          return at
        },
        this.#options,
      )
      if (!room) {
        installed.release(reservation)
        continue
      }
      for (const node of region.entries) entered.add(`${node.block.physical} ${region.user}`)
      batch.push({ region, reservation, body: { locals, code, exportName: String(batch.length) } })
    }
    if (batch.length > 0) this.#install(batch, start)
    else this.#count('translateMilliseconds', performance.now() - start)
  }

  #form(view: CodeView, request: Request, entered: ReadonlySet<string>): Region | undefined {
    const physical = this.#view.getUint32(request.block, true)
    if (physical === 0xffffffff || entered.has(`${physical} ${request.user}`)) return undefined
    if (this.#parts!.installed.has(physical, request.user)) return undefined
    return formRegion(view, request, Math.min(this.#threshold, Math.max(1, this.#threshold >> 3)))
  }

  #install(
    batch: readonly { region: Region; reservation: Reservation; body: FunctionBody }[],
    start: number,
  ): void {
    const bytes = encodeModule(
      IMPORTS,
      TYPE,
      batch.map(({ body }) => body),
    )
    const written = performance.now()
    const module = new WebAssembly.Module(bytes)
    const { exports } = new WebAssembly.Instance(module, {
      env: { memory: this.#memory, holds: this.#core.holds, perform: this.#core.perform },
    })
    for (const [i, { region, reservation }] of batch.entries()) {
      if (!this.#parts!.installed.install(region, reservation, exports[String(i)])) continue
      this.#count('regions', 1)
      this.#count('instructions', region.instructions)
    }
    this.#count('modules', 1)
    this.#count('bytes', bytes.length)
    this.#count('translateMilliseconds', written - start)
    this.#count('compileMilliseconds', performance.now() - written)
    this.#counters[TRANSLATOR_COUNTERS.indexOf('live')] = this.#parts!.installed.count
  }

  #count(counter: keyof TranslatorCounters, by: number): void {
    this.#counters[TRANSLATOR_COUNTERS.indexOf(counter)]! += by
  }

  #takeRequests(count: number): Request[] {
    const requests: Request[] = []
    for (let i = 0; i < count; i++) {
      const at = REQUESTS + 16 + i * 16
      requests.push({
        block: this.#view.getUint32(at, true),
        user: this.#view.getUint32(at + 4, true) === 1,
        rip: this.#view.getBigUint64(at + 8, true),
      })
    }
    this.#requests[0] = 0
    return requests
  }

  #codeView(): CodeView {
    const { reader, installed } = this.#parts!
    return {
      reader,
      findBlock: (physical) => installed.findBlock(physical),
      translated: (block) => this.#view.getUint32(block + 36, true) !== 0,
      runs: (block) => this.#view.getUint32(block + 32, true),
      pageAt: (linear) => this.#core.codeAt(linear),
    }
  }
}
