// How each operation is translated: inline, by a call of the interpreter's handler, or not at all (the interpreter
// executes it outside of the region). The lines of the instruction table with plain operands need only their meaning
// here, as in the interpreter: fetching and storing operands is the same for all of them.

import { bytesOf, type Handler } from '../table/handlers.ts'
import type { Operand } from '../table/instruction.ts'
import { I32, I64, V128 } from './encoder.ts'
import { ALL_FLAGS, constantCount, type FlagState } from './flags.ts'
import type { FunctionWriter, Place, Value } from './function-writer.ts'
import { type CustomEntry, integerCustom, integerMeanings, unlessFlagsLive } from './integer.ts'
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

/** What is known of every operation of one handler. */
export interface Shape {
  readonly way: Way
  readonly meaning: Meaning | undefined
  readonly custom: CustomEntry | undefined
  readonly operands: readonly OperandShape[]
  /** Bytes of the first operand. */
  readonly bytes: number
  readonly result: OperandShape | undefined
  readonly aligned: boolean
  /** The meaning leaves the whole vector register. */
  readonly whole: boolean
}

export interface OperandShape {
  readonly operand: Operand
  readonly kind: string
  readonly bytes: number
  readonly inMemory: boolean
  readonly vector: boolean
  readonly read: boolean
}

const shapes = new WeakMap<Handler, Shape>()

export function shapeOf(handler: Handler): Shape {
  let shape = shapes.get(handler)
  if (!shape) {
    shape = makeShape(handler)
    shapes.set(handler, shape)
  }
  return shape
}

function makeShape({ row, size, form }: Handler): Shape {
  const operands = row.operands.map((operand) => ({
    operand,
    kind: operand.kind,
    bytes: bytesOf(operand, size),
    inMemory: operand.kind === 'O' || (form !== 'r' && /[EWQ]/.test(operand.kind)),
    vector: /[VWU]/.test(operand.kind),
    read: operand.access !== 'w',
  }))
  const custom = integerCustom[row.name] ?? vectorCustom[row.name]
  const entry = integerMeanings[row.name] ?? vectorMeanings[row.name]
  const plain =
    !row.custom &&
    entry !== undefined &&
    !row.operands.some(({ kind }) => /[PQN]/.test(kind)) &&
    (entry.accepts === undefined || entry.accepts(size, form, row))
  return {
    // Jumps end blocks, and what changes the things that translated code relies on.
    way: row.attributes.has('end') ? 'leave' : custom || plain ? 'inline' : 'call',
    meaning: entry?.meaning,
    custom,
    operands,
    // CLD and STD have no operands.
    bytes: operands[0]?.bytes ?? size,
    result: operands.find(({ operand }) => operand.access !== 'r'),
    aligned: row.attributes.has('aligned'),
    whole: entry?.whole === true,
  }
}

/** How an operation is translated when no flags are read behind it that it does not set itself. */
export function wayOf(operation: Operation): Way {
  const { handler } = operation
  if (!handler) return 'leave'
  const { way, custom } = shapeOf(handler)
  return way === 'inline' && custom && !custom.accepts(operation) ? 'call' : way
}

/**
 * Flags (flags.ts) that must not be read behind an operation that is translated inline: it keeps them, sets none for a
 * count of 0, or sets them in a way that the interpreter knows better.
 */
export function flagsInTheWay(operation: Operation): number {
  const { row, size } = operation.handler!
  if (size === 2 && row.name === 'imul2') return ALL_FLAGS
  return unlessFlagsLive(row.name, row.operands.length > 1 ? constantCount(operation) : undefined)
}

export function translateInline(context: Context): void {
  const shape = shapeOf(context.operation.handler!)
  if (shape.custom) shape.custom.translate(context)
  else plain(context, shape)
}

function plain(context: Context, { meaning, operands, bytes, result, aligned, whole }: Shape): void {
  const { writer, operation } = context
  const { code } = writer
  const values: Value[] = []
  let place: Place | undefined
  for (const shape of operands) {
    if (shape.inMemory) {
      place = writer.operandPlace(operation, shape.bytes, shape.operand.access === 'r' ? 'read' : 'write')
      if (aligned && shape.bytes === 16) {
        code.get(place.local)
        code.i32(place.offset)
        code.op(op.i32_add)
        code.i32(15)
        code.op(op.i32_and)
        writer.leaveWhen()
      }
    }
    if (shape.read) values.push(operandValue(context, shape, operands, place))
  }
  if (result?.inMemory) {
    // The pointer goes below the result.
    code.get(place!.local)
    meaning!(context, values, bytes)
    storeResult(context, result, place!.offset)
    return
  }
  meaning!(context, values, bytes)
  if (!result) return
  if (result.vector) setVector(context, result, whole)
  else
    writer.setRegister(
      result.kind === 'G' ? operation.g : result.kind === 'A' ? 0 : operation.e,
      result.bytes,
    )
}

const LOADS: Readonly<Record<number, number>> = {
  1: op.i32_load8_u,
  2: op.i32_load16_u,
  4: op.i32_load,
  8: op.i64_load,
}
const STORES: Readonly<Record<number, number>> = {
  1: op.i32_store8,
  2: op.i32_store16,
  4: op.i32_store,
  8: op.i64_store,
}

function operandValue(
  { writer, operation }: Context,
  { operand, kind, bytes, inMemory, vector }: OperandShape,
  operands: readonly OperandShape[],
  place: Place | undefined,
): Value {
  const { code } = writer
  switch (kind) {
    case 'I': {
      // As wide as the operand it meets: sign-extended by the decoder already.
      const other = operands.find((one) => one.operand !== operand && /[EGAZ]/.test(one.kind))
      const width = /^[bw]$/.test(operand.size) ? bytes : other ? other.bytes : operation.handler!.size
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
  if (inMemory) {
    const { local, offset } = place!
    code.get(local)
    if (bytes === 16) code.memory(op.v128_load, offset)
    else if (vector && bytes >= 4)
      code.memory(bytes === 8 ? op.v128_load64_zero : op.v128_load32_zero, offset)
    else code.memory(LOADS[bytes]!, offset)
    if (bytes === 16 || (vector && bytes >= 4)) return writer.keep(V128, 16)
    return writer.keep(bytes === 8 ? I64 : I32, bytes)
  }
  const offset = kind === 'G' || kind === 'V' ? operation.g : operation.e
  // A vector register as a whole, whatever part of it the instruction looks at.
  if (vector) return { kind: 'register', local: writer.xmm(offset), bytes: 16 }
  return writer.registerValue(offset, bytes)
}

/** Stores the value on the stack through the pointer below it. */
function storeResult({ writer }: Context, { bytes, vector }: OperandShape, at: number): void {
  const { code } = writer
  if (bytes === 16) code.memory(op.v128_store, at)
  else if (vector) code.memoryLane(bytes === 8 ? op.v128_store64_lane : op.v128_store32_lane, at, 0)
  else code.memory(STORES[bytes]!, at)
}

/** Bytes of a vector's low part, and of another's rest. */
const LOW_PART: Readonly<Record<number, readonly number[]>> = {
  4: [0, 1, 2, 3, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31],
  8: [0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31],
}

/** Takes a vector result into its register; shorter ones replace its low part. */
function setVector({ writer, operation }: Context, { kind, bytes }: OperandShape, whole: boolean): void {
  const { code } = writer
  const offset = kind === 'V' ? operation.g : operation.e
  if (bytes < 16 && !whole) {
    code.get(writer.xmm(offset))
    code.shuffle(LOW_PART[bytes]!)
  }
  writer.setXmm(offset)
}
