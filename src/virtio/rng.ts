// virtio-rng, the entropy device (virtio 1.2, section 5.4): the guest offers buffers, we fill them.
// The smallest device there is, and the one to copy for a new one.

import type { Chain } from './chain.ts'
import type { ActiveDriver, VirtioDevice } from './device.ts'
import type { SplitQueue } from './queue.ts'

/** Writes random bytes over all of `into`; `randomFillSync` of node:crypto fits. */
export type EntropySource = (into: Uint8Array) => unknown

/** The device may answer with less than was asked for (5.4.6.1). This bounds what one buffer costs the host. */
const MAX_BYTES_PER_REQUEST = 4096

export class RngDevice implements VirtioDevice {
  readonly name = 'rng'
  readonly deviceId = 4
  readonly features = 0n
  readonly queueSizes: readonly number[] = [8]
  readonly config: Uint8Array = new Uint8Array(0)
  readonly #source: EntropySource
  readonly #bytes = new Uint8Array(MAX_BYTES_PER_REQUEST)
  #requests: SplitQueue | undefined

  constructor(source: EntropySource) {
    this.#source = source
  }

  activate({ queues }: ActiveDriver): void {
    this.#requests = queues[0]
  }

  notify(): void {
    this.#requests?.drain(this.#fill)
  }

  reset(): void {
    this.#requests = undefined
  }

  readonly #fill = (chain: Chain): void => {
    const wanted = this.#bytes.subarray(0, Math.min(chain.writableLength, MAX_BYTES_PER_REQUEST))
    this.#source(wanted)
    chain.write(wanted, 0, wanted.length)
    this.#requests?.push(chain)
  }
}
