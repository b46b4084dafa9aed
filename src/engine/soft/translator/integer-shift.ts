// Shifts and rotations. Where their flags are wanted the count is a constant; else the interpreter's handler is called
// (flag-effects.ts), for a count of 0 keeps all flags.

import type { Form } from '../table/handlers.ts'
import type { Instruction } from '../table/instruction.ts'
import { I32 } from './encoder.ts'
import type { Value } from './frame.ts'
import { bitsOf, by, constant, pushBit, pushSigned, wanted, wideOnly } from './integer-write.ts'
import type { Context, Meaning, Meanings } from './meaning.ts'
import { op } from './opcodes.ts'

/** SHL, SHR, SAR. */
function shift(name: 'shl' | 'shr' | 'sar'): Meaning {
  return (context, [a, count], bytes) => {
    const { writer } = context
    const { code, flags } = writer
    const n = count!.kind === 'constant' ? Number(count!.value) & (bytes === 8 ? 63 : 31) : -1
    const needed = wanted(context) && n !== 0
    const width = bitsOf(bytes)
    if (n === 0) {
      writer.push(a!)
      return
    }
    const extended = name === 'sar' ? narrowSigned(context, a!, bytes) : a!
    if (needed && name !== 'shl')
      cook(
        context,
        () => pushBit(context, extended, bytes, n - 1),
        name === 'shr' ? () => pushBit(context, a!, bytes, width - 1) : undefined,
      )
    writer.push(extended)
    pushCount(context, count!, bytes)
    const instruction = {
      shl: by(bytes, op.i64_shl, op.i32_shl),
      shr: by(bytes, op.i64_shr_u, op.i32_shr_u),
      sar: by(bytes, op.i64_shr_s, op.i32_shr_s),
    }[name]
    code.op(instruction)
    if (!needed) return
    code.tee(flags.r(bytes))
    if (name !== 'shl') return
    const result: Value = { kind: 'local', local: flags.r(bytes), bytes }
    const carry = (): void => {
      if (n > width) code.i32(0)
      else pushBit(context, a!, bytes, width - n)
    }
    cook(context, carry, () => {
      pushBit(context, result, bytes, width - 1)
      carry()
      code.op(op.i32_xor)
    })
  }
}

/** ROL, ROR; nobody reads CF and OF after them here. */
function rotate(left: boolean): Meaning {
  return (context, [a, count], bytes) => {
    const { writer } = context
    const { code } = writer
    if (bytes >= 4) {
      writer.push(a!)
      pushCount(context, count!, bytes)
      code.op(left ? by(bytes, op.i64_rotl, op.i32_rotl) : by(bytes, op.i64_rotr, op.i32_rotr))
      return
    }
    // Twice the operand beside each other: the rotated one is in the middle.
    const width = bitsOf(bytes)
    const n = Number((count as { value: number }).value) & (width - 1)
    writer.push(a!)
    code.i32(left ? n : width - n)
    code.op(op.i32_shl)
    writer.push(a!)
    code.i32(left ? width - n : n)
    code.op(op.i32_shr_u)
    code.op(op.i32_or)
  }
}

/** SHLD, SHRD. */
function doubleShift(left: boolean): Meaning {
  return (context, [a, b, count], bytes) => {
    const { writer } = context
    const { code, flags } = writer
    const width = bitsOf(bytes)
    const n = Number((count as { value: number }).value) & (width - 1)
    writer.push(a!)
    if (n === 0) return
    constant(context, bytes, n)
    code.op(left ? by(bytes, op.i64_shl, op.i32_shl) : by(bytes, op.i64_shr_u, op.i32_shr_u))
    writer.push(b!)
    constant(context, bytes, width - n)
    code.op(left ? by(bytes, op.i64_shr_u, op.i32_shr_u) : by(bytes, op.i64_shl, op.i32_shl))
    code.op(by(bytes, op.i64_or, op.i32_or))
    if (!wanted(context)) return
    code.tee(flags.r(bytes))
    const result: Value = { kind: 'local', local: flags.r(bytes), bytes }
    cook(
      context,
      () => pushBit(context, a!, bytes, left ? width - n : n - 1),
      () => {
        pushBit(context, result, bytes, width - 1)
        pushBit(context, a!, bytes, width - 1)
        code.op(op.i32_xor)
      },
    )
  }
}

/** Pushes the count of a shift as wide as the operand. WebAssembly takes it modulo the width, as the processor does. */
function pushCount({ writer }: Context, count: Value, bytes: number): void {
  const { code } = writer
  if (count.kind === 'constant') {
    const value = Number(count.value) & (bytes === 8 ? 63 : 31)
    if (bytes === 8) code.i64(value)
    else code.i32(value)
    return
  }
  writer.push(count)
  if (bytes === 8) code.op(op.i64_extend_i32_u)
}

/** A value whose narrow form is sign-extended, in a local. */
function narrowSigned(context: Context, value: Value, bytes: number): Value {
  if (bytes >= 4) return value
  pushSigned(context, value, bytes)
  return context.writer.keep(I32, 4)
}

/** Sets the carry local (flag-states.ts, `cooked`) from what writers of carry and overflow push, 0 or 1 each. */
function cook(context: Context, pushCarry: () => void, pushOverflow: (() => void) | undefined): void {
  const { code, flags } = context.writer
  pushCarry()
  if (pushOverflow) {
    pushOverflow()
    code.i32(1)
    code.op(op.i32_shl)
    code.op(op.i32_or)
  }
  code.set(flags.carryLocal)
}

// Which forms are translated.

const isByCl = (row: Instruction): boolean => row.operands.at(-1)!.kind === 'C'
const wideIfByCl = (size: number, form: Form, row: Instruction): boolean =>
  !isByCl(row) || wideOnly(size, form, row)
const wideByConstant = (size: number, form: Form, row: Instruction): boolean =>
  !isByCl(row) && wideOnly(size, form, row)

export const shifts: Meanings = {
  shl: { meaning: shift('shl') },
  shr: { meaning: shift('shr') },
  sar: { meaning: shift('sar') },
  rol: { meaning: rotate(true), accepts: wideIfByCl },
  ror: { meaning: rotate(false), accepts: wideIfByCl },
  shld: { meaning: doubleShift(true), accepts: wideByConstant },
  shrd: { meaning: doubleShift(false), accepts: wideByConstant },
}
