// Is a random program what it promises to be: free of undefined behaviour? gcc's sanitizers look for it, and all
// optimization levels must print the same, which they do not where something is left to the compiler.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { differenceOf } from './difference.ts'
import { type Program, sourceOf } from './generator/program.ts'
import { native, type Outcome } from './sides.ts'
import { compile, compileSanitized, variants } from './variants.ts'

/** @returns what is wrong with the program, undefined if nothing is */
export async function fault(
  program: Program,
  levels: readonly string[] = variants,
): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'inlinux-fuzz-'))
  const [source, file] = [join(folder, 'program.c'), join(folder, 'program')]
  try {
    writeFileSync(source, sourceOf(program))
    await compileSanitized(source, file, '-DSAME_AT_ALL_LEVELS')
    const sanitized = await native.run(file)
    if (sanitized.stderr !== '') return `seed ${program.seed}: ${sanitized.stderr.slice(0, 1000)}`
    for (const level of levels) {
      await compile(source, file, level, '-DSAME_AT_ALL_LEVELS')
      const outcome: Outcome = await native.run(file)
      const difference = differenceOf(sanitized, outcome, ['sanitized', level])
      if (difference !== undefined) return `seed ${program.seed}: ${difference}`
    }
    return undefined
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
