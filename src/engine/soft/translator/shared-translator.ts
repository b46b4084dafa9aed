// The process's one translator thread (translator-thread.ts): started with the first machine that wants it, ended with
// the last one.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'

let worker: Worker | undefined
let users = 0

export interface TranslatorConnection {
  /** For the vCPU's thread: transfer it there. */
  readonly port: MessagePort
  /** Call once, when the vCPU is gone. */
  close(): Promise<void>
}

export function connectTranslator(): TranslatorConnection {
  users++
  if (!worker) {
    worker = new Worker(new URL('./translator-thread.js', import.meta.url), { name: 'inlinux translator' })
    // Without a translator everything is interpreted: slower, not wrong.
    worker.on('error', (error) => process.emitWarning(`inlinux translates no more: ${error}`))
    worker.unref()
  }
  const { port1, port2 } = new MessageChannel()
  worker.postMessage(port1, [port1])
  let closed = false
  return {
    port: port2,
    async close() {
      if (closed) return
      closed = true
      if (--users > 0) return
      const ending = worker
      worker = undefined
      await ending?.terminate()
    },
  }
}
