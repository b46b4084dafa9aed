// Single status flags out of a state (flag-states.ts): each is pushed as 0 or 1, out of those states for which flags.ts
// knows nothing shorter. It makes conditions of them.

import type { Code } from './encoder.ts'
import type { FlagLocals, FlagState } from './flag-states.ts'
import { op } from './opcodes.ts'

export class FlagBits {
  readonly #code: Code
  readonly #locals: FlagLocals

  constructor(code: Code, locals: FlagLocals) {
    this.#code = code
    this.#locals = locals
  }

  // Flags.

  carry(state: FlagState): void {
    const code = this.#code
    const locals = this.#locals
    const { kind, bytes } = state
    const wide = bytes === 8
    switch (kind) {
      case 'sub':
        this.compare(state, 2)
        return
      case 'add':
        code.get(locals.r(bytes))
        this.#mask(bytes)
        code.get(locals.a(bytes))
        code.op(wide ? op.i64_lt_u : op.i32_lt_u)
        return
      case 'logic':
        code.i32(0)
        return
      case 'inc':
      case 'dec':
        code.get(locals.carry)
        return
      case 'adc':
      case 'sbb': {
        // The carry out of the highest bit: majority of a, b and the inverted result (a inverted for a borrow).
        const [and, or, xor] = wide
          ? [op.i64_and, op.i64_or, op.i64_xor]
          : [op.i32_and, op.i32_or, op.i32_xor]
        const ones = (): void => (wide ? code.i64(-1) : code.i32(-1))
        const first = (): void => {
          code.get(locals.a(bytes))
          if (kind === 'sbb') {
            ones()
            code.op(xor)
          }
        }
        first()
        code.get(locals.b(bytes))
        code.op(and)
        first()
        code.get(locals.b(bytes))
        code.op(or)
        code.get(locals.r(bytes))
        if (kind === 'adc') {
          ones()
          code.op(xor)
        }
        code.op(and)
        code.op(or)
        this.#signOf(bytes)
        return
      }
      default:
        this.#bit(0)
    }
  }

  overflow(state: FlagState): void {
    const code = this.#code
    const locals = this.#locals
    const { kind, bytes } = state
    const wide = bytes === 8
    const [and, xor] = wide ? [op.i64_and, op.i64_xor] : [op.i32_and, op.i32_xor]
    switch (kind) {
      case 'logic':
        code.i32(0)
        return
      case 'cooked':
        this.#bit(1)
        return
      case 'explicit':
        this.#bit(11)
        return
      case 'inc':
      case 'dec': {
        // The one result that is on the other side of the sign.
        code.get(locals.r(bytes))
        this.#mask(bytes)
        const top = 2 ** (bytes * 8 - 1)
        if (wide) code.i64(kind === 'inc' ? -(2n ** 63n) : 2n ** 63n - 1n)
        else code.i32(kind === 'inc' ? top : top - 1)
        code.op(wide ? op.i64_eq : op.i32_eq)
        return
      }
      case 'sub':
      case 'sbb':
        code.get(locals.a(bytes))
        code.get(locals.b(bytes))
        code.op(xor)
        code.get(locals.a(bytes))
        this.result(state)
        code.op(xor)
        break
      default:
        code.get(locals.a(bytes))
        code.get(locals.r(bytes))
        code.op(xor)
        this.addend(state)
        code.get(locals.r(bytes))
        code.op(xor)
    }
    code.op(and)
    this.#signOf(bytes)
  }

  zero(state: FlagState): void {
    const code = this.#code
    const { kind, bytes } = state
    if (kind === 'explicit') {
      this.#bit(6)
      return
    }
    if (kind === 'sub') {
      this.compare(state, 4)
      return
    }
    this.result(state)
    this.#mask(bytes)
    code.op(bytes === 8 ? op.i64_eqz : op.i32_eqz)
  }

  sign(state: FlagState): void {
    if (state.kind === 'explicit') {
      this.#bit(7)
      return
    }
    this.result(state)
    this.#signOf(state.bytes)
  }

  parity(state: FlagState): void {
    const code = this.#code
    if (state.kind === 'explicit') {
      this.#bit(2)
      return
    }
    this.result(state)
    if (state.bytes === 8) code.op(op.i32_wrap_i64)
    code.i32(0xff)
    code.op(op.i32_and)
    code.op(op.i32_popcnt)
    code.i32(1)
    code.op(op.i32_and)
    code.op(op.i32_eqz)
  }

  less(state: FlagState): void {
    if (state.kind === 'sub') {
      this.compare(state, 12)
      return
    }
    this.sign(state)
    if (state.kind === 'logic') return
    this.overflow(state)
    this.#code.op(op.i32_xor)
  }

  // What they are made of.

  /** Pushes the result, whose bits above the operand size may be anything. */
  result({ kind, bytes }: FlagState): void {
    const code = this.#code
    const locals = this.#locals
    if (kind === 'sub') {
      code.get(locals.a(bytes))
      code.get(locals.b(bytes))
      code.op(bytes === 8 ? op.i64_sub : op.i32_sub)
    } else {
      code.get(locals.r(bytes))
    }
  }

  /** Pushes b, which for ADD follows from the others. */
  addend({ kind, bytes }: FlagState): void {
    const code = this.#code
    const locals = this.#locals
    if (kind === 'add') {
      code.get(locals.r(bytes))
      code.get(locals.a(bytes))
      code.op(bytes === 8 ? op.i64_sub : op.i32_sub)
    } else {
      code.get(locals.b(bytes))
    }
  }

  /** After CMP and its kin: pushes one of the conditions that are a single compare. @returns false for the others */
  compare({ bytes }: FlagState, condition: number): boolean {
    const code = this.#code
    const instructions = COMPARES[condition]
    if (!instructions) return false
    const signed = condition >= 12
    code.get(this.#locals.a(bytes))
    if (signed) this.extend(bytes)
    code.get(this.#locals.b(bytes))
    if (signed) this.extend(bytes)
    code.op(instructions[bytes === 8 ? 1 : 0])
    return true
  }

  #bit(bit: number): void {
    const code = this.#code
    const locals = this.#locals
    code.get(locals.carry)
    if (bit > 0) {
      code.i32(bit)
      code.op(op.i32_shr_u)
    }
    code.i32(1)
    code.op(op.i32_and)
  }

  /** Turns the value before it into its sign: 0 or 1. */
  #signOf(bytes: number): void {
    const code = this.#code
    if (bytes === 8) {
      code.i64(0)
      code.op(op.i64_lt_s)
      return
    }
    this.extend(bytes)
    code.i32(0)
    code.op(op.i32_lt_s)
  }

  /** Clears what lies above a narrow value. */
  #mask(bytes: number): void {
    if (bytes >= 4) return
    this.#code.i32(bytes === 1 ? 0xff : 0xffff)
    this.#code.op(op.i32_and)
  }

  /** Sign-extends a narrow value within its i32. */
  extend(bytes: number): void {
    if (bytes === 1) this.#code.op(op.i32_extend8_s)
    else if (bytes === 2) this.#code.op(op.i32_extend16_s)
  }
}

/** Conditions of a compare of integers, of 32 and of 64 bits. */
const COMPARES: Readonly<Record<number, readonly [number, number]>> = {
  2: [op.i32_lt_u, op.i64_lt_u],
  3: [op.i32_ge_u, op.i64_ge_u],
  4: [op.i32_eq, op.i64_eq],
  5: [op.i32_ne, op.i64_ne],
  6: [op.i32_le_u, op.i64_le_u],
  7: [op.i32_gt_u, op.i64_gt_u],
  12: [op.i32_lt_s, op.i64_lt_s],
  13: [op.i32_ge_s, op.i64_ge_s],
  14: [op.i32_le_s, op.i64_le_s],
  15: [op.i32_gt_s, op.i64_gt_s],
}
