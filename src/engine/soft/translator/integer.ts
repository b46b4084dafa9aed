// Translations of the general-purpose instructions. What each does is in SDM volume 2 and, executable, in core/:
// the interpreter's meanings and these must agree, and tests compare both with the processor.

import type { Form } from '../table/handlers.ts'
import type { Instruction } from '../table/instruction.ts'
import { KERNEL_GS_BASE, REGS, RFLAGS } from './addresses.ts'
import { I32, I64 } from './encoder.ts'
import { ALL_FLAGS, CARRY_FLAG } from './flags.ts'
import type { Place, Value } from './function-writer.ts'
import type { Context, Custom, Meaning } from './instructions.ts'
import { op } from './opcodes.ts'
import { GS_BASE, type Operation } from './operations.ts'

export interface MeaningEntry {
  readonly meaning: Meaning
  /** The result is the whole vector register, though the instruction writes a part of it. */
  readonly whole?: boolean
  /** Are this operand size (2, 4, 8) and form translated? All, when absent. */
  readonly accepts?: (size: number, form: Form, row: Instruction) => boolean
}
export interface CustomEntry {
  readonly translate: Custom
  accepts(operation: Operation): boolean
}

const RAX = 0
const RDX = 0x10
const RSP = 0x20
const RBP = 0x28
const IF = 0x200
const DF = 0x400

/** The instruction for operands of 8 bytes, or for shorter ones. */
const by = (bytes: number, wide: number, narrow: number): number => (bytes === 8 ? wide : narrow)
const typeOf = (bytes: number): typeof I64 | typeof I32 => (bytes === 8 ? I64 : I32)
const bitsOf = (bytes: number): number => bytes * 8
const wanted = ({ after }: Context): boolean => after.kind !== 'dead'

/** Pushes a constant as wide as the operands. */
function constant({ writer }: Context, bytes: number, value: number | bigint): void {
  if (bytes === 8) writer.code.i64(value)
  else writer.code.i32(Number(value))
}

/** Pushes a value sign-extended within its type. */
function pushSigned(context: Context, value: Value, bytes: number): void {
  const { code } = context.writer
  context.writer.push(value)
  if (bytes === 1) code.op(op.i32_extend8_s)
  else if (bytes === 2) code.op(op.i32_extend16_s)
}

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

/** Sets the carry local from a bit of `value`: carry, and an overflow whose writer pushes 0 or 1. */
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

/** Pushes bit `position` of a value as an i32. */
function pushBit(context: Context, value: Value, bytes: number, position: number): void {
  const { code } = context.writer
  if (position >= (bytes === 8 ? 64 : 32)) {
    code.i32(0)
    return
  }
  context.writer.push(value)
  constant(context, bytes, position)
  code.op(by(bytes, op.i64_shr_u, op.i32_shr_u))
  if (bytes === 8) code.op(op.i32_wrap_i64)
  code.i32(1)
  code.op(op.i32_and)
}

/** SHL, SHR, SAR. With flags wanted the count is a constant (wayOf sees to it). */
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

/** A value whose narrow form is sign-extended, in a local. */
function narrowSigned(context: Context, value: Value, bytes: number): Value {
  if (bytes >= 4) return value
  pushSigned(context, value, bytes)
  return context.writer.keep(I32, 4)
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

/** The two-operand IMUL; flags are wanted for 4 bytes only, or computed from the high half. */
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
    const product = writer.temporary(I64)
    for (const value of [a!, b!]) {
      writer.push(value)
      code.op(op.i64_extend_i32_s)
    }
    code.op(op.i64_mul)
    code.set(product)
    code.get(product)
    code.get(product)
    code.op(op.i64_extend32_s)
    code.op(op.i64_ne)
    code.i32(3)
    code.op(op.i32_mul)
    code.set(flags.carryLocal)
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
  setOverflow(context, () => {
    writer.push(high)
    code.get(flags.r(8))
    code.i64(63)
    code.op(op.i64_shr_s)
    code.op(op.i64_ne)
  })
}

/** CF and OF of a multiplication, from a 0 or 1 that is pushed. */
function setOverflow({ writer }: Context, push: () => void): void {
  const { code, flags } = writer
  push()
  code.i32(3)
  code.op(op.i32_mul)
  code.set(flags.carryLocal)
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

/** BSF, BSR: a source of 0 leaves the destination as it was. */
function scan(forward: boolean): Meaning {
  return (context, [old, source], bytes) => {
    const { writer } = context
    const { code, flags } = writer
    writer.push(source!)
    if (forward) {
      code.op(by(bytes, op.i64_ctz, op.i32_ctz))
    } else {
      const clz = writer.temporary(typeOf(bytes))
      code.op(by(bytes, op.i64_clz, op.i32_clz))
      code.set(clz)
      constant(context, bytes, bytes === 8 ? 63 : 31)
      code.get(clz)
      code.op(by(bytes, op.i64_sub, op.i32_sub))
    }
    writer.push(old!)
    writer.push(source!)
    if (wanted(context)) code.tee(flags.r(bytes))
    code.op(by(bytes, op.i64_eqz, op.i32_eqz))
    code.op(op.i32_eqz)
    code.op(op.select)
  }
}

function countOnes(context: Context, [source]: readonly Value[], bytes: number): void {
  const { writer } = context
  const { code, flags } = writer
  if (wanted(context)) {
    writer.push(source!)
    code.op(by(bytes, op.i64_eqz, op.i32_eqz))
    code.i32(6) // ZF
    code.op(op.i32_shl)
    code.set(flags.carryLocal)
  }
  writer.push(source!)
  code.op(by(bytes, op.i64_popcnt, op.i32_popcnt))
}

/** BT and its kin with a value in a register: how the bit changes, or undefined for BT. */
function bitTest(change: 'set' | 'reset' | 'complement' | undefined): Meaning {
  return (context, [value, index], bytes) => {
    const { writer } = context
    const { code, flags } = writer
    const pushPosition = (): void => {
      if (index!.kind === 'constant') {
        constant(context, bytes, Number(index!.value) & (bitsOf(bytes) - 1))
        return
      }
      writer.push(index!)
      if (bytes === 2) {
        code.i32(15)
        code.op(op.i32_and)
      }
    }
    if (wanted(context)) {
      writer.push(value!)
      pushPosition()
      code.op(by(bytes, op.i64_shr_u, op.i32_shr_u))
      if (bytes === 8) code.op(op.i32_wrap_i64)
      code.i32(1)
      code.op(op.i32_and)
      code.set(flags.carryLocal)
    }
    if (!change) return
    writer.push(value!)
    constant(context, bytes, 1)
    pushPosition()
    code.op(by(bytes, op.i64_shl, op.i32_shl))
    if (change === 'reset') {
      constant(context, bytes, -1)
      code.op(by(bytes, op.i64_xor, op.i32_xor))
      code.op(by(bytes, op.i64_and, op.i32_and))
    } else {
      code.op(change === 'set' ? by(bytes, op.i64_or, op.i32_or) : by(bytes, op.i64_xor, op.i32_xor))
    }
  }
}

/** MOVZX, MOVSX, MOVSXD: from the source's size to the destination's. */
function widen(signed: boolean): Meaning {
  return (context, [source], bytes) => {
    const { writer } = context
    const { code } = writer
    const from = source!.bytes
    writer.push(source!)
    if (signed && from < 4) code.op(from === 1 ? op.i32_extend8_s : op.i32_extend16_s)
    if (bytes === 8 && from < 8) code.op(signed ? op.i64_extend_i32_s : op.i64_extend_i32_u)
  }
}

function move({ writer }: Context, [value]: readonly Value[]): void {
  writer.push(value!)
}

function loadAddress({ writer }: Context, [address]: readonly Value[], bytes: number): void {
  writer.push(address!)
  if (bytes < 8) writer.code.op(op.i32_wrap_i64)
}

function conditionalMove(context: Context, [old, source]: readonly Value[]): void {
  const { writer, before, operation } = context
  writer.push(source!)
  writer.push(old!)
  writer.flags.condition(before, operation.handler!.row.opcode & 15)
  writer.code.op(op.select)
}

function setOnCondition({ writer, before, operation }: Context): void {
  writer.flags.condition(before, operation.handler!.row.opcode & 15)
}

function complement(context: Context, [a]: readonly Value[], bytes: number): void {
  context.writer.push(a!)
  constant(context, bytes, -1)
  context.writer.code.op(by(bytes, op.i64_xor, op.i32_xor))
}

function swapBytes(context: Context, [a]: readonly Value[], bytes: number): void {
  const { writer } = context
  const { code } = writer
  const parts = (masks: readonly [bigint, bigint][]): void => {
    // Bounded: three rounds at most.
    let value = a!
    for (const [shiftBy, mask] of masks) {
      writer.push(value)
      constant(context, bytes, shiftBy)
      code.op(by(bytes, op.i64_shl, op.i32_shl))
      constant(context, bytes, ~mask)
      code.op(by(bytes, op.i64_and, op.i32_and))
      writer.push(value)
      constant(context, bytes, shiftBy)
      code.op(by(bytes, op.i64_shr_u, op.i32_shr_u))
      constant(context, bytes, mask)
      code.op(by(bytes, op.i64_and, op.i32_and))
      code.op(by(bytes, op.i64_or, op.i32_or))
      value = writer.keep(typeOf(bytes), bytes)
    }
    writer.push(value)
    constant(context, bytes, bytes === 8 ? 32 : 16)
    code.op(by(bytes, op.i64_rotl, op.i32_rotl))
  }
  if (bytes === 8)
    parts([
      [8n, 0x00ff00ff00ff00ffn],
      [16n, 0x0000ffff0000ffffn],
    ])
  else parts([[8n, 0x00ff00ffn]])
}

const direction =
  (down: boolean): Meaning =>
  ({ writer }) => {
    const { code } = writer
    code.i32(0)
    code.i32(0)
    code.memory(op.i32_load, RFLAGS)
    code.i32(down ? DF : ~DF)
    code.op(down ? op.i32_or : op.i32_and)
    code.memory(op.i32_store, RFLAGS)
  }

const constantCountOnly = (size: number, _form: Form, row: Instruction): boolean =>
  row.operands.at(-1)!.kind !== 'C' || (row.operands[0]!.size !== 'b' && size >= 4)
const wideOnly = (size: number, _form: Form, row: Instruction): boolean =>
  row.operands[0]!.size !== 'b' && size >= 4
const noCl = (size: number, form: Form, row: Instruction): boolean =>
  wideOnly(size, form, row) && row.operands.at(-1)!.kind !== 'C'

/** By the names of the instruction table. */
export const integerMeanings: Readonly<Record<string, MeaningEntry>> = {
  add: { meaning: sum(op.i64_add, op.i32_add) },
  sub: { meaning: sum(op.i64_sub, op.i32_sub) },
  and: { meaning: logic(op.i64_and, op.i32_and) },
  or: { meaning: logic(op.i64_or, op.i32_or) },
  xor: { meaning: logic(op.i64_xor, op.i32_xor) },
  cmp: { meaning: compare },
  test: {
    meaning: (context, values, bytes) => {
      if (!wanted(context)) return
      logic(op.i64_and, op.i32_and)(context, values, bytes)
      context.writer.code.op(op.drop)
    },
  },
  adc: { meaning: withCarry(op.i64_add, op.i32_add) },
  sbb: { meaning: withCarry(op.i64_sub, op.i32_sub) },
  inc: { meaning: step(op.i64_add, op.i32_add) },
  dec: { meaning: step(op.i64_sub, op.i32_sub) },
  neg: { meaning: negate },
  not: { meaning: complement },
  shl: { meaning: shift('shl') },
  shr: { meaning: shift('shr') },
  sar: { meaning: shift('sar') },
  rol: { meaning: rotate(true), accepts: constantCountOnly },
  ror: { meaning: rotate(false), accepts: constantCountOnly },
  shld: { meaning: doubleShift(true), accepts: noCl },
  shrd: { meaning: doubleShift(false), accepts: noCl },
  imul2: { meaning: multiply },
  imul3: { meaning: multiply, accepts: wideOnly },
  bsf: { meaning: scan(true) },
  bsr: { meaning: scan(false) },
  popcnt_: { meaning: countOnes },
  btImm: { meaning: bitTest(undefined) },
  btsImm: { meaning: bitTest('set') },
  btrImm: { meaning: bitTest('reset') },
  btcImm: { meaning: bitTest('complement') },
  movzx: { meaning: widen(false) },
  movsx: { meaning: widen(true) },
  movsxd: { meaning: widen(true) },
  mov: { meaning: move },
  lea: { meaning: loadAddress },
  cmov: { meaning: conditionalMove },
  setcc: { meaning: setOnCondition },
  bswap: { meaning: swapBytes, accepts: wideOnly },
  cld: { meaning: direction(false) },
  std: { meaning: direction(true) },
}

/** Flags that must not be live after an instruction for it to be translated inline: it keeps them, or sets them its own way. */
export function unlessFlagsLive(name: string, count: number | undefined): number {
  switch (name) {
    case 'shl':
    case 'shr':
    case 'sar':
      return count === undefined ? ALL_FLAGS : 0
    case 'rol':
    case 'ror':
      return ALL_FLAGS
    case 'btImm':
    case 'btsImm':
    case 'btrImm':
    case 'btcImm':
    case 'bt':
    case 'bts':
    case 'btr':
    case 'btc':
      return ALL_FLAGS & ~CARRY_FLAG
    default:
      return 0
  }
}

// Instructions that look after their operands themselves.

const size64 = ({ handler }: Operation): boolean => handler!.size === 8
const always = (): boolean => true

/** Writes to the stack below RSP, then moves RSP. */
function pushOnStack({ writer }: Context, pushValue: () => void): void {
  const { code } = writer
  const place = writer.stackPlace(RSP, -8, 'write')
  code.get(place.local)
  pushValue()
  code.memory(op.i64_store, place.offset)
  code.get(writer.stackPointer)
  code.i64(-8)
  code.op(op.i64_add)
  writer.setRegister(RSP, 8)
}

/** Pushes the operand E of 8, 4, 2 or 1 bytes, from a register or from memory. */
function operandE({ writer, operation }: Context, bytes: number): Value {
  if (operation.handler!.form === 'r') return writer.registerValue(operation.e, bytes)
  return loadE({ writer, operation }, writer.operandPlace(operation, bytes, 'read'), bytes)
}

/** Pops the top of the stack into a temporary; RSP does not move yet. */
function loadTop({ writer }: Context): Value {
  const place = writer.stackPlace(RSP, 0, 'read')
  writer.code.get(place.local)
  writer.code.memory(op.i64_load, place.offset)
  return writer.keep(I64, 8)
}

function moveStack({ writer }: Context, by_: number): void {
  const { code } = writer
  code.get(writer.stackPointer)
  code.i64(by_)
  code.op(op.i64_add)
  writer.setRegister(RSP, 8)
}

const bytesOfE = ({ handler }: Operation): number =>
  handler!.row.operands[0]!.size === 'b' ? 1 : handler!.size

/** MUL and one-operand IMUL of 32 and 64 bits: RDX:RAX = RAX × E. */
function multiplyWide(signed: boolean): Custom {
  return (context) => {
    const { writer, operation } = context
    const { code, flags } = writer
    const bytes = operation.handler!.size
    const b = operandE(context, bytes)
    const a = writer.registerValue(RAX, bytes)
    if (bytes === 4) {
      const product = writer.temporary(I64)
      for (const value of [a, b]) {
        writer.push(value)
        code.op(signed ? op.i64_extend_i32_s : op.i64_extend_i32_u)
      }
      code.op(op.i64_mul)
      code.set(product)
      code.get(product)
      code.op(op.i32_wrap_i64)
      if (wanted(context)) code.tee(flags.r(4))
      writer.setRegister(RAX, 4)
      code.get(product)
      code.i64(32)
      code.op(op.i64_shr_u)
      code.op(op.i32_wrap_i64)
      writer.setRegister(RDX, 4)
      if (!wanted(context)) return
      setOverflow(context, () => {
        code.get(product)
        code.get(product)
        if (signed) {
          code.op(op.i64_extend32_s)
        } else {
          code.i64(0xffffffff)
          code.op(op.i64_and)
        }
        code.op(op.i64_ne)
      })
      return
    }
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
    setOverflow(context, () => {
      writer.push(high)
      if (signed) {
        code.get(low)
        code.i64(63)
        code.op(op.i64_shr_s)
      } else {
        code.i64(0)
      }
      code.op(op.i64_ne)
    })
  }
}

/** DIV and IDIV of 32 and 64 bits whose dividend fits in 64; everything else is left to the interpreter. */
function divide(signed: boolean): Custom {
  return (context) => {
    const { writer, operation } = context
    const { code } = writer
    const bytes = operation.handler!.size
    const divisor = operandE(context, bytes)
    const dividend = writer.temporary(I64)
    const by64 = writer.temporary(I64)
    const quotient = writer.temporary(I64)
    writer.push(divisor)
    if (bytes === 4) code.op(signed ? op.i64_extend_i32_s : op.i64_extend_i32_u)
    code.tee(by64)
    code.op(op.i64_eqz)
    writer.leaveWhen()
    if (bytes === 4) {
      code.get(writer.register(RDX))
      code.i64(32)
      code.op(op.i64_shl)
      code.get(writer.register(RAX))
      code.i64(0xffffffff)
      code.op(op.i64_and)
      code.op(op.i64_or)
      code.set(dividend)
    } else {
      code.get(writer.register(RAX))
      code.set(dividend)
      code.get(writer.register(RDX))
      if (signed) {
        code.get(dividend)
        code.i64(63)
        code.op(op.i64_shr_s)
        code.op(op.i64_ne)
      } else {
        code.i64(0)
        code.op(op.i64_ne)
      }
      writer.leaveWhen()
    }
    if (signed) {
      // The one quotient that traps in WebAssembly.
      code.get(by64)
      code.i64(-1)
      code.op(op.i64_eq)
      writer.leaveWhen()
    }
    code.get(dividend)
    code.get(by64)
    code.op(signed ? op.i64_div_s : op.i64_div_u)
    code.set(quotient)
    if (bytes === 4) {
      code.get(quotient)
      code.get(quotient)
      if (signed) {
        code.op(op.i64_extend32_s)
      } else {
        code.i64(0xffffffff)
        code.op(op.i64_and)
      }
      code.op(op.i64_ne)
      writer.leaveWhen()
    }
    code.get(quotient)
    if (bytes === 4) code.op(op.i32_wrap_i64)
    writer.setRegister(RAX, bytes)
    code.get(dividend)
    code.get(quotient)
    code.get(by64)
    code.op(op.i64_mul)
    code.op(op.i64_sub)
    if (bytes === 4) code.op(op.i32_wrap_i64)
    writer.setRegister(RDX, bytes)
  }
}

/** XCHG, XADD, CMPXCHG: two operands that change. Memory first becomes known to be writable. */
function exchange(context: Context): void {
  const { writer, operation } = context
  const { code } = writer
  const bytes = bytesOfE(operation)
  const inMemory = operation.handler!.form !== 'r'
  const place = inMemory ? writer.operandPlace(operation, bytes, 'write') : undefined
  const e = loadE(context, place, bytes)
  const g = copied(context, writer.registerValue(operation.g, bytes), bytes)
  if (place) code.get(place.local)
  writer.push(g)
  storeE(context, place, bytes)
  writer.push(e)
  writer.setRegister(operation.g, bytes)
}

/** E as it is now, in a temporary. */
function loadE(
  context: Pick<Context, 'writer' | 'operation'>,
  place: Place | undefined,
  bytes: number,
): Value {
  const { writer, operation } = context
  if (!place) return copied(context, writer.registerValue(operation.e, bytes), bytes)
  writer.code.get(place.local)
  writer.code.memory(
    { 1: op.i32_load8_u, 2: op.i32_load16_u, 4: op.i32_load, 8: op.i64_load }[bytes]!,
    place.offset,
  )
  return writer.keep(typeOf(bytes), bytes)
}

function copied({ writer }: Pick<Context, 'writer'>, value: Value, bytes: number): Value {
  writer.push(value)
  return writer.keep(typeOf(bytes), bytes)
}

/** Takes the value on the stack into E; for memory the pointer is below it. */
function storeE({ writer, operation }: Context, place: Place | undefined, bytes: number): void {
  if (place)
    writer.code.memory(
      { 1: op.i32_store8, 2: op.i32_store16, 4: op.i32_store, 8: op.i64_store }[bytes]!,
      place.offset,
    )
  else writer.setRegister(operation.e, bytes)
}

function exchangeAndAdd(context: Context): void {
  const { writer, operation } = context
  const { code, flags } = writer
  const bytes = bytesOfE(operation)
  const inMemory = operation.handler!.form !== 'r'
  const place = inMemory ? writer.operandPlace(operation, bytes, 'write') : undefined
  const e = loadE(context, place, bytes)
  const g = copied(context, writer.registerValue(operation.g, bytes), bytes)
  writer.push(e)
  writer.push(g)
  code.op(by(bytes, op.i64_add, op.i32_add))
  const sumOf = writer.keep(typeOf(bytes), bytes)
  // With a register for both the sum is what remains.
  if (!inMemory) {
    writer.push(e)
    writer.setRegister(operation.g, bytes)
  }
  if (place) code.get(place.local)
  writer.push(sumOf)
  storeE(context, place, bytes)
  if (inMemory) {
    writer.push(e)
    writer.setRegister(operation.g, bytes)
  }
  if (!wanted(context)) return
  writer.push(e)
  code.set(flags.a(bytes))
  writer.push(sumOf)
  code.set(flags.r(bytes))
}

function compareAndExchange(context: Context): void {
  const { writer, operation } = context
  const { code, flags } = writer
  const bytes = bytesOfE(operation)
  const inMemory = operation.handler!.form !== 'r'
  const place = inMemory ? writer.operandPlace(operation, bytes, 'write') : undefined
  const e = loadE(context, place, bytes)
  const a = copied(context, writer.registerValue(RAX, bytes), bytes)
  const g = copied(context, writer.registerValue(operation.g, bytes), bytes)
  writer.push(a)
  writer.push(e)
  code.op(by(bytes, op.i64_eq, op.i32_eq))
  code.when()
  if (place) code.get(place.local)
  writer.push(g)
  storeE(context, place, bytes)
  code.otherwise()
  writer.push(e)
  writer.setRegister(RAX, bytes)
  code.end()
  if (!wanted(context)) return
  writer.push(a)
  code.set(flags.a(bytes))
  writer.push(e)
  code.set(flags.b(bytes))
}

/** BT with its bit's number in a register: E in a register only, for memory would be a bit string. */
function bitTestRegister(change: 'set' | 'reset' | 'complement' | undefined): CustomEntry {
  return {
    accepts: ({ handler }) => handler!.form === 'r',
    translate: (context) => {
      const { writer, operation } = context
      const bytes = operation.handler!.size
      const value = writer.registerValue(operation.e, bytes)
      const index = writer.registerValue(operation.g, bytes)
      bitTest(change)(context, [value, index], bytes)
      if (change) writer.setRegister(operation.e, bytes)
    },
  }
}

const notNarrow = (operation: Operation): boolean => bytesOfE(operation) >= 4

/** In the kernel only; elsewhere the interpreter raises what is due. */
function kernelOnly(translate: Custom): CustomEntry {
  return {
    accepts: always,
    translate: (context) => (context.writer.region.user ? context.writer.leaveHere() : translate(context)),
  }
}

/** By the names of the instruction table, those with a `!`. */
export const integerCustom: Readonly<Record<string, CustomEntry>> = {
  push: {
    accepts: size64,
    translate: (context) => {
      const { writer, operation } = context
      pushOnStack(context, () => writer.code.get(writer.register(operation.e)))
    },
  },
  pushImm: {
    accepts: size64,
    translate: (context) => pushOnStack(context, () => context.writer.code.i64(context.operation.immediate)),
  },
  pushE: {
    accepts: size64,
    translate: (context) => {
      const value = operandE(context, 8)
      pushOnStack(context, () => context.writer.push(value))
    },
  },
  pop: {
    accepts: size64,
    translate: (context) => {
      const value = loadTop(context)
      moveStack(context, 8)
      context.writer.push(value)
      context.writer.setRegister(context.operation.e, 8)
    },
  },
  leave: {
    accepts: size64,
    translate: (context) => {
      const { writer } = context
      const { code } = writer
      const frame = writer.register(RBP)
      const place = writer.stackPlace(RBP, 0, 'read')
      code.get(frame)
      code.i64(8)
      code.op(op.i64_add)
      writer.setRegister(RSP, 8)
      code.get(place.local)
      code.memory(op.i64_load, place.offset)
      writer.setRegister(RBP, 8)
    },
  },
  xchgA: {
    accepts: always,
    translate: ({ writer, operation }) => {
      if (operation.e === RAX) return
      const bytes = operation.handler!.size
      const a = writer.registerValue(RAX, bytes)
      writer.push(a)
      const kept = writer.keep(typeOf(bytes), bytes)
      writer.push(writer.registerValue(operation.e, bytes))
      writer.setRegister(RAX, bytes)
      writer.push(kept)
      writer.setRegister(operation.e, bytes)
    },
  },
  nopE: { accepts: always, translate: () => {} },
  cbw: {
    accepts: always,
    translate: ({ writer, operation }) => {
      const { code } = writer
      const bytes = operation.handler!.size
      code.get(writer.register(RAX))
      if (bytes === 8) {
        code.op(op.i64_extend32_s)
      } else {
        code.op(op.i32_wrap_i64)
        code.op(bytes === 4 ? op.i32_extend16_s : op.i32_extend8_s)
      }
      writer.setRegister(RAX, bytes)
    },
  },
  cwd: {
    accepts: always,
    translate: (context) => {
      const { writer, operation } = context
      const { code } = writer
      const bytes = operation.handler!.size
      pushSigned(context, writer.registerValue(RAX, bytes), bytes)
      constant(context, bytes, bytes === 8 ? 63 : 31)
      code.op(by(bytes, op.i64_shr_s, op.i32_shr_s))
      writer.setRegister(RDX, bytes)
    },
  },
  mul: { accepts: notNarrow, translate: multiplyWide(false) },
  imul1: { accepts: notNarrow, translate: multiplyWide(true) },
  div: { accepts: notNarrow, translate: divide(false) },
  idiv: { accepts: notNarrow, translate: divide(true) },
  xchg: { accepts: always, translate: exchange },
  xadd: { accepts: always, translate: exchangeAndAdd },
  cmpxchg: { accepts: always, translate: compareAndExchange },
  bt: bitTestRegister(undefined),
  bts: bitTestRegister('set'),
  btr: bitTestRegister('reset'),
  btc: bitTestRegister('complement'),
  swapgs: kernelOnly(({ writer }) => {
    const { code } = writer
    const former = writer.temporary(I64)
    code.i32(0)
    code.memory(op.i64_load, REGS + GS_BASE)
    code.set(former)
    code.i32(0)
    code.i32(0)
    code.memory(op.i64_load, KERNEL_GS_BASE)
    code.memory(op.i64_store, REGS + GS_BASE)
    code.i32(0)
    code.get(former)
    code.memory(op.i64_store, KERNEL_GS_BASE)
  }),
  cli: kernelOnly(({ writer }) => {
    const { code } = writer
    code.i32(0)
    code.i32(0)
    code.memory(op.i32_load, RFLAGS)
    code.i32(~IF)
    code.op(op.i32_and)
    code.memory(op.i32_store, RFLAGS)
  }),
}
