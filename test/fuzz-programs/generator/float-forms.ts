// Floating-point expressions. Infinities, NaN and zeros of both signs are welcome: what an operation makes of them is
// defined. Functions of libm are those whose results IEEE 754 fixes to the last bit.

import type { Random } from '../../engine/soft/differential/random.ts'
import type { Operands } from './operands.ts'
import { type FloatType, floats, integers } from './types.ts'

type Form = (of: Operands, type: FloatType) => string

const NOTEWORTHY = [
  ...[
    '0.0',
    '-0.0',
    '1.0',
    '-1.0',
    '0.5',
    '1.5',
    '2.5',
    '0.1',
    '3.0',
    '1e10',
    '-7.25',
    '0x1p-3',
    '123456.789',
  ],
  ...[
    '0x1.fffffep127',
    '0x1p-126',
    '0x1p-149',
    '0x1p31',
    '0x1p32',
    '-0x1p63',
    '0x1.fffffffffffffp52',
    '1e-30',
  ],
]
const FOR_DOUBLE = ['0x1p-1074', '0x1.fffffffffffffp1023', '0x1.8p-1023', '1e300', '0x1.0000000000001p0']

export function floatLiteral(random: Random, type: FloatType): string {
  const kind = random.below(4)
  if (kind === 0) return `(${random.pick(type.suffix === '' ? FOR_DOUBLE : NOTEWORTHY)}${type.suffix})`
  if (kind === 1) return `(${random.pick(NOTEWORTHY)}${type.suffix})`
  return `(${random.below(2000) - 1000}.${random.below(1000)}${type.suffix})`
}

const SUFFIX = { float: 'f', double: '', longdouble: 'l' } as const

const operation =
  (...operators: readonly string[]): Form =>
  (of, type) =>
    `(${of.float(type)} ${of.random.pick(operators)} ${of.float(type)})`

const ofInteger: Form = (of, type) => `(${type.name})${of.integer(of.random.pick(integers))}`
const converted: Form = (of, type) => `(${type.name})${of.float(of.random.pick(floats))}`
const chosen: Form = (of, type) => `(${of.condition()} ? ${of.float(type)} : ${of.float(type)})`
const negated: Form = (of, type) => `(-${of.float(type)})`

const larger: Form = (of, type) => {
  const [a, b] = [of.float(type), of.float(type)]
  return `(${a} ${of.random.pick(['<', '>', '<=', '>='])} ${b} ? ${a} : ${b})`
}

const function1: Form = (of, type) => {
  const name = of.random.pick(['sqrt', 'fabs', 'floor', 'ceil', 'trunc', 'rint', 'nearbyint', 'round'])
  return `${name}${SUFFIX[type.name]}(${of.float(type)})`
}

const function2: Form = (of, type) => {
  const [a, b] = [of.float(type), of.float(type)]
  const s = SUFFIX[type.name]
  return of.random.pick([
    `copysign${s}(${a}, ${b})`,
    `ldexp${s}(${a}, ${of.random.below(60) - 30})`,
    `nextafter${s}(${a}, ${b})`,
    `fdim${s}(${a}, ${b})`,
    // The remainder of 1e300 by 1e-30 takes thousands of steps: keep its operands near each other.
    `fmod${s}(fabs${s}(${a}) < 1e12 ? ${a} : 7.5, 0.0625 + fabs${s}(${b}))`,
  ])
}

const memory: Form = (of, type) => of.element(type) ?? of.leaf(type)
const call: Form = (of, type) => of.call(type) ?? of.leaf(type)

export const floatForms: readonly Form[] = [
  ...[operation('+', '-'), operation('+', '-'), operation('*'), operation('*'), operation('/')],
  ...[ofInteger, ofInteger, converted, chosen, negated, larger, function1, function2],
  ...[memory, memory, call],
]
