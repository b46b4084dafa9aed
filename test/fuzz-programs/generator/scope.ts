// What a piece of the program can name: variables, arrays, functions that may stand in an expression.

import type { Random } from '../../engine/soft/differential/random.ts'
import type { Arithmetic, IntegerType } from './types.ts'

export interface Place {
  /** An lvalue. */
  readonly text: string
  readonly type: Arithmetic
  /** False for counters of loops, which decide whether a program ends. */
  readonly assignable: boolean
}

/** `length` elements from `text[0]` on; also a pointer into the middle of a larger array. */
export interface ArrayPlace {
  readonly text: string
  readonly type: Arithmetic
  readonly length: number
}

/** A function whose result depends on its arguments alone, so that the order of calls does not matter. */
export interface PureFunction {
  readonly name: string
  readonly result: Arithmetic
  readonly parameters: readonly Arithmetic[]
}

/** A function that may do anything within its fuel: called by statements only. */
export interface AnyFunction {
  /** What is called; for a table of functions, one that holds an index. */
  readonly callee: (scope: Scope) => string
  readonly result: Arithmetic
  readonly parameters: readonly Arithmetic[]
}

/** It may be a bit field, which has no address, and a type as narrow as itself. */
export function isField(lvalue: string): boolean {
  return lvalue.includes('.')
}

export class Scope {
  readonly random: Random
  readonly places: Place[]
  readonly arrays: ArrayPlace[]
  readonly pure: PureFunction[]

  constructor(random: Random, from?: Scope) {
    this.random = random
    this.places = [...(from?.places ?? [])]
    this.arrays = [...(from?.arrays ?? [])]
    this.pure = [...(from?.pure ?? [])]
  }

  /** For the inside of a block: what is declared there is not seen outside. */
  inner(): Scope {
    return new Scope(this.random, this)
  }

  declare(text: string, type: Arithmetic, assignable = true): void {
    this.places.push({ text, type, assignable })
  }

  readable(type: Arithmetic): readonly Place[] {
    return this.places.filter((place) => place.type === type)
  }

  assignable(): readonly Place[] {
    return this.places.filter((place) => place.assignable)
  }

  integerPlaces(): readonly (Place & { type: IntegerType })[] {
    return this.places.filter(
      (place): place is Place & { type: IntegerType } => place.type.kind === 'integer',
    )
  }
}
