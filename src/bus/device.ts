// What a device on the bus is, and what it is given.
//
// A device answers reads and writes inside its own window; the bus cuts 8-byte accesses in two and checks
// bounds, so a device sees offsets within its window and widths of 1, 2 or 4 bytes only. Nothing here throws
// for what a guest does: an unknown register reads as 0 (MMIO) or all-ones (ports) and ignores writes.

export type AccessWidth = 1 | 2 | 4

export interface BusDevice {
  /** For error messages and counters, for example `virtio-blk`. */
  readonly name: string
  /** @param offset bytes from the start of the device's window. @returns an unsigned value of `width` bytes */
  read(offset: number, width: AccessWidth): number
  write(offset: number, width: AccessWidth, value: number): void
}

/** One edge-triggered interrupt line to the IO-APIC. Safe to call at any time, from the caller's thread. */
export interface InterruptLine {
  raise(): void
}

/**
 * The register window of one virtio-mmio device as 32-bit words in shared memory (0x000–0xfff, so 1024 words).
 * The CPU's thread answers reads from these words itself and performs InterruptACK on them; writes of every
 * other register arrive at the device in the caller's thread while the CPU waits. QueueNotify alone does not wait.
 */
export type RegisterWindow = Int32Array
