// virtio-console (virtio 1.2, section 5.3) with one port: `hvc0` in the guest, for boot logs and a simple terminal.
//
// Output goes to a callback as fresh bytes. Input waits here until the driver offers buffers; what does not fit
// the bound is refused, so that the caller sees how much was taken and can wait.
// Left out: VIRTIO_CONSOLE_F_MULTIPORT; streams of programs travel over vsock, which has flow control.

import type { Chain } from './chain.ts'
import type { ActiveDriver, VirtioDevice } from './device.ts'
import type { SplitQueue } from './queue.ts'

const VIRTIO_CONSOLE_F_SIZE = 1n << 0n
const VIRTIO_CONSOLE_F_EMERG_WRITE = 1n << 2n

/** struct virtio_console_config: cols u16, rows u16, max_nr_ports u32, emerg_wr u32. */
const CONFIG_BYTES = 12
const EMERG_WR = 8
const RECEIVEQ = 0
const TRANSMITQ = 1

/** A guest that never reads its console must not make us keep the caller's input for ever. */
const MAX_PENDING_INPUT_BYTES = 64 * 1024
/** A chain may claim the whole RAM as text. What is longer is cut: nobody reads a line of that size. */
const MAX_OUTPUT_BYTES_PER_CHAIN = 1024 * 1024

export interface ConsoleOptions {
  /** Gets what the guest prints, in order; the bytes are the callee's own. */
  readonly output: (bytes: Uint8Array) => void
  readonly columns?: number
  readonly rows?: number
}

export class ConsoleDevice implements VirtioDevice {
  readonly name = 'console'
  readonly deviceId = 3
  readonly features: bigint = VIRTIO_CONSOLE_F_SIZE | VIRTIO_CONSOLE_F_EMERG_WRITE
  readonly queueSizes: readonly number[] = [64, 64]
  readonly config: Uint8Array = new Uint8Array(CONFIG_BYTES)
  readonly #output: (bytes: Uint8Array) => void
  readonly #pending: Uint8Array[] = []
  #pendingBytes = 0
  #driver: ActiveDriver | undefined

  constructor({ output, columns = 80, rows = 25 }: ConsoleOptions) {
    this.#output = output
    this.#setSize(columns, rows)
    new DataView(this.config.buffer).setUint32(4, 1, true)
  }

  /** Types into the console. @returns how many bytes were taken; the rest should be offered again later */
  input(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, MAX_PENDING_INPUT_BYTES - this.#pendingBytes)
    if (taken > 0) {
      this.#pending.push(bytes.slice(0, taken))
      this.#pendingBytes += taken
      this.#deliver()
    }
    return taken
  }

  resize(columns: number, rows: number): void {
    this.#setSize(columns, rows)
    this.#driver?.configChanged()
  }

  activate(driver: ActiveDriver): void {
    this.#driver = driver
  }

  notify(index: number): void {
    if (index === TRANSMITQ) this.#driver?.queues[TRANSMITQ]?.drain(this.#print)
    else if (index === RECEIVEQ) this.#deliver()
  }

  reset(): void {
    this.#driver = undefined
  }

  /** Emergency write (5.3.4): a character at any time, even before there are queues. */
  writeConfig(offset: number, _width: 1 | 2 | 4, value: number): void {
    if (offset === EMERG_WR) this.#output(Uint8Array.of(value & 0xff))
  }

  readonly #print = (chain: Chain): void => {
    const bytes = new Uint8Array(Math.min(chain.readableLength, MAX_OUTPUT_BYTES_PER_CHAIN))
    chain.read(bytes, 0, bytes.length)
    this.#driver?.queues[TRANSMITQ]?.push(chain)
    if (bytes.length > 0) this.#output(bytes)
  }

  /** Bounded by the pending input: each turn uses up some of it, or a chain that has no room. */
  #deliver(): void {
    const queue: SplitQueue | undefined = this.#driver?.queues[RECEIVEQ]
    if (queue === undefined) return
    for (let turns = 0; this.#pending.length > 0; turns++) {
      if (turns > MAX_PENDING_INPUT_BYTES) break
      const chain = queue.popOrListen()
      if (chain === undefined) break
      this.#fillFromPending(chain)
      queue.push(chain)
    }
    queue.signal()
  }

  #fillFromPending(chain: Chain): void {
    while (this.#pending.length > 0) {
      const first = this.#pending[0]!
      const written = chain.write(first, 0, first.length)
      this.#pendingBytes -= written
      if (written < first.length) {
        this.#pending[0] = first.subarray(written)
        return
      }
      this.#pending.shift()
    }
  }

  #setSize(columns: number, rows: number): void {
    const view = new DataView(this.config.buffer)
    view.setUint16(0, columns, true)
    view.setUint16(2, rows, true)
  }
}
