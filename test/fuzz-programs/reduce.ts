// Makes a program that shows a difference smaller: takes away pieces (generator/piece.ts), large runs first, and keeps
// each removal after which the program still compiles, still runs natively, and still differs.
//
// Pieces are removed without understanding C; the compiler refuses what does not fit together. What could make a
// program undefined (a missing return, an uninitialized variable) is refused as well, by warnings that count as errors.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { differenceOf } from './difference.ts'
import type { Block, Piece } from './generator/piece.ts'
import { type Program, sourceOf } from './generator/program.ts'
import type { Side } from './sides.ts'
import { compile, type Variant } from './variants.ts'

const REFUSED = [
  '-Wall',
  '-Werror=implicit',
  '-Werror=return-type',
  '-Werror=uninitialized',
  '-Werror=maybe-uninitialized',
]

export interface Reduction {
  readonly pieces: readonly Piece[]
  readonly attempts: number
}

/** Whether a smaller program still shows what is looked for. */
export type Shows = (pieces: readonly Piece[]) => Promise<boolean>

/** @param most attempts */
export async function reduce(pieces: readonly Piece[], shows: Shows, most = 2000): Promise<Reduction> {
  let attempts = 0
  let best = pieces
  const attempt = async (candidate: readonly Piece[]): Promise<boolean> => {
    if (attempts >= most) return false
    attempts++
    if (!(await shows(candidate))) return false
    best = candidate
    return true
  }
  // A later removal may make an earlier one possible: a function goes after its last call.
  for (let before = -1; before !== size(best) && attempts < most; ) {
    before = size(best)
    best = await reduceList(best, attempt, (list) => list)
  }
  return { pieces: best, attempts }
}

/** `whole` puts a list back to where it is in the program. */
async function reduceList(
  list: readonly Piece[],
  attempt: (candidate: readonly Piece[]) => Promise<boolean>,
  whole: (list: readonly Piece[]) => readonly Piece[],
): Promise<readonly Piece[]> {
  let current = [...list]
  for (
    let run = 2 ** Math.floor(Math.log2(Math.max(1, current.length)));
    run >= 1;
    run = Math.floor(run / 2)
  ) {
    // From the end: main calls what stands before it.
    for (let at = current.length - run; at > -run; at -= run) {
      const from = Math.max(0, at)
      const shorter = [...current.slice(0, from), ...current.slice(at + run)]
      if (shorter.length < current.length && (await attempt(whole(shorter)))) current = shorter
    }
  }
  for (let at = current.length - 1; at >= 0; at--) {
    const piece = current[at]!
    if (typeof piece === 'string') continue
    // The body without the block around it, else the block with a shorter body.
    const opened = [...current.slice(0, at), ...piece.body, ...current.slice(at + 1)]
    if (await attempt(whole(opened))) {
      current = opened
      at += piece.body.length
      continue
    }
    const replaced = (body: readonly Piece[]): Piece[] => current.with(at, { ...piece, body } satisfies Block)
    current = replaced(await reduceList(piece.body, attempt, (body) => whole(replaced(body))))
  }
  return current
}

function size(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + (typeof piece === 'string' ? 1 : 1 + size(piece.body)), 0)
}

/** The program again, as small as it could be made, with the same difference or another one. */
export async function reduceProgram(
  program: Program,
  variant: Variant,
  native: Side,
  guest: Side,
): Promise<{ readonly source: string; readonly attempts: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'inlinux-reduce-'))
  const [source, file] = [join(folder, 'program.c'), join(folder, 'program')]
  const shows: Shows = async (pieces) => {
    writeFileSync(source, sourceOf({ ...program, pieces }))
    const compiled = await compile(source, file, variant, ...REFUSED).then(
      () => true,
      () => false,
    )
    if (!compiled) return false
    const expected = await native.run(file)
    if (!/^\d+$/.test(expected.end) || expected.stdout.includes('died of signal')) return false
    return differenceOf(expected, await guest.run(file), [native.name, guest.name]) !== undefined
  }
  try {
    const { pieces, attempts } = await reduce(program.pieces, shows)
    return { source: sourceOf({ ...program, pieces }), attempts }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
