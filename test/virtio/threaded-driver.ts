// The Worker of threads.test.ts: reads sectors in bursts, and sleeps whenever nothing has come back.

import { parentPort, workerData } from 'node:worker_threads'
import { DriverQueue, type RingLayout } from './mock-driver.ts'

export interface ThreadedDriverData {
  readonly ram: Uint8Array
  readonly accepted: bigint
  readonly layout: RingLayout
  readonly size: number
  /** Guest memory for buffers. */
  readonly free: number
  /** [doorbell, interrupts] */
  readonly bells: Int32Array
  readonly requests: number
}

export interface ThreadedDriverResult {
  readonly wrong: number
  readonly timeouts: number
  readonly notifications: number
  readonly sleeps: number
}

const TIME_LIMIT_MILLISECONDS = 3000
const { ram, accepted, layout, size, free, bells, requests } = workerData as ThreadedDriverData
const SLOT_BYTES = 1024

const queue = new DriverQueue(
  {
    ram,
    accepted,
    allocate: () => {
      throw new Error('this driver uses direct descriptors')
    },
    notify: () => {
      Atomics.add(bells, 0, 1)
      Atomics.notify(bells, 0)
    },
  },
  0,
  size,
  layout,
)
const view = new DataView(ram.buffer, ram.byteOffset)
const slots: number[] = Array.from({ length: Math.floor(size / 3) }, (_, i) => free + SLOT_BYTES * i)
const inFlight = new Map<number, { slot: number; sector: number }>()
const result = { wrong: 0, timeouts: 0, notifications: 0, sleeps: 0 }

let sent = 0
let done = 0
let random = 12345

while (done < requests && result.timeouts === 0) {
  random = (random * 1103515245 + 12345) & 0x7fff_ffff
  for (let burst = (random >> 16) % 6; burst > 0 && slots.length > 0 && sent < requests; burst--) submit()
  queue.kick()
  const interrupts = Atomics.load(bells, 1)
  if (collect() > 0 || inFlight.size === 0) continue
  result.sleeps++
  if (Atomics.wait(bells, 1, interrupts, TIME_LIMIT_MILLISECONDS) === 'timed-out') result.timeouts++
}
parentPort!.postMessage({ ...result, notifications: queue.notifications } satisfies ThreadedDriverResult)

function submit(): void {
  const slot = slots.pop()!
  const sector = sent++ % 256
  view.setUint32(slot, 0, true)
  view.setBigUint64(slot + 8, BigInt(sector), true)
  view.setUint8(slot + 528, 0xee)
  const head = queue.add([{ address: slot, length: 16 }], [{ address: slot + 16, length: 513 }])
  inFlight.set(head, { slot, sector })
}

function collect(): number {
  let count = 0
  for (let used = queue.popUsed(); used !== undefined; used = queue.popUsed(), count++) {
    const { slot, sector } = inFlight.get(used.head)!
    inFlight.delete(used.head)
    slots.push(slot)
    const good =
      used.length === 513 && view.getUint8(slot + 528) === 0 && view.getUint8(slot + 16 + 511) === sector
    if (!good) result.wrong++
    done++
  }
  return count
}
