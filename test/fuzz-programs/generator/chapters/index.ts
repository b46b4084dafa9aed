// All chapters by name. A program has some of them.

import type { ChapterMaker } from '../chapter.ts'
import { assembler } from './assembler.ts'
import { atomics } from './atomics.ts'
import { ciphers } from './ciphers.ts'
import { faults } from './faults.ts'
import { interruptions } from './interruptions.ts'
import { intrinsics } from './intrinsics.ts'
import { jumps } from './jumps.ts'
import { longdouble } from './longdouble.ts'
import { loops } from './loops.ts'
import { memory } from './memory.ts'
import { numerics } from './numerics.ts'
import { pages } from './pages.ts'
import { printing } from './printing.ts'
import { records } from './records.ts'
import { rounding } from './rounding.ts'
import { sorting } from './sorting.ts'
import { threads } from './threads.ts'
import { varargs } from './varargs.ts'
import { vectors } from './vectors.ts'
import { wide } from './wide.ts'
import { writtencode } from './writtencode.ts'

export const chapters: Readonly<Record<string, ChapterMaker>> = {
  assembler,
  atomics,
  ciphers,
  faults,
  interruptions,
  intrinsics,
  jumps,
  longdouble,
  loops,
  memory,
  numerics,
  pages,
  printing,
  records,
  rounding,
  sorting,
  threads,
  varargs,
  vectors,
  wide,
  writtencode,
}
