// How a form of expression (integer-forms.ts, float-forms.ts) gets its operands, whatever is nested in them.

import type { Random } from '../../engine/soft/differential/random.ts'
import type { Arithmetic, FloatType, IntegerType } from './types.ts'

export interface Operands {
  readonly random: Random
  integer(type: IntegerType): string
  float(type: FloatType): string
  condition(): string
  /** A variable or a literal. */
  leaf(type: Arithmetic): string
  /** An element of an array, undefined if there is no array of this type. */
  element(type: Arithmetic): string | undefined
  /** A call of a pure function, undefined if there is none with this result. */
  call(type: Arithmetic): string | undefined
}
