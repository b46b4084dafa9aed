// What lies where in a machine's physical address space, and which interrupt belongs to whom.
//
//   0x0000_0000 ┌──────────────────────────┐
//               │ RAM                      │  boot/linux.ts has the first MiB in detail
//        memory ├──────────────────────────┤
//               │ (nothing: reads all-ones)│
//   0xd000_0000 ├──────────────────────────┤
//               │ virtio-mmio, 4 KiB each  │  device n: 0xd000_0000 + n × 0x1000, VIRTIO_IRQS[n]
//   0xfec0_0000 ├──────────────────────────┤
//               │ IO-APIC                  │  inside the engine
//   0xfee0_0000 │ local APIC               │
//               └──────────────────────────┘
//
// Ports: 0x20 and 0xa0 interrupt-controller masks, 0x64 and 0xcf9 reset, 0x70 clock, 0x3f8 serial, 0x604 power.

export const VIRTIO_BASE = 0xd0000000
export const VIRTIO_WINDOW_BYTES = 0x1000
/** The interval timer is not there: the local APIC's timer is. */
export const PIT_PORT = 0x40
export const PIT_PORTS = 4
export const SERIAL_PORT = 0x3f8
export const SERIAL_PORTS = 8
export const SERIAL_IRQ = 4
/** IO-APIC inputs of the virtio devices. Not 0–4, 8 and 13, which a PC uses otherwise. */
export const VIRTIO_IRQS: readonly number[] = [5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22]

/** virtio_mmio's command-line parameter: there is no ACPI and no device tree that would tell the kernel. */
export function virtioParameter(device: number): string {
  const base = VIRTIO_BASE + device * VIRTIO_WINDOW_BYTES
  return `virtio_mmio.device=4K@0x${base.toString(16)}:${VIRTIO_IRQS[device]}`
}
