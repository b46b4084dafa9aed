// The split queue alone: chains of every shape, broken ones of every kind, and who is told when.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ActiveDriver, Chain, SplitQueue, VirtioDevice } from '../../src/virtio/index.ts'
import { needEvent } from '../../src/virtio/queue.ts'
import * as reg from '../../src/virtio/registers.ts'
import { type DriverQueue, MockDriver, type MockDriverOptions, type Segment } from './mock-driver.ts'

const { VIRTQ_DESC_F_NEXT: NEXT, VIRTQ_DESC_F_WRITE: WRITE, VIRTQ_DESC_F_INDIRECT: INDIRECT } = reg
const SIZE = 8

class OneQueue implements VirtioDevice {
  readonly name = 'one-queue'
  readonly deviceId = 42
  readonly features = 0n
  readonly queueSizes = [SIZE]
  readonly config = new Uint8Array(0)
  notified = 0
  queue: SplitQueue | undefined

  activate({ queues }: ActiveDriver): void {
    this.queue = queues[0]
  }

  notify(): void {
    this.notified++
  }

  reset(): void {}
}

interface Ends {
  readonly device: OneQueue
  readonly driver: MockDriver
  /** The driver's end. */
  readonly ring: DriverQueue
  /** The device's end. */
  readonly queue: SplitQueue
}

function open(options: MockDriverOptions = {}): Ends {
  const device = new OneQueue()
  const driver = new MockDriver(device, options)
  const [ring] = driver.start()
  return { device, driver, ring: ring!, queue: device.queue! }
}

function text(driver: MockDriver, value: string): Segment {
  return driver.place(new TextEncoder().encode(value))
}

function readAll(chain: Chain): string {
  const bytes = new Uint8Array(chain.readableLength)
  assert.equal(chain.read(bytes, 0, bytes.length), bytes.length)
  return new TextDecoder().decode(bytes)
}

for (const way of ['add', 'addIndirect'] as const) {
  test(`${way}: readable and writable parts are streams, however they are cut`, () => {
    const { driver, ring, queue } = open()
    const rooms = [driver.room(3), driver.room(0), driver.room(100)]
    const head = ring[way]([text(driver, 'hel'), text(driver, ''), text(driver, 'lo')], rooms)
    const chain = queue.pop()!
    assert.equal(chain.head, head)
    assert.deepEqual([chain.readableLength, chain.writableLength], [5, 103])
    assert.equal(readAll(chain), 'hello')
    const answer = Uint8Array.from({ length: 103 }, (_, i) => i + 1)
    assert.equal(chain.write(answer, 0, 2), 2)
    assert.equal(chain.write(answer, 2, 200 - 2), 101)
    queue.push(chain)
    assert.deepEqual(ring.popUsed(), { head, length: 103 })
    assert.deepEqual([...driver.memory.copyOut(rooms[0]!.address, 3)], [1, 2, 3])
    assert.deepEqual([...driver.memory.copyOut(rooms[2]!.address, 100)], [...answer.subarray(3)])
  })
}

test('direct descriptors may lead to an indirect table', () => {
  const { driver, ring, queue } = open()
  const first = text(driver, 'direct ')
  const second = text(driver, 'indirect')
  const table = driver.allocate(16)
  driver.memory.writeU64(table, BigInt(second.address))
  driver.memory.writeU32(table + 8, second.length)
  ring.writeDescriptor(0, first.address, first.length, NEXT, 1)
  ring.writeDescriptor(1, table, 16, INDIRECT)
  ring.offer(0)
  assert.equal(readAll(queue.pop()!), 'direct indirect')
})

test('neighbouring segments become one view, others stay apart', () => {
  const { ring, queue } = open()
  const at = 0x10_0000
  ring.add(
    [],
    [
      { address: at, length: 512 },
      { address: at + 512, length: 512 },
      { address: at + 2048, length: 512 },
    ],
  )
  const chain = queue.pop()!
  assert.deepEqual(
    chain.writeViews(1300).map((view) => view.length),
    [1024, 276],
  )
  assert.deepEqual(
    chain.writeViews(9999).map((view) => view.length),
    [236],
  )
  assert.equal(chain.written, 1536)
})

test('a readable segment and the writable one behind it in memory are not joined', () => {
  const { ring, queue } = open()
  ring.add([{ address: 0x10_0000, length: 16 }], [{ address: 0x10_0010, length: 16 }])
  const chain = queue.pop()!
  assert.deepEqual([chain.readableLength, chain.writableLength], [16, 16])
  assert.equal(chain.writeViews(99)[0]!.length, 16)
  assert.equal(chain.readViews(99)[0]!.length, 16)
})

test('chains come back in any order', () => {
  const { driver, ring, queue } = open()
  const heads = [1, 2, 3].map(() => ring.add([], [driver.room(4)]))
  const chains = [queue.pop()!, queue.pop()!, queue.pop()!]
  for (const i of [2, 0, 1]) {
    chains[i]!.write(new Uint8Array(4), 0, i + 1)
    queue.push(chains[i]!)
  }
  assert.deepEqual(
    [ring.popUsed(), ring.popUsed(), ring.popUsed(), ring.popUsed()],
    [{ head: heads[2], length: 3 }, { head: heads[0], length: 1 }, { head: heads[1], length: 2 }, undefined],
  )
})

test('the memory hears what was written, before the driver can', () => {
  const heard: [number, number, number][] = []
  const onWritten = (address: number, length: number): void => {
    heard.push([address, length, ends.ring.usedIdx])
  }
  const ends = open({ onWritten })
  ends.ring.add(
    [{ address: 0x8_0000, length: 8 }],
    [
      { address: 0x10_0000, length: 100 },
      { address: 0x11_0000, length: 100 },
      { address: 0x12_0000, length: 100 },
    ],
  )
  const chain = ends.queue.pop()!
  chain.write(new Uint8Array(130), 0, 130)
  // As a failed read says it: nothing is promised, but something may lie there.
  chain.written = 0
  ends.queue.push(chain)
  assert.deepEqual(heard, [
    [0x10_0000, 100, 0],
    [0x11_0000, 30, 0],
  ])
})

test('what was written before a reset is heard of too', () => {
  const heard: [number, number][] = []
  const { driver, ring, queue } = open({ onWritten: (address, length) => heard.push([address, length]) })
  ring.add([], [{ address: 0x10_0000, length: 100 }])
  const chain = queue.pop()!
  chain.write(new Uint8Array(10), 0, 10)
  driver.write(reg.Status, 0)
  queue.push(chain)
  assert.deepEqual(heard, [[0x10_0000, 10]])
})

test('the rings go round, and the 16-bit indices too', () => {
  const { driver, ring, queue } = open()
  const room = driver.room(4)
  for (let i = 0; i < 70_000; i++) {
    ring.add([], [room])
    const chain = queue.pop()!
    chain.writeByte(i & 0xff)
    queue.push(chain)
    assert.equal(ring.popUsed()?.length, 1)
  }
  assert.equal(driver.needsReset, false)
  assert.equal(ring.usedIdx, 70_000 & 0xffff)
})

// ── What a hostile driver may try ─────────────────────────────────────────────────────────────────────────────

const BROKEN: Record<string, (ends: Ends) => void> = {
  'a head outside of the table': ({ ring }) => ring.offer(SIZE),
  'a head of 0xffff': ({ ring }) => ring.offer(0xffff),
  'avail.idx jumps over the ring': ({ ring }) => ring.setAvailIdx(SIZE + 1),
  'avail.idx goes backwards': ({ ring }) => ring.setAvailIdx(-1),
  'a descriptor that is its own next': ({ ring }) => {
    ring.writeDescriptor(0, 0x1000, 16, NEXT, 0)
    ring.offer(0)
  },
  'a loop of two': ({ ring }) => {
    ring.writeDescriptor(0, 0x1000, 16, NEXT, 1)
    ring.writeDescriptor(1, 0x1000, 16, NEXT, 0)
    ring.offer(0)
  },
  'next outside of the table': ({ ring }) => {
    ring.writeDescriptor(0, 0x1000, 16, NEXT, SIZE)
    ring.offer(0)
  },
  'a buffer behind RAM': ({ ring, driver }) => {
    ring.writeDescriptor(0, driver.memory.size - 8, 9, 0)
    ring.offer(0)
  },
  'a buffer at 2⁶³': ({ ring }) => {
    ring.writeDescriptor(0, 2 ** 63, 8, WRITE)
    ring.offer(0)
  },
  'a buffer of 4 GiB': ({ ring }) => {
    ring.writeDescriptor(0, 0, 0xffff_ffff, WRITE)
    ring.offer(0)
  },
  'readable after writable': ({ ring }) => {
    ring.writeDescriptor(0, 0x1000, 8, WRITE | NEXT, 1)
    ring.writeDescriptor(1, 0x1000, 8, 0)
    ring.offer(0)
  },
  'the same head twice': ({ ring, queue }) => {
    ring.writeDescriptor(0, 0x1000, 8, 0)
    ring.offer(0)
    queue.pop()
    ring.offer(0)
  },
  'indirect with a next': ({ ring }) => {
    ring.writeDescriptor(0, 0x1000, 16, INDIRECT | NEXT, 1)
    ring.offer(0)
  },
  'an empty indirect table': ({ ring }) => {
    ring.writeDescriptor(0, 0x1000, 0, INDIRECT)
    ring.offer(0)
  },
  'an indirect table of 17 bytes': ({ ring }) => {
    ring.writeDescriptor(0, 0x1000, 17, INDIRECT)
    ring.offer(0)
  },
  'an indirect table outside of RAM': ({ ring, driver }) => {
    ring.writeDescriptor(0, driver.memory.size - 16, 32, INDIRECT)
    ring.offer(0)
  },
  'an indirect table inside another one': ({ ring, driver }) => {
    const table = driver.allocate(32)
    ring.writeDescriptorAt(table, 0x1000, 16, INDIRECT)
    ring.writeDescriptor(0, table, 16, INDIRECT)
    ring.offer(0)
  },
  'a loop in an indirect table': ({ ring, driver }) => {
    const table = driver.allocate(32)
    ring.writeDescriptorAt(table, 0x1000, 16, NEXT, 1)
    ring.writeDescriptorAt(table + 16, 0x1000, 16, NEXT, 0)
    ring.writeDescriptor(0, table, 32, INDIRECT)
    ring.offer(0)
  },
  'next outside of the indirect table': ({ ring, driver }) => {
    const table = driver.allocate(32)
    ring.writeDescriptorAt(table, 0x1000, 16, NEXT, 1)
    ring.writeDescriptor(0, table, 16, INDIRECT)
    ring.offer(0)
  },
  'an indirect chain longer than the queue': ({ ring, driver }) => {
    const table = driver.allocate(16 * (SIZE + 1))
    for (let i = 0; i <= SIZE; i++)
      ring.writeDescriptorAt(table + 16 * i, 0x1000, 1, i < SIZE ? NEXT : 0, i + 1)
    ring.writeDescriptor(0, table, 16 * (SIZE + 1), INDIRECT)
    ring.offer(0)
  },
}

for (const [what, attack] of Object.entries(BROKEN)) {
  test(`broken: ${what}`, () => {
    const ends = open()
    attack(ends)
    assert.equal(ends.queue.pop(), undefined)
    assert.equal(ends.driver.needsReset, true)
    assert.equal(ends.queue.live, false)
    assert.equal(ends.driver.transport.counters.internalErrors, 0)
    assert.equal(ends.driver.transport.counters.needsReset, 1)
    // Deaf from now on, and a reset heals it.
    assert.equal(ends.queue.pop(), undefined)
    const [ring] = ends.driver.start()
    ring!.add([], [ends.driver.room(4)])
    assert.notEqual(ends.device.queue!.pop(), undefined)
  })
}

test('indirect descriptors are refused when they were not negotiated', () => {
  const { driver, ring, queue } = open({ features: ~reg.VIRTIO_F_INDIRECT_DESC })
  ring.addIndirect([driver.room(4)], [])
  assert.equal(queue.pop(), undefined)
  assert.equal(driver.needsReset, true)
})

test('a chain as long as the queue is fine, direct and indirect', () => {
  const { driver, ring, queue } = open()
  const segments = Array.from({ length: SIZE }, () => driver.place(Uint8Array.of(65)))
  for (const way of ['add', 'addIndirect'] as const) {
    ring[way](segments, [])
    const chain = queue.pop()!
    assert.equal(readAll(chain), 'A'.repeat(SIZE))
    queue.push(chain)
    ring.popUsed()
  }
})

// ── Who is told when ──────────────────────────────────────────────────────────────────────────────────────────

test('needEvent, modulo 2¹⁶', () => {
  assert.equal(needEvent(5, 6, 5), true)
  assert.equal(needEvent(6, 6, 5), false)
  assert.equal(needEvent(4, 6, 5), false)
  assert.equal(needEvent(0xffff, 1, 0xfffe), true)
  assert.equal(needEvent(1, 1, 0xfffe), false)
})

test('event index: interrupts only when used_event is passed', () => {
  const { driver, ring, queue } = open()
  const use = (): void => {
    ring.add([], [driver.room(4)])
    queue.push(queue.pop()!)
    queue.signal()
  }
  ring.interruptAfter(3)
  use()
  use()
  assert.equal(driver.interrupts, 0)
  use()
  assert.equal(driver.interrupts, 1)
  use()
  assert.equal(driver.interrupts, 1)
})

test('event index: notifications only after the device has asked for them', () => {
  const { device, driver, ring, queue } = open()
  ring.add([], [driver.room(4)])
  ring.kick()
  assert.equal(device.notified, 1)
  ring.add([], [driver.room(4)])
  ring.kick()
  assert.equal(device.notified, 1)
  queue.pop()
  queue.pop()
  assert.equal(queue.popOrListen(), undefined)
  ring.add([], [driver.room(4)])
  ring.kick()
  assert.equal(device.notified, 2)
})

test('without event index: the flags of both rings', () => {
  const { device, driver, ring, queue } = open({ features: ~reg.VIRTIO_F_EVENT_IDX })
  ring.suppressInterrupts(true)
  ring.add([], [driver.room(4)])
  queue.push(queue.pop()!)
  queue.signal()
  assert.equal(driver.interrupts, 0)
  ring.suppressInterrupts(false)
  queue.drain(() => {
    ring.add([], [driver.room(4)])
    ring.kick()
  })
  ring.add([], [driver.room(4)])
  ring.kick()
  assert.equal(device.notified, 1)
})

test('signal without anything new is silent', () => {
  const { driver, ring, queue } = open()
  ring.add([], [driver.room(4)])
  queue.push(queue.pop()!)
  queue.signal()
  queue.signal()
  assert.equal(driver.interrupts, 1)
})

test('a buffer added while the device falls asleep is not lost', () => {
  const { driver, ring, queue } = open()
  // The driver adds between the device's last look and its publishing of avail_event.
  const store = Atomics.store
  let added = false
  Atomics.store = ((array: Uint16Array, index: number, value: number) => {
    if (!added) {
      added = true
      ring.add([], [driver.room(4)])
    }
    return store(array, index, value)
  }) as typeof Atomics.store
  try {
    assert.notEqual(queue.popOrListen(), undefined)
  } finally {
    Atomics.store = store
  }
})
