// Random requests, good and bad, against an array that does the same: status, data and disk must be equal.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BlkDevice, MemoryBlockBackend } from '../../src/virtio/index.ts'
import { fuzz } from './fuzz.ts'
import { MockDriver, type Segment } from './mock-driver.ts'

const SECTORS = 32
const [OK, IOERR, UNSUPP] = [0, 1, 2]

interface Request {
  readonly type: number
  readonly sector: number
  /** Bytes of data, and where to cut them. */
  readonly length: number
  readonly cuts: readonly number[]
  readonly fill: number
  readonly indirect: boolean
}

const request: fc.Arbitrary<Request> = fc.record({
  type: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(0, 1, 4) },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: 20 }) },
  ),
  sector: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 0, max: SECTORS + 1 }) },
    { weight: 1, arbitrary: fc.constantFrom(2 ** 32, 2 ** 53, 2 ** 63) },
  ),
  length: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 0, max: 6 }).map((n) => 512 * n) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 2000 }) },
  ),
  cuts: fc.array(fc.integer({ min: 0, max: 3072 }), { maxLength: 5 }),
  fill: fc.integer({ min: 1, max: 255 }),
  indirect: fc.boolean(),
})

/** What must come of it, on a disk that is only an array. */
function expectedStatus(disk: Uint8Array, { type, sector, length, fill }: Request): number {
  if (type === 4) return OK
  // GET_ID: 20 bytes of the data, if there are so many. Discard and write zeroes: the data is no range, or has odd flags.
  if (type === 8) return length >= 20 ? OK : IOERR
  if (type === 11 || type === 13) return length === 16 ? UNSUPP : IOERR
  if (type > 1) return UNSUPP
  if (length % 512 !== 0 || sector * 512 + length > disk.length) return IOERR
  if (type === 1) disk.fill(fill, sector * 512, sector * 512 + length)
  return OK
}

function cut(segment: Segment, cuts: readonly number[]): Segment[] {
  const edges = [0, ...cuts.filter((at) => at < segment.length), segment.length].sort((a, b) => a - b)
  return edges.slice(1).map((end, i) => ({ address: segment.address + edges[i]!, length: end - edges[i]! }))
}

test('fuzz: blk does what an array would', (t) => {
  const property = fc.property(fc.array(request, { minLength: 1, maxLength: 30 }), (requests) => {
    const disk = Uint8Array.from({ length: 512 * SECTORS }, (_, i) => i % 251)
    const mirror = new Uint8Array(disk)
    const device = new BlkDevice({ backend: new MemoryBlockBackend(disk) })
    const driver = new MockDriver(device, { memoryBytes: 1 << 20 })
    const [queue] = driver.start()
    for (const each of requests) {
      const header = new Uint8Array(16)
      new DataView(header.buffer).setUint32(0, each.type, true)
      new DataView(header.buffer).setBigUint64(8, BigInt(each.sector), true)
      const toDevice = each.type === 1 || each.type > 8
      const data = driver.place(new Uint8Array(each.length).fill(toDevice ? each.fill : 0))
      const status = driver.place(Uint8Array.of(0xee))
      const pieces = cut(data, each.cuts)
      queue![each.indirect ? 'addIndirect' : 'add'](
        [driver.place(header), ...(toDevice ? pieces : [])],
        [...(toDevice ? [] : pieces), status],
      )
      queue!.kick()
      assert.notEqual(queue!.popUsed(), undefined)
      const expected = expectedStatus(mirror, each)
      assert.equal(driver.memory.readU8(status.address), expected)
      const wanted =
        each.type === 0 && expected === OK
          ? mirror.subarray(each.sector * 512, each.sector * 512 + each.length)
          : undefined
      if (wanted !== undefined)
        assert.ok(Buffer.from(wanted).equals(driver.memory.copyOut(data.address, data.length)))
    }
    assert.ok(Buffer.from(disk).equals(mirror))
    assert.equal(driver.needsReset, false)
  })
  fc.assert(property, fuzz(t, 300))
})
