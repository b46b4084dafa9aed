// What the translations of SSE instructions are written with. A register operand comes as the whole register, whatever
// part of it the instruction reads; an operand in memory of 4 or 8 bytes comes zero-extended to 16, one of 2 bytes as
// an i32. A result is a whole vector, of which instructions.ts takes as much as the instruction writes.

import type { Value } from './frame.ts'
import type { Context, Meaning, MeaningEntry } from './meaning.ts'
import { op } from './opcodes.ts'

export const ZERO: readonly number[] = new Array<number>(16).fill(0)

export const entry = (meaning: Meaning): MeaningEntry => ({ meaning })

/** One WebAssembly instruction of the operands in their order. */
export const direct = (instruction: number): MeaningEntry =>
  entry(({ writer }, values) => {
    for (const value of values) writer.push(value)
    writer.code.op(instruction)
  })

/** Bytes chosen from the two vectors `a` and `b` (16 and up) by their numbers. */
export function pushShuffle({ writer }: Context, a: Value, b: Value, bytes: readonly number[]): void {
  writer.push(a)
  writer.push(b)
  writer.code.shuffle(bytes)
}

/** The same of `a` and zeros: 16 is a zero. */
export function pushShuffleWithZero({ writer }: Context, a: Value, bytes: readonly number[]): void {
  writer.push(a)
  writer.code.v128(ZERO)
  writer.code.shuffle(bytes)
}

/** Numbers of the bytes of elements of `width` bytes, given the elements' numbers. */
export const bytesOfElements = (width: number, elements: readonly number[]): number[] =>
  elements.flatMap((element) => Array.from({ length: width }, (_, i) => element * width + i))

/** Elements of `width` bytes of a, then (counted on) of b. */
export const shuffled = (width: number, elements: readonly number[]): MeaningEntry => {
  const bytes = bytesOfElements(width, elements)
  return entry((context, [a, b]) => pushShuffle(context, a!, b ?? a!, bytes))
}

/** An immediate operand. */
export const constantOf = (value: Value): number => Number((value as { value: number | bigint }).value)

/** Pushes a constant of sixteen bytes in which the bytes of `element` repeat. */
export function pushRepeated({ writer }: Context, element: readonly number[]): void {
  writer.code.v128(Array.from({ length: 16 }, (_, i) => element[i % element.length]!))
}

/** Pushes the low 8 bytes as an i64. */
export function pushLowQuad({ writer }: Context, value: Value): void {
  writer.push(value)
  writer.code.lane(op.i64x2_extract_lane, 0)
}
