// virtio over MMIO, version 2 (virtio 1.2, section 4.2): one register window, one interrupt line, any device.
//
//        CPU's thread                                  caller's thread (here)
//   read a register  ──► RegisterWindow words ◄──  kept up to date at all times
//   InterruptACK     ──► and-not on a word         raise(): or on the same word, then the line
//   write a register ──────── waits for ───────►   write()
//   QueueNotify      ──────── later, joined ───►   notify()
//
// So the words of the window ARE the registers' values: the selected half of the features, the selected queue's
// QueueNumMax and QueueReady, Status, the device's configuration. Bits of InterruptStatus are only ever changed by
// atomic read-modify-write, because both threads do.
//
// Whatever a driver does out of order or out of range is either ignored and counted, as a register of real
// hardware would, or answered with DEVICE_NEEDS_RESET when a queue can no longer be trusted. It never throws.
// Left out: legacy (version 1) layout, packed queues, VIRTIO_F_RING_RESET, shared memory regions (none exist,
// which SHMLen = -1 says).

import { debuglog } from 'node:util'
import type { AccessWidth, BusDevice, InterruptLine, RegisterWindow } from '../bus/index.ts'
import type { GuestMemory } from '../memory/index.ts'
import type { VirtioDevice } from './device.ts'
import { checkLayout, type QueueOwner, SplitQueue } from './queue.ts'
import * as reg from './registers.ts'

const debug = debuglog('inlinux-virtio')
const FEATURES: bigint = reg.VIRTIO_F_VERSION_1 | reg.VIRTIO_F_INDIRECT_DESC | reg.VIRTIO_F_EVENT_IDX
/** Bits of Status that a driver may set. */
const DRIVER_BITS = reg.ACKNOWLEDGE | reg.DRIVER | reg.FEATURES_OK | reg.DRIVER_OK | reg.FAILED

export interface TransportOptions {
  readonly device: VirtioDevice
  readonly memory: GuestMemory
  /** 1024 words of shared memory that the CPU's thread reads too. */
  readonly window: RegisterWindow
  readonly line: InterruptLine
}

export interface TransportCounters {
  notifications: number
  interrupts: number
  /** Writes that made no sense in the present state or at that place. */
  ignoredWrites: number
  /** Notifications before DRIVER_OK, after a failure, or of a queue that does not exist. */
  droppedNotifications: number
  /** Times the driver broke a queue, and why the last time. */
  needsReset: number
  lastFault: string
  /** Exceptions out of a device: bugs of ours, whatever the guest did. */
  internalErrors: number
}

interface QueueRegisters {
  size: number
  ready: boolean
  descriptors: number
  driver: number
  device: number
}

export class MmioTransport implements BusDevice {
  readonly name: string
  readonly counters: TransportCounters = {
    notifications: 0,
    interrupts: 0,
    ignoredWrites: 0,
    droppedNotifications: 0,
    needsReset: 0,
    lastFault: '',
    internalErrors: 0,
  }
  readonly #device: VirtioDevice
  readonly #memory: GuestMemory
  readonly #window: RegisterWindow
  readonly #bytes: Uint8Array
  readonly #line: InterruptLine
  readonly #offered: bigint
  readonly #owner: QueueOwner

  #accepted = 0n
  #deviceFeaturesSel = 0
  #driverFeaturesSel = 0
  #queueSel = 0
  #queueRegisters: QueueRegisters[] = []
  /** Empty until DRIVER_OK. */
  #queues: SplitQueue[] = []
  readonly #resuming = new Set<SplitQueue>()

  constructor({ device, memory, window, line }: TransportOptions) {
    this.name = `virtio-${device.name}`
    this.#device = device
    this.#memory = memory
    this.#window = window
    this.#bytes = new Uint8Array(window.buffer, window.byteOffset, reg.WINDOW_BYTES)
    this.#line = line
    this.#offered = device.features | FEATURES
    this.#owner = {
      interrupt: () => this.#raise(reg.INTERRUPT_USED_BUFFER),
      fail: (reason) => this.#needsReset(reason),
      resume: (queue) => this.#resume(queue),
    }
    this.#set(reg.MagicValue, reg.MAGIC)
    this.#set(reg.Version, 2)
    this.#set(reg.DeviceID, device.deviceId)
    this.#set(reg.VendorID, reg.VENDOR)
    this.#set(reg.SHMLenLow, -1)
    this.#set(reg.SHMLenHigh, -1)
    this.#set(reg.SHMBaseLow, -1)
    this.#set(reg.SHMBaseHigh, -1)
    this.#bytes.set(device.config, reg.Config)
    this.#clear()
  }

  /** What the CPU's thread answers by itself; here for engines that ask the bus, and for tests. */
  read(offset: number, width: AccessWidth): number {
    if (offset + width > reg.WINDOW_BYTES) return 0
    const word = Atomics.load(this.#window, offset >> 2) >>> 0
    if (width === 4 && (offset & 3) === 0) return word
    let value = 0
    for (let i = 0; i < width; i++) value += this.#bytes[offset + i]! * 2 ** (8 * i)
    return value
  }

  write(offset: number, width: AccessWidth, value: number): void {
    try {
      if (offset >= reg.Config) this.#writeConfig(offset - reg.Config, width, value)
      // Registers are 32 bits wide and aligned (virtio 1.2, 4.2.2.2); half a write means nothing.
      else if (width !== 4 || (offset & 3) !== 0) this.counters.ignoredWrites++
      else this.#writeRegister(offset, value >>> 0)
    } catch (error) {
      this.#deviceThrew(error)
    }
  }

  /** The driver has written `queue` to QueueNotify, once or several times. */
  notify(queue: number): void {
    if (this.#queues[queue]?.live !== true) {
      this.counters.droppedNotifications++
      return
    }
    this.counters.notifications++
    try {
      this.#device.notify(queue)
    } catch (error) {
      this.#deviceThrew(error)
    }
  }

  /** As if the driver had written 0 to Status: the device lets go of everything. For the end of a machine. */
  reset(): void {
    const active = this.#queues.length > 0
    for (const queue of this.#queues) queue.detach()
    this.#clear()
    try {
      if (active) this.#device.reset()
    } catch (error) {
      this.#deviceThrew(error)
    }
  }

  get #status(): number {
    return Atomics.load(this.#window, reg.Status >> 2)
  }

  #writeRegister(offset: number, value: number): void {
    const queue = this.#queueRegisters[this.#queueSel]
    switch (offset) {
      case reg.DeviceFeaturesSel:
        this.#deviceFeaturesSel = value
        this.#publishSelected()
        return
      case reg.DriverFeaturesSel:
        this.#driverFeaturesSel = value
        return
      case reg.DriverFeatures:
        this.#writeDriverFeatures(value)
        return
      case reg.QueueSel:
        this.#queueSel = value
        this.#publishSelected()
        return
      case reg.QueueReady:
        this.#writeQueueReady(queue, value)
        return
      case reg.QueueNotify:
        this.notify(value)
        return
      case reg.InterruptACK:
        Atomics.and(this.#window, reg.InterruptStatus >> 2, ~value)
        return
      case reg.Status:
        this.#writeStatus(value)
        return
      case reg.SHMSel:
        return
    }
    // What is left are the places of a queue, which must not move while the queue is in use.
    if (queue === undefined || queue.ready) {
      this.counters.ignoredWrites++
      return
    }
    switch (offset) {
      case reg.QueueNum:
        queue.size = value
        return
      case reg.QueueDescLow:
        queue.descriptors = withLow(queue.descriptors, value)
        return
      case reg.QueueDescHigh:
        queue.descriptors = withHigh(queue.descriptors, value)
        return
      case reg.QueueDriverLow:
        queue.driver = withLow(queue.driver, value)
        return
      case reg.QueueDriverHigh:
        queue.driver = withHigh(queue.driver, value)
        return
      case reg.QueueDeviceLow:
        queue.device = withLow(queue.device, value)
        return
      case reg.QueueDeviceHigh:
        queue.device = withHigh(queue.device, value)
        return
    }
    this.counters.ignoredWrites++
  }

  #writeDriverFeatures(value: number): void {
    // Negotiation ends with FEATURES_OK (virtio 1.2, 3.1.1); there are 128 feature bits, and we offer the first 64.
    if ((this.#status & reg.FEATURES_OK) !== 0 || this.#driverFeaturesSel > 1) {
      if (value !== 0) this.counters.ignoredWrites++
      return
    }
    const shift = BigInt(32 * this.#driverFeaturesSel)
    this.#accepted = (this.#accepted & ~(0xffff_ffffn << shift)) | (BigInt(value) << shift)
  }

  /** virtio 1.2, 3.1.1: bits are added in order, none is taken away but by a reset. */
  #writeStatus(value: number): void {
    if (value === 0) {
      this.reset()
      return
    }
    const before = this.#status
    let status = before | (value & DRIVER_BITS)
    if (
      (status & reg.FEATURES_OK) !== 0 &&
      (before & reg.FEATURES_OK) === 0 &&
      !this.#featuresAreFine(status)
    ) {
      status &= ~reg.FEATURES_OK
    }
    if ((status & reg.FEATURES_OK) === 0) status &= ~reg.DRIVER_OK
    if ((before & reg.DEVICE_NEEDS_RESET) !== 0 || (status & reg.FAILED) !== 0)
      status &= ~reg.DRIVER_OK | before
    if (status !== (value | (before & reg.DEVICE_NEEDS_RESET))) this.counters.ignoredWrites++
    this.#set(reg.Status, status)
    if ((status & reg.DRIVER_OK) !== 0 && (before & reg.DRIVER_OK) === 0) this.#activate()
  }

  #featuresAreFine(status: number): boolean {
    return (
      (status & reg.ACKNOWLEDGE) !== 0 &&
      (status & reg.DRIVER) !== 0 &&
      (this.#accepted & ~this.#offered) === 0n &&
      (this.#accepted & reg.VIRTIO_F_VERSION_1) !== 0n
    )
  }

  #writeQueueReady(queue: QueueRegisters | undefined, value: number): void {
    // A queue can be made ready between FEATURES_OK and DRIVER_OK only (3.1.1): there is no VIRTIO_F_RING_RESET.
    const settingUp = (this.#status & (reg.FEATURES_OK | reg.DRIVER_OK)) === reg.FEATURES_OK
    if (queue === undefined || (value & 1) === Number(queue.ready)) {
      this.counters.ignoredWrites++
    } else if ((value & 1) === 0) {
      queue.ready = false
      this.#queues[this.#queueSel]?.detach()
    } else if (!settingUp) {
      this.counters.ignoredWrites++
    } else {
      const wrong = checkLayout(queue, this.#device.queueSizes[this.#queueSel]!, this.#memory)
      if (wrong === undefined) queue.ready = true
      else this.#needsReset(`queue ${this.#queueSel}: ${wrong}`)
    }
    this.#publishSelected()
  }

  #activate(): void {
    if ((this.#status & reg.DEVICE_NEEDS_RESET) !== 0) return
    this.#queues = this.#device.queueSizes.map((maxSize, index) => {
      const { ready, ...layout } = this.#queueRegisters[index]!
      return new SplitQueue(
        this.#owner,
        this.#memory,
        index,
        maxSize,
        ready ? layout : undefined,
        this.#accepted,
      )
    })
    const queues = this.#queues
    this.#device.activate({
      features: this.#accepted,
      queues,
      // A device that keeps the record of an earlier life must not disturb the present driver.
      configChanged: () => (this.#queues === queues ? this.#configChanged() : undefined),
    })
    // Drivers fill queues before DRIVER_OK too, and a notification at that time was dropped.
    for (const queue of queues) if (queue.hasAvailable) this.notify(queue.index)
  }

  #writeConfig(offset: number, width: AccessWidth, value: number): void {
    if (this.#device.writeConfig === undefined || offset + width > this.#device.config.length) {
      this.counters.ignoredWrites++
      return
    }
    this.#device.writeConfig(offset, width, value)
    this.#bytes.set(this.#device.config, reg.Config)
  }

  /** A driver reads generation, configuration, generation. Counting on both sides shows it every torn read. */
  #configChanged(): void {
    Atomics.add(this.#window, reg.ConfigGeneration >> 2, 1)
    this.#bytes.set(this.#device.config, reg.Config)
    Atomics.add(this.#window, reg.ConfigGeneration >> 2, 1)
    this.#raise(reg.INTERRUPT_CONFIG_CHANGE)
  }

  /** The reason first, then the edge: the CPU's thread reads InterruptStatus as soon as it sees the line. */
  #raise(reason: number): void {
    this.counters.interrupts++
    Atomics.or(this.#window, reg.InterruptStatus >> 2, reason)
    this.#line.raise()
  }

  #needsReset(reason: string): void {
    debug('%s: %s', this.name, reason)
    this.counters.needsReset++
    this.counters.lastFault = reason
    for (const queue of this.#queues) queue.detach()
    const before = Atomics.or(this.#window, reg.Status >> 2, reg.DEVICE_NEEDS_RESET)
    if ((before & reg.DRIVER_OK) !== 0) this.#raise(reg.INTERRUPT_CONFIG_CHANGE)
  }

  #deviceThrew(error: unknown): void {
    this.counters.internalErrors++
    this.#needsReset(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }

  /** At most one turn is booked for a queue, and it is let lapse when the queue dies meanwhile. */
  #resume(queue: SplitQueue): void {
    if (this.#resuming.has(queue)) return
    this.#resuming.add(queue)
    setImmediate(() => {
      this.#resuming.delete(queue)
      if (queue.live && this.#queues[queue.index] === queue) this.notify(queue.index)
    })
  }

  /** All that a reset forgets. */
  #clear(): void {
    this.#accepted = 0n
    this.#deviceFeaturesSel = this.#driverFeaturesSel = this.#queueSel = 0
    this.#queues = []
    this.#queueRegisters = this.#device.queueSizes.map(() => ({
      size: 0,
      ready: false,
      descriptors: 0,
      driver: 0,
      device: 0,
    }))
    this.#set(reg.InterruptStatus, 0)
    this.#set(reg.Status, 0)
    this.#publishSelected()
  }

  /** The registers whose value depends on a selector. */
  #publishSelected(): void {
    const half = this.#deviceFeaturesSel
    this.#set(reg.DeviceFeatures, half > 1 ? 0 : Number((this.#offered >> BigInt(32 * half)) & 0xffff_ffffn))
    this.#set(reg.QueueNumMax, this.#device.queueSizes[this.#queueSel] ?? 0)
    this.#set(reg.QueueReady, Number(this.#queueRegisters[this.#queueSel]?.ready ?? false))
  }

  #set(register: number, value: number): void {
    Atomics.store(this.#window, register >> 2, value | 0)
  }
}

// 64-bit addresses arrive in halves. Above 2⁵³ they round, and are out of RAM before and after.
function withLow(address: number, low: number): number {
  return Math.floor(address / 2 ** 32) * 2 ** 32 + low
}

function withHigh(address: number, high: number): number {
  return high * 2 ** 32 + (address % 2 ** 32)
}
