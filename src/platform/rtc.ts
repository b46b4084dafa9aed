// The clock of a PC as the MC146818 showed it: ports 0x70 (index) and 0x71 (data), time of day in UTC.
//
// The kernel reads it once at boot to know the date; afterwards it has better clocks. So the time is read only:
// the registers always show the host's, written values are kept for the other bytes alone. UIP is never set,
// because the registers are computed when they are read; a driver that sees the second change under its hands
// reads again, as it must on real hardware. Alarms and periodic interrupts do not exist, and register C says so.

import type { AccessWidth, BusDevice } from '../bus/index.ts'

export const RTC_PORT = 0x70
export const RTC_PORTS = 2

const SECONDS = 0x00
const MINUTES = 0x02
const HOURS = 0x04
const DAY_OF_WEEK = 0x06
const DAY_OF_MONTH = 0x07
const MONTH = 0x08
const YEAR = 0x09
const REGISTER_A = 0x0a
const REGISTER_B = 0x0b
const REGISTER_C = 0x0c
const REGISTER_D = 0x0d
const CENTURY = 0x32

/** 32.768 kHz time base, 1024 Hz rate: what a PC's firmware leaves behind. */
const A_AFTER_BOOT = 0x26
const B_24_HOURS = 0x02
const B_BINARY = 0x04
/** No interrupts: they could not be delivered. */
const B_WRITABLE = 0x87
/** Valid RAM and time. */
const D_VALID = 0x80
const PM = 0x80

export class Rtc implements BusDevice {
  readonly name = 'rtc'
  readonly #now: () => number
  /** Bytes that are not the clock, as battery-backed RAM keeps them. */
  readonly #ram = new Uint8Array(128)
  #index = 0

  /** @param now milliseconds since 1970, as `Date.now` gives them */
  constructor(now: () => number = Date.now) {
    this.#now = now
    this.#ram[REGISTER_A] = A_AFTER_BOOT
    this.#ram[REGISTER_B] = B_24_HOURS
  }

  read(offset: number, _width: AccessWidth): number {
    // The index port cannot be read back on a PC.
    return offset === 1 ? this.#register(this.#index) : 0xff
  }

  write(offset: number, _width: AccessWidth, value: number): void {
    // Bit 7 of the index port masks NMIs, of which there are none.
    if (offset === 0) this.#index = value & 0x7f
    else if (this.#index === REGISTER_B) this.#ram[REGISTER_B] = value & B_WRITABLE
    else if (this.#index > REGISTER_D && this.#index !== CENTURY) this.#ram[this.#index] = value & 0xff
  }

  #register(index: number): number {
    const time = new Date(this.#now())
    switch (index) {
      case SECONDS:
        return this.#encode(time.getUTCSeconds())
      case MINUTES:
        return this.#encode(time.getUTCMinutes())
      case HOURS:
        return this.#hours(time.getUTCHours())
      case DAY_OF_WEEK:
        return this.#encode(time.getUTCDay() + 1)
      case DAY_OF_MONTH:
        return this.#encode(time.getUTCDate())
      case MONTH:
        return this.#encode(time.getUTCMonth() + 1)
      case YEAR:
        return this.#encode(time.getUTCFullYear() % 100)
      case CENTURY:
        return this.#encode(Math.floor(time.getUTCFullYear() / 100))
      case REGISTER_C:
        return 0
      case REGISTER_D:
        return D_VALID
      default:
        return this.#ram[index]!
    }
  }

  #hours(hours: number): number {
    if ((this.#ram[REGISTER_B]! & B_24_HOURS) !== 0) return this.#encode(hours)
    return this.#encode(hours % 12 === 0 ? 12 : hours % 12) | (hours >= 12 ? PM : 0)
  }

  /** Binary-coded decimal unless the guest has asked for binary. */
  #encode(value: number): number {
    if ((this.#ram[REGISTER_B]! & B_BINARY) !== 0) return value
    return (Math.floor(value / 10) << 4) | (value % 10)
  }
}
