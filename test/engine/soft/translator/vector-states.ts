// States from which the tests of single SSE instructions start: any bits, ordinary numbers, numbers at the borders of the
// formats; operands in memory at all kinds of places.

import type { Instruction } from '../../../../src/engine/soft/table/index.ts'
import type { Random } from '../differential/random.ts'
import { BORDER, randomState, type State } from './vector-machine.ts'

/** RSI: operands in memory are where it points. */
export const ADDRESS_REGISTER = 6

/** Aligned, not aligned, across the border of two pages; rarely nothing is there. */
function chooseAddress(random: Random, bytes: number): number {
  const roll = random.below(16)
  if (roll === 0) return 0x1_0000
  if (roll < 3) return BORDER - random.below(bytes + 1)
  if (roll < 6) return BORDER - 64 + random.below(128 - bytes + 1)
  return BORDER - 64 + bytes * random.below(128 / bytes)
}

function chooseMxcsr(random: Random, floats: boolean): number {
  const roll = random.below(10)
  if (!floats || roll < 3) return 0x1f80
  if (roll < 7) return 0x1fa0
  let value = 0x1f80 | (random.next() & 0x3f) | (random.below(4) << 13)
  if (random.chance(25)) value |= 0x40
  if (random.chance(25)) value |= 0x8000
  if (random.chance(30)) value &= ~((random.next() & 0x3f) << 7)
  return value
}

/** @param memoryBytes of an operand in memory, which the address register points to */
export function makeState(row: Instruction, memoryBytes: number, random: Random): State {
  const floats = row.attributes.has('simd') || random.chance(20)
  const state = randomState(random, floats, chooseMxcsr(random, floats))
  if (row.attributes.has('simd')) {
    const roll = random.below(10)
    if (roll < 4) makeOrdinary(state, random)
    else if (roll < 6) makeBorders(state, random)
  }
  if (memoryBytes > 0) state.registers[ADDRESS_REGISTER] = BigInt(chooseAddress(random, memoryBytes))
  // Shifts by a register: mostly counts that leave something.
  if (/^ps[lr]/.test(row.name) && random.chance(70))
    for (let i = 0; i < 32; i += 2) if (random.chance(50)) state.xmm[i] = BigInt(random.below(70))
  if (/^ps[lr]/.test(row.name) && random.chance(50))
    for (let i = 0; i < 16; i += 2) state.memory[i] = BigInt(random.below(70))
  return state
}

/** Numbers of ordinary size, many of them small integers, in vectors and memory; all of one format. */
function makeOrdinary(state: State, random: Random): void {
  const integers = random.chance(40)
  const positive = random.chance(50)
  const number = (): number => {
    const magnitude = integers ? random.below(1000) : random.next() * 2 ** (random.below(40) - 40)
    return (!positive && random.chance(50) ? -1 : 1) * (random.chance(10) ? 0 : magnitude)
  }
  const array = random.chance(50) ? Float64Array : Float32Array
  for (const words of [state.xmm, state.memory]) {
    const numbers = new array(words.buffer as ArrayBuffer)
    for (let i = 0; i < numbers.length; i++) numbers[i] = number()
  }
}

export const BORDER_DOUBLES: readonly number[] = [
  1 - 2 ** -53,
  1,
  1 + 2 ** -52,
  2 ** -1022,
  2 ** -1022 + 2 ** -1074,
  Number.MAX_VALUE,
  0.5,
  2,
]
export const BORDER_SINGLES: readonly number[] = [
  ...[1 - 2 ** -24, 1, 1 + 2 ** -23, 2 ** -126, 2 ** -126 + 2 ** -149, (2 - 2 ** -23) * 2 ** 127, 0.5, 2],
]
/** Doubles that just do, or just do not, become a normal single or an integer. */
const BORDER_CONVERSIONS = [
  ...[
    2 ** -126 * (1 - 2 ** -25),
    2 ** -126,
    (2 - 2 ** -24) * 2 ** 127,
    (2 - 2 ** -25) * 2 ** 127,
    1 + 2 ** -24,
  ],
  ...[
    2 ** 31 - 1,
    2 ** 31 - 0.5,
    2 ** 31,
    -(2 ** 31) - 0.5,
    -(2 ** 31) - 1,
    2 ** 63 - 1024,
    2 ** 63,
    -(2 ** 63),
  ],
]
const BORDER_INTEGERS = [2 ** 24, 2 ** 24 + 1, 2 ** 24 - 1, 2 ** 25, 2 ** 31 - 1, 1]

/** Numbers whose sums, products or conversions lie at the limits of a format, half-way between two numbers, … */
function makeBorders(state: State, random: Random): void {
  const kind = random.below(4)
  for (const words of [state.registers, state.xmm, state.memory]) {
    const buffer = words.buffer as ArrayBuffer
    if (kind === 0) fill(new Float64Array(buffer), random, BORDER_DOUBLES)
    if (kind === 1) fill(new Float32Array(buffer), random, BORDER_SINGLES)
    if (kind === 2) fill(new Float64Array(buffer), random, BORDER_CONVERSIONS)
    if (kind === 3) fill(new Int32Array(buffer), random, BORDER_INTEGERS)
  }
  // 64-bit integers for CVTSI2SS and CVTSI2SD.
  if (kind === 3)
    for (let i = 0; i < 16; i++)
      if (random.chance(50))
        state.registers[i] = BigInt.asUintN(
          64,
          BigInt(random.pick([2 ** 24, 2 ** 53])) * (random.chance(50) ? 1n : -1n) +
            BigInt(random.below(3) - 1),
        )
}

function fill(to: Float64Array | Float32Array | Int32Array, random: Random, values: readonly number[]): void {
  for (let i = 0; i < to.length; i++) to[i] = random.pick(values) * (random.chance(30) ? -1 : 1)
}
