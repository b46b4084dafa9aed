// Random statements: declarations, assignments, every kind of branch and loop, calls, checks.

import { condition, elementOf, expression } from './expressions.ts'
import type { Names } from './names.ts'
import { block, type Piece } from './piece.ts'
import { type AnyFunction, isField, type Scope } from './scope.ts'
import { type Arithmetic, floats, I32, type IntegerType, integers, unsigned } from './types.ts'

export interface Around {
  readonly names: Names
  readonly functions: readonly AnyFunction[]
  /** Operations in an expression within each other. */
  readonly depth: number
  /** How deep loops and branches may still nest. */
  readonly nesting: number
  /** Inside of what `break` and `continue` would leave. */
  readonly inLoop?: boolean
}

const DEPTH = 3

export function randomType(scope: Scope): Arithmetic {
  return scope.random.below(5) === 0 ? scope.random.pick(floats) : scope.random.pick(integers)
}

export function checkOf(names: Names, text: string, type: Arithmetic): string {
  const id = names.check()
  if (type.kind === 'float')
    return `check_${type.name === 'longdouble' ? 'long_double' : type.name}(${id}, ${text});`
  return type.bits === 128 ? `check_wide(${id}, (u128)${text});` : `check(${id}, (u64)${text});`
}

export function statements(scope: Scope, around: Around, count: number): Piece[] {
  const pieces: Piece[] = []
  for (let i = 0; i < count; i++) pieces.push(...statement(scope, around))
  return pieces
}

function statement(scope: Scope, around: Around): Piece[] {
  const { random } = scope
  const choice = random.below(around.nesting > 0 ? 100 : 62)
  if (choice < 14) return [declaration(scope, around)]
  if (choice < 38) return [assignment(scope, around)]
  if (choice < 44) return [store(scope, around)]
  if (choice < 50) return [swapOrOverflow(scope, around)]
  if (choice < 56) return call(scope, around)
  if (choice < 59) return [check(scope, around)]
  if (choice < 62) return jump(scope, around)
  if (choice < 76) return [branch(scope, around)]
  if (choice < 82) return [selection(scope, around)]
  return loop(scope, around)
}

function declaration(scope: Scope, { names, depth }: Around): Piece {
  const type = randomType(scope)
  const name = names.fresh('v')
  const text = `${type.name} ${name} = ${expression(scope, type, depth)};`
  scope.declare(name, type)
  return text
}

function assignment(scope: Scope, around: Around): Piece {
  const places = scope.assignable()
  if (places.length === 0) return declaration(scope, around)
  const { text, type } = scope.random.pick(places)
  return assign(scope, around, text, type)
}

function assign(scope: Scope, around: Around, text: string, type: Arithmetic): Piece {
  const value = expression(scope, type, around.depth)
  if (type.kind === 'float' || scope.random.below(3) > 0) return `${text} = ${value};`
  return compound(scope, text, type, value)
}

/** `+=` and its like, on unsigned types; narrow ones are promoted to int, whose product could overflow. */
function compound({ random }: Scope, text: string, type: IntegerType, value: string): Piece {
  if (type.signed) return `${text} ${random.pick(['^=', '|=', '&='])} ${value};`
  if (random.below(5) === 0) return `${text}${random.pick(['++', '--'])};`
  // A bit field is promoted too, and does not know how far it may be shifted.
  if (random.below(4) === 0 && !isField(text))
    return `${text} ${random.pick(['<<=', '>>='])} ${random.below(type.bits)};`
  return `${text} ${random.pick(['+=', '-=', '^=', '|=', '&='])} ${value};`
}

function store(scope: Scope, around: Around): Piece {
  if (scope.arrays.length === 0) return assignment(scope, around)
  const { text, type, length } = scope.random.pick(scope.arrays)
  return assign(scope, around, elementOf(scope, text, length, around.depth - 1), type)
}

/** Additions and the like whose carry or overflow is asked for. */
function swapOrOverflow(scope: Scope, around: Around): Piece {
  const { random } = scope
  const places = scope
    .integerPlaces()
    .filter(({ assignable, type, text }) => assignable && type.bits <= 64 && !isField(text))
  if (places.length === 0) return assignment(scope, around)
  const { text, type } = random.pick(places)
  const operation = random.pick(['add', 'sub', 'mul'])
  const [a, b] = [expression(scope, type, around.depth - 1), expression(scope, type, around.depth - 1)]
  const other = random.pick(places)
  return `if (__builtin_${operation}_overflow(${a}, ${b}, &${text})) ${other.text} ^= 1;`
}

function call(scope: Scope, around: Around): Piece[] {
  if (around.functions.length === 0) return [assignment(scope, around)]
  const { callee, result, parameters } = scope.random.pick(around.functions)
  const name = around.names.fresh('r')
  const values = parameters.map((type) => expression(scope, type, around.depth - 1))
  const text = `${result.name} ${name} = ${callee(scope)}(${values.join(', ')});`
  scope.declare(name, result)
  return [text]
}

function check(scope: Scope, { names, depth }: Around): Piece {
  const type = randomType(scope)
  return checkOf(names, expression(scope, type, depth), type)
}

function jump(scope: Scope, around: Around): Piece[] {
  if (around.inLoop !== true) return [assignment(scope, around)]
  return [`if (${condition(scope, 2)}) ${scope.random.pick(['break', 'continue'])};`]
}

function within(scope: Scope, around: Around, most = 4): Piece[] {
  return statements(scope.inner(), { ...around, nesting: around.nesting - 1 }, 1 + scope.random.below(most))
}

function branch(scope: Scope, around: Around): Piece {
  const { random } = scope
  const first = block(`if (${condition(scope, around.depth - 1)})`, within(scope, around))
  if (random.below(2) === 0) return first
  return block('', [first, block('else', within(scope, around))])
}

/** A dense switch becomes a table of jumps, a sparse one a tree of comparisons. */
function selection(scope: Scope, around: Around): Piece {
  const { random } = scope
  const dense = random.below(2) === 0
  const count = 3 + random.below(dense ? 10 : 5)
  const type = random.pick(integers.filter(({ bits }) => bits <= 64))
  const value = expression(scope, type, around.depth - 1)
  const first = dense ? random.below(20) - 10 : 0
  const labels = new Set<number>()
  while (labels.size < count) labels.add(dense ? first + labels.size : random.next() % 251)
  const inside = { ...around, inLoop: false }
  const cases: Piece[] = [...labels].map((label) => ({
    head: `case ${label}: {`,
    body: within(scope, inside, 2),
    tail: random.below(4) === 0 ? '} // falls through' : '} break;',
  }))
  cases.push({ head: 'default: {', body: within(scope, inside, 2), tail: '} break;' })
  const reduced = dense
    ? `(i32)((${unsigned(type)})${value} % ${count + 2}) + ${first}`
    : `(i32)((${unsigned(type)})${value} & 255)`
  return block(`switch (${reduced})`, cases)
}

function loop(scope: Scope, around: Around): Piece[] {
  const { random } = scope
  const counter = around.names.fresh('i')
  const inner = scope.inner()
  inner.declare(counter, I32, false)
  const inside = { ...around, nesting: around.nesting - 1, inLoop: true }
  const body = (): Piece[] => statements(inner, inside, 1 + random.below(4))
  const bound = 1 + random.below(around.nesting > 1 ? 9 : 24)
  const step = 1 + random.below(3)
  switch (random.below(5)) {
    case 0:
    case 1:
      return [
        block(
          `for (i32 ${counter} = 0; ${counter} < ${bound * step} && BURN(1); ${counter} += ${step})`,
          body(),
        ),
      ]
    case 2:
      return [block(`for (i32 ${counter} = ${bound}; --${counter} >= 0 && BURN(1);)`, body())]
    case 3: {
      const limit = `(i32)((u32)${expression(scope, I32, 2)} % ${bound + 8})`
      const end = around.names.fresh('n')
      return [
        `i32 ${end} = ${limit};`,
        block(`for (i32 ${counter} = 0; ${counter} < ${end} && BURN(1); ${counter}++)`, body()),
      ]
    }
    default:
      return [
        block('', [
          `i32 ${counter} = ${bound};`,
          block('do', body(), `} while (BURN(1) && --${counter} > 0 && ${condition(scope, 2)});`),
        ]),
      ]
  }
}

export function aroundFor(names: Names, functions: readonly AnyFunction[], nesting: number): Around {
  return { names, functions, depth: DEPTH, nesting }
}
