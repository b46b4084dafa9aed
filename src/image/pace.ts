// Long synchronous work, cut into slices: the machines of this process have their devices on the same thread.
//
// Converting a tree is a hundred thousand tiny steps; an `await` per step would cost more than the step. So the
// loops here run synchronously and ask their pace now and then: once a slice is used up, other work gets a turn.
// The same moment is used to notice that the caller has aborted.

import { VmError } from '../errors/index.ts'

const SLICE_MS = 8

export class Pace {
  readonly #signal: AbortSignal | undefined
  #sliceStart = performance.now()

  constructor(signal?: AbortSignal) {
    this.#signal = signal
    this.check()
  }

  /** The slice is used up: the caller's loop should `await turn()`. */
  get isDue(): boolean {
    return performance.now() - this.#sliceStart > SLICE_MS
  }

  /** Lets other work of the process run. @throws VmError `ERR_INLINUX_ABORTED` */
  async turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    this.#sliceStart = performance.now()
    this.check()
  }

  check(): void {
    if (this.#signal?.aborted !== true) return
    throw new VmError('ERR_INLINUX_ABORTED', 'The preparation of the image was aborted', {
      cause: this.#signal.reason,
    })
  }
}
