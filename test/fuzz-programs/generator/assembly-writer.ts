// Writes assembly language, and knows what every instruction needs to know: operands, labels, which flags are defined.

import type { Random } from '../../engine/soft/differential/random.ts'
import { Flags } from './assembly-flags.ts'

/** Offsets from R14 reach from 0 to this, with room for the largest operand. */
export const REACH = 512

export type Size = 'b' | 'w' | 'l' | 'q'
export const WIDTH: Readonly<Record<Size, number>> = { b: 8, w: 16, l: 32, q: 64 }
export const SIZES: readonly Size[] = ['b', 'w', 'l', 'q', 'l', 'q']

/** The names of a general register by size. */
export type Register = Readonly<Record<Size, string>>

/** The first four have a high byte too. */
export const REGISTERS: readonly Register[] = [
  ...['a', 'b', 'c', 'd'].map((x) => ({ b: `%${x}l`, w: `%${x}x`, l: `%e${x}x`, q: `%r${x}x` })),
  ...['si', 'di'].map((x) => ({ b: `%${x}l`, w: `%${x}`, l: `%e${x}`, q: `%r${x}` })),
  ...[8, 9, 10, 11, 12, 13].map((n) => ({ b: `%r${n}b`, w: `%r${n}w`, l: `%r${n}d`, q: `%r${n}` })),
]
export const HIGH: readonly string[] = ['%ah', '%bh', '%ch', '%dh']
const LOW = ['%al', '%bl', '%cl', '%dl']

export class Writer {
  readonly lines: string[] = []
  readonly flags: Flags = new Flags()
  readonly random: Random
  readonly faults: boolean
  /** R15 counts one loop at a time. */
  inLoop = false
  readonly #name: string
  #labels = 0

  constructor(random: Random, name: string, faults: boolean) {
    this.random = random
    this.faults = faults
    this.#name = name
  }

  say(text: string): void {
    this.lines.push(text)
  }

  /** An instruction that may fault: entered in the table with the flags before it. */
  access(text: string): void {
    if (!this.faults || !text.includes('(%r14')) {
      this.say(text)
      return
    }
    this.entered(text)
  }

  /** The same where the text does not name the pointer. */
  pointing(text: string): void {
    if (this.faults) this.entered(text)
    else this.say(text)
  }

  entered(text: string): void {
    const [at, next] = [this.label(), this.label()]
    this.say(`${at}: ${text}\n${next}:`)
    this.say(`.pushsection fault_table,"a"\n.quad ${at}, ${next}, ${this.flags.mask()}\n.popsection`)
  }

  label(): string {
    this.#labels++
    return `.L${this.#name}_${this.#labels}`
  }

  register(size: Size = 'q'): string {
    return this.random.pick(REGISTERS)[size]
  }

  memory(align = 1): string {
    const offset = this.random.below(REACH)
    return `${offset - (offset % align)}(%r14)`
  }

  immediate(size: Size): string {
    if (this.random.below(2) === 0) return `$${this.random.below(256) - 128}`
    const any = this.random.next()
    if (size === 'b') return `$${any & 0x7f}`
    return size === 'w' ? `$${any & 0x7fff}` : `$${(any | 0) >> this.random.below(30)}`
  }

  /** Two operands of which at most one is in memory. */
  operands(size: Size): [from: string, to: string] {
    const random = this.random
    if (size === 'b' && random.below(4) === 0) return [random.pick([...HIGH, ...LOW]), random.pick(HIGH)]
    if (random.below(4) === 0) return [this.memory(), this.register(size)]
    const from = random.below(3) === 0 ? this.immediate(size) : this.register(size)
    return [from, random.below(4) === 0 ? this.memory() : this.register(size)]
  }
}
