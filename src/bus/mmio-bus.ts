// The memory-mapped half of the bus: guest-physical addresses above RAM → devices.
//
// A hole reads as all-ones, as on a PC, and swallows writes; both are counted, so that a driver which looks for
// a device that is not there can be seen. An 8-byte access is cut in two, low half first: no device of ours has
// a 64-bit register, and virtio drivers do not make such accesses (virtio 1.2, 4.2.2.2).
// An access that begins in a window and ends behind it is a hole: devices see offsets inside their window only.

import { AddressMap } from './address-map.ts'
import type { AccessWidth, BusDevice } from './device.ts'

const ALL_ONES = { 1: 0xff, 2: 0xffff, 4: 0xffff_ffff } as const

export interface BusCounters {
  unmappedReads: number
  unmappedWrites: number
  /** The last address without a device that the guest touched, or -1. */
  lastUnmapped: number
}

export class MmioBus {
  readonly counters: BusCounters = { unmappedReads: 0, unmappedWrites: 0, lastUnmapped: -1 }
  readonly #map = new AddressMap<BusDevice>()

  /** Throws `RangeError` if the window overlaps another one: that is a mistake in the machine's memory map. */
  register(base: number, size: number, device: BusDevice): void {
    this.#map.add(base, size, device.name, device)
  }

  read(address: number, width: AccessWidth): number {
    const range = this.#map.find(address)
    if (range === undefined || address + width > range.end) {
      this.counters.unmappedReads++
      this.counters.lastUnmapped = address
      return ALL_ONES[width]
    }
    return range.owner.read(address - range.start, width)
  }

  write(address: number, width: AccessWidth, value: number): void {
    const range = this.#map.find(address)
    if (range === undefined || address + width > range.end) {
      this.counters.unmappedWrites++
      this.counters.lastUnmapped = address
      return
    }
    range.owner.write(address - range.start, width, value)
  }

  read64(address: number): bigint {
    const low = this.read(address, 4)
    return BigInt(low) | (BigInt(this.read(address + 4, 4)) << 32n)
  }

  write64(address: number, value: bigint): void {
    this.write(address, 4, Number(value & 0xffff_ffffn))
    this.write(address + 4, 4, Number((value >> 32n) & 0xffff_ffffn))
  }

  /** The memory map as text, one window a line, lowest address first. */
  toString(): string {
    return [...this.#map].map(({ start, end, name }) => `${hex(start)}–${hex(end - 1)} ${name}`).join('\n')
  }
}

function hex(address: number): string {
  return address.toString(16).padStart(8, '0')
}
