// How each operation is translated: inline, by a call of the interpreter's handler, or not at all (the interpreter
// executes it outside of the region). The lines of the instruction table with plain operands need only their meaning
// here, as in the interpreter: fetching and storing operands is the same for all of them.

import { bytesOf } from '../table/handlers.ts'
import type { Operand } from '../table/instruction.ts'
import { I32, I64, V128 } from './encoder.ts'
import { constantCount, type FlagState } from './flags.ts'
import type { FunctionWriter, Value } from './function-writer.ts'
import { integerCustom, integerMeanings, unlessFlagsLive } from './integer.ts'
import { op } from './opcodes.ts'
import type { Operation } from './operations.ts'
import { vectorCustom, vectorMeanings } from './vector.ts'

/** What an instruction's translation is told. */
export interface Context {
  readonly writer: FunctionWriter
  readonly operation: Operation
  /** State of the flags before it. */
  readonly before: FlagState
  /** State that it has to leave; of kind `dead` when nothing needs its flags. */
  readonly after: FlagState
}

/** Pushes the result, given the values of the operands that are read. `bytes`: size of the first operand. */
export type Meaning = (context: Context, values: readonly Value[], bytes: number) => void
/** Does all of an instruction with operands of its own. */
export type Custom = (context: Context) => void

export type Way = 'inline' | 'call' | 'leave'

/** @param liveAfter flags (flags.ts) that may be read after the operation */
export function wayOf(operation: Operation, liveAfter: number): Way {
  const { handler } = operation
  if (!handler) return 'leave'
  const { row, size } = handler
  // Jumps, and what changes the things that translated code relies on.
  if (row.attributes.has('end')) return 'leave'
  const custom = integerCustom[row.name] ?? vectorCustom[row.name]
  if (custom && !custom.accepts(operation)) return 'call'
  if (!custom && !plainInline(operation)) return 'call'
  // These set some flags and keep others, or set none for a count of 0.
  const kept = unlessFlagsLive(row.name, constantCountOf(operation))
  if ((liveAfter & kept) !== 0) return 'call'
  if (size === 2 && row.name === 'imul2' && liveAfter !== 0) return 'call'
  return 'inline'
}

function constantCountOf(operation: Operation): number | undefined {
  return operation.handler!.row.operands.length > 1 ? constantCount(operation) : undefined
}

function plainInline({ handler }: Operation): boolean {
  const { row, form } = handler!
  if (row.custom) return false
  if (!(row.name in integerMeanings) && !(row.name in vectorMeanings)) return false
  if (row.operands.some(({ kind }) => /[PQN]/.test(kind))) return false
  const accepts = (integerMeanings[row.name] ?? vectorMeanings[row.name])!.accepts
  return accepts === undefined || accepts(handler!.size, form, row)
}

export function translateInline(context: Context): void {
  const { row } = context.operation.handler!
  const custom = integerCustom[row.name] ?? vectorCustom[row.name]
  if (custom) custom.translate(context)
  else plain(context, (integerMeanings[row.name] ?? vectorMeanings[row.name])!.meaning)
}

function plain(context: Context, meaning: Meaning): void {
  const { writer, operation } = context
  const { row, size, form } = operation.handler!
  const { code } = writer
  const values: Value[] = []
  let address = -1
  let pointer = -1
  for (const operand of row.operands) {
    const bytes = bytesOf(operand, size)
    if (isMemory(operand, form)) {
      address = writer.address(operation)
      if (bytes === 16 && row.attributes.has('aligned')) {
        code.get(address)
        code.op(op.i32_wrap_i64)
        code.i32(15)
        code.op(op.i32_and)
        writer.leaveWhen()
      }
      pointer = writer.pointer(address, bytes, operand.access === 'r' ? 'read' : 'write')
    }
    if (operand.access !== 'w') values.push(valueOf(context, operand, bytes, pointer))
  }
  // CLD and STD have no operands.
  const firstBytes = row.operands[0] ? bytesOf(row.operands[0], size) : size
  const result = row.operands.find(({ access }) => access !== 'r')
  if (result && isMemory(result, form)) {
    // The pointer goes below the result.
    code.get(pointer)
    meaning(context, values, firstBytes)
    storeResult(context, bytesOf(result, size))
    return
  }
  meaning(context, values, firstBytes)
  if (!result) return
  const bytes = bytesOf(result, size)
  if (/[VWU]/.test(result.kind)) setVector(context, result, bytes)
  else writer.setRegister(result.kind === 'G' ? operation.g : result.kind === 'A' ? 0 : operation.e, bytes)
}

function isMemory({ kind }: Operand, form: string): boolean {
  return kind === 'O' || (form !== 'r' && /[EWQ]/.test(kind))
}

function isVector(operand: Operand): boolean {
  return /[VWU]/.test(operand.kind)
}

function valueOf({ writer, operation }: Context, operand: Operand, bytes: number, pointer: number): Value {
  const { code } = writer
  const { row, size, form } = operation.handler!
  switch (operand.kind) {
    case 'I': {
      const other = row.operands.find((one) => one !== operand && /[EGAZ]/.test(one.kind))
      const width = /^[bw]$/.test(operand.size) ? bytes : other ? bytesOf(other, size) : size
      const value = operation.immediate
      if (width >= 4) return { kind: 'constant', value, bytes: width }
      return { kind: 'constant', value: Number(value) & (width === 1 ? 0xff : 0xffff), bytes: width }
    }
    case 'A':
      return writer.registerValue(0, bytes)
    case 'C':
      return writer.registerValue(8, 1)
    case '1':
      return { kind: 'constant', value: 1, bytes: 1 }
    case 'M':
      return { kind: 'local', local: writer.address(operation, false), bytes: 8 }
  }
  if (isMemory(operand, form)) {
    code.get(pointer)
    if (bytes === 16) code.memory(op.v128_load, 0)
    else if (isVector(operand) && bytes >= 4) code.memory(bytes === 8 ? op.v128_load64_zero : op.v128_load32_zero, 0)
    else code.memory({ 1: op.i32_load8_u, 2: op.i32_load16_u, 4: op.i32_load, 8: op.i64_load }[bytes]!, 0)
    if (bytes === 16 || (isVector(operand) && bytes >= 4)) return writer.keep(V128, 16)
    return writer.keep(bytes === 8 ? I64 : I32, bytes)
  }
  const offset = operand.kind === 'G' || operand.kind === 'V' ? operation.g : operation.e
  // A vector register as a whole, whatever part of it the instruction looks at.
  if (isVector(operand)) return { kind: 'local', local: writer.xmm(offset), bytes: 16 }
  return writer.registerValue(offset, bytes)
}

/** Stores the value on the stack through the pointer below it. */
function storeResult({ writer, operation }: Context, bytes: number): void {
  const { row } = operation.handler!
  const { code } = writer
  const result = row.operands.find(({ access }) => access !== 'r')!
  if (bytes === 16) code.memory(op.v128_store, 0)
  else if (isVector(result)) code.memoryLane(bytes === 8 ? op.v128_store64_lane : op.v128_store32_lane, 0, 0)
  else code.memory({ 1: op.i32_store8, 2: op.i32_store16, 4: op.i32_store, 8: op.i64_store }[bytes]!, 0)
}

/** Takes a vector result into its register; shorter ones replace its low part. */
function setVector({ writer, operation }: Context, result: Operand, bytes: number): void {
  const { code } = writer
  const offset = result.kind === 'V' ? operation.g : operation.e
  if (bytes < 16) {
    const value = writer.keep(V128, 16)
    code.get(writer.xmm(offset))
    writer.push(value)
    code.lane(bytes === 8 ? op.i64x2_extract_lane : op.i32x4_extract_lane, 0)
    code.lane(bytes === 8 ? op.i64x2_replace_lane : op.i32x4_replace_lane, 0)
  }
  writer.setXmm(offset)
}

