// A chapter is a part of a program about one thing: vectors, memory functions, faults. It brings its declarations, and
// calls that stand in main's loop.

import type { Random } from '../../engine/soft/differential/random.ts'
import type { Names } from './names.ts'
import type { Piece } from './piece.ts'
import type { AnyFunction, Scope } from './scope.ts'

export interface Book {
  readonly random: Random
  readonly names: Names
  /** Global variables and arrays, and pure functions. */
  readonly globals: Scope
  readonly functions: readonly AnyFunction[]
}

export interface Chapter {
  /** Headers beyond those of prelude.h, as in `#include <…>`. */
  readonly includes?: readonly string[]
  readonly declarations: readonly Piece[]
  /** Once, before the first turn. */
  readonly setUp?: readonly Piece[]
  /** In every turn of main's loop; `turn` is its counter. */
  readonly calls: readonly Piece[]
}

export type ChapterMaker = (book: Book) => Chapter
