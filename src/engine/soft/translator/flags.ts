// Code that asks for status flags, given their state (flag-states.ts): the sixteen conditions, the carry that an
// instruction takes in, and what is written to memory where somebody else may ask.

import { CC_A, CC_B, CC_CARRY, CC_OP, CC_RES, RFLAGS } from './addresses.ts'
import type { Code } from './encoder.ts'
import { FlagBits } from './flag-bits.ts'
import type { FlagKind, FlagLocals, FlagState } from './flag-states.ts'
import { IMPORTS } from './imports.ts'
import { op } from './opcodes.ts'

export class Flags {
  readonly #code: Code
  readonly #locals: FlagLocals
  readonly #bits: FlagBits

  constructor(code: Code, locals: FlagLocals) {
    this.#code = code
    this.#locals = locals
    this.#bits = new FlagBits(code, locals)
  }

  /** The same flags, written into other code. */
  in(code: Code): Flags {
    return new Flags(code, this.#locals)
  }

  // Locals of a state's parts.

  a(bytes: number): number {
    return this.#locals.a(bytes)
  }
  b(bytes: number): number {
    return this.#locals.b(bytes)
  }
  r(bytes: number): number {
    return this.#locals.r(bytes)
  }
  get carryLocal(): number {
    return this.#locals.carry
  }
  get x(): number {
    return this.#locals.x
  }
  get y(): number {
    return this.#locals.y
  }

  /** Pushes one of the sixteen conditions (SDM volume 1, appendix B) as 0 or 1. */
  condition(state: FlagState, condition: number): void {
    const code = this.#code
    const bits = this.#bits
    if (state.kind === 'memory' || state.kind === 'dead') {
      code.i32(condition)
      code.call(IMPORTS.holds)
      return
    }
    if (state.kind === 'sub' && bits.compare(state, condition)) return
    if (state.kind === 'floats') {
      this.#compareFloats(condition)
      return
    }
    switch (condition >> 1) {
      case 0:
        bits.overflow(state)
        break
      case 1:
        bits.carry(state)
        break
      case 2:
        bits.zero(state)
        break
      case 3:
        bits.carry(state)
        bits.zero(state)
        code.op(op.i32_or)
        break
      case 4:
        bits.sign(state)
        break
      case 5:
        bits.parity(state)
        break
      case 6:
        bits.less(state)
        break
      default:
        bits.less(state)
        bits.zero(state)
        code.op(op.i32_or)
    }
    // The odd ones are the opposites.
    if ((condition & 1) === 1) code.op(op.i32_eqz)
  }

  /** The numbers are no NaNs, so that one compare is the opposite of another. */
  #compareFloats(condition: number): void {
    const code = this.#code
    const instruction = FLOAT_COMPARES[condition]
    if (instruction === undefined) {
      code.i32(condition & 1)
      return
    }
    code.get(this.x)
    code.get(this.y)
    code.op(instruction)
  }

  /** Pushes CF. */
  carry(state: FlagState): void {
    if (state.kind === 'memory' || state.kind === 'dead' || state.kind === 'floats') this.condition(state, 2)
    else this.#bits.carry(state)
  }

  /** Writes a state to memory as core/flags.ts keeps it. */
  flush(state: FlagState): void {
    const { kind } = state
    if (kind === 'memory' || kind === 'dead') return
    if (kind === 'explicit') this.#flushBits(() => this.#code.get(this.carryLocal))
    else if (kind === 'floats') this.#flushBits(() => this.#pushFloatFlags())
    else this.#flushParts(state, CC_NUMBERS[kind])
  }

  /** Flags as they are in RFLAGS. */
  #flushBits(push: () => void): void {
    const code = this.#code
    code.i32(0)
    code.i32(0)
    push()
    code.i32(0)
    code.memory(op.i32_load, RFLAGS)
    code.i32(~0x8d5)
    code.op(op.i32_and)
    code.op(op.i32_or)
    code.memory(op.i32_store, RFLAGS)
    code.i32(0)
    code.memory(op.i32_store, CC_OP)
  }

  /** What they follow from. */
  #flushParts(state: FlagState, number: number): void {
    const code = this.#code
    const bits = this.#bits
    const { kind, bytes } = state
    const store = (at: number, push: () => void): void => {
      code.i32(0)
      push()
      if (bytes < 8) {
        bits.extend(bytes)
        code.op(op.i64_extend_i32_s)
      }
      code.memory(op.i64_store, at)
    }
    code.i32(0)
    code.i32(number)
    code.memory(op.i32_store, CC_OP)
    store(CC_RES, () => bits.result(state))
    if (kind === 'inc' || kind === 'dec') {
      store(CC_A, () => {
        code.get(this.r(bytes))
        if (bytes === 8) code.i64(1)
        else code.i32(1)
        if (kind === 'inc') code.op(bytes === 8 ? op.i64_sub : op.i32_sub)
        else code.op(bytes === 8 ? op.i64_add : op.i32_add)
      })
      code.i32(0)
      code.i64(1)
      code.memory(op.i64_store, CC_B)
    } else if (kind !== 'logic' && kind !== 'cooked') {
      store(CC_A, () => code.get(this.a(bytes)))
      store(CC_B, () => bits.addend(state))
    }
    if (kind === 'inc' || kind === 'dec' || kind === 'cooked') {
      code.i32(0)
      code.get(this.carryLocal)
      code.memory(op.i32_store, CC_CARRY)
    }
  }

  /** Pushes ZF and CF as in RFLAGS. */
  #pushFloatFlags(): void {
    const code = this.#code
    this.#compareFloats(4)
    code.i32(6)
    code.op(op.i32_shl)
    this.#compareFloats(2)
    code.op(op.i32_or)
  }
}

/** Conditions of an ordered compare that are not always or never true. */
const FLOAT_COMPARES: Readonly<Record<number, number>> = {
  2: op.f64_lt,
  3: op.f64_ge,
  4: op.f64_eq,
  5: op.f64_ne,
  6: op.f64_le,
  7: op.f64_gt,
  // Signed conditions, with SF and OF 0: "less" never holds, "less or equal" is ZF.
  14: op.f64_eq,
  15: op.f64_ne,
}

/** CC_… in core/flags.ts. */
const CC_NUMBERS: Readonly<Record<Exclude<FlagKind, 'memory' | 'dead' | 'explicit' | 'floats'>, number>> = {
  add: 1,
  sub: 2,
  logic: 3,
  adc: 4,
  sbb: 5,
  inc: 6,
  dec: 7,
  cooked: 8,
}
