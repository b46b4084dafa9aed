// Driver and device on two threads, as in a machine: neither may sleep through the other's work.
//
// The driver runs in a Worker and sleeps in `Atomics.wait` until the interrupt counter moves; the device wakes by
// `Atomics.waitAsync` on a doorbell word. A lost notification or interrupt shows as a sleep that runs into its
// time limit. Many short bursts make the two fall asleep and wake at all kinds of moments.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { BlkDevice, MemoryBlockBackend } from '../../src/virtio/index.ts'
import { VIRTIO_F_EVENT_IDX } from '../../src/virtio/registers.ts'
import { MockDriver } from './mock-driver.ts'
import type { ThreadedDriverData, ThreadedDriverResult } from './threaded-driver.ts'

const REQUESTS = 20_000

for (const features of [~0n, ~VIRTIO_F_EVENT_IDX]) {
  const name = features === ~0n ? 'with event index' : 'with the flags of the rings'
  test(`${REQUESTS} requests from another thread, ${name}`, async () => {
    const disk = Uint8Array.from({ length: 512 * 256 }, (_, i) => i >> 9)
    const driver = new MockDriver(new BlkDevice({ backend: new MemoryBlockBackend(disk) }), { features })
    const [queue] = driver.start([16])
    const bells = new Int32Array(new SharedArrayBuffer(8))
    driver.onInterrupt = () => {
      Atomics.add(bells, 1, 1)
      Atomics.notify(bells, 1)
    }
    const workerData: ThreadedDriverData = {
      ram: driver.ram,
      accepted: driver.accepted,
      layout: { descriptors: queue!.descriptors, availRing: queue!.availRing, usedRing: queue!.usedRing },
      size: queue!.size,
      free: driver.allocate(1 << 20),
      bells,
      requests: REQUESTS,
    }
    const worker = new Worker(new URL('./threaded-driver.js', import.meta.url), { workerData })
    let finished = false
    const result = once(worker, 'message').then(([message]) => {
      finished = true
      return message as ThreadedDriverResult
    })
    for (let seen = 0; !finished; ) {
      const rung = Atomics.waitAsync(bells, 0, seen, 50)
      // `waitAsync` alone does not keep the event loop alive once the Worker is gone.
      if (rung.async) await Promise.race([rung.value, result])
      const now = Atomics.load(bells, 0)
      if (now !== seen) driver.transport.notify(0)
      seen = now
      if (!rung.async) await new Promise(setImmediate)
    }
    const { wrong, timeouts, notifications, sleeps } = await result
    assert.deepEqual({ wrong, timeouts }, { wrong: 0, timeouts: 0 })
    assert.equal(driver.needsReset, false)
    assert.ok(notifications > 0 && sleeps > 0)
    assert.ok(driver.interrupts <= REQUESTS)
  })
}
