// Every device behind every order of register accesses, notifications and scribbles over guest RAM.
// Nothing may throw, nothing may be blamed on us, and the registers must keep their rules.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import {
  BlkDevice,
  ConsoleDevice,
  MemoryBlockBackend,
  RngDevice,
  type VirtioDevice,
  VsockDevice,
} from '../../src/virtio/index.ts'
import * as reg from '../../src/virtio/registers.ts'
import { fuzz } from './fuzz.ts'
import { MockDriver } from './mock-driver.ts'

const RAM = 0x10000

const DEVICES: Record<string, () => VirtioDevice> = {
  rng: () => new RngDevice((into) => into.fill(1)),
  console: () => new ConsoleDevice({ output: () => {} }),
  blk: () => new BlkDevice({ backend: new MemoryBlockBackend(new Uint8Array(65_536)) }),
  vsock: () => {
    const device = new VsockDevice()
    device.listen(1, (stream) => {
      stream.on('error', () => {})
      stream.pipe(stream)
    })
    device.connect(2).catch(() => {})
    return device
  },
}

type Step = (driver: MockDriver) => void

const SIZE = 8
/** Where `startSmall` puts the rings of a queue. */
function rings(queue: number): { descriptors: number; avail: number; used: number } {
  const descriptors = 0x1000 + 0x400 * queue
  return { descriptors, avail: descriptors + 0x100, used: descriptors + 0x200 }
}

const REGISTERS = Object.values(reg)
  .map(Number)
  .filter((n) => n < 0x200)
const value = fc.oneof(
  fc.integer({ min: 0, max: 16 }),
  fc.integer({ min: 0, max: RAM / 16 }).map((n) => 16 * n),
  fc.constantFrom(0xf, 0xb, 0x40, 0x80, 0xffff_ffff, 0x8000_0000, 256),
  fc.integer({ min: 0, max: 0xffff_ffff }),
)
const offset = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...REGISTERS) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xfff }) },
)
const width = fc.constantFrom<(1 | 2 | 4)[]>(4, 4, 4, 4, 4, 4, 4, 1, 2)
const queue = fc.constantFrom(0, 0, 0, 1, 1, 1, 2, 3)
const word = fc.oneof(fc.integer({ min: 0, max: 0x40 }), fc.integer({ min: 0, max: 0xffff_ffff }))

const write = fc.tuple(offset, width, value).map<Step>(([at, bytes, what]) => {
  return ({ transport }) => transport.write(at, bytes, what)
})
const notify = queue.map<Step>(
  (index) =>
    ({ transport }) =>
      transport.notify(index),
)
const start = fc.constant<Step>(startSmall)
const reset = fc.constant<Step>((driver) => driver.write(reg.Status, 0))

/** Anywhere behind the rings, or over them. */
const scribble = fc
  .tuple(fc.integer({ min: 0x400, max: RAM / 4 - 64 }), fc.array(word, { maxLength: 16 }))
  .map<Step>(([at, words]) => ({ memory }) => {
    for (const [i, each] of words.entries()) memory.writeU32(4 * (at + i), each)
  })

/** A chain of which most are sound, so that the devices behind the queue get something to chew on. */
const piece = fc.record({
  address: fc.oneof(
    { weight: 40, arbitrary: fc.integer({ min: 0x2000, max: RAM - 0x1000 }) },
    { weight: 1, arbitrary: word },
  ),
  length: fc.oneof(
    { weight: 40, arbitrary: fc.constantFrom(1, 8, 16, 44, 45, 100, 512, 1024, 4096) },
    { weight: 1, arbitrary: word },
  ),
  writable: fc.boolean(),
})
const offer = fc
  .tuple(queue, fc.array(piece, { minLength: 1, maxLength: 4 }), fc.nat({ max: 7 }))
  .map<Step>(([index, pieces, first]) => {
    return ({ memory, transport }) => {
      const { descriptors, avail } = rings(index)
      const ordered = pieces.toSorted((a, b) => Number(a.writable) - Number(b.writable))
      for (const [i, { address, length, writable }] of ordered.entries()) {
        const at = descriptors + 16 * ((first + i) % SIZE)
        memory.writeU64(at, BigInt(address))
        memory.writeU32(at + 8, length)
        memory.writeU16(
          at + 12,
          (writable ? reg.VIRTQ_DESC_F_WRITE : 0) | (i + 1 < ordered.length ? reg.VIRTQ_DESC_F_NEXT : 0),
        )
        memory.writeU16(at + 14, (first + i + 1) % SIZE)
      }
      const idx = memory.readU16(avail + 2)
      memory.writeU16(avail + 4 + 2 * (idx % SIZE), first)
      memory.writeU16(avail + 2, (idx + 1) & 0xffff)
      transport.notify(index)
    }
  })

const step = fc.oneof(
  { weight: 2, arbitrary: write },
  { weight: 2, arbitrary: notify },
  { weight: 1, arbitrary: scribble },
  { weight: 20, arbitrary: offer },
  { weight: 3, arbitrary: start },
  { weight: 1, arbitrary: reset },
)

/** Queues of 8 entries at fixed places, so that scribbles find them. */
function startSmall(driver: MockDriver): void {
  driver.negotiate()
  for (let index = 0; index < 3; index++) {
    const { descriptors, avail, used } = rings(index)
    driver.ram.fill(0, descriptors, descriptors + 0x400)
    driver.write(reg.QueueSel, index)
    driver.writeQueueLayout(SIZE, descriptors, avail, used)
    driver.write(reg.QueueReady, 1)
  }
  driver.driverOk()
}

for (const [name, make] of Object.entries(DEVICES)) {
  test(`fuzz: ${name} behind a mad driver`, async (t) => {
    let used = 0
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }),
      async (steps) => {
        const driver = new MockDriver(make(), { memoryBytes: RAM })
        startSmall(driver)
        for (const [i, take] of steps.entries()) {
          take(driver)
          if (i % 16 === 15) await turn()
          const { status } = driver
          assert.equal(driver.transport.counters.internalErrors, 0, driver.transport.counters.lastFault)
          assert.ok((status & reg.DRIVER_OK) === 0 || (status & reg.FEATURES_OK) !== 0)
          assert.equal(driver.read(reg.MagicValue), reg.MAGIC)
          assert.equal(driver.read(reg.InterruptStatus) & ~3, 0)
        }
        used += driver.memory.readU16(rings(0).used + 2) + driver.memory.readU16(rings(1).used + 2)
        // Whatever it was, a reset and a proper start heal it.
        startSmall(driver)
        assert.equal(driver.status, 15)
        driver.transport.reset()
      },
    )
    await fc.assert(property, fuzz(t, 300))
    t.diagnostic(`${used} chains used`)
    assert.ok(used > 0)
  })
}
