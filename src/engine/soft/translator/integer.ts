// Translations of the general-purpose instructions, collected from the files of their kinds. By the names of the
// instruction table. What each does is in SDM volume 2 and, executable, in core/: the interpreter's meanings and these
// must agree, and tests compare both with the processor.

import { arithmetic } from './integer-arithmetic.ts'
import { bitCustoms, bits } from './integer-bits.ts'
import { exchangeCustoms } from './integer-exchange.ts'
import { moveCustoms, moves } from './integer-move.ts'
import { multiplicationCustoms, multiplications } from './integer-multiply.ts'
import { shifts } from './integer-shift.ts'
import { stackCustoms } from './integer-stack.ts'
import { system, systemCustoms } from './integer-system.ts'
import type { Customs, Meanings } from './meaning.ts'

export const integerMeanings: Meanings = {
  ...moves,
  ...arithmetic,
  ...shifts,
  ...multiplications,
  ...bits,
  ...system,
}

/** Those with a `!` in the table. */
export const integerCustoms: Customs = {
  ...moveCustoms,
  ...exchangeCustoms,
  ...stackCustoms,
  ...multiplicationCustoms,
  ...bitCustoms,
  ...systemCustoms,
}
