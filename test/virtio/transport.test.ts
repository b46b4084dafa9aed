// The registers, as a driver meets them: status, negotiation, reset, configuration, notifications.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { ActiveDriver, VirtioDevice } from '../../src/virtio/index.ts'
import * as reg from '../../src/virtio/registers.ts'
import { MockDriver } from './mock-driver.ts'

/** Three queues, eight bytes of configuration, and a diary. */
class DiaryDevice implements VirtioDevice {
  readonly name = 'diary'
  readonly deviceId = 42
  readonly features = 0b101n
  readonly queueSizes = [8, 4, 2]
  readonly config = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
  readonly diary: string[] = []
  driver: ActiveDriver | undefined

  activate(driver: ActiveDriver): void {
    this.driver = driver
    this.diary.push(`activate ${driver.queues.map(({ size }) => size)}`)
  }

  notify(index: number): void {
    this.diary.push(`notify ${index}`)
  }

  reset(): void {
    this.diary.push('reset')
  }

  writeConfig(offset: number, width: 1 | 2 | 4, value: number): void {
    this.diary.push(`config ${offset} ${width} ${value}`)
    this.config[offset] = value
  }
}

function open(): { device: DiaryDevice; driver: MockDriver } {
  const device = new DiaryDevice()
  return { device, driver: new MockDriver(device) }
}

const { ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, FAILED } = reg

test('identity, features by halves, and no shared memory', () => {
  const { driver } = open()
  assert.equal(driver.read(reg.MagicValue), 0x7472_6976)
  assert.equal(driver.read(reg.Version), 2)
  assert.equal(driver.read(reg.DeviceID), 42)
  assert.equal(driver.offeredFeatures(), (1n << 32n) | (1n << 29n) | (1n << 28n) | 0b101n)
  driver.write(reg.DeviceFeaturesSel, 2)
  assert.equal(driver.read(reg.DeviceFeatures), 0)
  driver.write(reg.SHMSel, 0)
  assert.equal(driver.read(reg.SHMLenLow), 0xffff_ffff)
  assert.equal(driver.read(reg.SHMLenHigh), 0xffff_ffff)
})

test('the whole way up, and down again by reset', () => {
  const { device, driver } = open()
  driver.start()
  assert.equal(driver.status, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)
  assert.equal(device.driver?.features, driver.accepted)
  driver.write(reg.Status, 0)
  assert.equal(driver.status, 0)
  assert.deepEqual(device.diary, ['activate 8,4,2', 'reset'])
  driver.write(reg.Status, 0)
  assert.deepEqual(device.diary, ['activate 8,4,2', 'reset'])
})

test('FEATURES_OK stays clear for features that were not offered, and without VERSION_1', () => {
  const { driver } = open()
  for (const features of [(1n << 32n) | 0b10n, 0b101n, (1n << 32n) | (1n << 33n)]) {
    driver.write(reg.Status, 0)
    driver.write(reg.Status, ACKNOWLEDGE | DRIVER)
    driver.acceptFeatures(features)
    driver.write(reg.Status, ACKNOWLEDGE | DRIVER | FEATURES_OK)
    assert.equal(driver.status, ACKNOWLEDGE | DRIVER)
  }
})

test('DRIVER_OK needs FEATURES_OK, and FEATURES_OK needs ACKNOWLEDGE and DRIVER', () => {
  const { device, driver } = open()
  driver.acceptFeatures(1n << 32n)
  driver.write(reg.Status, FEATURES_OK)
  assert.equal(driver.status, 0)
  driver.write(reg.Status, ACKNOWLEDGE | DRIVER | DRIVER_OK)
  assert.equal(driver.status, ACKNOWLEDGE | DRIVER)
  assert.deepEqual(device.diary, [])
})

test('features are fixed after FEATURES_OK', () => {
  const { device, driver } = open()
  driver.negotiate()
  const accepted = driver.accepted
  driver.acceptFeatures(0n)
  driver.acceptFeatures(~0n & 0xffff_ffff_ffff_ffffn)
  driver.driverOk()
  assert.equal(device.driver?.features, accepted)
})

test('a driver cannot take status bits back, nor set DEVICE_NEEDS_RESET', () => {
  const { driver } = open()
  driver.start()
  driver.write(reg.Status, ACKNOWLEDGE | reg.DEVICE_NEEDS_RESET)
  assert.equal(driver.status, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)
  driver.write(reg.Status, FAILED)
  assert.equal(driver.status & FAILED, FAILED)
})

test('DRIVER_OK after FAILED or a broken queue does not start the device', () => {
  const { device, driver } = open()
  driver.negotiate()
  driver.write(reg.Status, driver.status | FAILED)
  driver.driverOk()
  driver.negotiate()
  driver.setUpQueue(0, 3)
  assert.equal(driver.needsReset, true)
  driver.driverOk()
  assert.deepEqual(device.diary, [])
})

test('QueueNumMax and QueueReady follow QueueSel, and are 0 behind the last queue', () => {
  const { driver } = open()
  driver.negotiate()
  driver.setUpQueue(1)
  const seen = [0, 1, 2, 3, 0xffff_ffff].map((index) => {
    driver.write(reg.QueueSel, index)
    return [driver.read(reg.QueueNumMax), driver.read(reg.QueueReady)]
  })
  assert.deepEqual(seen, [
    [8, 0],
    [4, 1],
    [2, 0],
    [0, 0],
    [0, 0],
  ])
})

test('a queue that the driver leaves out is dead, the others work', () => {
  const { device, driver } = open()
  driver.negotiate()
  driver.setUpQueue(1)
  driver.driverOk()
  assert.deepEqual(device.diary, ['activate 0,4,0'])
  assert.equal(device.driver?.queues[0]?.pop(), undefined)
  driver.transport.notify(0)
  driver.transport.notify(1)
  assert.deepEqual(device.diary, ['activate 0,4,0', 'notify 1'])
  assert.equal(driver.transport.counters.droppedNotifications, 1)
})

test('a queue stopped while the device runs is dead; making it ready again is ignored', () => {
  const { device, driver } = open()
  const [queue] = driver.start()
  driver.write(reg.QueueSel, 0)
  driver.write(reg.QueueReady, 0)
  assert.equal(driver.read(reg.QueueReady), 0)
  queue!.add([driver.room(8)], [])
  driver.transport.notify(0)
  driver.write(reg.QueueReady, 1)
  assert.equal(driver.read(reg.QueueReady), 0)
  assert.equal(device.driver?.queues[0]?.pop(), undefined)
  assert.deepEqual(device.diary, ['activate 8,4,2'])
})

test('a ready queue cannot be moved', () => {
  const { device, driver } = open()
  driver.negotiate()
  const queue = driver.setUpQueue(0)
  driver.writeQueueLayout(2, 0, 0, 0)
  driver.write(reg.QueueReady, 1)
  driver.driverOk()
  queue.add([driver.room(8)], [])
  assert.equal(device.driver?.queues[0]?.size, 8)
  assert.equal(device.driver?.queues[0]?.pop()?.readableLength, 8)
})

test('places where a queue cannot be', () => {
  const { driver } = open()
  const end = driver.memory.size
  const layouts: [string, number, number, number, number][] = [
    ['size 0', 0, 0x1000, 0x2000, 0x3000],
    ['not a power of two', 3, 0x1000, 0x2000, 0x3000],
    ['larger than QueueNumMax', 16, 0x1000, 0x2000, 0x3000],
    ['table not aligned', 8, 0x1008, 0x2000, 0x3000],
    ['available ring not aligned', 8, 0x1000, 0x2001, 0x3000],
    ['used ring not aligned', 8, 0x1000, 0x2000, 0x3002],
    ['table ends behind RAM', 8, end - 112, 0x2000, 0x3000],
    ['available ring behind RAM', 8, 0x1000, end, 0x3000],
    ['used ring at 2⁶⁴ - 4', 8, 0x1000, 0x2000, 2 ** 64 - 2048],
    ['rings overlap', 8, 0x1000, 0x2000, 0x2010],
    ['ring inside of the table', 8, 0x1000, 0x1040, 0x3000],
  ]
  for (const [what, size, descriptors, avail, used] of layouts) {
    driver.negotiate()
    driver.write(reg.QueueSel, 0)
    driver.writeQueueLayout(size, descriptors, avail, used)
    driver.write(reg.QueueReady, 1)
    assert.equal(driver.needsReset, true, what)
    assert.equal(driver.read(reg.QueueReady), 0, what)
  }
})

test('a queue at the very end of RAM is fine', () => {
  const { driver } = open()
  const end = driver.memory.size
  driver.negotiate()
  driver.write(reg.QueueSel, 0)
  driver.writeQueueLayout(8, end - 128, 0x2000, end - 128 - 72)
  driver.write(reg.QueueReady, 1)
  assert.equal(driver.needsReset, false)
  assert.equal(driver.read(reg.QueueReady), 1)
})

test('notifications before DRIVER_OK are dropped, and the device looks by itself when it starts', () => {
  const { device, driver } = open()
  driver.negotiate()
  const queue = driver.setUpQueue(1)
  queue.add([driver.room(8)], [])
  driver.transport.notify(1)
  driver.write(reg.QueueNotify, 1)
  assert.deepEqual(device.diary, [])
  driver.driverOk()
  assert.deepEqual(device.diary, ['activate 0,4,0', 'notify 1'])
  assert.equal(driver.transport.counters.droppedNotifications, 2)
})

test('QueueNotify names the queue in its value, not by QueueSel', () => {
  const { device, driver } = open()
  driver.start()
  driver.write(reg.QueueSel, 0)
  driver.write(reg.QueueNotify, 2)
  driver.write(reg.QueueNotify, 3)
  driver.write(reg.QueueNotify, 0xffff_ffff)
  assert.deepEqual(device.diary, ['activate 8,4,2', 'notify 2'])
  assert.equal(driver.transport.counters.droppedNotifications, 2)
})

test('InterruptACK clears the bits that it names', () => {
  const { device, driver } = open()
  const [queue] = driver.start()
  queue!.add([driver.room(8)], [])
  device.driver!.configChanged()
  device.driver!.queues[0]!.push(device.driver!.queues[0]!.pop()!)
  device.driver!.queues[0]!.signal()
  assert.equal(driver.read(reg.InterruptStatus), 3)
  driver.write(reg.InterruptACK, 1)
  assert.equal(driver.read(reg.InterruptStatus), 2)
  assert.equal(driver.acknowledgeInterrupt(), 2)
  assert.equal(driver.read(reg.InterruptStatus), 0)
})

test('configuration is read by 1, 2 and 4 bytes, also across words', () => {
  const { driver } = open()
  const { transport } = driver
  assert.equal(transport.read(0x100, 1), 1)
  assert.equal(transport.read(0x107, 1), 8)
  assert.equal(transport.read(0x103, 2), 0x0504)
  assert.equal(transport.read(0x104, 4), 0x0807_0605)
  assert.equal(transport.read(0x102, 4), 0x0605_0403)
  assert.equal(transport.read(0x108, 4), 0)
  assert.equal(transport.read(0xfff, 4), 0)
})

test('configuration is written through the device, inside of its bounds', () => {
  const { device, driver } = open()
  driver.transport.write(0x101, 1, 0xff)
  driver.transport.write(0x107, 2, 0)
  driver.transport.write(0xffc, 4, 0)
  assert.deepEqual(device.diary, ['config 1 1 255'])
  assert.equal(driver.transport.read(0x100, 4), 0x0403_ff01)
  assert.equal(driver.transport.counters.ignoredWrites, 2)
})

test('a change of configuration changes the generation, and interrupts', () => {
  const { device, driver } = open()
  driver.start()
  const generation = driver.read(reg.ConfigGeneration)
  device.config[0] = 99
  device.driver!.configChanged()
  assert.notEqual(driver.read(reg.ConfigGeneration), generation)
  assert.equal(driver.transport.read(0x100, 1), 99)
  assert.equal(driver.read(reg.InterruptStatus), reg.INTERRUPT_CONFIG_CHANGE)
  assert.equal(driver.interrupts, 1)
})

test('after a reset an old driver record is deaf', () => {
  const { device, driver } = open()
  const [queue] = driver.start()
  queue!.add([driver.room(8)], [])
  const old = device.driver!
  const chain = old.queues[0]!.pop()!
  driver.write(reg.Status, 0)
  driver.start()
  old.configChanged()
  old.queues[0]!.push(chain)
  old.queues[0]!.signal()
  assert.equal(driver.interrupts, 0)
  assert.equal(queue!.usedIdx, 0)
})

test('registers are written by aligned words only', () => {
  const { driver } = open()
  driver.transport.write(reg.Status, 1, ACKNOWLEDGE)
  driver.transport.write(reg.Status + 1, 4, ACKNOWLEDGE)
  driver.transport.write(reg.Status, 2, ACKNOWLEDGE)
  assert.equal(driver.status, 0)
  assert.equal(driver.transport.counters.ignoredWrites, 3)
})

test('what a device throws stops the device and is counted as our fault', () => {
  const { device, driver } = open()
  driver.start()
  device.notify = () => {
    throw new TypeError('a bug')
  }
  driver.transport.notify(0)
  assert.equal(driver.needsReset, true)
  assert.equal(driver.transport.counters.internalErrors, 1)
  assert.match(driver.transport.counters.lastFault, /a bug/)
})

test('a device that breaks tells a running driver with a configuration interrupt', () => {
  const { device, driver } = open()
  const [queue] = driver.start()
  queue!.offer(1000)
  assert.equal(device.driver!.queues[0]!.pop(), undefined)
  assert.equal(driver.needsReset, true)
  assert.equal(driver.acknowledgeInterrupt(), reg.INTERRUPT_CONFIG_CHANGE)
  assert.equal(driver.interrupts, 1)
  driver.transport.notify(1)
  assert.deepEqual(device.diary, ['activate 8,4,2'])
  driver.start()
  assert.equal(driver.needsReset, false)
  assert.deepEqual(device.diary, ['activate 8,4,2', 'reset', 'activate 8,4,2'])
})

test('a driver that always has another buffer does not keep the thread', async () => {
  const device = new DiaryDevice()
  const driver = new MockDriver(device)
  const [queue] = driver.start()
  const room = driver.room(8)
  let handled = 0
  let stop = false
  device.notify = (index) => {
    device.driver!.queues[index]!.drain((chain) => {
      handled++
      device.driver!.queues[index]!.push(chain)
      queue!.popUsed()
      if (!stop) queue!.add([room], [])
    })
  }
  queue!.add([room], [])
  queue!.kick()
  assert.equal(handled, 8)
  await turn()
  await turn()
  assert.ok(handled > 8)
  stop = true
  await turn()
  await turn()
  const total = handled
  await turn()
  assert.equal(handled, total)
})
