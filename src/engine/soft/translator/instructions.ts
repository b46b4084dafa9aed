// How each operation is translated: inline, by a call of the interpreter's handler, or not at all (the interpreter
// executes it outside of the region). The lines of the instruction table with plain operands need only their meaning
// here, as in the interpreter: fetching and storing operands is the same for all of them.

import { bytesOf, type Handler } from '../table/handlers.ts'
import type { Operand } from '../table/instruction.ts'
import { I32, I64, V128 } from './encoder.ts'
import type { Value } from './frame.ts'
import { integerCustoms, integerMeanings } from './integer.ts'
import type { Context, CustomEntry, Meaning } from './meaning.ts'
import type { Place } from './memory.ts'
import { op } from './opcodes.ts'
import type { Operation } from './operations.ts'
import { RAX, RCX } from './registers.ts'
import { vectorMeanings } from './vector.ts'

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
  const custom = integerCustoms[row.name]
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
  return way === 'inline' && custom?.accepts && !custom.accepts(operation) ? 'call' : way
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
      place = writer.memory.operandPlace(shape.bytes, shape.operand.access === 'r' ? 'read' : 'write')
      if (aligned && shape.bytes === 16) {
        code.get(place.local)
        code.i32(place.offset)
        code.op(op.i32_add)
        code.i32(15)
        code.op(op.i32_and)
        writer.exits.leaveWhen()
      }
    }
    if (shape.read) values.push(operandValue(context, shape, operands, place))
  }
  if (result?.inMemory) {
    // The pointer goes below the result.
    writer.memory.pushPointer(place!)
    meaning!(context, values, bytes)
    if (result.vector) writer.memory.storeVector(place!, result.bytes)
    else writer.memory.store(place!, result.bytes)
    return
  }
  meaning!(context, values, bytes)
  if (!result) return
  if (result.vector) setVector(context, result, whole)
  else
    writer.setRegister(
      result.kind === 'G' ? operation.g : result.kind === 'A' ? RAX : operation.e,
      result.bytes,
    )
}

function operandValue(
  { writer, operation }: Context,
  { operand, kind, bytes, inMemory, vector }: OperandShape,
  operands: readonly OperandShape[],
  place: Place | undefined,
): Value {
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
      return writer.registerValue(RAX, bytes)
    case 'C':
      return writer.registerValue(RCX, 1)
    case '1':
      return { kind: 'constant', value: 1, bytes: 1 }
    case 'M':
      return { kind: 'local', local: writer.memory.address(false), bytes: 8 }
  }
  if (inMemory) {
    if (vector && bytes >= 4) {
      writer.memory.pushVectorLoad(place!, bytes)
      return writer.keep(V128, 16)
    }
    writer.memory.pushLoad(place!, bytes)
    return writer.keep(bytes === 8 ? I64 : I32, bytes)
  }
  const offset = kind === 'G' || kind === 'V' ? operation.g : operation.e
  // A vector register as a whole, whatever part of it the instruction looks at.
  if (vector) return { kind: 'register', local: writer.xmm(offset), bytes: 16 }
  return writer.registerValue(offset, bytes)
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
