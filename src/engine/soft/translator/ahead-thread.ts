// The thread that translates for the store (ahead.ts), for all machines of the process. It has a low priority, so that it
// takes little but time that nobody else wants, and it never keeps anybody waiting: what it has not written when the
// process ends is left to the next one.

import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { Ahead } from './ahead.ts'
import { openStore } from './code-store.ts'
import type { Request } from './region.ts'

/** Milliseconds between two looks at what has got warm. */
const LOOK_EACH = 250
/** And once more when nothing has come for a while. */
const LOOK_LATER = 2000
/** Regions that are worth a module while others are on their way. */
const ENOUGH = 24
const PRIORITY = 10

export interface AheadWork {
  /** Number of the machine. */
  readonly machine: number
  /** With the first message. */
  readonly core?: {
    readonly memory: WebAssembly.Memory
    readonly handlerNumbers: number
    readonly store: string
  }
  readonly missed: readonly Request[]
  readonly ended?: boolean
}

/** A file has been written to the store in this folder. */
export interface AheadWritten {
  readonly store: string
  readonly file: string
}

interface Machine {
  readonly ahead: Ahead
  readonly store: string
  lookedAt: number
  /** Something came since the last look. */
  busy: boolean
}

const machines = new Map<number, Machine>()
let isLooking = false
let lastLook = false

lowerPriority()
parentPort!.on('message', ({ machine: number, core, missed, ended }: AheadWork) => {
  const store = core && openStore(core.store)
  if (core && store)
    machines.set(number, {
      ahead: new Ahead(core.memory.buffer, core.handlerNumbers, store),
      store: core.store,
      lookedAt: 0,
      busy: true,
    })
  const machine = machines.get(number)
  if (!machine) return
  machine.ahead.missed(missed)
  machine.busy = true
  if (ended) machines.delete(number)
  if (!isLooking) lookIn(LOOK_EACH)
})

function lookIn(milliseconds: number): void {
  isLooking = true
  setTimeout(look, milliseconds)
}

function look(): void {
  isLooking = false
  let isWriting = false
  for (const machine of machines.values()) {
    const { ahead, store } = machine
    const isDue = performance.now() - machine.lookedAt >= LOOK_EACH
    if (isDue) {
      ahead.form()
      machine.lookedAt = performance.now()
    }
    const file = ahead.write(machine.busy ? ENOUGH : 1)
    if (file !== undefined) parentPort!.postMessage({ store, file } satisfies AheadWritten)
    isWriting ||= file !== undefined
    // What has got warm by the next look is written, however little it is.
    if (isDue) machine.busy = false
  }
  const isBusy = [...machines.values()].some(({ busy }) => busy)
  if (isWriting || isBusy) lookIn(isWriting ? 0 : LOOK_EACH)
  else if (lastLook) lookIn(LOOK_LATER)
  lastLook = isWriting || isBusy
}

/** Of this thread alone. Linux only; elsewhere, and where it is forbidden, it has the priority of the others. */
function lowerPriority(): void {
  try {
    const [, thread] = /\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self')) ?? []
    if (thread !== undefined) setPriority(Number(thread), PRIORITY)
  } catch {
    // As it is.
  }
}
