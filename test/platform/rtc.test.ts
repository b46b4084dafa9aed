import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rtc } from '../../src/platform/index.ts'

const AT = Date.UTC(2026, 10, 22, 23, 9, 58, 500)

function read(rtc: Rtc, index: number): number {
  rtc.write(0, 1, index)
  return rtc.read(1, 1)
}

function write(rtc: Rtc, index: number, value: number): void {
  rtc.write(0, 1, index)
  rtc.write(1, 1, value)
}

test('the time of day in BCD, UTC, 24 hours', () => {
  const rtc = new Rtc(() => AT)
  const time = [0x32, 9, 8, 7, 4, 2, 0].map((index) => read(rtc, index).toString(16))
  assert.deepEqual(time, ['20', '26', '11', '22', '23', '9', '58'])
  assert.equal(read(rtc, 6), 1) // Sunday
})

test('binary and 12 hours on request', () => {
  const rtc = new Rtc(() => AT)
  write(rtc, 0x0b, 0x04)
  assert.equal(read(rtc, 0x00), 58)
  assert.equal(read(rtc, 0x04), 11 | 0x80)
  const midnight = new Rtc(() => Date.UTC(2000, 0, 1, 0, 0, 0))
  write(midnight, 0x0b, 0x00)
  assert.equal(read(midnight, 0x04), 0x12)
})

test('an update is never in progress, the battery is good, no interrupt is pending', () => {
  const rtc = new Rtc()
  assert.equal(read(rtc, 0x0a) & 0x80, 0)
  assert.equal(read(rtc, 0x0d), 0x80)
  assert.equal(read(rtc, 0x0c), 0)
})

test('the time cannot be written, the other bytes can, and bit 7 of the index is not part of it', () => {
  const rtc = new Rtc(() => AT)
  write(rtc, 0x00, 0x11)
  assert.equal(read(rtc, 0x00), 0x58)
  write(rtc, 0x40, 0x77)
  assert.equal(read(rtc, 0xc0), 0x77)
})
