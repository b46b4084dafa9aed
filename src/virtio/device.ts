// What a virtio device is, apart from how the guest reaches it.
//
// A device knows its number, features, queue sizes and configuration bytes, and what to do when the driver puts
// buffers into a queue. Everything else belongs to the transport: status, negotiation, ring addresses, interrupt
// status. To write a new one, copy rng.ts. What a device does for its guest (bytes, sectors, packets) it gets as
// a second, smaller interface in its constructor; it never opens a file or a socket itself.

import type { SplitQueue } from './queue.ts'

export interface VirtioDevice {
  /** As in the specification's section title, for example `blk`. */
  readonly name: string
  /** virtio 1.2, section 5: the table of device numbers. */
  readonly deviceId: number
  /** Feature bits of the device's own (0–23, 50–127); the transport adds those of transport and queues. */
  readonly features: bigint
  /** Largest size of each queue, a power of two. Their number is the number of queues. */
  readonly queueSizes: readonly number[]
  /** The device configuration space. The transport copies it out at construction and on `configChanged`. */
  readonly config: Uint8Array

  /** The driver has set DRIVER_OK. May be followed only by `reset`. */
  activate(driver: ActiveDriver): void
  /** The driver says that `queues[index]` has new buffers; also called once for each queue after `activate`. */
  notify(index: number): void
  /** The driver is gone; drop every chain. Queues given to `activate` are dead: whatever is put there vanishes. */
  reset(): void
  /** The driver writes to its configuration space. Without this member it is read-only. */
  writeConfig?(offset: number, width: 1 | 2 | 4, value: number): void
}

/** The driver's side of a working device, valid from `activate` to `reset`. */
export interface ActiveDriver {
  /** What was negotiated: a subset of what was offered. */
  readonly features: bigint
  /** One for each of `queueSizes`; a queue that the driver did not set up is dead and always empty. */
  readonly queues: readonly SplitQueue[]
  /** Publishes `config` anew and tells the driver. */
  configChanged(): void
}
