// Random functions: pure ones for use in expressions, and others that change the program's memory, call each other,
// and themselves. A function may call those that were made before it.

import type { Random } from '../../engine/soft/differential/random.ts'
import { expression } from './expressions.ts'
import type { Names } from './names.ts'
import { block, type Piece } from './piece.ts'
import { type AnyFunction, type PureFunction, Scope } from './scope.ts'
import { aroundFor, checkOf, randomType, statements } from './statements.ts'
import { type Arithmetic, DOUBLE, FLOAT, I32, U64, words } from './types.ts'

export interface Made<T> {
  readonly pieces: readonly Piece[]
  readonly made: T
}

const named = (types: readonly Arithmetic[]): { type: Arithmetic; name: string }[] =>
  types.map((type, i) => ({ type, name: `p${i}` }))
const parameterList = (types: readonly Arithmetic[]): string =>
  named(types)
    .map(({ type, name }) => `${type.name} ${name}`)
    .join(', ')

/** Only arithmetic on its arguments, and calls of `pure`, with a loop that needs no fuel. */
export function pureFunction(
  random: Random,
  names: Names,
  pure: readonly PureFunction[],
): Made<PureFunction> {
  const scope = new Scope(random)
  scope.pure.push(...pure)
  const result = randomType(scope)
  const parameters = Array.from({ length: 1 + random.below(4) }, () => randomType(scope))
  const name = names.fresh('pure')
  for (const { type, name: parameter } of named(parameters)) scope.declare(parameter, type)
  const body: Piece[] = []
  for (let i = random.below(3); i > 0; i--) {
    const type = randomType(scope)
    const variable = names.fresh('v')
    body.push(`${type.name} ${variable} = ${expression(scope, type, 3)};`)
    scope.declare(variable, type)
  }
  const variable = names.fresh('v')
  const inner = scope.inner()
  const counter = names.fresh('i')
  inner.declare(counter, I32, false)
  inner.declare(variable, result)
  body.push(
    `${result.name} ${variable} = ${expression(scope, result, 2)};`,
    `for (i32 ${counter} = 0; ${counter} < ${1 + random.below(5)}; ${counter}++) ${variable} = ${expression(inner, result, 3)};`,
  )
  scope.declare(variable, result)
  const attribute = random.pick(['static', 'static', 'static NOINLINE', 'static inline'])
  const head = `${attribute} ${result.name} ${name}(${parameterList(parameters)})`
  // Without `const`: gcc may see it, but nothing promises it.
  body.push(`return ${expression(scope, result, 3)};`)
  return { pieces: [block(head, body), ''], made: { name, result, parameters } }
}

interface Surroundings {
  readonly random: Random
  readonly names: Names
  /** With the program's globals. */
  readonly globals: Scope
  readonly functions: readonly AnyFunction[]
}

/** Up to ten parameters, so that some lie on the stack; recursive sometimes. */
export function anyFunction({ random, names, globals, functions }: Surroundings): Made<AnyFunction> {
  const scope = globals.inner()
  const result = randomType(scope)
  const parameters = Array.from({ length: random.below(random.below(3) === 0 ? 11 : 5) }, () =>
    randomType(scope),
  )
  const name = names.fresh('f')
  const { body, head } = functionText({ random, names, globals, functions }, name, result, parameters)
  return {
    pieces: [block(head, body), ''],
    made: { callee: () => name, result, parameters },
  }
}

/** Functions of one type in a table, called through it. */
export function functionTable(around: Surroundings): Made<AnyFunction> {
  const { random, names, globals } = around
  const result = randomType(globals)
  const parameters = [U64, ...Array.from({ length: random.below(3) }, () => randomType(globals))]
  const members: string[] = []
  const pieces: Piece[] = []
  for (let i = 2 + random.below(5); i > 0; i--) {
    const name = names.fresh('member')
    const { head, body } = functionText(around, name, result, parameters)
    pieces.push(block(head, body), '')
    members.push(name)
  }
  const table = names.fresh('table')
  const type = `${result.name} (*${random.pick(['', 'const ', 'volatile '])}${table}[])(${parameterList(parameters)})`
  pieces.push(`static ${type} = {${members.join(', ')}};\n`)
  const callee = (scope: Scope): string =>
    `${table}[(u32)${expression(scope, random.pick(words), 2)} % ${members.length}]`
  return { pieces, made: { callee, result, parameters } }
}

function functionText(
  { random, names, globals, functions }: Surroundings,
  name: string,
  result: Arithmetic,
  parameters: readonly Arithmetic[],
): { head: string; body: Piece[] } {
  const scope = globals.inner()
  for (const { type, name: parameter } of named(parameters)) scope.declare(parameter, type)
  const body: Piece[] = [`if (!BURN(4)) return ${random.below(100)};`]
  if (random.below(3) === 0) {
    const local = names.fresh('local')
    const type = random.pick([...words, DOUBLE, FLOAT])
    const length = random.pick([4, 7, 16, 33])
    body.push(`${type.name} ${local}[${length}];\nfill(${local}, sizeof ${local});`)
    scope.arrays.push({ text: local, type, length })
  }
  body.push(...statements(scope, aroundFor(names, functions, 3), 4 + random.below(7)))
  if (random.below(3) === 0) body.push(...recursion(scope, names, name, result, parameters))
  const type = randomType(scope)
  if (random.below(2) === 0) body.push(checkOf(names, expression(scope, type, 2), type))
  body.push(`return ${expression(scope, result, 3)};`)
  const attribute = random.pick(['static', 'static', 'static NOINLINE', 'NOINLINE'])
  return { head: `${attribute} ${result.name} ${name}(${parameterList(parameters)})`, body }
}

/** A static counter bounds the depth; fuel bounds the number of calls. */
function recursion(
  scope: Scope,
  names: Names,
  name: string,
  result: Arithmetic,
  parameters: readonly Arithmetic[],
): Piece[] {
  const { random } = scope
  const level = names.fresh('level')
  const value = names.fresh('r')
  const again = (): string => `${name}(${parameters.map((type) => expression(scope, type, 2)).join(', ')})`
  const twice = random.below(3) === 0 ? `\n  ${value} = ${again()};` : ''
  const text = `static i32 ${level} = 0;
${result.name} ${value} = 0;
if (${level} < ${2 + random.below(30)}) {
  ${level}++;
  ${value} = ${again()};${twice}
  ${level}--;
}`
  scope.declare(value, result)
  return [text]
}
