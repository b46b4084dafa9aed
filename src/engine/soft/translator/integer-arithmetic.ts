// Arithmetic and logic of two operands or one: what the flags follow from stays in locals (flag-states.ts).

import { I32 } from './encoder.ts'
import type { Value } from './frame.ts'
import { by, constant, wanted } from './integer-write.ts'
import type { Context, Meaning, Meanings } from './meaning.ts'
import { op } from './opcodes.ts'

/** ADD and SUB: operands and result are what the flags follow from. */
function sum(wide: number, narrow: number): Meaning {
  return (context, [a, b], bytes) => {
    const { code, flags } = context.writer
    const { kind } = context.after
    context.writer.push(a!)
    if (kind !== 'dead') code.tee(flags.a(bytes))
    context.writer.push(b!)
    if (kind === 'sub') code.tee(flags.b(bytes))
    code.op(by(bytes, wide, narrow))
    if (kind === 'add') code.tee(flags.r(bytes))
  }
}

function logic(wide: number, narrow: number): Meaning {
  return (context, [a, b], bytes) => {
    const { code, flags } = context.writer
    context.writer.push(a!)
    context.writer.push(b!)
    code.op(by(bytes, wide, narrow))
    if (wanted(context)) code.tee(flags.r(bytes))
  }
}

function compare(context: Context, [a, b]: readonly Value[], bytes: number): void {
  if (!wanted(context)) return
  const { writer } = context
  writer.push(a!)
  writer.code.set(writer.flags.a(bytes))
  writer.push(b!)
  writer.code.set(writer.flags.b(bytes))
}

/** ADC and SBB. */
function withCarry(wide: number, narrow: number): Meaning {
  return (context, [a, b], bytes) => {
    const { writer, before } = context
    const { code, flags } = writer
    const carry = writer.temporary(I32)
    flags.carry(before)
    code.set(carry)
    const needed = wanted(context)
    writer.push(a!)
    if (needed) code.tee(flags.a(bytes))
    writer.push(b!)
    if (needed) code.tee(flags.b(bytes))
    code.op(by(bytes, wide, narrow))
    code.get(carry)
    if (bytes === 8) code.op(op.i64_extend_i32_u)
    code.op(by(bytes, wide, narrow))
    if (needed) code.tee(flags.r(bytes))
  }
}

/** INC and DEC keep the carry. */
function step(wide: number, narrow: number): Meaning {
  return (context, [a], bytes) => {
    const { writer, before } = context
    const { code, flags } = writer
    if (wanted(context)) {
      flags.carry(before)
      code.set(flags.carryLocal)
    }
    writer.push(a!)
    constant(context, bytes, 1)
    code.op(by(bytes, wide, narrow))
    if (wanted(context)) code.tee(flags.r(bytes))
  }
}

function negate(context: Context, [a]: readonly Value[], bytes: number): void {
  const { writer } = context
  const { code, flags } = writer
  constant(context, bytes, 0)
  if (wanted(context)) code.tee(flags.a(bytes))
  writer.push(a!)
  if (wanted(context)) code.tee(flags.b(bytes))
  code.op(by(bytes, op.i64_sub, op.i32_sub))
}

function complement(context: Context, [a]: readonly Value[], bytes: number): void {
  context.writer.push(a!)
  constant(context, bytes, -1)
  context.writer.code.op(by(bytes, op.i64_xor, op.i32_xor))
}

/** AND for its flags alone. */
const test: Meaning = (context, values, bytes) => {
  if (!wanted(context)) return
  logic(op.i64_and, op.i32_and)(context, values, bytes)
  context.writer.code.op(op.drop)
}

export const arithmetic: Meanings = {
  add: { meaning: sum(op.i64_add, op.i32_add) },
  sub: { meaning: sum(op.i64_sub, op.i32_sub) },
  and: { meaning: logic(op.i64_and, op.i32_and) },
  or: { meaning: logic(op.i64_or, op.i32_or) },
  xor: { meaning: logic(op.i64_xor, op.i32_xor) },
  cmp: { meaning: compare },
  test: { meaning: test },
  adc: { meaning: withCarry(op.i64_add, op.i32_add) },
  sbb: { meaning: withCarry(op.i64_sub, op.i32_sub) },
  inc: { meaning: step(op.i64_add, op.i32_add) },
  dec: { meaning: step(op.i64_sub, op.i32_sub) },
  neg: { meaning: negate },
  not: { meaning: complement },
}
