import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConsoleDevice } from '../../src/virtio/index.ts'
import * as reg from '../../src/virtio/registers.ts'
import { type DriverQueue, MockDriver } from './mock-driver.ts'

interface Terminal {
  readonly device: ConsoleDevice
  readonly driver: MockDriver
  readonly printed: string[]
  readonly receive: DriverQueue
  readonly transmit: DriverQueue
}

function open(): Terminal {
  const printed: string[] = []
  const device = new ConsoleDevice({
    output: (bytes) => printed.push(Buffer.from(bytes).toString()),
    rows: 50,
  })
  const driver = new MockDriver(device)
  const [receive, transmit] = driver.start()
  return { device, driver, printed, receive: receive!, transmit: transmit! }
}

test('prints what the guest writes', () => {
  const { driver, printed, transmit } = open()
  transmit.transact([driver.place(Buffer.from('hello ')), driver.place(Buffer.from('world'))], [])
  transmit.transact([], [driver.room(4)])
  assert.deepEqual(printed, ['hello world'])
})

test('input waits for buffers, and fills as many as it needs', () => {
  const { device, driver, receive } = open()
  assert.equal(device.input(Buffer.from('hello')), 5)
  assert.equal(device.input(Buffer.from(' world')), 6)
  const rooms = [driver.room(4), driver.room(100)]
  for (const room of rooms) receive.add([], [room])
  receive.kick()
  assert.deepEqual([receive.popUsed()?.length, receive.popUsed()?.length], [4, 7])
  assert.equal(Buffer.from(driver.memory.copyOut(rooms[1]!.address, 7)).toString(), 'o world')
})

test('input is bounded', () => {
  const { device } = open()
  assert.equal(device.input(new Uint8Array(70_000)), 65_536)
  assert.equal(device.input(new Uint8Array(1)), 0)
})

test('buffers without room do not hang the input', () => {
  const { device, driver, receive } = open()
  for (let i = 0; i < 10; i++) receive.add([driver.room(4)], [])
  device.input(Buffer.from('x'))
  receive.add([], [driver.room(4)])
  receive.kick()
  assert.equal(receive.usedIdx, 11)
})

test('the size is in the configuration, and a change of it interrupts', () => {
  const { device, driver } = open()
  assert.deepEqual([driver.transport.read(reg.Config, 2), driver.transport.read(reg.Config + 2, 2)], [80, 50])
  device.resize(120, 40)
  assert.deepEqual(
    [driver.transport.read(reg.Config, 2), driver.transport.read(reg.Config + 2, 2)],
    [120, 40],
  )
  assert.equal(driver.acknowledgeInterrupt(), reg.INTERRUPT_CONFIG_CHANGE)
})

test('emergency write works before the driver is there', () => {
  const printed: string[] = []
  const driver = new MockDriver(
    new ConsoleDevice({ output: (bytes) => printed.push(Buffer.from(bytes).toString()) }),
  )
  driver.write(reg.Config + 8, 0x21)
  assert.deepEqual(printed, ['!'])
})
