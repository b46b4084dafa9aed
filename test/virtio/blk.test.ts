import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import * as blk from '../../src/virtio/blk.ts'
import { BlkDevice, type BlockBackend, MemoryBlockBackend } from '../../src/virtio/index.ts'
import * as reg from '../../src/virtio/registers.ts'
import { type DriverQueue, MockDriver, type Segment } from './mock-driver.ts'

const SECTORS = 64
const {
  VIRTIO_BLK_T_IN: IN,
  VIRTIO_BLK_T_OUT: OUT,
  VIRTIO_BLK_T_FLUSH: FLUSH,
  VIRTIO_BLK_T_GET_ID: GET_ID,
} = blk
const { VIRTIO_BLK_T_DISCARD: DISCARD, VIRTIO_BLK_T_WRITE_ZEROES: WRITE_ZEROES } = blk
const { VIRTIO_BLK_S_OK: OK, VIRTIO_BLK_S_IOERR: IOERR, VIRTIO_BLK_S_UNSUPP: UNSUPP } = blk

/** Each sector is filled with its number. */
function disk(): Uint8Array {
  return Uint8Array.from({ length: 512 * SECTORS }, (_, i) => Math.floor(i / 512))
}

class Disk {
  readonly device: BlkDevice
  readonly driver: MockDriver
  readonly queue: DriverQueue

  constructor(backend: BlockBackend) {
    this.device = new BlkDevice({ backend, id: 'serial-number' })
    this.driver = new MockDriver(this.device)
    const [queue] = this.driver.start()
    this.queue = queue!
  }

  header(type: number, sector: number | bigint): Segment {
    const bytes = new Uint8Array(16)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, type, true)
    view.setBigUint64(8, BigInt(sector), true)
    return this.driver.place(bytes)
  }

  /** @returns the status byte, 0xee if none was written */
  request(type: number, sector: number | bigint, give: Segment[] = [], take: Segment[] = []): number {
    const status = this.driver.place(Uint8Array.of(0xee))
    this.queue.transact([this.header(type, sector), ...give], [...take, status])
    return this.driver.memory.readU8(status.address)
  }

  range(sector: number, sectors: number, flags = 0): Segment {
    const bytes = new Uint8Array(16)
    const view = new DataView(bytes.buffer)
    view.setBigUint64(0, BigInt(sector), true)
    view.setUint32(8, sectors, true)
    view.setUint32(12, flags, true)
    return this.driver.place(bytes)
  }

  bytes({ address, length }: Segment): Uint8Array {
    return this.driver.memory.copyOut(address, length)
  }
}

test('configuration: capacity, limits, one queue', () => {
  const { driver } = new Disk(new MemoryBlockBackend(disk()))
  assert.equal(driver.transport.read(reg.Config, 4), SECTORS)
  assert.equal(driver.transport.read(reg.Config + 8, 4), 64 * 1024)
  assert.equal(driver.transport.read(reg.Config + 12, 4), 254)
  assert.equal(driver.transport.read(reg.Config + 20, 4), 512)
  assert.equal(driver.transport.read(reg.Config + 34, 2), 1)
})

test('reads into many segments, of any size', () => {
  const target = new Disk(new MemoryBlockBackend(disk()))
  const rooms = [1, 511, 512, 1000, 24].map((length) => target.driver.room(length))
  assert.equal(target.request(IN, 3, [], rooms), OK)
  assert.deepEqual(
    rooms.map((room) => [target.bytes(room)[0], target.bytes(room).at(-1)]),
    [
      [3, 3],
      [3, 3],
      [4, 4],
      [5, 6],
      [6, 6],
    ],
  )
})

test('the used length counts data and status', () => {
  const target = new Disk(new MemoryBlockBackend(disk()))
  const used = target.queue.transact(
    [target.header(IN, 0)],
    [target.driver.room(1024), target.driver.room(1)],
  )
  assert.equal(used?.length, 1025)
})

test('header and data may be cut anywhere', () => {
  const target = new Disk(new MemoryBlockBackend(disk()))
  const { address } = target.header(IN, 7)
  const status = target.driver.room(1)
  const data = target.driver.room(512)
  target.queue.transact(
    [
      { address, length: 5 },
      { address: address + 5, length: 11 },
    ],
    // Data and status in one segment, and neighbours by accident.
    [{ address: data.address, length: 300 }, { address: data.address + 300, length: 212 }, status],
  )
  assert.equal(target.bytes(data)[511], 7)
  assert.equal(target.bytes(status)[0], OK)
})

test('writes what it reads back', () => {
  const target = new Disk(new MemoryBlockBackend(disk()))
  const data = target.driver.place(new Uint8Array(1024).fill(0xab))
  assert.equal(target.request(OUT, 10, [data]), OK)
  const room = target.driver.room(2048)
  assert.equal(target.request(IN, 9, [], [room]), OK)
  const bytes = target.bytes(room)
  assert.deepEqual([bytes[511], bytes[512], bytes[1535], bytes[1536]], [9, 0xab, 0xab, 12])
})

test('GET_ID', () => {
  const target = new Disk(new MemoryBlockBackend(disk()))
  const room = target.driver.room(20)
  assert.equal(target.request(GET_ID, 0, [], [room]), OK)
  assert.equal(Buffer.from(target.bytes(room)).toString(), 'serial-number\0\0\0\0\0\0\0')
  assert.equal(target.request(GET_ID, 0, [], [target.driver.room(19)]), IOERR)
})

test('beyond the end, half sectors and absurd sectors are errors', () => {
  const target = new Disk(new MemoryBlockBackend(disk()))
  const room = target.driver.room(1024)
  assert.equal(target.request(IN, SECTORS - 1, [], [room]), IOERR)
  assert.equal(target.request(IN, SECTORS, [], [room]), IOERR)
  assert.equal(target.request(IN, 2n ** 64n - 1n, [], [room]), IOERR)
  assert.equal(target.request(IN, 2n ** 55n, [], [room]), IOERR)
  assert.equal(target.request(IN, 0, [], [target.driver.room(513)]), IOERR)
  assert.equal(target.request(OUT, SECTORS, [room]), IOERR)
  assert.equal(target.request(OUT, 0, [target.driver.room(100)]), IOERR)
  assert.deepEqual([...target.bytes(room)], Array(1024).fill(0))
  assert.equal(target.device.counters.errors, 7)
  assert.equal(target.driver.needsReset, false)
})

test('unknown types are unsupported', () => {
  const target = new Disk(new MemoryBlockBackend(disk()))
  for (const type of [2, 10, 14, 0xffff_ffff]) assert.equal(target.request(type, 0), UNSUPP)
})

test('a read-only disk says so, and is not written', () => {
  const bytes = disk()
  const target = new Disk(new MemoryBlockBackend(bytes, true))
  assert.equal(target.driver.offeredFeatures() & blk.VIRTIO_BLK_F_RO, blk.VIRTIO_BLK_F_RO)
  assert.equal(target.driver.offeredFeatures() & blk.VIRTIO_BLK_F_FLUSH, 0n)
  assert.equal(target.request(OUT, 0, [target.driver.place(new Uint8Array(512).fill(1))]), IOERR)
  assert.equal(target.request(WRITE_ZEROES, 0, [target.range(1, 1)]), UNSUPP)
  assert.deepEqual(bytes, disk())
})

test('discard and write zeroes', () => {
  const bytes = disk()
  const target = new Disk(new MemoryBlockBackend(bytes))
  assert.equal(target.request(WRITE_ZEROES, 0, [target.range(2, 3, 1)]), OK)
  assert.equal(target.request(DISCARD, 0, [target.range(8, 1)]), OK)
  assert.deepEqual([bytes[512], bytes[1024], bytes[2559], bytes[2560], bytes[4096]], [1, 0, 0, 5, 0])
  assert.equal(target.request(DISCARD, 0, [target.range(8, 1, 1)]), UNSUPP)
  assert.equal(target.request(WRITE_ZEROES, 0, [target.range(8, 1, 2)]), UNSUPP)
  assert.equal(target.request(WRITE_ZEROES, 0, [target.range(SECTORS - 1, 2)]), IOERR)
  assert.equal(target.request(WRITE_ZEROES, 0, [target.range(0, 0xffff_ffff)]), IOERR)
  assert.equal(target.request(WRITE_ZEROES, 0, [target.range(0, 1), target.range(1, 1)]), IOERR)
  assert.equal(target.request(WRITE_ZEROES, 0), IOERR)
})

test('a back end that cannot discard does not offer it', () => {
  const { size, readonly } = new MemoryBlockBackend(disk())
  const target = new Disk({ size, readonly, read() {}, write() {}, flush() {} })
  assert.equal(
    target.driver.offeredFeatures() & (blk.VIRTIO_BLK_F_DISCARD | blk.VIRTIO_BLK_F_WRITE_ZEROES),
    0n,
  )
  assert.equal(target.request(DISCARD, 0, [target.range(0, 1)]), UNSUPP)
})

test('without a status byte nothing is done; without a header it is an error', () => {
  const bytes = disk()
  const target = new Disk(new MemoryBlockBackend(bytes))
  const data = target.driver.place(new Uint8Array(512).fill(1))
  assert.equal(target.queue.transact([target.header(OUT, 0), data], [])?.length, 0)
  assert.deepEqual(bytes, disk())
  const status = target.driver.place(Uint8Array.of(0xee))
  assert.equal(target.queue.transact([{ ...target.header(IN, 0), length: 15 }], [status])?.length, 1)
  assert.equal(target.driver.memory.readU8(status.address), IOERR)
})

test('a request larger than what was offered is refused', () => {
  const size = 2 ** 40
  const backend: BlockBackend = { size, readonly: true, read() {}, write() {}, flush() {} }
  const target = new Disk(backend)
  const room = target.driver.room(1 << 20)
  assert.equal(target.request(IN, 0, [], Array(15).fill(room)), OK)
  assert.equal(target.request(IN, 0, [], Array(16).fill(room)), IOERR)
})

test('what a back end throws is an I/O error in the guest, and kept for us', () => {
  const failing: BlockBackend = {
    size: 512 * SECTORS,
    readonly: false,
    read() {
      throw new Error('bad disk')
    },
    write() {},
    flush: () => Promise.reject(new Error('bad flush')),
  }
  const target = new Disk(failing)
  const used = target.queue.transact([target.header(IN, 0)], [target.driver.room(512), target.driver.room(1)])
  assert.equal(used?.length, 0)
  assert.match(String(target.device.counters.lastError), /bad disk/)
  assert.equal(target.driver.needsReset, false)
})

/** Answers when it is told to, in any order. */
class SlowBackend implements BlockBackend {
  readonly size = 512 * SECTORS
  readonly readonly = false
  readonly slowReads = true
  readonly waiting: { readonly offset: number; readonly finish: () => void }[] = []

  read(offset: number, into: readonly Uint8Array[]): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        for (const view of into) view.fill(offset / 512)
        resolve()
      }
      this.waiting.push({ offset, finish })
    })
  }

  write(): void {}

  flush(): Promise<void> {
    return new Promise((resolve) => this.waiting.push({ offset: -1, finish: resolve }))
  }
}

test('slow requests overtake each other', async () => {
  const backend = new SlowBackend()
  const target = new Disk(backend)
  const rooms = [1, 2, 3].map(() => target.driver.room(512))
  const statuses = rooms.map(() => target.driver.place(Uint8Array.of(0xee)))
  const heads = rooms.map((room, i) => target.queue.add([target.header(IN, i + 1)], [room, statuses[i]!]))
  const flush = target.queue.add([target.header(FLUSH, 0)], [target.driver.room(1)])
  target.queue.kick()
  assert.equal(target.queue.popUsed(), undefined)
  for (const i of [3, 1, 0, 2]) {
    backend.waiting[i]!.finish()
    await turn()
  }
  const order = [1, 2, 3, 4].map(() => target.queue.popUsed()?.head)
  assert.deepEqual(order, [flush, heads[1], heads[0], heads[2]])
  assert.deepEqual(
    rooms.map((room) => target.bytes(room)[511]),
    [1, 2, 3],
  )
  assert.deepEqual(
    statuses.map((status) => target.bytes(status)[0]),
    [OK, OK, OK],
  )
})

test('an answer that comes after a reset touches nothing', async () => {
  const backend = new SlowBackend()
  const target = new Disk(backend)
  const room = target.driver.room(512)
  target.queue.add([target.header(IN, 9)], [room, target.driver.room(1)])
  target.queue.kick()
  target.driver.write(reg.Status, 0)
  const [fresh] = target.driver.start()
  const { interrupts } = target.driver
  backend.waiting[0]!.finish()
  await turn()
  assert.equal(target.bytes(room)[0], 0)
  assert.equal(target.driver.interrupts, interrupts)
  assert.equal(fresh!.usedIdx, 0)
})
