// The guest's registers in locals of a region's function: all of a kind are a bank. A register gets its local when code
// first asks for it; the function loads it at its start and stores it, if it changes, at its end (function-writer.ts),
// and around calls of the interpreter (calls.ts).

import { REGS, XMM } from './addresses.ts'
import { type Code, I64, V128, type ValueType } from './encoder.ts'
import { op } from './opcodes.ts'

// Offsets of general registers from REGS, by which operations name them.
export const RAX = 0
export const RCX = 0x08
export const RDX = 0x10
export const RSP = 0x20
export const RBP = 0x28

/** Registers of one kind, as they lie in the CPU's state. */
interface RegisterKind {
  readonly type: ValueType
  readonly at: number
  /** log2(bytes of one) */
  readonly shift: number
  readonly load: number
  readonly store: number
}

export const GENERAL: RegisterKind = { type: I64, at: REGS, shift: 3, load: op.i64_load, store: op.i64_store }
export const VECTOR: RegisterKind = {
  type: V128,
  at: XMM,
  shift: 4,
  load: op.v128_load,
  store: op.v128_store,
}

/** Numbers of the registers that a region uses and changes: what one pass over it finds out for the next. */
export interface BankUse {
  readonly used: Set<number>
  readonly changed: Set<number>
}

export class RegisterBank {
  readonly use: BankUse
  readonly #kind: RegisterKind
  readonly #newLocal: (type: ValueType) => number
  readonly #locals = new Map<number, number>()

  constructor(kind: RegisterKind, use: BankUse, newLocal: (type: ValueType) => number) {
    this.#kind = kind
    this.use = use
    this.#newLocal = newLocal
  }

  /** Numbers of the registers that have locals. */
  get numbers(): Iterable<number> {
    return this.#locals.keys()
  }

  /** Local of the register at this offset (of a part of one: of the whole). */
  at(offset: number): number {
    return this.local(offset >> this.#kind.shift)
  }

  /** Likewise, of one that is about to be written. */
  toChange(offset: number): number {
    this.use.changed.add(offset >> this.#kind.shift)
    return this.at(offset)
  }

  local(number: number): number {
    let local = this.#locals.get(number)
    if (local === undefined) {
      local = this.#newLocal(this.#kind.type)
      this.#locals.set(number, local)
      this.use.used.add(number)
    }
    return local
  }

  /** Writes code that takes those of these registers from memory that the region uses. */
  load(code: Code, numbers: Iterable<number> = this.use.used): void {
    const { at, shift, load } = this.#kind
    for (const number of numbers) {
      if (!this.use.used.has(number)) continue
      code.i32(0)
      code.memory(load, at + (number << shift))
      code.set(this.local(number))
    }
  }

  /** Writes code that puts those of these registers into memory that the region changes. */
  store(code: Code, numbers: Iterable<number> = this.use.changed): void {
    const { at, shift, store } = this.#kind
    for (const number of numbers) {
      if (!this.use.changed.has(number)) continue
      code.i32(0)
      code.get(this.local(number))
      code.memory(store, at + (number << shift))
    }
  }
}
