import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RngDevice } from '../../src/virtio/index.ts'
import { MockDriver } from './mock-driver.ts'

test('fills the buffer, and says so', () => {
  const driver = new MockDriver(new RngDevice((into) => into.fill(0xa5)))
  const [queue] = driver.start()
  const room = driver.room(100)
  const used = queue!.transact([], [room])
  assert.equal(used?.length, 100)
  assert.deepEqual([...driver.memory.copyOut(room.address, 100)], Array(100).fill(0xa5))
  assert.equal(driver.memory.readU8(room.address + 100), 0)
  assert.equal(driver.interrupts, 1)
})

test('fills across descriptors, but no more than its bound', () => {
  const driver = new MockDriver(new RngDevice((into) => into.fill(1)))
  const [queue] = driver.start()
  const rooms = [driver.room(3000), driver.room(8000)]
  assert.equal(queue!.transact([], rooms)?.length, 4096)
})

test('a buffer without room is given back empty', () => {
  const driver = new MockDriver(new RngDevice((into) => into.fill(1)))
  const [queue] = driver.start()
  assert.equal(queue!.transact([driver.room(16)], [])?.length, 0)
  assert.equal(driver.needsReset, false)
})
