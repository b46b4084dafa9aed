// SSE moves: whole registers, parts of them, to and from general registers.

import type { Meaning, Meanings } from './meaning.ts'
import { op } from './opcodes.ts'
import { direct, entry, pushShuffleWithZero, shuffled, ZERO } from './vector-write.ts'

const move: Meaning = ({ writer }, [value]) => writer.push(value!)

/** All of a register, or of memory. */
const moveWhole: Meaning = ({ writer, operation }, [value]) => {
  if (operation.handler!.form === 'r') writer.known.announceCopy(value!)
  writer.push(value!)
}

/** The low 8 bytes, the rest 0. In memory there are no others. */
const lowQuad: Meaning = (context, [value]) => {
  const { operation, writer } = context
  if (operation.handler!.form !== 'r') writer.push(value!)
  else pushShuffleWithZero(context, value!, [0, 1, 2, 3, 4, 5, 6, 7, 16, 16, 16, 16, 16, 16, 16, 16])
}

/** From a general register or memory, the rest 0. */
const fromGeneral: Meaning = ({ writer }, [value]) => {
  const { code } = writer
  code.v128(ZERO)
  writer.push(value!)
  code.lane(value!.bytes === 8 ? op.i64x2_replace_lane : op.i32x4_replace_lane, 0)
}

const toGeneral: Meaning = ({ writer }, [value], bytes) => {
  writer.push(value!)
  writer.code.lane(bytes === 8 ? op.i64x2_extract_lane : op.i32x4_extract_lane, 0)
}

export const vectorMoves: Meanings = {
  movups: entry(moveWhole),
  movaps: entry(moveWhole),
  movss: entry(move),
  movssLoad: entry(move),
  movlps: entry(move),
  movq: entry(lowQuad),
  movd: entry(fromGeneral),
  movdStore: entry(toGeneral),
  movhlps: shuffled(8, [1, 1]),
  movhps: shuffled(8, [0, 2]),
  movddup: shuffled(8, [0, 0]),
  movsldup: shuffled(4, [0, 0, 2, 2]),
  movshdup: shuffled(4, [1, 1, 3, 3]),
  movmskps: direct(op.i32x4_bitmask),
  movmskpd: direct(op.i64x2_bitmask),
  pmovmskb: direct(op.i8x16_bitmask),
}
