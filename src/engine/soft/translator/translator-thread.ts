// The translator's thread: one Worker for all machines of the process. Each machine's vCPU has a port to it and sends the
// blocks that it has found hot; back comes a compiled module. So neither translating nor compiling stops a guest.
//
// Modules should be few: V8 gives each one its own stretch of addresses, and the host's look-aside buffers suffer when code
// is scattered over thousands. So requests are gathered, the longer the more there is already: the first ones are
// answered at once, and the number of modules grows with the logarithm of the number of regions.

import { type MessagePort, parentPort } from 'node:worker_threads'
import { useHugePages } from '../../../native/index.ts'
import type { Request } from './region.ts'
import { openStore, openStores } from './shared-store.ts'
import type { Translated, TranslationWork } from './translation.ts'
import { Translator } from './translator.ts'

/** A batch shall have one region for this many that live. */
const SHARE = 16
/** Milliseconds that a request waits for others, for each region that lives, and at most. */
const WAIT_PER_REGION = 0.1
const LONGEST_WAIT = 250

// What has been translated is written to the store after a while, and looked at for optimized functions now and then; when a
// machine closes, at once, but its user is waiting.
const KEEP_AFTER = 2000
const LOOK_EACH = 10_000
const LOOK_FOR = 100
const LAST_LOOK_FOR = 20

interface Closing {
  readonly closing: true
}
/** The answer to that. */
export interface Kept {
  readonly kept: true
}

const translators = new Set<Translator>()
let isLooking = false

parentPort!.on('message', (message: { port: MessagePort } | Closing) => {
  if ('port' in message) serve(message.port)
  else {
    keepAll(LAST_LOOK_FOR)
    parentPort!.postMessage({ kept: true } satisfies Kept)
  }
})

function keepAll(milliseconds: number): void {
  for (const translator of translators) translator.keep()
  const until = performance.now() + milliseconds
  for (const store of openStores()) store.saveMachineCode(until)
}

function serve(port: MessagePort): void {
  let translator: Translator
  let keeping: NodeJS.Timeout | undefined
  let requests: Request[] = []
  let answers = 0
  let timer: NodeJS.Timeout | undefined

  port.on('message', ({ core, requests: more, lookups, gone }: TranslationWork) => {
    if (core) {
      const { store } = core.options
      translator = new Translator(core.memory.buffer, core, core.options, openStore(store))
      translators.add(translator)
      if (store !== undefined && !isLooking) setInterval(keepAll, LOOK_EACH, LOOK_FOR)
      isLooking = store !== undefined || isLooking
      // A machine that wants translations is one that works.
      useHugePages(core.memory.buffer)
    }
    translator.release(gone)
    const { found, rest } = translator.find(more, lookups)
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
    clearTimeout(keeping)
    translator?.keep()
    translators.delete(translator)
  })

  function translate(): void {
    clearTimeout(timer)
    timer = undefined
    const batch = translator.translate(requests)
    port.postMessage({ batch, answers } satisfies Translated)
    requests = []
    answers = 0
    keeping ??= setTimeout(() => {
      keeping = undefined
      translator.keep()
    }, KEEP_AFTER)
  }
}
