// Random expressions without side effects, so that no order of evaluation can be told from another.

import type { Random } from '../../engine/soft/differential/random.ts'
import { floatForms, floatLiteral } from './float-forms.ts'
import { integerForms, integerLiteral } from './integer-forms.ts'
import type { Operands } from './operands.ts'
import { isField, type Scope } from './scope.ts'
import { type Arithmetic, type FloatType, floats, I32, type IntegerType, integers, U32 } from './types.ts'

/** Characters of an expression. */
const LONGEST = 300

/** `depth`: how many operations may stand in each other. */
export function expression(scope: Scope, type: Arithmetic, depth: number): string {
  const { random } = scope
  const of = new OperandsOf(scope, depth - 1)
  if (depth <= 0 || random.below(8) === 0) return of.leaf(type)
  const text =
    type.kind === 'integer' ? random.pick(integerForms)(of, type) : random.pick(floatForms)(of, type)
  // Forms that use an operand twice make texts grow exponentially.
  return text.length <= LONGEST ? text : of.leaf(type)
}

export function condition(scope: Scope, depth: number): string {
  return new OperandsOf(scope, depth).condition()
}

/** `text[i]` with any index that is in bounds. */
export function elementOf(scope: Scope, text: string, length: number, depth: number): string {
  if (depth <= 0 || scope.random.below(3) === 0) {
    const counters = scope.integerPlaces().filter((place) => !place.assignable)
    if (counters.length === 0) return `${text}[${scope.random.below(length)}]`
    return `${text}[(u32)${scope.random.pick(counters).text} % ${length}]`
  }
  const power = (length & (length - 1)) === 0
  const type = scope.random.pick([I32, U32, ...integers])
  const index = expression(scope, type, depth - 1)
  return power ? `${text}[${index} & ${length - 1}]` : `${text}[(u32)${index} % ${length}]`
}

class OperandsOf implements Operands {
  readonly random: Random
  readonly #scope: Scope
  readonly #depth: number

  constructor(scope: Scope, depth: number) {
    this.random = scope.random
    this.#scope = scope
    this.#depth = depth
  }

  integer(type: IntegerType): string {
    return expression(this.#scope, type, this.#depth)
  }

  float(type: FloatType): string {
    return expression(this.#scope, type, this.#depth)
  }

  leaf(type: Arithmetic): string {
    const { random } = this
    if (random.below(4) > 0) {
      const places = this.#scope.readable(type)
      if (places.length > 0) {
        const { text } = random.pick(places)
        return isField(text) ? `(${type.name})${text}` : text
      }
      const others = this.#scope.integerPlaces()
      if (others.length > 0 && random.below(4) > 0) return `(${type.name})${random.pick(others).text}`
    }
    return type.kind === 'integer' ? integerLiteral(random, type) : floatLiteral(random, type)
  }

  element(type: Arithmetic): string | undefined {
    const arrays = this.#scope.arrays.filter((array) => array.type === type)
    if (arrays.length === 0) return undefined
    const { text, length } = this.random.pick(arrays)
    return elementOf(this.#scope, text, length, this.#depth)
  }

  call(type: Arithmetic): string | undefined {
    const functions = this.#scope.pure.filter(({ result }) => result === type)
    if (functions.length === 0) return undefined
    const { name, parameters } = this.random.pick(functions)
    return `${name}(${parameters.map((each) => expression(this.#scope, each, this.#depth - 1)).join(', ')})`
  }

  condition(): string {
    const { random } = this
    switch (random.below(this.#depth > 0 ? 8 : 3)) {
      case 0:
      case 1:
      case 2: {
        // Of two types, as C allows it: signed against unsigned, narrow against wide.
        const type = random.pick(integers)
        const other = random.below(3) > 0 ? type : random.pick(integers)
        return `(${this.integer(type)} ${random.pick(COMPARISONS)} ${this.integer(other)})`
      }
      case 3: {
        const type = random.pick(floats)
        return `(${this.float(type)} ${random.pick(COMPARISONS)} ${this.float(type)})`
      }
      case 4:
        return `(${this.#lower()} ${random.pick(['&&', '||'])} ${this.#lower()})`
      case 5:
        return `(!${this.#lower()})`
      case 6: {
        const type = random.pick(integers)
        return `((${this.integer(type)} >> ${random.below(type.bits)} & 1) ${random.pick(['!=', '=='])} 0)`
      }
      default: {
        const type = random.pick(integers)
        return `((${this.integer(type)} & ${this.integer(type)}) ${random.pick(['!=', '=='])} 0)`
      }
    }
  }

  #lower(): string {
    return condition(this.#scope, this.#depth - 1)
  }
}

const COMPARISONS = ['<', '>', '<=', '>=', '==', '!=']
