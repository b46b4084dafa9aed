// The ways out of a PC: three ports by which a guest says that it wants to restart or to be switched off.
//
//   0x64   keyboard controller: command 0xfe pulses the CPU's reset line     Linux: reboot=k, its default here
//   0xcf9  reset control register: bit 2 resets                              Linux: reboot=p
//   0x604  PM1a control of an ACPI PC: bit 13 (SLP_EN) enters a sleep state  our agent: power off
//
// There is no keyboard and no ACPI. Port 0x64 reads as "ready for a command", or a kernel would wait for it.
// A triple fault is a reset too; it is seen by the CPU, not here.

import type { AccessWidth, BusDevice } from '../bus/index.ts'

export const KEYBOARD_CONTROLLER_PORT = 0x64
export const KEYBOARD_CONTROLLER_PORTS = 1
export const RESET_CONTROL_PORT = 0xcf9
export const RESET_CONTROL_PORTS = 1
export const POWER_CONTROL_PORT = 0x604
export const POWER_CONTROL_PORTS = 2

const PULSE_RESET = 0xfe
const RST_CPU = 0x04
const SLP_EN = 0x2000

/** What the guest has asked for. May come more than once: nothing stops a guest from going on writing. */
export type PowerRequest = 'reset' | 'power-off'

export class KeyboardController implements BusDevice {
  readonly name = 'keyboard-controller'
  readonly #request: (request: PowerRequest) => void

  constructor(request: (request: PowerRequest) => void) {
    this.#request = request
  }

  /** Status: no key was pressed, and the next command may come. */
  read(): number {
    return 0
  }

  write(_offset: number, _width: AccessWidth, value: number): void {
    if ((value & 0xff) === PULSE_RESET) this.#request('reset')
  }
}

export class ResetControl implements BusDevice {
  readonly name = 'reset-control'
  readonly #request: (request: PowerRequest) => void
  #value = 0

  constructor(request: (request: PowerRequest) => void) {
    this.#request = request
  }

  read(): number {
    return this.#value
  }

  write(_offset: number, _width: AccessWidth, value: number): void {
    this.#value = value & 0xff & ~RST_CPU
    if ((value & RST_CPU) !== 0) this.#request('reset')
  }
}

export class PowerControl implements BusDevice {
  readonly name = 'power-control'
  readonly #request: (request: PowerRequest) => void

  constructor(request: (request: PowerRequest) => void) {
    this.#request = request
  }

  read(): number {
    return 0
  }

  write(offset: number, width: AccessWidth, value: number): void {
    // The register has 16 bits and may be written by halves; the bit that counts is in the upper one.
    const bits = offset === 0 ? value : value << 8
    if (offset + width >= 2 && (bits & SLP_EN) !== 0) this.#request('power-off')
  }
}
