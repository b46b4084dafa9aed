// When the store's thread (ahead-thread.ts) is started, and what it is told. It costs something to start, and what it does
// is not for this machine: so it is started when a machine has little to do, or stays.

import { Worker } from 'node:worker_threads'
import { ICOUNT } from './addresses.ts'
import type { AheadWork, AheadWritten } from './ahead-thread.ts'
import { openStore } from './code-store.ts'
import type { Request } from './region.ts'
import type { TranslationWork } from './translation.ts'

const LOOK_EACH = 250
const IDLE = 1_000_000n
const STAYING = 3000
const MISSED_LIMIT = 30_000

let machines = 0
/** One for all machines. */
let thread: Worker | undefined

/** The thread that writes what the store does not have. Without it the store stays as it is. */
function start(): Worker {
  const started = new Worker(new URL('./ahead-thread.js', import.meta.url), { name: 'inlinux store' })
  started.on('message', ({ store, file }: AheadWritten) => openStore(store)?.added(file))
  started.on('error', () => undefined)
  started.unref()
  return started
}

/** What one machine has asked the store for in vain. */
export class MissedCode {
  readonly #facts: NonNullable<TranslationWork['core']>
  readonly #machine = ++machines
  #known = false
  #missed: Request[] = []
  #since = 0
  /** Instructions at the last look. */
  #seen = 0n
  #looking: NodeJS.Timeout | undefined

  constructor(facts: NonNullable<TranslationWork['core']>) {
    this.#facts = facts
  }

  add(requests: readonly Request[]): void {
    if (this.#facts.options.store === undefined || requests.length === 0) return
    if (this.#missed.length < MISSED_LIMIT) this.#missed.push(...requests)
    if (this.#known) this.#send()
    else if (!this.#looking) {
      this.#since = performance.now()
      this.#look()
    }
  }

  /** The machine has ended. */
  close(): void {
    clearTimeout(this.#looking)
    if (this.#known)
      thread?.postMessage({ machine: this.#machine, missed: [], ended: true } satisfies AheadWork)
  }

  /** Is it time to start the thread? */
  #look(): void {
    const instructions = new DataView(this.#facts.memory.buffer).getBigUint64(ICOUNT, true)
    const isIdle = this.#looking !== undefined && instructions - this.#seen < IDLE
    this.#seen = instructions
    if (isIdle || performance.now() - this.#since >= STAYING) this.#send()
    else this.#looking = setTimeout(() => this.#look(), LOOK_EACH)
  }

  #send(): void {
    thread ??= start()
    const { memory, handlerNumbers, options } = this.#facts
    const core = this.#known ? {} : { core: { memory, handlerNumbers, store: options.store! } }
    this.#known = true
    thread.postMessage({ machine: this.#machine, missed: this.#missed, ...core } satisfies AheadWork)
    this.#missed = []
  }
}
