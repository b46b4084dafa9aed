import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BusDevice, MmioBus, PortBus } from '../../src/bus/index.ts'

type Access = readonly [string, 'r' | 'w', number, number, number?]

/** Notes every access and reads as its offset. */
function recorder(name: string, log: Access[]): BusDevice {
  return {
    name,
    read(offset, width) {
      log.push([name, 'r', offset, width])
      return offset
    },
    write(offset, width, value) {
      log.push([name, 'w', offset, width, value])
    },
  }
}

test('MMIO: each access reaches its device with the offset in its window', () => {
  const log: Access[] = []
  const bus = new MmioBus()
  for (const i of [3, 0, 2, 1]) bus.register(0xd000_0000 + 0x1000 * i, 0x1000, recorder(`d${i}`, log))
  for (const i of [2, 0, 3, 3, 1]) assert.equal(bus.read(0xd000_0000 + 0x1000 * i + 8 * i, 4), 8 * i)
  bus.write(0xd000_1ffc, 4, 0xffff_ffff)
  assert.deepEqual(log, [
    ['d2', 'r', 16, 4],
    ['d0', 'r', 0, 4],
    ['d3', 'r', 24, 4],
    ['d3', 'r', 24, 4],
    ['d1', 'r', 8, 4],
    ['d1', 'w', 0xffc, 4, 0xffff_ffff],
  ])
})

test('MMIO: holes and accesses over the edge read as all-ones and are counted', () => {
  const log: Access[] = []
  const bus = new MmioBus()
  bus.register(0x1000, 0x100, recorder('d', log))
  assert.equal(bus.read(0xfff, 1), 0xff)
  assert.equal(bus.read(0x1100, 2), 0xffff)
  assert.equal(bus.read(0x10fe, 4), 0xffff_ffff)
  bus.write(0x0ffe, 4, 1)
  assert.deepEqual(log, [])
  assert.deepEqual(bus.counters, { unmappedReads: 3, unmappedWrites: 1, lastUnmapped: 0x0ffe })
})

test('MMIO: 8 bytes are two accesses, low half first', () => {
  const log: Access[] = []
  const bus = new MmioBus()
  bus.register(0x1000, 0x100, recorder('d', log))
  bus.write64(0x1010, 0x1122_3344_ffee_ddccn)
  assert.equal(bus.read64(0x1020), 0x24_0000_0020n)
  assert.deepEqual(log, [
    ['d', 'w', 0x10, 4, 0xffee_ddcc],
    ['d', 'w', 0x14, 4, 0x1122_3344],
    ['d', 'r', 0x20, 4],
    ['d', 'r', 0x24, 4],
  ])
})

test('overlapping windows are a mistake that names both', () => {
  const bus = new MmioBus()
  bus.register(0x1000, 0x1000, recorder('first', []))
  const overlaps = /second at 0x1fff–0x2ffe overlaps first at 0x1000–0x1fff/
  assert.throws(() => bus.register(0x1fff, 0x1000, recorder('second', [])), overlaps)
  assert.throws(() => bus.register(0x0, 0x4000, recorder('third', [])), /overlaps/)
  assert.throws(() => bus.register(0x8000, 0, recorder('empty', [])), /not an address range/)
  bus.register(0x2000, 0x1000, recorder('neighbour', []))
  assert.equal(bus.toString(), '00001000–00001fff first\n00002000–00002fff neighbour')
})

test('ports: unknown ones are counted, ignored ones are not', () => {
  const bus = new PortBus()
  bus.ignore(0x80, 1, 'POST code')
  bus.register(0x3f8, 8, recorder('serial', []))
  assert.equal(bus.read(0x80, 1), 0xff)
  bus.write(0x80, 1, 0)
  assert.deepEqual(bus.counters, { unmappedReads: 0, unmappedWrites: 0, lastUnmapped: -1 })
  assert.equal(bus.read(0x2f8, 2), 0xffff)
  bus.write(0xffff, 4, 0)
  assert.deepEqual(bus.counters, { unmappedReads: 1, unmappedWrites: 1, lastUnmapped: 0xffff })
  assert.throws(() => bus.register(0xfffc, 8, recorder('too far', [])), /beyond 0xffff/)
})

test('ports: an access over the end of a device is cut into bytes', () => {
  const log: Access[] = []
  const bus = new PortBus()
  bus.register(0x70, 2, recorder('rtc', log))
  bus.register(0x72, 1, recorder('next', log))
  assert.equal(bus.read(0x71, 2), 0x0001)
  bus.write(0x6f, 4, 0x4433_2211)
  assert.deepEqual(log, [
    ['rtc', 'r', 1, 1],
    ['next', 'r', 0, 1],
    ['rtc', 'w', 0, 1, 0x22],
    ['rtc', 'w', 1, 1, 0x33],
    ['next', 'w', 0, 1, 0x44],
  ])
  assert.equal(bus.counters.unmappedWrites, 1)
})
