// The memory of a program: scalars, arrays, structs with bit fields and without padding, and pointers into all that.

import type { Random } from '../../engine/soft/differential/random.ts'
import type { Names } from './names.ts'
import type { Piece } from './piece.ts'
import type { Scope } from './scope.ts'
import { checkOf } from './statements.ts'
import {
  type Arithmetic,
  DOUBLE,
  FLOAT,
  type IntegerType,
  integers,
  LONG_DOUBLE,
  U32,
  words,
} from './types.ts'

export interface Globals {
  readonly declarations: readonly Piece[]
  readonly setUp: readonly Piece[]
  /** Checks of everything, for the end of a turn. */
  readonly checks: readonly Piece[]
}

const LENGTHS = [8, 13, 16, 31, 64, 100]

export function globals(random: Random, names: Names, scope: Scope): Globals {
  const made = { declarations: [] as Piece[], setUp: [] as Piece[], checks: [] as Piece[] }
  for (const type of [...words, random.pick(integers), random.pick(integers), DOUBLE, FLOAT, LONG_DOUBLE])
    scalar(random, names, scope, made, type)
  for (const type of [...words, DOUBLE, FLOAT]) array(random, names, scope, made, type)
  for (let i = 0; i < 3; i++) struct(random, names, scope, made)
  return made
}

type Made = { declarations: Piece[]; setUp: Piece[]; checks: Piece[] }

function scalar(random: Random, names: Names, scope: Scope, made: Made, type: Arithmetic): void {
  const name = names.fresh('g')
  const storage = random.pick(['static ', '', 'static volatile ', 'static '])
  made.declarations.push(`${storage}${type.name} ${name} = ${random.below(100)};`)
  made.checks.push(checkOf(names, name, type))
  scope.declare(name, type)
}

function array(random: Random, names: Names, scope: Scope, made: Made, type: Arithmetic): void {
  const name = names.fresh('a')
  const length = random.pick(LENGTHS)
  const alignment = random.pick(['', '', ' __attribute__((aligned(16)))', ' __attribute__((aligned(64)))'])
  made.declarations.push(`static ${type.name} ${name}[${length}]${alignment};`)
  made.setUp.push(`fill(${name}, sizeof ${name});`)
  made.checks.push(`check_bytes(${names.check()}, ${name}, sizeof ${name});`)
  scope.arrays.push({ text: name, type, length })
  if (random.below(3) > 0) return
  // A pointer that the compiler cannot see through, to somewhere inside.
  const pointer = names.fresh('p')
  const from = 1 + random.below(length - 4)
  made.declarations.push(`static ${type.name} *volatile ${pointer} = &${name}[${from}];`)
  scope.arrays.push({ text: pointer, type, length: length - from })
}

/** Fields of all widths in any order; some packed, so that they lie at odd addresses; some bit fields. */
function struct(random: Random, names: Names, scope: Scope, made: Made): void {
  const tag = names.fresh('S')
  const name = names.fresh('s')
  const fields: string[] = []
  for (let i = 3 + random.below(8); i > 0; i--) {
    const type = random.pick<Arithmetic>([...words, DOUBLE, FLOAT])
    const field = names.fresh('x')
    const width = type.kind === 'integer' && random.below(3) === 0 ? 1 + random.below(type.bits) : undefined
    fields.push(`${type.name} ${field}${width === undefined ? '' : ` : ${width}`};`)
    scope.declare(`${name}.${field}`, type)
    made.checks.push(checkOf(names, `${name}.${field}`, type))
  }
  const packed = random.below(2) === 0 ? ' __attribute__((packed))' : ''
  const length = random.pick([1, 3, 5])
  made.declarations.push(
    `struct ${tag} {\n  ${fields.join('\n  ')}\n}${packed};`,
    `static struct ${tag} ${name}, ${name}_array[${length}];`,
  )
  made.checks.push(`${name}_array[${random.below(length)}] = ${name};`)
  copies(random, names, made, name, length)
}

/** Whole structs are copied, by whatever the compiler takes for it. */
function copies(random: Random, names: Names, made: Made, name: string, length: number): void {
  const from = names.fresh('from')
  const type: IntegerType = U32
  made.declarations.push(`static ${type.name} ${from} = ${random.below(1000)};`)
  made.checks.push(`${name} = ${name}_array[(${from} += 7) % ${length}];`)
}
