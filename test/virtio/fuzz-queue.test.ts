// Any descriptor table against a second reading of the specification: a slow, plain walk that says what a chain is
// or that it is broken. The queue must agree, and never throw.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ActiveDriver, SplitQueue, VirtioDevice } from '../../src/virtio/index.ts'
import { fuzz } from './fuzz.ts'
import { MockDriver } from './mock-driver.ts'

const SIZE = 8
const RAM = 0x20000
const TABLES = 0x10000
const NEXT = 1
const WRITE = 2
const INDIRECT = 4

interface Descriptor {
  readonly address: number
  readonly length: number
  readonly flags: number
  readonly next: number
}

class OneQueue implements VirtioDevice {
  readonly name = 'one-queue'
  readonly deviceId = 42
  readonly features = 0n
  readonly queueSizes = [SIZE]
  readonly config = new Uint8Array(0)
  queue: SplitQueue | undefined

  activate({ queues }: ActiveDriver): void {
    this.queue = queues[0]
  }

  notify(): void {}
  reset(): void {}
}

const address = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: RAM }) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 3 }).map((table) => TABLES + 16 * SIZE * table) },
  { weight: 1, arbitrary: fc.constantFrom(RAM - 1, RAM + 1, 0xffff_ffff, 2 ** 32, 2 ** 53, 2 ** 64 - 2048) },
)
const length = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 256 }) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: SIZE + 1 }).map((entries) => 16 * entries) },
  { weight: 1, arbitrary: fc.constantFrom(RAM, 0x7fff_ffff, 0xffff_fff0, 0xffff_ffff) },
)
const flags = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(0, NEXT, WRITE, NEXT | WRITE, INDIRECT) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
)
const next = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: SIZE - 1 }) },
  { weight: 1, arbitrary: fc.constantFrom(SIZE, 0xffff) },
)
const descriptor: fc.Arbitrary<Descriptor> = fc.record({ address, length, flags, next })
/** The ring's table, and four that indirect descriptors may hit. */
const tables = fc.array(fc.array(descriptor, { minLength: SIZE, maxLength: SIZE }), {
  minLength: 5,
  maxLength: 5,
})

interface Shape {
  readonly readable: number
  readonly writable: number
}

/** What the chain is, read from RAM by the letter of 2.7.5; undefined if it is broken. */
function walk(driver: MockDriver, ringTable: number, head: number): Shape | undefined {
  const { memory } = driver
  const shape = { readable: 0, writable: 0 }
  let table = ringTable
  let entries = SIZE
  let inside = false
  let index = head
  for (let steps = 0; steps < SIZE; ) {
    if (index >= entries) return undefined
    const at = table + 16 * index
    const start = Number(memory.readU64(at))
    const bytes = memory.readU32(at + 8)
    const flag = memory.readU16(at + 12)
    if (start + bytes > memory.size) return undefined
    if ((flag & INDIRECT) !== 0) {
      if (inside || (flag & NEXT) !== 0 || bytes === 0 || bytes % 16 !== 0) return undefined
      inside = true
      table = start
      entries = bytes / 16
      index = 0
      continue
    }
    steps++
    if ((flag & WRITE) === 0 && shape.writable > 0) return undefined
    if ((flag & WRITE) === 0) shape.readable += bytes
    else shape.writable += bytes
    if ((flag & NEXT) === 0) return shape
    index = memory.readU16(at + 14)
  }
  return undefined
}

test('fuzz: the queue and a plain walk agree about every chain', (t) => {
  let good = 0
  let broken = 0
  const property = fc.property(tables, fc.integer({ min: 0, max: SIZE }), ([ring, ...others], head) => {
    const device = new OneQueue()
    const driver = new MockDriver(device, { memoryBytes: RAM })
    const [queue] = driver.start()
    others.forEach((table, i) => {
      table.forEach((d, j) => {
        queue!.writeDescriptorAt(TABLES + 16 * (SIZE * i + j), d.address, d.length, d.flags, d.next)
      })
    })
    ring!.forEach((d, i) => {
      queue!.writeDescriptor(i, d.address, d.length, d.flags, d.next)
    })
    queue!.offer(head)
    const expected = walk(driver, queue!.descriptors, head)
    const chain = device.queue!.pop()
    const seen = chain && { readable: chain.readableLength, writable: chain.writableLength }
    assert.deepEqual(seen, expected)
    assert.equal(driver.needsReset, expected === undefined)
    assert.equal(driver.transport.counters.internalErrors, 0)
    if (chain === undefined) broken++
    else {
      good++
      // Using it up must stay inside of it.
      assert.equal(chain.read(new Uint8Array(RAM), 0, RAM), Math.min(RAM, chain.readableLength))
      assert.equal(chain.write(new Uint8Array(RAM), 0, RAM), Math.min(RAM, chain.writableLength))
    }
  })
  fc.assert(property, fuzz(t, 2000))
  t.diagnostic(`${good} good chains, ${broken} broken ones`)
  assert.ok(good > 0 && broken > 0)
})
