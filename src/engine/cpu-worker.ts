// The CPU's thread: builds a vCPU and runs it, sleeps while it is halted, and carries device accesses to the
// caller's thread. It owns nothing else; the caller ends it by terminating the Worker.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { CpuEntry, VcpuOutside } from './contract.ts'
import {
  ANSWERED,
  DOORBELL,
  IDLE,
  KICK,
  MAILBOX_WORDS,
  MMIO_READ,
  MMIO_WRITE,
  NOTIFIED,
  PORT_READ,
  PORT_WRITE,
  REQUEST,
  REQUEST_ADDRESS,
  REQUEST_HIGH,
  REQUEST_KIND,
  REQUEST_LOW,
  REQUEST_WIDTH,
  WAITING,
} from './shared-words.ts'
import { MAILBOX, SoftVcpu, translatorFromEnvironment } from './soft/index.ts'

export interface CpuWorkerData {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly ramBytes: number
  /** To the translator's thread; absent when everything is interpreted. */
  readonly translatorPort?: MessagePort
}

/** The Worker's messages: the caller says where to start, the Worker says why it ended. */
export interface CpuStart {
  readonly entry: CpuEntry
}
export interface CpuEnd {
  readonly reason: string
}
/** Or, once, that the translator's thread is wanted. */
export interface TranslatorWanted {
  readonly translatorWanted: true
}

const { module, memory, ramBytes, translatorPort } = workerData as CpuWorkerData
const words = new Int32Array(memory.buffer, MAILBOX, MAILBOX_WORDS)

function ring(): void {
  Atomics.add(words, DOORBELL, 1)
  Atomics.notify(words, DOORBELL)
}

/** Hands an access to the caller's thread and waits for the answer. */
function request(kind: number, address: number, width: number, low: number, high: number): void {
  words[REQUEST_KIND] = kind
  words[REQUEST_ADDRESS] = address
  words[REQUEST_WIDTH] = width
  words[REQUEST_LOW] = low
  words[REQUEST_HIGH] = high
  Atomics.store(words, REQUEST, WAITING)
  ring()
  while (Atomics.load(words, REQUEST) !== ANSWERED) Atomics.wait(words, REQUEST, WAITING)
  Atomics.store(words, REQUEST, IDLE)
}

const outside: VcpuOutside = {
  mmioRead(address, width) {
    request(MMIO_READ, address, width, 0, 0)
    return (BigInt(words[REQUEST_HIGH]! >>> 0) << 32n) | BigInt(words[REQUEST_LOW]! >>> 0)
  },
  mmioWrite(address, width, value) {
    request(MMIO_WRITE, address, width, Number(value & 0xffffffffn), Number(value >> 32n))
  },
  portRead(port, width) {
    request(PORT_READ, port, width, 0, 0)
    return words[REQUEST_LOW]!
  },
  portWrite(port, width, value) {
    request(PORT_WRITE, port, width, value, 0)
  },
  notify(device, queue) {
    if (queue > 31) return // No device has that many queues.
    Atomics.or(words, NOTIFIED + device, 1 << queue)
    ring()
  },
}

parentPort!.once('message', ({ entry }: CpuStart) => {
  const translator = translatorPort ? translatorFromEnvironment() : false
  const translatorLink = translatorPort && {
    port: translatorPort,
    wake: () => parentPort!.postMessage({ translatorWanted: true } satisfies TranslatorWanted),
  }
  const vcpu = new SoftVcpu({ module, memory, ramBytes, outside, translator, translatorLink })
  vcpu.enter(entry)
  parentPort!.postMessage({ reason: runUntilShutdown(vcpu) } satisfies CpuEnd)
})

function runUntilShutdown(vcpu: SoftVcpu): string {
  // Ends with the guest, or with this Worker.
  for (;;) {
    const exit = vcpu.run()
    if (exit.kind === 'halt') {
      const milliseconds = exit.nanoseconds / 1e6
      if (milliseconds > 0) Atomics.wait(words, KICK, 0, milliseconds)
    } else if (exit.kind === 'shutdown') {
      return exit.reason
    }
  }
}
