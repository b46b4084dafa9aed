// A whole random program from a seed: the same seed gives the same text for ever, as long as the generator is the same.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Random } from '../../engine/soft/differential/random.ts'
import type { Book, ChapterMaker } from './chapter.ts'
import { chapters } from './chapters/index.ts'
import { anyFunction, functionTable, pureFunction } from './functions.ts'
import { globals } from './globals.ts'
import { Names } from './names.ts'
import { block, type Piece, print } from './piece.ts'
import { type AnyFunction, Scope } from './scope.ts'
import { aroundFor, statements } from './statements.ts'

/** Beside the source of this file, not beside its output. */
const preludeFile = fileURLToPath(
  new URL('../../../../test/fuzz-programs/generator/prelude.h', import.meta.url),
)

export interface ProgramOptions {
  /** How many loops and calls a turn of main may make. */
  readonly fuel?: number
  /** Only these chapters, by name; otherwise some, at random. */
  readonly chapters?: readonly string[]
}

export interface Program {
  readonly seed: string
  readonly chapters: readonly string[]
  /** What may be taken away, piece by piece. */
  readonly pieces: readonly Piece[]
  /** What stands before the pieces. */
  readonly prelude: string
}

const FUEL = 8000
const CHECK_LINES = 1500
const CHAPTERS = 5

export function sourceOf({ prelude, pieces }: Pick<Program, 'prelude' | 'pieces'>): string {
  return `${prelude}\n${print(pieces)}`
}

export function randomProgram(seed: string, options: ProgramOptions = {}): Program {
  const random = new Random(seed)
  const names = new Names()
  const scope = new Scope(random)
  const memory = globals(random, names, scope)
  const pieces: Piece[] = [...memory.declarations, '']

  for (const calls of [[], [], [], scope.pure, scope.pure]) {
    const { pieces: text, made } = pureFunction(random, names, [...calls])
    pieces.push(...text)
    scope.pure.push(made)
  }
  const functions: AnyFunction[] = []
  for (let i = 3 + random.below(4); i > 0; i--) {
    const make = random.below(4) === 0 ? functionTable : anyFunction
    const { pieces: text, made } = make({ random, names, globals: scope, functions })
    pieces.push(...text)
    functions.push(made)
  }

  const book: Book = { random, names, globals: scope, functions }
  const chosen = options.chapters ?? someChapters(random)
  const written = chosen.map((name) => chapterNamed(name)(book))
  for (const chapter of written) pieces.push(...chapter.declarations, '')
  const setUp = [...memory.setUp, ...written.flatMap((chapter) => chapter.setUp ?? [])]
  const calls = written.flatMap((chapter) => chapter.calls)
  pieces.push(mainFunction(book, [...calls, ...memory.checks], setUp))

  const includes = new Set(written.flatMap((chapter) => chapter.includes ?? []))
  const prelude = [
    `// Random program, seed ${seed}; chapters: ${chosen.join(', ')}`,
    `#define FUEL ${options.fuel ?? FUEL}`,
    `#define CHECK_LINES ${CHECK_LINES}`,
    readFileSync(preludeFile, 'utf8'),
    ...[...includes].map((name) => `#include <${name}>`),
  ].join('\n')
  return { seed, chapters: chosen, pieces, prelude }
}

/** Turns, so that what was seldom executed becomes often executed, with other values. */
function mainFunction(
  { random, names, globals: scope, functions }: Book,
  calls: readonly Piece[],
  setUp: readonly Piece[],
): Piece {
  const inner = scope.inner()
  const work = statements(inner, aroundFor(names, functions, 3), 8)
  const turns = 2 + random.below(4)
  const body = ['fuel = FUEL;', ...work, ...calls, 'end_of_turn(turn);']
  return block('int main(void)', [
    'begin();',
    ...setUp,
    block(`for (i32 turn = 0; turn < ${turns}; turn++)`, body),
    'return end();',
  ])
}

function someChapters(random: Random): string[] {
  const names = Object.keys(chapters)
  const chosen = new Set<string>()
  while (chosen.size < Math.min(CHAPTERS, names.length)) chosen.add(random.pick(names))
  return [...chosen]
}

function chapterNamed(name: string): ChapterMaker {
  const chapter = chapters[name]
  if (chapter === undefined)
    throw new Error(`there is no chapter ${name}; there are: ${Object.keys(chapters).join(' ')}`)
  return chapter
}
