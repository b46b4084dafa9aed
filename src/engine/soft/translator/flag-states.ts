// States of the status flags in translated code. An instruction that sets them leaves its operands and result in locals,
// and the translator remembers, without any code, how the flags follow from them: their state. A condition is then a
// compare of these locals, and flags that nothing asks for cost nothing.
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

const PARTS = {
  a32: I32,
  b32: I32,
  r32: I32,
  a64: I64,
  b64: I64,
  r64: I64,
  carry: I32,
  x: F64,
  y: F64,
} as const
type Part = keyof typeof PARTS

/** The locals that hold a state's parts; each comes about when it is first asked for. */
export class FlagLocals {
  readonly #newLocal: (type: ValueType) => number
  readonly #locals = new Map<Part, number>()

  constructor(newLocal: (type: ValueType) => number) {
    this.#newLocal = newLocal
  }

  a(bytes: number): number {
    return this.#local(bytes === 8 ? 'a64' : 'a32')
  }
  b(bytes: number): number {
    return this.#local(bytes === 8 ? 'b64' : 'b32')
  }
  r(bytes: number): number {
    return this.#local(bytes === 8 ? 'r64' : 'r32')
  }
  get carry(): number {
    return this.#local('carry')
  }
  get x(): number {
    return this.#local('x')
  }
  get y(): number {
    return this.#local('y')
  }

  #local(part: Part): number {
    let local = this.#locals.get(part)
    if (local === undefined) {
      local = this.#newLocal(PARTS[part])
      this.#locals.set(part, local)
    }
    return local
  }
}
