// Loops over arrays in the shapes that gcc vectorizes from -O2 on: element-wise, reductions, conversions, conditions,
// strides, overlaps that forbid it. Bounds and offsets are random, so that prologues and epilogues run as well.

import type { Random } from '../../../engine/soft/differential/random.ts'
import type { ChapterMaker } from '../chapter.ts'
import { integerLiteral } from '../integer-forms.ts'
import { block, type Piece } from '../piece.ts'
import {
  type Arithmetic,
  DOUBLE,
  FLOAT,
  type FloatType,
  type IntegerType,
  U64,
  unsigned,
  words,
  wrapping,
} from '../types.ts'

/** An expression of elements `x[i]`, `y[i]` of type `type`, to be stored into `z[i]` of the same type. */
type Kernel<T> = (random: Random, type: T, x: string, y: string) => string

const integerKernels: readonly Kernel<IntegerType>[] = [
  (random, type, x, y) =>
    `(${wrapping(type)})${x} ${random.pick(['+', '-', '*', '^', '&', '|'])} (${wrapping(type)})${y}`,
  (random, _, x, y) => `${x} ${random.pick(['<', '>', '<=', '=='])} ${y} ? ${x} : ${y}`,
  (random, type, x, y) =>
    `${x} ${random.pick(['>', '!='])} ${integerLiteral(random, type)} ? (${wrapping(type)})${x} - ${y} : (${wrapping(type)})${y}`,
  (random, type, x, y) =>
    `(${unsigned(type)})${x} >> ${random.below(type.bits)} ^ (${wrapping(type)})${y} << ${random.below(type.bits)}`,
  (random, type, x) => `${x} >> ${random.below(type.bits)}`,
  (_, type, x) => `${x} < 0 ? -(${wrapping(type)})${x} : (${wrapping(type)})${x}`,
  (_, type, x, y) => `((${wrapping(type)})(${unsigned(type)})${x} + (${unsigned(type)})${y} + 1) >> 1`,
  (random, type, x, y) =>
    `(${wrapping(type)})${x} * ${1 + random.below(100)} + (${wrapping(type)})${y} * ${1 + random.below(100)}`,
  (random, type, x) =>
    `rotate_${unsigned(type)}((${unsigned(type)})${x}, ${1 + random.below(type.bits - 1)})`,
  (random, type, x) => `${x} / ${2 + random.below(Math.min(2 ** (type.bits - 1) - 3, 1000))}`,
  (_, type, x, y) => `(${wrapping(type)})(${x} > ${y}) * 3 + (${x} == ${y})`,
  (_, type, x) => `__builtin_popcountll((${unsigned(type)})${x})`,
  (_, type, x, y) => `(${wrapping(type)})((u64)${x} * ${y} >> 7)`,
]

const floatKernels: readonly Kernel<FloatType>[] = [
  (random, _, x, y) => `${x} ${random.pick(['+', '-', '*', '/'])} ${y}`,
  (random, { suffix }, x, y) => `${x} * ${random.below(100)}.25${suffix} + ${y}`,
  (random, _, x, y) => `${x} ${random.pick(['<', '>', '<=', '!='])} ${y} ? ${x} : ${y}`,
  (_, { name }, x) => (name === 'float' ? `__builtin_sqrtf(${x})` : `__builtin_sqrt(${x})`),
  (_, { name }, x) => (name === 'float' ? `__builtin_fabsf(${x})` : `__builtin_fabs(${x})`),
  (_, { name }, x) => (name === 'float' ? `-__builtin_floorf(${x})` : `__builtin_trunc(${x})`),
  (_, { name }, x, y) => `(${name})(${x} > ${y}) - (${name})(${x} < 0)`,
]

export const loops: ChapterMaker = ({ random, names }) => {
  const length = random.pick([32, 61, 64, 100, 200])
  const declarations: Piece[] = []
  const setUp: Piece[] = []
  const calls: Piece[] = []
  const sides = new Map<Arithmetic, string[]>()
  for (const type of [...words, DOUBLE, FLOAT]) {
    const arrays = ['x', 'y', 'z'].map((letter) => names.fresh(letter))
    sides.set(type, arrays)
    declarations.push(`static ${type.name} ${arrays.map((name) => `${name}[${length + 8}]`).join(', ')};`)
    for (const array of arrays.slice(0, 2)) setUp.push(fillOf(array, type))
  }
  const arraysOf = (type: Arithmetic): string[] => sides.get(type)!

  for (let i = 0; i < 14; i++) {
    const type = random.pick<Arithmetic>([...words, FLOAT, DOUBLE])
    const [x, y, z] = arraysOf(type)
    const name = names.fresh('loop')
    const shape = random.below(6)
    const body =
      shape === 0
        ? reduction(random, type)
        : shape === 1
          ? conversion(random, type, random.pick([...words, FLOAT, DOUBLE]), arraysOf)
          : elementwise(random, type, shape)
    const restrict = random.below(2) === 0 ? 'restrict ' : ''
    declarations.push(
      block(
        `static NOINLINE u64 ${name}(i32 n, ${type.name} *${restrict}z, const ${type.name} *${restrict}x, const ${type.name} *${restrict}y)`,
        body,
      ),
    )
    const [offset, other, third] = [random.below(8), random.below(8), random.below(8)]
    const count = random.below(3) === 0 ? `${length - 8} - turn` : String(random.below(length - 7))
    calls.push(
      `check(${names.check()}, ${name}(${count}, ${z} + ${offset}, ${x} + ${other}, ${y} + ${third}));
check_bytes(${names.check()}, ${z}, ${comparableSize(type, z!)});`,
    )
  }
  // The results become operands of the next turn.
  for (const [type, [x, , z]] of sides)
    calls.push(
      type.kind === 'integer'
        ? `memmove(${x}, ${z}, sizeof ${x} / 2);`
        : `for (i32 i = 0; i < ${length}; i++) if (${z}[i] > -1e6 && ${z}[i] < 1e6) ${x}[i] = ${z}[i];`,
    )
  return { declarations, setUp, calls }
}

/** Bytes of NaNs differ between optimization levels: then floats are not looked at as bytes. */
function comparableSize(type: Arithmetic, array: string): string {
  return type.kind === 'integer' ? `sizeof ${array}` : `SAME ? 0 : sizeof ${array}`
}

function fillOf(array: string, type: Arithmetic): string {
  if (type.kind === 'integer') return `fill(${array}, sizeof ${array});`
  return `for (size_t i = 0; i < sizeof ${array} / sizeof ${array}[0]; i++) ${array}[i] = (${type.name})(i16)random_word() / 8;`
}

function elementwise(random: Random, type: Arithmetic, shape: number): Piece[] {
  const kernel = (x: string, y: string): string =>
    type.kind === 'integer'
      ? random.pick(integerKernels)(random, type, x, y)
      : random.pick(floatKernels)(random, type, x, y)
  const store = (index: string, x: string, y: string): string =>
    `z[${index}] = (${type.name})(${kernel(x, y)});`
  const head = 'for (i32 i = 0; i < n; i++)'
  const result = 'return (u64)n;'
  switch (shape) {
    case 2:
      // Backwards, or every second element.
      return random.below(2) === 0
        ? [block('for (i32 i = n - 1; i >= 0; i--)', [store('i', 'x[i]', 'y[n - 1 - i]')]), result]
        : [block('for (i32 i = 0; i < n / 2; i++)', [store('2 * i', 'x[2 * i]', 'y[2 * i + 1]')]), result]
    case 3: {
      // What is written is read again, so many elements later.
      const distance = 1 + random.below(7)
      return [
        block(`for (i32 i = 0; i + ${distance} < n; i++)`, [store(`i + ${distance}`, 'z[i]', 'y[i]')]),
        result,
      ]
    }
    case 4:
      return [
        block(head, [`if (x[i] > y[i]) ${store('i', 'x[i]', 'y[i]')}\nelse ${store('i', 'y[i]', 'x[i]')}`]),
        result,
      ]
    default:
      return [block(head, [store('i', 'x[i]', 'y[i]')]), result]
  }
}

function reduction(random: Random, type: Arithmetic): Piece[] {
  if (type.kind === 'float') {
    const { name } = type
    return [
      `${name} sum = ${random.below(10)};`,
      block('for (i32 i = 0; i < n; i++)', [
        random.pick([
          'sum += x[i] * y[i];',
          'sum = sum < x[i] ? x[i] : sum;',
          'if (x[i] > y[i]) sum -= x[i];',
        ]),
      ]),
      'z[0] = sum;',
      `return ${name}_bits(sum);`,
    ]
  }
  const accumulator = random.pick([type, type, U64])
  const wide = wrapping(accumulator)
  return [
    `${accumulator.name} sum = (${accumulator.name})${integerLiteral(random, type)};`,
    block('for (i32 i = 0; i < n; i++)', [
      random.pick([
        `sum = (${accumulator.name})((${wide})sum + x[i]);`,
        `sum = (${accumulator.name})((${wide})sum + (${wide})x[i] * (${wide})y[i]);`,
        'sum ^= x[i];',
        'sum = sum > x[i] ? sum : x[i];',
        'sum = sum < x[i] ? sum : x[i];',
        `sum = (${accumulator.name})((${wide})sum + (x[i] > y[i] ? (${wide})x[i] - y[i] : (${wide})y[i] - x[i]));`,
        `sum = (${accumulator.name})((${wide})sum + (x[i] == y[i]));`,
        'sum |= (x[i] & y[i]);',
      ]),
    ]),
    'return (u64)sum;',
  ]
}

/** From any type to `type`, through arrays of the program. */
function conversion(
  random: Random,
  type: Arithmetic,
  from: Arithmetic,
  arraysOf: (type: Arithmetic) => string[],
): Piece[] {
  const source = arraysOf(from)[random.below(2)]!
  const element = `${source}[i]`
  const guarded =
    from.kind === 'float' && type.kind === 'integer'
      ? `${type.name}_of_${from.name}(${element})`
      : `(${type.name})${element}`
  const value =
    type.kind === 'integer'
      ? `(${type.name})((${wrapping(type)})${guarded} ${random.pick(['+', '^', '-'])} (${wrapping(type)})y[i])`
      : `${guarded} + y[i]`
  return [block('for (i32 i = 0; i < n; i++)', [`z[i] = ${value};`]), 'return (u64)n;']
}
