// Instructions of the stack, of 64 bits. What can leave the region comes before RSP moves.

import { I64 } from './encoder.ts'
import { operandE } from './integer-write.ts'
import type { Context, CustomEntry, Customs } from './meaning.ts'
import { op } from './opcodes.ts'
import type { Operation } from './operations.ts'
import { RBP, RSP } from './registers.ts'

/** Writes to the stack below RSP, then moves RSP. */
function push({ writer }: Context, pushValue: () => void): void {
  const { memory } = writer
  const place = memory.stackPlace(RSP, -8, 'write')
  memory.pushPointer(place)
  pushValue()
  memory.store(place, 8)
  writer.moveStack(-8)
}

function pushE(context: Context): void {
  const value = operandE(context, 8)
  push(context, () => context.writer.push(value))
}

/** RSP moves before the register is written: that may be RSP. */
function pop({ writer, operation }: Context): void {
  const { memory } = writer
  memory.pushLoad(memory.stackPlace(RSP, 0, 'read'), 8)
  const value = writer.keep(I64, 8)
  writer.moveStack(8)
  writer.push(value)
  writer.setRegister(operation.e, 8)
}

function leave({ writer }: Context): void {
  const { code, memory } = writer
  const frame = writer.register(RBP)
  const place = memory.stackPlace(RBP, 0, 'read')
  code.get(frame)
  code.i64(8)
  code.op(op.i64_add)
  writer.setRegister(RSP, 8)
  memory.pushLoad(place, 8)
  writer.setRegister(RBP, 8)
}

const of64Bits = (translate: CustomEntry['translate']): CustomEntry => ({
  translate,
  accepts: ({ handler }: Operation) => handler!.size === 8,
})

export const stackCustoms: Customs = {
  push: of64Bits((context) =>
    push(context, () => context.writer.code.get(context.writer.register(context.operation.e))),
  ),
  pushImm: of64Bits((context) => push(context, () => context.writer.code.i64(context.operation.immediate))),
  pushE: of64Bits(pushE),
  pop: of64Bits(pop),
  leave: of64Bits(leave),
}
