// What is known of the numbers in vector registers at the place that is being written: results and operands of an
// instruction that has not left the region need not be asked again whether they are NaNs or denormals. Known only from
// one instruction to the next ones of the same node; a call of a handler, or a write to the register, ends it.

import type { Value } from './frame.ts'

/** Plain numbers (neither NaN nor denormal) in a register's lowest lanes, taken as singles and as doubles. */
interface Plain {
  readonly singles: number
  readonly doubles: number
}

const NOTHING: Plain = { singles: 0, doubles: 0 }

export class KnownNumbers {
  readonly #registers = new Map<number, Plain>()
  #next: Plain = NOTHING

  clear(): void {
    this.#registers.clear()
    this.#next = NOTHING
  }

  isPlain(value: Value, bytes: 4 | 8, lanes: number): boolean {
    const { singles, doubles } = this.#of(value)
    return (bytes === 4 ? singles : doubles) >= lanes
  }

  /** The operand's lowest lanes are plain. */
  learn(value: Value, bytes: 4 | 8, lanes: number): void {
    if (value.kind !== 'register') return
    const { singles, doubles } = this.#of(value)
    this.#registers.set(
      value.local,
      bytes === 4
        ? { singles: Math.max(singles, lanes), doubles }
        : { singles, doubles: Math.max(doubles, lanes) },
    )
  }

  /** The register that is written next gets plain numbers. */
  announce(bytes: 4 | 8, lanes: number): void {
    this.#next = bytes === 4 ? { singles: lanes, doubles: 0 } : { singles: 0, doubles: lanes }
  }

  /** The register that is written next becomes a copy. */
  announceCopy(value: Value): void {
    this.#next = this.#of(value)
  }

  /** A register is written. */
  written(local: number): void {
    if (this.#next === NOTHING) this.#registers.delete(local)
    else this.#registers.set(local, this.#next)
    this.#next = NOTHING
  }

  #of(value: Value): Plain {
    return (value.kind === 'register' && this.#registers.get(value.local)) || NOTHING
  }
}
