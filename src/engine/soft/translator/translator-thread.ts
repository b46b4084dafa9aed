// The translator's thread: one Worker for all machines of the process. Each machine's vCPU has a port to it and sends the
// blocks that it has found hot; back comes a compiled module. So neither translating nor compiling stops a guest.
//
// Modules should be few: V8 gives each one its own stretch of addresses, and the host's look-aside buffers suffer when code
// is scattered over thousands. So requests are gathered, the longer the more there is already: the first ones are
// answered at once, and the number of modules grows with the logarithm of the number of regions.

import { type MessagePort, parentPort, Worker } from 'node:worker_threads'
import { useHugePages } from '../../../native/index.ts'
import { ICOUNT } from './addresses.ts'
import type { AheadWork, AheadWritten } from './ahead-thread.ts'
import { openStore } from './code-store.ts'
import type { Request } from './region.ts'
import type { Translated, TranslationWork } from './translation.ts'
import { Translator } from './translator.ts'

/** Modules of all machines together: see MODULE_LIMIT in translation.ts. Beyond it, what is new stays interpreted. */
const MODULE_LIMIT = 8000
let modules = 0

/** A batch shall have one region for this many that live. */
const SHARE = 16
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
  let facts: NonNullable<TranslationWork['core']>
  const machine = ++machines
  let knowsMachine = false
  let missed: Request[] = []
  let since = 0
  /** Instructions at the last look. */
  let seen = 0n
  let looking: NodeJS.Timeout | undefined
  let requests: Request[] = []
  let answers = 0
  let timer: NodeJS.Timeout | undefined
  /** By the records of their regions: how many of these there still are. */
  const living = new Map<number, { regions: number }>()

  port.on('message', ({ core, requests: more, lookups, gone }: TranslationWork) => {
    if (core) {
      const { store } = core.options
      translator = new Translator(core.memory.buffer, core, core.options, openStore(store))
      facts = core
      // A machine that wants translations is one that works.
      useHugePages(core.memory.buffer)
    }
    translator.release(gone)
    for (const record of gone) release(record)
    const { found, rest, missed: others } = translator.find(more, lookups)
    if (others.length > 0) pass(others)
    if (rest.length === 0 || found.length > 0)
      port.postMessage({ found, answers: rest.length === 0 ? 1 : 0 } satisfies Translated)
    if (rest.length === 0) return
    requests.push(...rest)
    answers++
    const { regions } = translator
    if (requests.length >= regions / SHARE) translate()
    else timer ??= setTimeout(translate, Math.min(LONGEST_WAIT, regions * WAIT_PER_REGION))
  })
  // The machine has ended, and its thread with it: the port closes by itself, and the translator is garbage.
  port.on('close', () => {
    clearTimeout(timer)
    clearTimeout(looking)
    if (knowsMachine) ahead?.postMessage({ machine, missed: [], ended: true } satisfies AheadWork)
    for (const record of living.keys()) release(record)
  })

  function translate(): void {
    clearTimeout(timer)
    timer = undefined
    const batch = modules < MODULE_LIMIT ? translator.translate(requests) : undefined
    if (batch) {
      modules++
      const module = { regions: batch.plans.length }
      for (const { record } of batch.plans) living.set(record, module)
    }
    port.postMessage({ batch, answers } satisfies Translated)
    requests = []
    answers = 0
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
