// Integer expressions: each form gives text of type `type` for operands of any type, defined for all their values.

import { integer as edge, type Random } from '../../engine/soft/differential/random.ts'
import type { Operands } from './operands.ts'
import { type FloatType, floats, type IntegerType, integers, unsigned, wrapping } from './types.ts'

type Form = (of: Operands, type: IntegerType) => string

export function integerLiteral(random: Random, type: IntegerType): string {
  const value = edge(random)
  if (type.bits === 128) return `((${type.name})0x${value.toString(16)}ULL << ${random.below(64)})`
  const small = BigInt.asIntN(type.bits, value)
  if (type.signed && small > -1000n && small < 1000n)
    return type.bits === 64 ? `((i64)${small})` : `(${small})`
  return `(${type.name})0x${BigInt.asUintN(type.bits, value).toString(16)}${type.bits === 64 ? 'ULL' : 'U'}`
}

/** In the unsigned type that wraps, then back. */
const wrapped =
  (...operators: readonly string[]): Form =>
  (of, type) => {
    const wide = wrapping(type)
    const [a, b] = [of.integer(type), of.integer(type)]
    return `(${type.name})((${wide})${a} ${of.random.pick(operators)} (${wide})${b})`
  }

/** Two different types: the compiler converts, by sign or zero extension. */
const mixed: Form = (of, type) => {
  const other = of.random.pick(integers)
  const wide = wrapping(type.bits > other.bits ? type : other)
  return `(${type.name})((${wide})${of.integer(type)} ${of.random.pick(['+', '-', '*', '^', '|', '&'])} ${of.integer(other)})`
}

const shifted: Form = (of, type) => {
  const count =
    of.random.below(2) === 0
      ? String(of.random.below(type.bits))
      : `(${of.integer(of.random.pick(integers))} & ${type.bits - 1})`
  if (of.random.below(2) === 0) return `(${type.name})(${of.integer(type)} >> ${count})`
  return `(${type.name})((${wrapping(type)})${of.integer(type)} << ${count})`
}

const rotated: Form = (of, type) => {
  const count =
    of.random.below(2) === 0
      ? String(of.random.below(type.bits))
      : `(u32)${of.integer(of.random.pick(integers))}`
  return `(${type.name})rotate_${unsigned(type)}((${unsigned(type)})${of.integer(type)}, ${count})`
}

const divided: Form = (of, type) => {
  const operation = of.random.pick(['divide', 'modulo'])
  if (of.random.below(3) > 0) {
    // By a constant: a multiplication and shifts.
    const most = Math.min(type.bits, 31) - 1
    const divisor = 2 + of.random.below(2 ** (1 + of.random.below(most - 1)))
    const value = Math.min(divisor, 2 ** most - 1)
    return `(${type.name})(${of.integer(type)} ${operation === 'divide' ? '/' : '%'} ${value})`
  }
  return `${operation}_${type.name}(${of.integer(type)}, ${of.integer(type)})`
}

const unary: Form = (of, type) => {
  const operator = of.random.pick(['-', '~', '-', '~', '!'])
  return `(${type.name})(${operator}(${wrapping(type)})${of.integer(type)})`
}

const converted: Form = (of, type) => `(${type.name})${of.integer(of.random.pick(integers))}`

const chosen: Form = (of, type) => `(${of.condition()} ? ${of.integer(type)} : ${of.integer(type)})`

const asTruth: Form = (of, type) => `(${type.name})(${of.condition()})`

const ofFloat: Form = (of, type) => {
  const from: FloatType = of.random.pick(floats)
  return `${type.name}_of_${from.name}(${of.float(from)})`
}

/** What gcc has instructions for, or clever sequences where it has none. */
const builtin: Form = (of, type) => {
  const word = `(u32)${of.integer(of.random.pick(integers))}`
  const long = `(u64)${of.integer(of.random.pick(integers))}`
  const text = of.random.pick([
    `__builtin_popcount(${word})`,
    `__builtin_popcountll(${long})`,
    `__builtin_parityll(${long})`,
    `__builtin_clz(${word} | 1)`,
    `__builtin_clzll(${long} | 1)`,
    `__builtin_ctz(${word} | 0x80000000U)`,
    `__builtin_ctzll(${long} | 1ULL << ${of.random.below(64)})`,
    `__builtin_ffsll((i64)${long})`,
    `__builtin_clrsb((i32)${word})`,
    `__builtin_clrsbll((i64)${long})`,
    `__builtin_bswap16((u16)${word})`,
    `__builtin_bswap32(${word})`,
    `__builtin_bswap64(${long})`,
  ])
  return `(${type.name})${text}`
}

/** The high half of a product, and other shapes that compilers look for. */
const idiom: Form = (of, type) => {
  const [a, b] = [of.integer(type), of.integer(type)]
  const u = unsigned(type)
  const half = type.bits / 2
  const patterns = [
    `(${a} < ${b} ? ${a} : ${b})`,
    `(${a} > ${b} ? ${a} : ${b})`,
    `(${type.name})(((${wrapping(type)})${a} & ${b}) + (((${wrapping(type)})${a} ^ ${b}) >> 1))`,
    `(${type.name})((${u})${a} >> ${half} | (${wrapping(type)})${b} << ${half})`,
    `(${type.name})(${a} < 0 ? -(${wrapping(type)})${a} : (${wrapping(type)})${a})`,
    `(${type.name})((${wrapping(type)})${a} & ((${wrapping(type)})${a} - 1))`,
    `(${type.name})((${wrapping(type)})${a} & -(${wrapping(type)})${a})`,
  ]
  if (type.bits === 64)
    patterns.push(
      `(${type.name})((u128)(u64)${a} * (u64)${b} >> 64)`,
      `(${type.name})((i128)(i64)${a} * (i64)${b} >> ${of.random.below(127)})`,
      `(${type.name})(((u128)(u64)${a} << 64 | (u64)${b}) >> ${of.random.below(127)})`,
      `(${type.name})(((u128)(u64)${a} << 64 | (u64)${b}) / ((u64)${b} | 1))`,
    )
  if (type.bits === 32) patterns.push(`(${type.name})((u64)(u32)${a} * (u32)${b} >> 32)`)
  return of.random.pick(patterns)
}

const memory: Form = (of, type) => of.element(type) ?? of.leaf(type)
const call: Form = (of, type) => of.call(type) ?? of.leaf(type)

/** One line for each share of a choice. */
export const integerForms: readonly Form[] = [
  ...[wrapped('+', '-'), wrapped('+', '-'), wrapped('*'), wrapped('^', '|', '&'), wrapped('^', '|', '&')],
  ...[mixed, mixed, shifted, shifted, rotated, divided, unary],
  ...[converted, chosen, asTruth, builtin, idiom, ofFloat],
  ...[memory, memory, memory, call],
]
