// SSE integer arithmetic, logic, comparison and shifts: the sequences of core/sse-integer.ts.

import { I32, I64, V128 } from './encoder.ts'
import type { Meaning, MeaningEntry, Meanings } from './meaning.ts'
import { op } from './opcodes.ts'
import {
  bytesOfElements,
  constantOf,
  direct,
  entry,
  pushLowQuad,
  pushRepeated,
  pushShuffle,
  pushShuffleWithZero,
  ZERO,
} from './vector-write.ts'

// Logic.

/** Without those that b has not: first the operand that stays, then the one that is inverted. */
const andNot: Meaning = ({ writer }, [a, b]) => {
  writer.push(b!)
  writer.push(a!)
  writer.code.op(op.v128_andnot)
}

/** ZF: no bit of b is in a; CF: no bit of b is outside of a. */
const test: Meaning = ({ writer, after }, [a, b]) => {
  if (after.kind === 'dead') return
  const { code, flags } = writer
  writer.push(a!)
  writer.push(b!)
  code.op(op.v128_and)
  code.op(op.v128_any_true)
  code.op(op.i32_eqz)
  code.i32(6)
  code.op(op.i32_shl)
  writer.push(b!)
  writer.push(a!)
  code.op(op.v128_andnot)
  code.op(op.v128_any_true)
  code.op(op.i32_eqz)
  code.op(op.i32_or)
  code.set(flags.carryLocal)
}

/** Elements of b where those of XMM0 are negative, else of a. */
const blendBySign = (greater: number): MeaningEntry =>
  entry(({ writer }, [a, b]) => {
    const { code } = writer
    writer.push(b!)
    writer.push(a!)
    code.v128(ZERO)
    code.get(writer.xmm(0))
    code.op(greater)
    code.op(op.v128_bitselect)
  })

// Arithmetic.

/** a, −a or 0 as b is positive, negative or 0. */
const sign = (subtract: number, greater: number, equal: number): MeaningEntry =>
  entry(({ writer }, [a, b]) => {
    const { code } = writer
    code.v128(ZERO)
    writer.push(a!)
    code.op(subtract)
    writer.push(a!)
    code.v128(ZERO)
    writer.push(b!)
    code.op(greater)
    code.op(op.v128_bitselect)
    writer.push(b!)
    code.v128(ZERO)
    code.op(equal)
    code.op(op.v128_andnot)
  })

/** An operation of neighbours: first those of a, then those of b. */
const horizontal = (width: number, instruction: number): MeaningEntry => {
  const pairs = Array.from({ length: 16 / width }, (_, i) => i * 2)
  const even = bytesOfElements(width, pairs)
  const odd = bytesOfElements(
    width,
    pairs.map((i) => i + 1),
  )
  return entry((context, [a, b]) => {
    pushShuffle(context, a!, b!, even)
    pushShuffle(context, a!, b!, odd)
    context.writer.code.op(instruction)
  })
}

/** Sums of absolute differences of each eight bytes. */
const sumOfDifferences: Meaning = (context, [a, b]) => {
  const { writer } = context
  const { code } = writer
  for (const [one, other] of [
    [a!, b!],
    [b!, a!],
  ] as const) {
    writer.push(one)
    writer.push(other)
    code.op(op.i8x16_sub_sat_u)
  }
  code.op(op.v128_or)
  code.op(op.i16x8_extadd_pairwise_i8x16_u)
  code.op(op.i32x4_extadd_pairwise_i16x8_u)
  const sums = writer.keep(V128, 16)
  writer.push(sums)
  pushRepeated(context, [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])
  code.op(op.v128_and)
  writer.push(sums)
  code.i32(32)
  code.op(op.i64x2_shr_u)
  code.op(op.i64x2_add)
}

/** The upper halves of the products of words. */
const highWords = (low: number, high: number): MeaningEntry => {
  const odd = bytesOfElements(2, [1, 3, 5, 7, 9, 11, 13, 15])
  return entry(({ writer }, [a, b]) => {
    const { code } = writer
    for (const product of [low, high]) {
      writer.push(a!)
      writer.push(b!)
      code.op(product)
    }
    code.shuffle(odd)
  })
}

/** WebAssembly saturates the one product that does not fit, −1 × −1; the processor wraps to −1. */
const roundedHighWords: Meaning = (context, [a, b]) => {
  const { writer } = context
  const { code } = writer
  writer.push(a!)
  writer.push(b!)
  code.op(op.i16x8_q15mulr_sat_s)
  for (const value of [a!, b!]) {
    writer.push(value)
    pushRepeated(context, [0, 0x80])
    code.op(op.i16x8_eq)
  }
  code.op(op.v128_and)
  code.op(op.v128_xor)
}

/** Products of the even doublewords. */
const evenProducts = (product: number): MeaningEntry => {
  const even = bytesOfElements(4, [0, 2, 0, 2])
  return entry((context, [a, b]) => {
    pushShuffle(context, a!, a!, even)
    pushShuffle(context, b!, b!, even)
    context.writer.code.op(product)
  })
}

/** Unsigned bytes of a times signed bytes of b, neighbours added with saturation. */
const multiplyAddBytes: Meaning = (context, [a, b]) => {
  const { writer } = context
  const { code } = writer
  writer.push(a!)
  pushRepeated(context, [0xff, 0])
  code.op(op.v128_and)
  writer.push(b!)
  code.i32(8)
  code.op(op.i16x8_shl)
  code.i32(8)
  code.op(op.i16x8_shr_s)
  code.op(op.i16x8_mul)
  writer.push(a!)
  code.i32(8)
  code.op(op.i16x8_shr_u)
  writer.push(b!)
  code.i32(8)
  code.op(op.i16x8_shr_s)
  code.op(op.i16x8_mul)
  code.op(op.i16x8_add_sat_s)
}

/** The smallest of eight words, and behind it the first place where it is. */
const smallestWord: Meaning = (context, [b]) => {
  const { writer } = context
  const { code } = writer
  let smallest = b!
  // Halved three times: the smallest word is everywhere then.
  for (const distance of [8, 4, 2]) {
    writer.push(smallest)
    pushShuffle(
      context,
      smallest,
      smallest,
      Array.from({ length: 16 }, (_, i) => (i + distance) % 16),
    )
    code.op(op.i16x8_min_u)
    smallest = writer.keep(V128, 16)
  }
  code.v128(ZERO)
  writer.push(smallest)
  code.lane(op.i16x8_extract_lane_u, 0)
  writer.push(smallest)
  writer.push(b!)
  code.op(op.i16x8_eq)
  code.op(op.i16x8_bitmask)
  code.op(op.i32_ctz)
  code.i32(16)
  code.op(op.i32_shl)
  code.op(op.i32_or)
  code.lane(op.i32x4_replace_lane, 0)
}

// Shifts. A count of the element's width or more shifts everything out; WebAssembly would take it modulo the width.

const shiftByConstant = (instruction: number, width: number, arithmetic = false): MeaningEntry =>
  entry(({ writer }, [a, count]) => {
    const { code } = writer
    const n = constantOf(count!)
    if (n >= width && !arithmetic) {
      code.v128(ZERO)
      return
    }
    writer.push(a!)
    code.i32(Math.min(n, width - 1))
    code.op(instruction)
  })

/** By the low quadword of a register or of memory. */
const shiftByVector = (instruction: number, width: number, arithmetic = false): MeaningEntry =>
  entry((context, [a, counts]) => {
    const { writer } = context
    const { code } = writer
    pushLowQuad(context, counts!)
    const count = writer.keep(I64, 8)
    const pushInside = (): void => {
      writer.push(count)
      code.i64(width - 1)
      code.op(op.i64_le_u)
    }
    if (arithmetic) {
      writer.push(count)
      code.op(op.i32_wrap_i64)
      code.i32(width - 1)
      pushInside()
      code.op(op.select)
      const limited = writer.keep(I32, 4)
      writer.push(a!)
      writer.push(limited)
      code.op(instruction)
      return
    }
    writer.push(a!)
    writer.push(count)
    code.op(op.i32_wrap_i64)
    code.op(instruction)
    // All ones or zeros.
    code.i64(0)
    pushInside()
    code.op(op.i64_extend_i32_u)
    code.op(op.i64_sub)
    code.op(op.i64x2_splat)
    code.op(op.v128_and)
  })

/** The whole register by bytes, to the left (towards higher ones) or right. */
const shiftBytes = (left: boolean): MeaningEntry =>
  entry((context, [a, count]) => {
    const n = Math.min(constantOf(count!), 16)
    const from = (i: number): number => (left ? i - n : i + n)
    pushShuffleWithZero(
      context,
      a!,
      Array.from({ length: 16 }, (_, i) => (from(i) < 0 || from(i) > 15 ? 16 : from(i))),
    )
  })

export const vectorIntegers: Meanings = {
  pand: direct(op.v128_and),
  pandn: entry(andNot),
  por: direct(op.v128_or),
  pxor: direct(op.v128_xor),
  ptest: entry(test),
  pblendvb: blendBySign(op.i8x16_gt_s),
  blendvps: blendBySign(op.i32x4_gt_s),
  blendvpd: blendBySign(op.i64x2_gt_s),

  paddb: direct(op.i8x16_add),
  paddw: direct(op.i16x8_add),
  paddd: direct(op.i32x4_add),
  paddq: direct(op.i64x2_add),
  psubb: direct(op.i8x16_sub),
  psubw: direct(op.i16x8_sub),
  psubd: direct(op.i32x4_sub),
  psubq: direct(op.i64x2_sub),
  paddsb: direct(op.i8x16_add_sat_s),
  paddsw: direct(op.i16x8_add_sat_s),
  paddusb: direct(op.i8x16_add_sat_u),
  paddusw: direct(op.i16x8_add_sat_u),
  psubsb: direct(op.i8x16_sub_sat_s),
  psubsw: direct(op.i16x8_sub_sat_s),
  psubusb: direct(op.i8x16_sub_sat_u),
  psubusw: direct(op.i16x8_sub_sat_u),
  pavgb: direct(op.i8x16_avgr_u),
  pavgw: direct(op.i16x8_avgr_u),
  pabsb: direct(op.i8x16_abs),
  pabsw: direct(op.i16x8_abs),
  pabsd: direct(op.i32x4_abs),
  psignb: sign(op.i8x16_sub, op.i8x16_gt_s, op.i8x16_eq),
  psignw: sign(op.i16x8_sub, op.i16x8_gt_s, op.i16x8_eq),
  psignd: sign(op.i32x4_sub, op.i32x4_gt_s, op.i32x4_eq),
  psadbw: entry(sumOfDifferences),
  phaddw: horizontal(2, op.i16x8_add),
  phaddd: horizontal(4, op.i32x4_add),
  phaddsw: horizontal(2, op.i16x8_add_sat_s),
  phsubw: horizontal(2, op.i16x8_sub),
  phsubd: horizontal(4, op.i32x4_sub),
  phsubsw: horizontal(2, op.i16x8_sub_sat_s),

  pmullw: direct(op.i16x8_mul),
  pmulld: direct(op.i32x4_mul),
  pmulhw: highWords(op.i32x4_extmul_low_i16x8_s, op.i32x4_extmul_high_i16x8_s),
  pmulhuw: highWords(op.i32x4_extmul_low_i16x8_u, op.i32x4_extmul_high_i16x8_u),
  pmulhrsw: entry(roundedHighWords),
  pmuludq: evenProducts(op.i64x2_extmul_low_i32x4_u),
  pmuldq: evenProducts(op.i64x2_extmul_low_i32x4_s),
  pmaddwd: direct(op.i32x4_dot_i16x8_s),
  pmaddubsw: entry(multiplyAddBytes),

  pcmpeqb: direct(op.i8x16_eq),
  pcmpeqw: direct(op.i16x8_eq),
  pcmpeqd: direct(op.i32x4_eq),
  pcmpeqq: direct(op.i64x2_eq),
  pcmpgtb: direct(op.i8x16_gt_s),
  pcmpgtw: direct(op.i16x8_gt_s),
  pcmpgtd: direct(op.i32x4_gt_s),
  pcmpgtq: direct(op.i64x2_gt_s),
  pminsb: direct(op.i8x16_min_s),
  pminub: direct(op.i8x16_min_u),
  pminsw: direct(op.i16x8_min_s),
  pminuw: direct(op.i16x8_min_u),
  pminsd: direct(op.i32x4_min_s),
  pminud: direct(op.i32x4_min_u),
  pmaxsb: direct(op.i8x16_max_s),
  pmaxub: direct(op.i8x16_max_u),
  pmaxsw: direct(op.i16x8_max_s),
  pmaxuw: direct(op.i16x8_max_u),
  pmaxsd: direct(op.i32x4_max_s),
  pmaxud: direct(op.i32x4_max_u),
  phminposuw: entry(smallestWord),

  psllw: shiftByVector(op.i16x8_shl, 16),
  pslld: shiftByVector(op.i32x4_shl, 32),
  psllq: shiftByVector(op.i64x2_shl, 64),
  psrlw: shiftByVector(op.i16x8_shr_u, 16),
  psrld: shiftByVector(op.i32x4_shr_u, 32),
  psrlq: shiftByVector(op.i64x2_shr_u, 64),
  psraw: shiftByVector(op.i16x8_shr_s, 16, true),
  psrad: shiftByVector(op.i32x4_shr_s, 32, true),
  psllwImm: shiftByConstant(op.i16x8_shl, 16),
  pslldImm: shiftByConstant(op.i32x4_shl, 32),
  psllqImm: shiftByConstant(op.i64x2_shl, 64),
  psrlwImm: shiftByConstant(op.i16x8_shr_u, 16),
  psrldImm: shiftByConstant(op.i32x4_shr_u, 32),
  psrlqImm: shiftByConstant(op.i64x2_shr_u, 64),
  psrawImm: shiftByConstant(op.i16x8_shr_s, 16, true),
  psradImm: shiftByConstant(op.i32x4_shr_s, 32, true),
  psrldq: shiftBytes(false),
  pslldq: shiftBytes(true),
}
