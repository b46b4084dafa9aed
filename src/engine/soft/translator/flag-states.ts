// States of the status flags in translated code. An instruction that sets them leaves its operands and result in locals, and the
// translator remembers, without any code, how the flags follow from them: their state. A condition is then a compare
// of these locals, and flags that nothing asks for cost nothing.
//
//   memory    as core/flags.ts has them (CC_OP, CC_A, CC_B, CC_RES, RFLAGS)
//   dead      no instruction can read them before they are set again
//   sub       a, b: CMP, SUB, NEG        add  a, r         logic  r: carry and overflow 0
//   inc, dec  r, carry                   adc, sbb  a, b, r
//   cooked    r, carry (bit 0: CF, bit 1: OF; AF 0): shifts, multiplications
//   explicit  carry holds the bits as in RFLAGS
//   floats    x, y: COMISS and its kin, of two numbers that are ordered; OF, SF, AF and PF are 0
//
// The locals are i32 for operands of up to 32 bits, zero-extended, and i64 for 64 bits; x and y are f64.

import { F64, I32, I64, type ValueType } from './encoder.ts'

export type FlagKind =
  | 'memory'
  | 'dead'
  | 'sub'
  | 'add'
  | 'logic'
  | 'inc'
  | 'dec'
  | 'adc'
  | 'sbb'
  | 'cooked'
  | 'explicit'
  | 'floats'

export interface FlagState {
  readonly kind: FlagKind
  /** Operand size, 1 to 8; 4 where it does not matter. */
  readonly bytes: number
}

export const MEMORY: FlagState = { kind: 'memory', bytes: 4 }
export const DEAD: FlagState = { kind: 'dead', bytes: 4 }

export const sameState = (a: FlagState, b: FlagState): boolean => a.kind === b.kind && a.bytes === b.bytes

/** The locals that hold a state's parts; each comes about when it is first asked for. */
export class FlagLocals {
  readonly #newLocal: (type: ValueType) => number
  readonly #locals = new Map<string, number>()

  constructor(newLocal: (type: ValueType) => number) {
    this.#newLocal = newLocal
  }

  a(bytes: number): number {
    return this.#sized('a', bytes)
  }
  b(bytes: number): number {
    return this.#sized('b', bytes)
  }
  r(bytes: number): number {
    return this.#sized('r', bytes)
  }
  get carry(): number {
    return this.#named('carry', I32)
  }
  get x(): number {
    return this.#named('x', F64)
  }
  get y(): number {
    return this.#named('y', F64)
  }

  #sized(name: string, bytes: number): number {
    return bytes === 8 ? this.#named(`${name}64`, I64) : this.#named(`${name}32`, I32)
  }

  #named(name: string, type: ValueType): number {
    let local = this.#locals.get(name)
    if (local === undefined) {
      local = this.#newLocal(type)
      this.#locals.set(name, local)
    }
    return local
  }
}
