// SSE shuffles: pack, unpack, select, insert, extract, widen. Selections are constants here, so nearly all of them are
// one shuffle of bytes.

import type { Value } from './frame.ts'
import type { Context, Meaning, MeaningEntry, Meanings } from './meaning.ts'
import { op } from './opcodes.ts'
import {
  bytesOfElements,
  constantOf,
  direct,
  entry,
  pushRepeated,
  pushShuffle,
  pushShuffleWithZero,
  shuffled,
  ZERO,
} from './vector-write.ts'

/** The i-th selection of two bits. */
const twoBits = (select: number, i: number): number => (select >> (2 * i)) & 3

/** Elements of one vector by an immediate. */
const chosen = (width: number, elements: (select: number) => readonly number[]): MeaningEntry =>
  entry((context, [b, select]) =>
    pushShuffle(context, b!, b!, bytesOfElements(width, elements(constantOf(select!)))),
  )

/** Elements of two vectors by an immediate. */
const chosenOfTwo = (width: number, elements: (select: number) => readonly number[]): MeaningEntry =>
  entry((context, [a, b, select]) =>
    pushShuffle(context, a!, b!, bytesOfElements(width, elements(constantOf(select!)))),
  )

/** Element i of b where bit i is set. */
const blended = (width: number): MeaningEntry => {
  const count = 16 / width
  return chosenOfTwo(width, (select) =>
    Array.from({ length: count }, (_, i) => ((select >> i) & 1 ? i + count : i)),
  )
}

/** Bit 7 clears the byte, bits 4 to 6 are ignored; swizzle clears for every index above 15. */
const shuffleBytes: Meaning = (context, [a, b]) => {
  const { writer } = context
  writer.push(a!)
  writer.push(b!)
  pushRepeated(context, [0x8f])
  writer.code.op(op.v128_and)
  writer.code.op(op.i8x16_swizzle)
}

/** Sixteen bytes of a:b, beginning at byte `count` of b. */
const alignRight: Meaning = (context, [a, b, count]) => {
  const n = constantOf(count!)
  const places = Array.from({ length: 16 }, (_, i) => n + i)
  if (n >= 32) context.writer.code.v128(ZERO)
  else if (n < 16) pushShuffle(context, b!, a!, places)
  else
    pushShuffleWithZero(
      context,
      a!,
      places.map((i) => Math.min(i - 16, 16)),
    )
}

/** An element from a general register or memory. */
const insert = (replace: number, count: number): MeaningEntry =>
  entry(({ writer }, [a, b, place]) => {
    writer.push(a!)
    writer.push(b!)
    writer.code.lane(replace, constantOf(place!) & (count - 1))
  })

/** PINSRD and PINSRQ. */
const insertWide: Meaning = ({ writer }, [a, b, place]) => {
  const wide = b!.bytes === 8
  writer.push(a!)
  writer.push(b!)
  writer.code.lane(wide ? op.i64x2_replace_lane : op.i32x4_replace_lane, constantOf(place!) & (wide ? 1 : 3))
}

const extract = (instruction: number, count: number): MeaningEntry =>
  entry(({ writer }, [a, place]) => {
    writer.push(a!)
    writer.code.lane(instruction, constantOf(place!) & (count - 1))
  })

/** PEXTRD, PEXTRQ, EXTRACTPS. */
const extractWide: Meaning = ({ writer }, [a, place], bytes) => {
  const wide = bytes === 8
  writer.push(a!)
  writer.code.lane(wide ? op.i64x2_extract_lane : op.i32x4_extract_lane, constantOf(place!) & (wide ? 1 : 3))
}

/** INSERTPS: bits 7 and 6 choose the element of b, 5 and 4 its place, 3 to 0 clear elements. */
const insertSingle = (fromMemory: boolean): MeaningEntry =>
  entry((context, [a, b, control]) => {
    const bits = constantOf(control!)
    const elements = [0, 1, 2, 3]
    elements[twoBits(bits, 2)] = 4 + (fromMemory ? 0 : twoBits(bits, 3))
    pushShuffle(context, a!, b!, bytesOfElements(4, elements))
    if ((bits & 15) === 0) return
    const { code } = context.writer
    code.v128(ZERO)
    code.shuffle(
      bytesOfElements(
        4,
        [0, 1, 2, 3].map((i) => ((bits >> i) & 1 ? 4 + i : i)),
      ),
    )
  })

/** The lowest elements, made wider step by step. */
const widened = (...steps: readonly number[]): MeaningEntry =>
  entry((context, [b]) => {
    pushLow(context, b!)
    for (const step of steps) context.writer.code.op(step)
  })

/** A vector whose low part is the operand: one of 2 bytes in memory comes as a number. */
function pushLow({ writer }: Context, value: Value): void {
  writer.push(value)
  if (value.bytes === 2) writer.code.op(op.i32x4_splat)
}

export const vectorShuffles: Meanings = {
  packsswb: direct(op.i8x16_narrow_i16x8_s),
  packuswb: direct(op.i8x16_narrow_i16x8_u),
  packssdw: direct(op.i16x8_narrow_i32x4_s),
  packusdw: direct(op.i16x8_narrow_i32x4_u),

  punpcklbw: shuffled(1, [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23]),
  punpcklwd: shuffled(2, [0, 8, 1, 9, 2, 10, 3, 11]),
  punpckldq: shuffled(4, [0, 4, 1, 5]),
  punpcklqdq: shuffled(8, [0, 2]),
  punpckhbw: shuffled(1, [8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31]),
  punpckhwd: shuffled(2, [4, 12, 5, 13, 6, 14, 7, 15]),
  punpckhdq: shuffled(4, [2, 6, 3, 7]),
  punpckhqdq: shuffled(8, [1, 3]),

  pshufb: entry(shuffleBytes),
  pshufd: chosen(4, (select) => [0, 1, 2, 3].map((i) => twoBits(select, i))),
  pshuflw: chosen(2, (select) => [...[0, 1, 2, 3].map((i) => twoBits(select, i)), 4, 5, 6, 7]),
  pshufhw: chosen(2, (select) => [0, 1, 2, 3, ...[0, 1, 2, 3].map((i) => 4 + twoBits(select, i))]),
  shufps: chosenOfTwo(4, (select) => [0, 1, 2, 3].map((i) => twoBits(select, i) + (i < 2 ? 0 : 4))),
  shufpd: chosenOfTwo(8, (select) => [select & 1, 2 + ((select >> 1) & 1)]),
  palignr: entry(alignRight),
  blendps: blended(4),
  blendpd: blended(8),
  pblendw: blended(2),

  pinsrb: insert(op.i8x16_replace_lane, 16),
  pinsrw: insert(op.i16x8_replace_lane, 8),
  pinsrd: entry(insertWide),
  pextrb: extract(op.i8x16_extract_lane_u, 16),
  pextrw: extract(op.i16x8_extract_lane_u, 8),
  pextrd: entry(extractWide),
  insertps: insertSingle(false),
  insertpsLoad: insertSingle(true),

  pmovsxbw: widened(op.i16x8_extend_low_i8x16_s),
  pmovsxbd: widened(op.i16x8_extend_low_i8x16_s, op.i32x4_extend_low_i16x8_s),
  pmovsxbq: widened(op.i16x8_extend_low_i8x16_s, op.i32x4_extend_low_i16x8_s, op.i64x2_extend_low_i32x4_s),
  pmovsxwd: widened(op.i32x4_extend_low_i16x8_s),
  pmovsxwq: widened(op.i32x4_extend_low_i16x8_s, op.i64x2_extend_low_i32x4_s),
  pmovsxdq: widened(op.i64x2_extend_low_i32x4_s),
  pmovzxbw: widened(op.i16x8_extend_low_i8x16_u),
  pmovzxbd: widened(op.i16x8_extend_low_i8x16_u, op.i32x4_extend_low_i16x8_u),
  pmovzxbq: widened(op.i16x8_extend_low_i8x16_u, op.i32x4_extend_low_i16x8_u, op.i64x2_extend_low_i32x4_u),
  pmovzxwd: widened(op.i32x4_extend_low_i16x8_u),
  pmovzxwq: widened(op.i32x4_extend_low_i16x8_u, op.i64x2_extend_low_i32x4_u),
  pmovzxdq: widened(op.i64x2_extend_low_i32x4_u),
}
