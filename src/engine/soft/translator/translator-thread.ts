// The translator's thread: one Worker for all machines of the process. Each machine's vCPU has a port to it and sends the
// blocks that it has found hot; back comes a compiled module. So neither translating nor compiling stops a guest.

import { type MessagePort, parentPort } from 'node:worker_threads'
import type { TranslationWork } from './translation.ts'
import { Translator } from './translator.ts'

parentPort!.on('message', (port: MessagePort) => {
  let translator: Translator | undefined
  port.on('message', ({ core, requests, gone }: TranslationWork) => {
    if (core) translator = new Translator(core.memory.buffer, core, core.options)
    translator!.release(gone)
    port.postMessage(translator!.translate(requests) ?? null)
  })
  // The machine has ended, and its thread with it: the port closes by itself, and the translator is garbage.
})
