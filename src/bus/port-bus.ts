// The port half of the bus: x86 I/O ports 0x0000–0xffff → devices.
//
// Unknown ports read as all-ones and swallow writes, as an ISA bus with nothing on it does. A kernel probes many
// ports of an old PC that we leave out on purpose (PIC, PIT, DMA, POST code): `ignore` names those, so that the
// counters show only the accesses nobody thought of.
// A 16- or 32-bit access that runs over the end of a device's window is cut into bytes, because on ISA
// neighbouring 8-bit devices do answer such an access byte by byte.

import { AddressMap } from './address-map.ts'
import type { AccessWidth, BusDevice } from './device.ts'
import type { BusCounters } from './mmio-bus.ts'

const PORTS = 0x1_0000
const ALL_ONES = { 1: 0xff, 2: 0xffff, 4: 0xffff_ffff } as const

export class PortBus {
  readonly counters: BusCounters = { unmappedReads: 0, unmappedWrites: 0, lastUnmapped: -1 }
  readonly #map = new AddressMap<BusDevice | 'ignored'>()

  /** Throws `RangeError` if the ports overlap others or lie beyond 0xffff. */
  register(port: number, count: number, device: BusDevice): void {
    checkPorts(port, count, device.name)
    this.#map.add(port, count, device.name, device)
  }

  /** Ports that a guest may touch in vain: all-ones, not counted. @param name what is missing there */
  ignore(port: number, count: number, name: string): void {
    checkPorts(port, count, name)
    this.#map.add(port, count, name, 'ignored')
  }

  read(port: number, width: AccessWidth): number {
    const range = this.#map.find(port)
    if (range === undefined) {
      if (width > 1 && this.#touches(port, width)) return this.#readBytes(port, width)
      this.counters.unmappedReads++
      this.counters.lastUnmapped = port
      return ALL_ONES[width]
    }
    if (range.owner === 'ignored') return ALL_ONES[width]
    if (port + width > range.end) return this.#readBytes(port, width)
    return range.owner.read(port - range.start, width)
  }

  write(port: number, width: AccessWidth, value: number): void {
    const range = this.#map.find(port)
    if (range === undefined) {
      if (width > 1 && this.#touches(port, width)) this.#writeBytes(port, width, value)
      else {
        this.counters.unmappedWrites++
        this.counters.lastUnmapped = port
      }
    } else if (range.owner !== 'ignored') {
      if (port + width > range.end) this.#writeBytes(port, width, value)
      else range.owner.write(port - range.start, width, value)
    }
  }

  #touches(port: number, width: AccessWidth): boolean {
    for (let i = 1; i < width; i++) if (this.#map.find(port + i) !== undefined) return true
    return false
  }

  #readBytes(port: number, width: AccessWidth): number {
    let value = 0
    for (let i = 0; i < width; i++) value += this.read(port + i, 1) * 2 ** (8 * i)
    return value
  }

  #writeBytes(port: number, width: AccessWidth, value: number): void {
    for (let i = 0; i < width; i++) this.write(port + i, 1, (value >>> (8 * i)) & 0xff)
  }
}

function checkPorts(port: number, count: number, name: string): void {
  if (port + count > PORTS)
    throw new RangeError(`${name}: ports 0x${port.toString(16)}+${count} end beyond 0xffff`)
}
