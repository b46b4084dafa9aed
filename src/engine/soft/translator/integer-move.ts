// Moves: plain, widening, conditional; addresses; sign extension of the accumulator.

import type { Value } from './frame.ts'
import { by, constant, pushSigned } from './integer-write.ts'
import type { Context, Customs, Meaning, Meanings } from './meaning.ts'
import { op } from './opcodes.ts'
import { RAX, RDX } from './registers.ts'

function move({ writer }: Context, [value]: readonly Value[]): void {
  writer.push(value!)
}

/** MOVZX, MOVSX, MOVSXD: from the source's size to the destination's. */
function widen(signed: boolean): Meaning {
  return ({ writer }, [source], bytes) => {
    const { code } = writer
    const from = source!.bytes
    writer.push(source!)
    if (signed && from < 4) code.op(from === 1 ? op.i32_extend8_s : op.i32_extend16_s)
    if (bytes === 8 && from < 8) code.op(signed ? op.i64_extend_i32_s : op.i64_extend_i32_u)
  }
}

function loadAddress({ writer }: Context, [address]: readonly Value[], bytes: number): void {
  writer.push(address!)
  if (bytes < 8) writer.code.op(op.i32_wrap_i64)
}

function conditionalMove({ writer, before, operation }: Context, [old, source]: readonly Value[]): void {
  writer.push(source!)
  writer.push(old!)
  writer.flags.condition(before, operation.handler!.row.opcode & 15)
  writer.code.op(op.select)
}

function setOnCondition({ writer, before, operation }: Context): void {
  writer.flags.condition(before, operation.handler!.row.opcode & 15)
}

/** CBW, CWDE, CDQE: the accumulator's lower half becomes all of it. */
function extendAccumulator({ writer, operation }: Context): void {
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
}

/** CWD, CDQ, CQO: RDX gets copies of its sign. */
function spreadSign(context: Context): void {
  const { writer, operation } = context
  const bytes = operation.handler!.size
  pushSigned(context, writer.registerValue(RAX, bytes), bytes)
  constant(context, bytes, bytes === 8 ? 63 : 31)
  writer.code.op(by(bytes, op.i64_shr_s, op.i32_shr_s))
  writer.setRegister(RDX, bytes)
}

export const moves: Meanings = {
  mov: { meaning: move },
  movzx: { meaning: widen(false) },
  movsx: { meaning: widen(true) },
  movsxd: { meaning: widen(true) },
  lea: { meaning: loadAddress },
  cmov: { meaning: conditionalMove },
  setcc: { meaning: setOnCondition },
}

export const moveCustoms: Customs = {
  cbw: { translate: extendAccumulator },
  cwd: { translate: spreadSign },
}
