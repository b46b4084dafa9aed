// The translator's thread: one Worker for all machines of the process. Each machine's vCPU has a port to it and sends the
// blocks that it has found hot; back comes a compiled module. So neither translating nor compiling stops a guest.

import { type MessagePort, parentPort } from 'node:worker_threads'
import { collapseHugePages, useHugePages } from '../../../native/index.ts'
import { MissedCode } from './ahead-start.ts'
import { openStore } from './code-store.ts'
import { Gathering } from './gathering.ts'
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

parentPort!.on('message', serve)

function serve(port: MessagePort): void {
  let translator: Translator
  let memory: WebAssembly.Memory | undefined
  let missed: MissedCode | undefined
  /** By the records of their regions: how many of these there still are. */
  const living = new Map<number, { regions: number }>()

  const gathering = new Gathering({
    regions: () => translator.regions,
    interpreted: (block) => translator.interpreted(block),
    translate(requests) {
      const batch = modules < MODULES_OF_PROCESS ? translateNow(translator, requests) : undefined
      if (batch) {
        modules++
        const module = { regions: batch.plans.length }
        for (const { record } of batch.plans) living.set(record, module)
      }
      port.postMessage({ batch, answers: requests.length } satisfies Translated)
    },
    done() {
      // Not before: a machine's first regions would wait for it.
      if (memory) collapseHugePages(memory.buffer)
      memory = undefined
    },
  })

  port.on('message', ({ core, requests, lookups, gone }: TranslationWork) => {
    if (core) {
      memory = core.memory
      // A machine that wants translations is one that works.
      useHugePages(memory.buffer)
      translator = new Translator(memory.buffer, core, core.options, openStore(core.options.store))
      missed = new MissedCode(core)
    }
    translator.release(gone)
    for (const record of gone) release(record)
    const { found, rest, missed: others } = translator.find(requests, lookups)
    missed?.add(others)
    const answers = lookups.length + requests.length - rest.length
    if (answers > 0) port.postMessage({ found, answers } satisfies Translated)
    if (rest.length > 0) gathering.add(rest)
  })
  // The machine has ended, and its thread with it: the port closes by itself, and the translator is garbage.
  port.on('close', () => {
    gathering.close()
    missed?.close()
    for (const record of living.keys()) release(record)
  })

  function release(record: number): void {
    const module = living.get(record)
    if (module && --module.regions === 0) modules--
    living.delete(record)
  }
}

function translateNow(translator: Translator, requests: readonly Request[]): Batch | undefined {
  const start = performance.now()
  const work = (): Batch | undefined => translator.translate(requests)
  const batch = translated < PLAIN ? withSettings(['--no-opt'], [USUAL_OPTIMIZING], work) : work()
  translated += performance.now() - start
  return batch
}
