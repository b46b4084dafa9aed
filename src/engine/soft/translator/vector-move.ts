// SSE moves. A register operand comes as the whole register, whatever part of it the instruction reads; an operand in
// memory of 4 or 8 bytes comes zero-extended to 16.

import type { Meaning } from './instructions.ts'
import type { MeaningEntry } from './integer.ts'
import { op } from './opcodes.ts'

const move: Meaning = ({ writer }, [value]) => writer.push(value!)

const binary = (instruction: number): MeaningEntry => ({
  meaning: ({ writer }, [a, b]) => {
    writer.push(a!)
    writer.push(b!)
    writer.code.op(instruction)
  },
})

/** The low 8 bytes, the rest 0. */
const lowQuad: Meaning = ({ writer }, [value]) => {
  const { code } = writer
  writer.push(value!)
  code.lane(op.i64x2_extract_lane, 0)
  code.op(op.i64x2_splat)
  code.i64(0)
  code.lane(op.i64x2_replace_lane, 1)
}

export const vectorMoves: Readonly<Record<string, MeaningEntry>> = {
  movups: { meaning: move },
  movaps: { meaning: move },
  movss: { meaning: move },
  movssLoad: { meaning: move },
  movlps: { meaning: move },
  movq: { meaning: lowQuad },
  pxor: binary(op.v128_xor),
  por: binary(op.v128_or),
  pand: binary(op.v128_and),
  movd: {
    meaning: ({ writer }, [value], _bytes) => {
      const { code } = writer
      writer.push(value!)
      if (value!.bytes === 4) code.op(op.i64_extend_i32_u)
      code.op(op.i64x2_splat)
      code.i64(0)
      code.lane(op.i64x2_replace_lane, 1)
    },
  },
  movdStore: {
    meaning: ({ writer }, [value], bytes) => {
      writer.push(value!)
      writer.code.lane(bytes === 8 ? op.i64x2_extract_lane : op.i32x4_extract_lane, 0)
    },
  },
}
