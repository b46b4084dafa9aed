// Translations of SSE instructions, collected from the files of their kinds. By the names of the instruction table.

import type { CustomEntry, MeaningEntry } from './integer.ts'
import { vectorMoves } from './vector-move.ts'

export const vectorMeanings: Readonly<Record<string, MeaningEntry>> = { ...vectorMoves }

export const vectorCustom: Readonly<Record<string, CustomEntry>> = {}
