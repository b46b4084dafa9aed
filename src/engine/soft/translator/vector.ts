// Translations of SSE instructions, collected from the files of their kinds. By the names of the instruction table.
//
// What is not here is rare or long and stays a call of the interpreter's handler: string comparisons, dot products,
// MPSADBW, the approximations, MASKMOVDQU, MMX.

import type { Meanings } from './meaning.ts'
import { vectorCompares } from './vector-compare.ts'
import { vectorConversions } from './vector-convert.ts'
import { vectorFloats } from './vector-float.ts'
import { vectorIntegers } from './vector-integer.ts'
import { vectorMoves } from './vector-move.ts'
import { vectorShuffles } from './vector-shuffle.ts'

export const vectorMeanings: Meanings = {
  ...vectorMoves,
  ...vectorIntegers,
  ...vectorShuffles,
  ...vectorFloats,
  ...vectorCompares,
  ...vectorConversions,
}
