// The two 8259A interrupt controllers of a PC, as far as Linux looks at them: their mask registers.
//
// Linux probes for them by writing a mask and reading it back; when they answer, it numbers the interrupts 0–15 as
// a PC does, which virtio_mmio's command-line parameter relies on. Interrupts themselves go through the IO-APIC.
// Initialization words are taken and forgotten; nothing ever comes out of these controllers.

import type { AccessWidth, BusDevice } from '../bus/index.ts'

export const PIC_MASTER_PORT = 0x20
export const PIC_SLAVE_PORT = 0xa0
export const PIC_PORTS = 2

export class Pic implements BusDevice {
  readonly name: string
  #mask = 0xff

  constructor(name: string) {
    this.name = name
  }

  read(offset: number): number {
    return offset === 1 ? this.#mask : 0
  }

  write(offset: number, _width: AccessWidth, value: number): void {
    if (offset === 1) this.#mask = value & 0xff
  }
}
