// What the translations of general-purpose instructions are written with. Operands of up to 4 bytes are i32,
// zero-extended, those of 8 bytes i64; what lies above a narrow result does not matter.

import type { Form } from '../table/handlers.ts'
import type { Instruction } from '../table/instruction.ts'
import { I32, I64 } from './encoder.ts'
import type { Value } from './frame.ts'
import type { Context } from './meaning.ts'
import type { Place } from './memory.ts'
import { op } from './opcodes.ts'
import type { Operation } from './operations.ts'

/** The instruction for operands of 8 bytes, or for shorter ones. */
export const by = (bytes: number, wide: number, narrow: number): number => (bytes === 8 ? wide : narrow)
export const typeOf = (bytes: number): typeof I64 | typeof I32 => (bytes === 8 ? I64 : I32)
export const bitsOf = (bytes: number): number => bytes * 8
/** Does something need the instruction's flags? */
export const wanted = ({ after }: Context): boolean => after.kind !== 'dead'

// Which forms are translated.

/** Operands of 4 or 8 bytes. */
export const wideOnly = (size: number, _form: Form, row: Instruction): boolean =>
  row.operands[0]!.size !== 'b' && size >= 4

export const bytesOfE = ({ handler }: Operation): number =>
  handler!.row.operands[0]!.size === 'b' ? 1 : handler!.size

// Values.

/** Pushes a constant as wide as the operands. */
export function constant({ writer }: Context, bytes: number, value: number | bigint): void {
  if (bytes === 8) writer.code.i64(value)
  else writer.code.i32(Number(value))
}

/** Pushes a value sign-extended within its type. */
export function pushSigned({ writer }: Context, value: Value, bytes: number): void {
  writer.push(value)
  if (bytes === 1) writer.code.op(op.i32_extend8_s)
  else if (bytes === 2) writer.code.op(op.i32_extend16_s)
}

/** Pushes bit `position` of a value as an i32. */
export function pushBit(context: Context, value: Value, bytes: number, position: number): void {
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

/** A value as it is now, in a temporary. */
export function copied({ writer }: Context, value: Value, bytes: number): Value {
  writer.push(value)
  return writer.keep(typeOf(bytes), bytes)
}

// The operand E of instructions that fetch it themselves: a register, or memory.

/** Where E lies that is going to be written, or undefined for a register. Memory is known to be writable then. */
export function placeToChange({ writer, operation }: Context, bytes: number): Place | undefined {
  return operation.handler!.form === 'r' ? undefined : writer.memory.operandPlace(bytes, 'write')
}

/** E as it is now, in a temporary. */
export function loadE(context: Context, place: Place | undefined, bytes: number): Value {
  const { writer, operation } = context
  if (!place) return copied(context, writer.registerValue(operation.e, bytes), bytes)
  writer.memory.pushLoad(place, bytes)
  return writer.keep(typeOf(bytes), bytes)
}

/** Takes a value into E. */
export function storeE(
  { writer, operation }: Context,
  place: Place | undefined,
  bytes: number,
  value: Value,
): void {
  if (place) writer.memory.pushPointer(place)
  writer.push(value)
  if (place) writer.memory.store(place, bytes)
  else writer.setRegister(operation.e, bytes)
}

/** E, of an instruction that only reads it. */
export function operandE(context: Context, bytes: number): Value {
  const { writer, operation } = context
  if (operation.handler!.form === 'r') return writer.registerValue(operation.e, bytes)
  return loadE(context, writer.memory.operandPlace(bytes, 'read'), bytes)
}
