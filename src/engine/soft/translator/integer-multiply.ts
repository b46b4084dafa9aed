// Multiplication and division. Those of 32 bits are made of WebAssembly's 64-bit ones; the high half of a product of
// 64-bit values comes from four products of halves. A division whose dividend does not fit in 64 bits, or that would
// fault, is left to the interpreter.

import { I64 } from './encoder.ts'
import type { Value } from './frame.ts'
import { by, bytesOfE, operandE, wanted, wideOnly } from './integer-write.ts'
import type { Context, Custom, CustomEntry, Customs, Meanings } from './meaning.ts'
import { op } from './opcodes.ts'
import { RAX, RDX } from './registers.ts'

/** The two-operand IMUL; flags are wanted of 4 and 8 bytes only (flag-effects.ts). */
function multiply(context: Context, [a, b]: readonly Value[], bytes: number): void {
  const { writer } = context
  const { code, flags } = writer
  if (!wanted(context)) {
    writer.push(a!)
    writer.push(b!)
    code.op(by(bytes, op.i64_mul, op.i32_mul))
    return
  }
  if (bytes === 4) {
    const product = product32(context, a!, b!, true)
    setOverflow(context, () => pushExceeds32(context, product, true))
    code.get(product)
    code.op(op.i32_wrap_i64)
    code.tee(flags.r(4))
    return
  }
  const high = multiplyHigh(context, a!, b!, true)
  writer.push(a!)
  writer.push(b!)
  code.op(op.i64_mul)
  code.tee(flags.r(8))
  setOverflow(context, () => pushExceeds64(context, high, flags.r(8), true))
}

/** MUL and one-operand IMUL of 32 and 64 bits: RDX:RAX = RAX × E. */
const multiplyWide =
  (signed: boolean): Custom =>
  (context) => {
    const { writer, operation } = context
    const bytes = operation.handler!.size
    const b = operandE(context, bytes)
    const a = writer.registerValue(RAX, bytes)
    if (bytes === 4) multiplyWide32(context, a, b, signed)
    else multiplyWide64(context, a, b, signed)
  }

function multiplyWide32(context: Context, a: Value, b: Value, signed: boolean): void {
  const { writer } = context
  const { code, flags } = writer
  const product = product32(context, a, b, signed)
  code.get(product)
  code.op(op.i32_wrap_i64)
  if (wanted(context)) code.tee(flags.r(4))
  writer.setRegister(RAX, 4)
  code.get(product)
  code.i64(32)
  code.op(op.i64_shr_u)
  code.op(op.i32_wrap_i64)
  writer.setRegister(RDX, 4)
  if (wanted(context)) setOverflow(context, () => pushExceeds32(context, product, signed))
}

function multiplyWide64(context: Context, a: Value, b: Value, signed: boolean): void {
  const { writer } = context
  const { code, flags } = writer
  const high = multiplyHigh(context, a, b, signed)
  const low = writer.temporary(I64)
  writer.push(a)
  writer.push(b)
  code.op(op.i64_mul)
  code.set(low)
  code.get(low)
  writer.setRegister(RAX, 8)
  writer.push(high)
  writer.setRegister(RDX, 8)
  if (!wanted(context)) return
  code.get(low)
  code.set(flags.r(8))
  setOverflow(context, () => pushExceeds64(context, high, low, signed))
}

/** Local with the 64-bit product of 32-bit values. */
function product32(context: Context, a: Value, b: Value, signed: boolean): number {
  const { writer } = context
  const product = writer.temporary(I64)
  pushWidened(context, a, signed)
  pushWidened(context, b, signed)
  writer.code.op(op.i64_mul)
  writer.code.set(product)
  return product
}

/** The high 64 bits of a product of 64-bit values, from four products of 32-bit halves. */
function multiplyHigh({ writer }: Context, a: Value, b: Value, signed: boolean): Value {
  const { code } = writer
  const [aLow, aHigh, bLow, bHigh, middle, other, high] = Array.from({ length: 7 }, () =>
    writer.temporary(I64),
  ) as [number, number, number, number, number, number, number]
  for (const [value, low, top] of [
    [a, aLow, aHigh],
    [b, bLow, bHigh],
  ] as const) {
    writer.push(value)
    code.i64(0xffffffff)
    code.op(op.i64_and)
    code.set(low)
    writer.push(value)
    code.i64(32)
    code.op(op.i64_shr_u)
    code.set(top)
  }
  const half = (): void => {
    code.i64(32)
    code.op(op.i64_shr_u)
  }
  code.get(aHigh)
  code.get(bLow)
  code.op(op.i64_mul)
  code.get(aLow)
  code.get(bLow)
  code.op(op.i64_mul)
  half()
  code.op(op.i64_add)
  code.set(middle)
  code.get(aLow)
  code.get(bHigh)
  code.op(op.i64_mul)
  code.get(middle)
  code.i64(0xffffffff)
  code.op(op.i64_and)
  code.op(op.i64_add)
  code.set(other)
  code.get(aHigh)
  code.get(bHigh)
  code.op(op.i64_mul)
  code.get(middle)
  half()
  code.op(op.i64_add)
  code.get(other)
  half()
  code.op(op.i64_add)
  if (signed) {
    for (const [one, two] of [
      [a, b],
      [b, a],
    ] as const) {
      writer.push(two)
      writer.push(one)
      code.i64(63)
      code.op(op.i64_shr_s)
      code.op(op.i64_and)
      code.op(op.i64_sub)
    }
  }
  code.set(high)
  return { kind: 'local', local: high, bytes: 8 }
}

/** CF and OF of a multiplication, from a 0 or 1 that is pushed. */
function setOverflow({ writer }: Context, push: () => void): void {
  const { code, flags } = writer
  push()
  code.i32(3)
  code.op(op.i32_mul)
  code.set(flags.carryLocal)
}

/** Pushes whether a number of 64 bits, in a local, is another one than its low half. */
function pushExceeds32({ writer }: Context, local: number, signed: boolean): void {
  const { code } = writer
  code.get(local)
  code.get(local)
  if (signed) {
    code.op(op.i64_extend32_s)
  } else {
    code.i64(0xffffffff)
    code.op(op.i64_and)
  }
  code.op(op.i64_ne)
}

/** Likewise a number of 128 bits than its low half, which is in a local. */
function pushExceeds64({ writer }: Context, high: Value, low: number, signed: boolean): void {
  const { code } = writer
  writer.push(high)
  if (signed) {
    code.get(low)
    code.i64(63)
    code.op(op.i64_shr_s)
  } else {
    code.i64(0)
  }
  code.op(op.i64_ne)
}

/** Pushes a value of 4 bytes as an i64. */
function pushWidened({ writer }: Context, value: Value, signed: boolean): void {
  writer.push(value)
  writer.code.op(signed ? op.i64_extend_i32_s : op.i64_extend_i32_u)
}

/** DIV and IDIV of 32 and 64 bits whose dividend fits in 64. */
const divide =
  (signed: boolean): Custom =>
  (context) => {
    const { writer, operation } = context
    const { code, exits } = writer
    const bytes = operation.handler!.size
    const e = operandE(context, bytes)
    const dividend = writer.temporary(I64)
    const divisor = writer.temporary(I64)
    const quotient = writer.temporary(I64)
    if (bytes === 4) pushWidened(context, e, signed)
    else writer.push(e)
    code.tee(divisor)
    code.op(op.i64_eqz)
    exits.leaveWhen()
    if (bytes === 4) takeDividend32(context, dividend)
    else takeDividend64(context, dividend, signed)
    if (signed) {
      // The one quotient that traps in WebAssembly.
      code.get(divisor)
      code.i64(-1)
      code.op(op.i64_eq)
      exits.leaveWhen()
    }
    code.get(dividend)
    code.get(divisor)
    code.op(signed ? op.i64_div_s : op.i64_div_u)
    code.set(quotient)
    if (bytes === 4) {
      pushExceeds32(context, quotient, signed)
      exits.leaveWhen()
    }
    code.get(quotient)
    if (bytes === 4) code.op(op.i32_wrap_i64)
    writer.setRegister(RAX, bytes)
    code.get(dividend)
    code.get(quotient)
    code.get(divisor)
    code.op(op.i64_mul)
    code.op(op.i64_sub)
    if (bytes === 4) code.op(op.i32_wrap_i64)
    writer.setRegister(RDX, bytes)
  }

/** EDX:EAX. */
function takeDividend32({ writer }: Context, dividend: number): void {
  const { code } = writer
  code.get(writer.register(RDX))
  code.i64(32)
  code.op(op.i64_shl)
  code.get(writer.register(RAX))
  code.i64(0xffffffff)
  code.op(op.i64_and)
  code.op(op.i64_or)
  code.set(dividend)
}

/** RDX:RAX, if that is RAX. */
function takeDividend64(context: Context, dividend: number, signed: boolean): void {
  const { writer } = context
  const { code } = writer
  code.get(writer.register(RAX))
  code.set(dividend)
  pushExceeds64(context, writer.registerValue(RDX, 8), dividend, signed)
  writer.exits.leaveWhen()
}

const ofWide = (translate: Custom): CustomEntry => ({
  translate,
  accepts: (operation) => bytesOfE(operation) >= 4,
})

export const multiplications: Meanings = {
  imul2: { meaning: multiply },
  imul3: { meaning: multiply, accepts: wideOnly },
}

export const multiplicationCustoms: Customs = {
  mul: ofWide(multiplyWide(false)),
  imul1: ofWide(multiplyWide(true)),
  div: ofWide(divide(false)),
  idiv: ofWide(divide(true)),
}
