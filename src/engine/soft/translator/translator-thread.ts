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
import { Translator } from './translator.ts'

/** Of all machines together. */
let modules = 0

/** A batch shall have one region for this many that live. */
const SHARE = 16
/** Milliseconds that a request waits for others, for each region that lives, and at most. */
const WAIT_PER_REGION = 0.08
const LONGEST_WAIT = 200

parentPort!.on('message', (port: MessagePort) => {
  let translator: Translator
  let requests: Request[] = []
  let answers = 0
  let timer: NodeJS.Timeout | undefined
  /** By the records of their regions: how many of these there still are. */
  const living = new Map<number, { regions: number }>()

  port.on('message', ({ core, requests: more, gone }: TranslationWork) => {
    if (core) {
      translator = new Translator(core.memory.buffer, core, core.options)
      // A machine that wants translations is one that works.
      useHugePages(core.memory.buffer)
    }
    translator.release(gone)
    for (const record of gone) release(record)
    requests.push(...more)
    answers++
    const { regions } = translator
    if (requests.length >= regions / SHARE) translate()
    else timer ??= setTimeout(translate, Math.min(LONGEST_WAIT, regions * WAIT_PER_REGION))
  })
  // The machine has ended, and its thread with it: the port closes by itself, and the translator is garbage.
  port.on('close', () => {
    clearTimeout(timer)
    for (const record of living.keys()) release(record)
  })

  function translate(): void {
    clearTimeout(timer)
    timer = undefined
    const batch = modules < MODULES_OF_PROCESS ? translator.translate(requests) : undefined
    if (batch) {
      modules++
      const module = { regions: batch.plans.length }
      for (const { record } of batch.plans) living.set(record, module)
    }
    port.postMessage({ batch, answers } satisfies Translated)
    requests = []
    answers = 0
  }

  function release(record: number): void {
    const module = living.get(record)
    if (module && --module.regions === 0) modules--
    living.delete(record)
  }
})
