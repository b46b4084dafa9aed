// The translator's thread: one Worker for all machines of the process. Each machine's vCPU has a port to it and sends the
// blocks that it has found hot; back comes a compiled module. So neither translating nor compiling stops a guest.
//
// Modules should be few: V8 gives each one its own stretch of addresses, and the host's look-aside buffers suffer when code
// is scattered over thousands. So requests are gathered, the longer the more there is already: the first ones are
// answered at once, and the number of modules grows with the logarithm of the number of regions.

import { type MessagePort, parentPort } from 'node:worker_threads'
import { useHugePages } from '../../../native/index.ts'
import { MODULES_OF_PROCESS } from './limits.ts'
import type { Request } from './region.ts'
import type { Translated, TranslationWork } from './translation.ts'
import { type Batch, Translator } from './translator.ts'
import { withSettings } from './v8-settings.ts'

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

parentPort!.on('message', (port: MessagePort) => {
  let translator: Translator
  let memory: WebAssembly.Memory | undefined
  let requests: Request[] = []
  /** Until more have been gathered. */
  let timer: NodeJS.Timeout | undefined
  /** Until messages have had their turn. */
  let next: NodeJS.Immediate | undefined
  /** By the records of their regions: how many of these there still are. */
  const living = new Map<number, { regions: number }>()

  port.on('message', ({ core, requests: more, gone }: TranslationWork) => {
    if (core) {
      memory = core.memory
      translator = new Translator(memory.buffer, core, core.options)
    }
    translator.release(gone)
    for (const record of gone) release(record)
    requests.push(...more)
    const { regions } = translator
    if (requests.length >= regions / SHARE) next ??= setImmediate(translate)
    else timer ??= setTimeout(translate, Math.min(LONGEST_WAIT, regions * WAIT_PER_REGION))
  })
  // The machine has ended, and its thread with it: the port closes by itself, and the translator is garbage.
  port.on('close', () => {
    clearTimeout(timer)
    clearImmediate(next)
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
    // A machine that wants translations is one that works.
    if (memory) useHugePages(memory.buffer)
    memory = undefined
  }

  function translateNow(requests: readonly Request[]): Batch | undefined {
    const start = performance.now()
    const work = (): Batch | undefined => translator.translate(requests)
    const batch = translated < PLAIN ? withSettings(['--no-opt'], ['--opt'], work) : work()
    translated += performance.now() - start
    return batch
  }

  function release(record: number): void {
    const module = living.get(record)
    if (module && --module.regions === 0) modules--
    living.delete(record)
  }
})
