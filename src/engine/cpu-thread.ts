// The caller's side of a CPU: starts its Worker, answers its device accesses, passes on its queue notifications,
// raises interrupts, and ends it.

import { Worker } from 'node:worker_threads'
import type { CpuEntry, EngineName, VcpuActivity, VcpuCounters, VcpuOutside } from './contract.ts'
import type { CpuEnd, CpuStart, CpuWorkerData, TranslatorWanted } from './cpu-worker.ts'
import * as word from './shared-words.ts'
import {
  connectTranslator,
  GUEST_BASE,
  loadCore,
  MAILBOX,
  PAGES,
  readActivity,
  readCounters,
  translatorFromEnvironment,
  WINDOW_COUNT,
  WINDOW_SIZE,
  WINDOWS,
} from './soft/index.ts'

/** What the machine answers, in the caller's thread. None of these may throw for what a guest does. */
export interface CpuOutside extends Omit<VcpuOutside, 'notify'> {
  /** The guest notified these queues (a bit each) of the virtio device in window `device`. */
  notified(device: number, queues: number): void
  /** The CPU stopped for ever, or its thread died (`error`). Called at most once. */
  ended(reason: string, error?: Error): void
}

/** Bytes of guest RAM that fit beside the engine's own area in a 32-bit WebAssembly memory. */
export const MAX_RAM_BYTES: number = 65536 * 65536 - GUEST_BASE

export class CpuThread {
  readonly engine: EngineName = 'soft'
  readonly memory: WebAssembly.Memory
  /** Offset of guest-physical address 0 in `memory`. */
  readonly guestBase: number = GUEST_BASE
  readonly #words: Int32Array
  readonly #pages: Uint32Array
  readonly #outside: CpuOutside
  readonly #worker: Worker
  readonly #translator = translatorFromEnvironment() === false ? undefined : connectTranslator()
  #closed = false

  private constructor(
    memory: WebAssembly.Memory,
    module: WebAssembly.Module,
    ramBytes: number,
    outside: CpuOutside,
  ) {
    this.memory = memory
    this.#outside = outside
    this.#words = new Int32Array(memory.buffer, MAILBOX, word.MAILBOX_WORDS)
    this.#pages = new Uint32Array(memory.buffer, PAGES, (ramBytes >>> 12) * 2)
    const port = this.#translator?.port
    const data: CpuWorkerData = port
      ? { module, memory, ramBytes, translatorPort: port }
      : { module, memory, ramBytes }
    this.#worker = new Worker(new URL('./cpu-worker.js', import.meta.url), {
      workerData: data,
      transferList: port ? [port] : [],
      stdout: false,
      stderr: false,
      name: 'inlinux vCPU',
    })
    this.#worker.on('message', (message: CpuEnd | TranslatorWanted) => {
      if ('reason' in message) this.#end(message.reason)
      else if (!this.#closed) this.#translator?.wake()
    })
    this.#worker.once('error', (error) => this.#end('error', error as Error))
    this.#worker.once('exit', () => this.#end('exit'))
    this.#listen()
  }

  /** @param ramBytes a multiple of 64 KiB, at most MAX_RAM_BYTES */
  static async create(ramBytes: number, outside: CpuOutside): Promise<CpuThread> {
    const module = await loadCore()
    const pages = (GUEST_BASE + ramBytes) / 65536
    const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536, shared: true })
    return new CpuThread(memory, module, ramBytes, outside)
  }

  /** The register window of virtio device number `device`, shared with the CPU. */
  window(device: number): Int32Array {
    if (device >= WINDOW_COUNT) throw new RangeError(`there are ${WINDOW_COUNT} windows`)
    return new Int32Array(this.memory.buffer, WINDOWS + device * WINDOW_SIZE, WINDOW_SIZE / 4)
  }

  start(entry: CpuEntry): void {
    this.#worker.postMessage({ entry } satisfies CpuStart)
  }

  /** Raises an input of the IO-APIC (an edge). */
  raise(pin: number): void {
    Atomics.or(this.#words, word.RAISED, 1 << pin)
    this.kick()
  }

  kick(): void {
    Atomics.store(this.#words, word.KICK, 1)
    Atomics.notify(this.#words, word.KICK)
  }

  /**
   * A device wrote guest RAM: decoded code that lay there is forgotten before the guest can see the completion.
   * Must be called after the bytes are written and before the driver is told.
   */
  written(address: number, length: number): void {
    if (length === 0) return
    const last = (address + length - 1) >>> 12
    for (let page = address >>> 12; page <= last; page++) {
      if (this.#pages[page * 2] === 0) continue
      const head = Atomics.load(this.#words, word.WRITTEN_HEAD)
      if (((head - Atomics.load(this.#words, word.WRITTEN_TAIL)) | 0) >= word.WRITTEN_ENTRIES) {
        Atomics.store(this.#words, word.WRITTEN_OVERFLOW, 1)
      } else {
        this.#words[word.WRITTEN_RING + ((head >>> 0) % word.WRITTEN_ENTRIES)] = page
        Atomics.store(this.#words, word.WRITTEN_HEAD, head + 1)
      }
      Atomics.store(this.#words, word.KICK, 1)
    }
  }

  activity(): VcpuActivity {
    return readActivity(this.memory.buffer)
  }

  counters(): VcpuCounters {
    return readCounters(this.memory.buffer)
  }

  /** Ends the thread, wherever the guest is. Resolves when it is gone. */
  async close(): Promise<void> {
    this.#closed = true
    // Wake the listener, so that it sees `#closed` and leaves no waiter behind.
    Atomics.add(this.#words, word.DOORBELL, 1)
    Atomics.notify(this.#words, word.DOORBELL)
    await this.#worker.terminate()
    await this.#translator?.close()
  }

  #end(reason: string, error?: Error): void {
    if (this.#closed) return
    this.#closed = true
    this.#outside.ended(reason, error)
  }

  async #listen(): Promise<void> {
    // Ends with `close`.
    while (!this.#closed) {
      const seen = Atomics.load(this.#words, word.DOORBELL)
      this.#serve()
      if (this.#closed) return
      const wait = Atomics.waitAsync(this.#words, word.DOORBELL, seen)
      if (wait.async) await wait.value
      // Not async: it rang already. Let timers and streams have their turn all the same.
      else await new Promise((resolve) => setImmediate(resolve))
    }
  }

  #serve(): void {
    if (Atomics.load(this.#words, word.REQUEST) === word.WAITING) this.#answer()
    for (let device = 0; device < WINDOW_COUNT; device++) {
      if (this.#words[word.NOTIFIED + device] === 0) continue
      const queues = Atomics.exchange(this.#words, word.NOTIFIED + device, 0)
      this.#outside.notified(device, queues)
    }
  }

  #answer(): void {
    const words = this.#words
    const address = words[word.REQUEST_ADDRESS]! >>> 0
    const width = words[word.REQUEST_WIDTH] as 4
    const low = words[word.REQUEST_LOW]! >>> 0
    const high = words[word.REQUEST_HIGH]! >>> 0
    switch (words[word.REQUEST_KIND]) {
      case word.MMIO_READ: {
        const value = this.#outside.mmioRead(address, width)
        words[word.REQUEST_LOW] = Number(value & 0xffffffffn)
        words[word.REQUEST_HIGH] = Number(value >> 32n)
        break
      }
      case word.MMIO_WRITE:
        this.#outside.mmioWrite(address, width, (BigInt(high) << 32n) | BigInt(low))
        break
      case word.PORT_READ:
        words[word.REQUEST_LOW] = this.#outside.portRead(address, width)
        break
      case word.PORT_WRITE:
        this.#outside.portWrite(address, width, low)
        break
    }
    Atomics.store(words, word.REQUEST, word.ANSWERED)
    Atomics.notify(words, word.REQUEST)
  }
}
