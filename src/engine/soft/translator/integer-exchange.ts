// Instructions that change two operands: XCHG, XADD, CMPXCHG. Memory first becomes known to be writable, so that nothing
// has changed where they leave.

import { by, bytesOfE, copied, loadE, placeToChange, storeE, typeOf, wanted } from './integer-write.ts'
import type { Context, Customs } from './meaning.ts'
import { op } from './opcodes.ts'
import { RAX } from './registers.ts'

function exchange(context: Context): void {
  const { writer, operation } = context
  const bytes = bytesOfE(operation)
  const place = placeToChange(context, bytes)
  const e = loadE(context, place, bytes)
  const g = copied(context, writer.registerValue(operation.g, bytes), bytes)
  storeE(context, place, bytes, g)
  writer.push(e)
  writer.setRegister(operation.g, bytes)
}

/** XCHG of the accumulator and another register. */
function exchangeAccumulator(context: Context): void {
  const { writer, operation } = context
  if (operation.e === RAX) return
  const bytes = operation.handler!.size
  const a = copied(context, writer.registerValue(RAX, bytes), bytes)
  writer.push(writer.registerValue(operation.e, bytes))
  writer.setRegister(RAX, bytes)
  writer.push(a)
  writer.setRegister(operation.e, bytes)
}

function exchangeAndAdd(context: Context): void {
  const { writer, operation } = context
  const { code, flags } = writer
  const bytes = bytesOfE(operation)
  const place = placeToChange(context, bytes)
  const e = loadE(context, place, bytes)
  const g = copied(context, writer.registerValue(operation.g, bytes), bytes)
  writer.push(e)
  writer.push(g)
  code.op(by(bytes, op.i64_add, op.i32_add))
  const sum = writer.keep(typeOf(bytes), bytes)
  const storeG = (): void => {
    writer.push(e)
    writer.setRegister(operation.g, bytes)
  }
  // With a register for both the sum is what remains.
  if (!place) storeG()
  storeE(context, place, bytes, sum)
  if (place) storeG()
  if (!wanted(context)) return
  writer.push(e)
  code.set(flags.a(bytes))
  writer.push(sum)
  code.set(flags.r(bytes))
}

function compareAndExchange(context: Context): void {
  const { writer, operation } = context
  const { code, flags } = writer
  const bytes = bytesOfE(operation)
  const place = placeToChange(context, bytes)
  const e = loadE(context, place, bytes)
  const a = copied(context, writer.registerValue(RAX, bytes), bytes)
  const g = copied(context, writer.registerValue(operation.g, bytes), bytes)
  writer.push(a)
  writer.push(e)
  code.op(by(bytes, op.i64_eq, op.i32_eq))
  code.when()
  storeE(context, place, bytes, g)
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

export const exchangeCustoms: Customs = {
  xchg: { translate: exchange },
  xchgA: { translate: exchangeAccumulator },
  xadd: { translate: exchangeAndAdd },
  cmpxchg: { translate: compareAndExchange },
}
