// The process's one translator thread (translator-thread.ts): started when the first machine has something for it, ended
// with the last machine that had.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'

let worker: Worker | undefined
let users = 0

export interface TranslatorConnection {
  /** For the vCPU's thread: transfer it there. */
  readonly port: MessagePort
  /** The vCPU has sent something for the first time. */
  wake(): void
  /** Call when the vCPU is gone. */
  close(): Promise<void>
}

export function connectTranslator(): TranslatorConnection {
  const { port1, port2 } = new MessageChannel()
  let state: 'asleep' | 'awake' | 'closed' = 'asleep'
  return {
    port: port2,
    wake() {
      if (state !== 'asleep') return
      state = 'awake'
      users++
      worker ??= start()
      worker.postMessage(port1, [port1])
    },
    async close() {
      const was = state
      state = 'closed'
      if (was === 'asleep') port1.close()
      if (was !== 'awake' || --users > 0) return
      const ending = worker
      worker = undefined
      await ending?.terminate()
    },
  }
}

function start(): Worker {
  const started = new Worker(new URL('./translator-thread.js', import.meta.url), {
    name: 'inlinux translator',
  })
  // Without a translator everything is interpreted: slower, not wrong.
  started.on('error', (error) => process.emitWarning(`inlinux translates no more: ${error}`))
  started.unref()
  return started
}
