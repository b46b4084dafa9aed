// The translator's thread: one Worker for all machines of the process. Each machine's vCPU has a port to it and sends the
// blocks that it has found hot; back comes a compiled module. So neither translating nor compiling stops a guest.
//
// Modules should be few: V8 gives each one its own stretch of addresses, and the host's look-aside buffers suffer when code
// is scattered over thousands. So requests are gathered, the longer the more there is already: the first ones are
// answered at once, and the number of modules grows with the logarithm of the number of regions.

import { type MessagePort, parentPort, Worker } from 'node:worker_threads'
import { collapseHugePages, useHugePages } from '../../../native/index.ts'
import { ICOUNT } from './addresses.ts'
import type { AheadWork, AheadWritten } from './ahead-thread.ts'
import { openStore } from './code-store.ts'
import { MODULES_OF_PROCESS } from './limits.ts'
import type { Request } from './region.ts'
import type { Translated, TranslationWork } from './translation.ts'
import { type Batch, Translator } from './translator.ts'
import { USUAL_OPTIMIZING, withSettings } from './v8-settings.ts'

/** Of all machines together. */
let modules = 0

/**
 * Milliseconds of translating for which this thread's own JavaScript is not optimized: on two processors V8's optimizing
 * threads take more from the guest meanwhile than they give back within a short program.
 */
const PLAIN = 1000
let translated = 0

/** A batch shall have one region for this many that live. */
const SHARE = 16
/** And while there are few: a machine waits for its first regions. */
const SMALLEST = 4
/** Milliseconds that a request waits for others, for each region that lives, and at most. */
const WAIT_PER_REGION = 0.08
const LONGEST_WAIT = 200

// The store's thread costs something to start, and what it does is not for this machine: so it is started when a machine
// has little to do, or stays.
const LOOK_EACH = 250
const IDLE = 1_000_000n
const STAYING = 3000
const MISSED_LIMIT = 30_000

let machines = 0
let ahead: Worker | undefined

parentPort!.on('message', serve)

/** The thread that writes what the store does not have. Without it the store stays as it is. */
function startAhead(): Worker {
  const started = new Worker(new URL('./ahead-thread.js', import.meta.url), { name: 'inlinux store' })
  started.on('message', ({ store, file }: AheadWritten) => openStore(store)?.added(file))
  started.on('error', () => undefined)
  started.unref()
  return started
}

function serve(port: MessagePort): void {
  let translator: Translator
  let memory: WebAssembly.Memory | undefined
  let facts: NonNullable<TranslationWork['core']>
  const machine = ++machines
  let knowsMachine = false
  let missed: Request[] = []
  let since = 0
  /** Instructions at the last look. */
  let seen = 0n
  let looking: NodeJS.Timeout | undefined
  let requests: Request[] = []
  /** Until more have been gathered. */
  let timer: NodeJS.Timeout | undefined
  /** Until messages have had their turn. */
  let next: NodeJS.Immediate | undefined
  /** By the records of their regions: how many of these there still are. */
  const living = new Map<number, { regions: number }>()

  port.on('message', ({ core, requests: more, lookups, gone }: TranslationWork) => {
    if (core) {
      const { store } = core.options
      memory = core.memory
      // A machine that wants translations is one that works.
      useHugePages(memory.buffer)
      facts = core
      translator = new Translator(memory.buffer, core, core.options, openStore(store))
    }
    translator.release(gone)
    for (const record of gone) release(record)
    const { found, rest, missed: others } = translator.find(more, lookups)
    if (others.length > 0) pass(others)
    const answers = lookups.length + more.length - rest.length
    if (answers > 0) port.postMessage({ found, answers } satisfies Translated)
    if (rest.length === 0) return
    requests.push(...rest)
    const { regions } = translator
    if (requests.length >= regions / SHARE) next ??= setImmediate(translate)
    else timer ??= setTimeout(translate, Math.min(LONGEST_WAIT, regions * WAIT_PER_REGION))
  })
  // The machine has ended, and its thread with it: the port closes by itself, and the translator is garbage.
  port.on('close', () => {
    clearTimeout(timer)
    clearImmediate(next)
    clearTimeout(looking)
    if (knowsMachine) ahead?.postMessage({ machine, missed: [], ended: true } satisfies AheadWork)
    for (const record of living.keys()) release(record)
  })

  function translate(): void {
    clearTimeout(timer)
    clearImmediate(next)
    timer = next = undefined
    const size = Math.max(SMALLEST, Math.ceil(translator.regions / SHARE))
    const now = requests.slice(0, size)
    requests = requests.slice(size)
    const batch = modules < MODULES_OF_PROCESS ? translateNow(now) : undefined
    if (batch) {
      modules++
      const module = { regions: batch.plans.length }
      for (const { record } of batch.plans) living.set(record, module)
    }
    port.postMessage({ batch, answers: now.length } satisfies Translated)
    if (requests.length > 0) {
      next = setImmediate(translate)
      return
    }
    // Not before: its first regions would wait for it.
    if (memory) collapseHugePages(memory.buffer)
    memory = undefined
  }

  function translateNow(requests: readonly Request[]): Batch | undefined {
    const start = performance.now()
    const work = (): Batch | undefined => translator.translate(requests)
    const batch = translated < PLAIN ? withSettings(['--no-opt'], [USUAL_OPTIMIZING], work) : work()
    translated += performance.now() - start
    return batch
  }

  function pass(more: readonly Request[]): void {
    if (facts.options.store === undefined) return
    if (missed.length < MISSED_LIMIT) missed.push(...more)
    if (knowsMachine) send()
    else if (!looking) {
      since = performance.now()
      look()
    }
  }

  /** Is it time to start the store's thread? */
  function look(): void {
    const instructions = new DataView(facts.memory.buffer).getBigUint64(ICOUNT, true)
    const isIdle = looking !== undefined && instructions - seen < IDLE
    seen = instructions
    if (isIdle || performance.now() - since >= STAYING) send()
    else looking = setTimeout(look, LOOK_EACH)
  }

  function send(): void {
    ahead ??= startAhead()
    const { memory, handlerNumbers, options } = facts
    const core = knowsMachine ? {} : { core: { memory, handlerNumbers, store: options.store! } }
    knowsMachine = true
    ahead.postMessage({ machine, missed, ...core } satisfies AheadWork)
    missed = []
  }

  function release(record: number): void {
    const module = living.get(record)
    if (module && --module.regions === 0) modules--
    living.delete(record)
  }
}
