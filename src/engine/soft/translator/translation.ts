// The vCPU's side of translation: hands the core's requests to a translator, in this thread or in another, and installs
// what comes back. `work` is called between two runs of the core.

import { performance } from 'node:perf_hooks'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { ICOUNT, REQUESTS, TRANSLATOR_STATISTICS } from './addresses.ts'
import { type ChainFunctions, chainFunctions } from './chain-function.ts'
import { type FunctionTable, InstalledRegions } from './installed.ts'
import { INSTRUCTIONS_OF_MACHINE, MODULES_OF_MACHINE } from './limits.ts'
import type { Request } from './region.ts'
import { type Batch, type CoreFacts, THRESHOLD, Translator, type TranslatorOptions } from './translator.ts'

/** What translation uses of the core's exports (core/translated.ts). */
export interface TranslatedCore {
  readonly table: FunctionTable
  holds(code: number): number
  perform(operation: number): number
  handlerNumbers(): number
  setThreshold(runs: number, returning: number): void
  takeDropped(): number
  dropRegions(): void
}

// A young machine boots, and then often runs a program that is over soon: translating that costs more than it saves,
// beginning with the translator's thread. In instructions: while it boots nothing is translated (kernel and agent need
// some 18 million); until it is grown up, only blocks that have asked several times.
const BOOTING = 20_000_000n
const GROWN = 100_000_000n
const PATIENCE = 8

/** A module whose functions are, or were, in the table. */
interface Held {
  readonly instructions: number
  regions: number
}

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

/** From the vCPU to a translator in another thread (translator-thread.ts). */
export interface TranslationWork {
  /** With the first message. */
  readonly core?: CoreFacts & { readonly memory: WebAssembly.Memory; readonly options: TranslatorOptions }
  readonly requests: readonly Request[]
  /** Records of regions that are gone. */
  readonly gone: readonly number[]
}

/** From there back. */
export interface Translated {
  /** Undefined when none of the requests made sense any more. */
  readonly batch: Batch | undefined
  /** How many requests this answers. */
  readonly answers: number
}

/** The way to the process's translator thread. */
export interface TranslatorLink {
  readonly port: MessagePort
  /** The thread is wanted now; called once. What was sent before it runs waits in the port. */
  wake(): void
}

export class Translation {
  readonly #memory: WebAssembly.Memory
  readonly #core: TranslatedCore
  readonly #options: TranslatorOptions
  readonly #installed: InstalledRegions
  readonly #chains: ChainFunctions | undefined
  readonly #requests: Uint32Array
  readonly #view: DataView
  readonly #counters: Float64Array
  readonly #port: MessagePort | undefined
  readonly #wake: () => void
  #translator: Translator | undefined
  #awake = false
  #introduced = false
  #young: boolean
  /** How often blocks have asked while the machine was young. */
  readonly #asked = new Map<number, number>()
  readonly #held = new Map<number, Held>()
  #heldInstructions = 0
  #heldModules = 0
  /** Requests that the other thread has not answered. */
  #awaited = 0

  /** @param link to a translator in another thread; without it, translation happens in this one, at once */
  constructor(
    memory: WebAssembly.Memory,
    core: TranslatedCore,
    options: TranslatorOptions,
    link?: TranslatorLink,
  ) {
    this.#memory = memory
    this.#core = core
    this.#options = options
    this.#port = options.atOnce ? undefined : link?.port
    this.#wake = () => link?.wake()
    this.#young = this.#port !== undefined && options.threshold === undefined
    this.#requests = new Uint32Array(memory.buffer, REQUESTS, 4)
    this.#view = new DataView(memory.buffer)
    this.#counters = new Float64Array(memory.buffer, TRANSLATOR_STATISTICS, TRANSLATOR_COUNTERS.length)
    this.#chains = chainFunctions(memory, core.table)
    this.#installed = new InstalledRegions(memory.buffer, core.table, () => core.takeDropped())
    core.setThreshold(options.threshold ?? THRESHOLD, options.atOnce ? 1 : 0)
  }

  /** Passes requests on, and installs what is there. The core must not be running. */
  work(): void {
    if (this.#young && !this.#awake && this.#instructions() >= BOOTING) this.#wakeOnce()
    if (this.#requests[0] !== 0) {
      const requests = this.#young ? this.#urgent(this.#takeRequests()) : this.#takeRequests()
      if (requests.length > 0) this.#request(requests)
    }
    if (this.#awaited === 0) return
    // Bounded: as many as are awaited.
    for (
      let message = receiveMessageOnPort(this.#port!);
      message;
      message = receiveMessageOnPort(this.#port!)
    ) {
      const { batch, answers } = message.message as Translated
      this.#awaited -= answers
      if (batch) this.#install(batch)
      if (this.#awaited === 0) break
    }
  }

  #request(requests: Request[]): void {
    const full = this.#heldInstructions > INSTRUCTIONS_OF_MACHINE || this.#heldModules > MODULES_OF_MACHINE
    // With a module for each block, all of them would be dropped and made again all the time.
    if (full && !this.#options.atOnce) this.#core.dropRegions()
    const gone = this.#installed.collect()
    for (const record of gone) this.#release(record)
    if (this.#port) {
      const core = this.#introduced
        ? {}
        : { core: { ...this.#facts(), memory: this.#memory, options: this.#options } }
      this.#wakeOnce()
      this.#introduced = true
      this.#awaited += requests.length
      this.#port.postMessage({ ...core, requests, gone } satisfies TranslationWork)
      return
    }
    this.#translator ??= new Translator(this.#memory.buffer, this.#facts(), this.#options)
    this.#translator.release(gone)
    const batch = full ? undefined : this.#translator.translate(requests)
    if (batch) this.#install(batch)
  }

  /** What cannot wait until the machine is older. The others ask again when they have run half as often once more. */
  #urgent(requests: readonly Request[]): Request[] {
    const instructions = this.#instructions()
    if (instructions >= GROWN) {
      this.#young = false
      this.#asked.clear()
      return [...requests]
    }
    const runs = (this.#options.threshold ?? THRESHOLD) >> 1
    return requests.filter(({ block, promote, alone }) => {
      if (promote || alone) return true
      const times = (this.#asked.get(block) ?? 0) + 1
      if (instructions >= BOOTING && times >= PATIENCE) return true
      this.#asked.set(block, times)
      this.#view.setUint32(block + 32, runs, true)
      return false
    })
  }

  #instructions(): bigint {
    return this.#view.getBigUint64(ICOUNT, true)
  }

  /** The thread needs a tenth of a second to start. */
  #wakeOnce(): void {
    if (!this.#awake) this.#wake()
    this.#awake = true
  }

  #facts(): CoreFacts {
    return { handlerNumbers: this.#core.handlerNumbers(), firstFunction: this.#core.table.length }
  }

  #install({ module, plans, bytes, translateMilliseconds, compileMilliseconds }: Batch): void {
    const start = performance.now()
    const { exports } = new WebAssembly.Instance(module, {
      env: {
        memory: this.#memory,
        holds: this.#core.holds,
        perform: this.#core.perform,
        // Without tail calls nobody calls these two.
        chainKernel: this.#chains?.kernel ?? this.#core.holds,
        chainUser: this.#chains?.user ?? this.#core.holds,
      },
    })
    const held: Held = { instructions: plans.reduce((sum, plan) => sum + plan.instructions, 0), regions: 0 }
    for (const [i, plan] of plans.entries()) {
      if (!this.#installed.install(plan, exports[String(i)])) continue
      this.#held.set(plan.record, held)
      if (held.regions++ === 0) {
        this.#heldInstructions += held.instructions
        this.#heldModules++
      }
      this.#count('regions', 1)
      this.#count('instructions', plan.instructions)
    }
    this.#count('modules', 1)
    this.#count('bytes', bytes)
    this.#count('translateMilliseconds', translateMilliseconds)
    this.#count('compileMilliseconds', compileMilliseconds + performance.now() - start)
    this.#counters[TRANSLATOR_COUNTERS.indexOf('live')] = this.#installed.count
  }

  #release(record: number): void {
    const held = this.#held.get(record)
    if (!held) return
    this.#held.delete(record)
    if (--held.regions > 0) return
    this.#heldInstructions -= held.instructions
    this.#heldModules--
  }

  #count(counter: keyof TranslatorCounters, by: number): void {
    this.#counters[TRANSLATOR_COUNTERS.indexOf(counter)]! += by
  }

  #takeRequests(): Request[] {
    const requests: Request[] = []
    for (let i = 0; i < this.#requests[0]!; i++) {
      const at = REQUESTS + 16 + i * 16
      requests.push({
        block: this.#view.getUint32(at, true),
        user: (this.#view.getUint32(at + 4, true) & 1) !== 0,
        promote: (this.#view.getUint32(at + 4, true) & 2) !== 0,
        alone: (this.#view.getUint32(at + 4, true) & 4) !== 0,
        rip: this.#view.getBigUint64(at + 8, true),
      })
    }
    this.#requests[0] = 0
    return requests
  }
}
