// `npm run test:fuzz`: random C programs, natively and in a machine.
//
//   npm run test:fuzz -- [--programs N] [--seed S] [--only SEED] [--variants REGEXP] [--chapters A,B] [--fuel N]
//                        [--keep FOLDER] [--reduce] [--well-defined]
//
//   --programs N       how many (20)
//   --seed S           any text; program number i has the seed S-i. Without it a fresh one, which is printed
//   --only SEED        this one program, as a report names it
//   --variants REGEXP  only the ways to compile that match, for example 'O3|Os'
//   --chapters A,B     these parts in every program, instead of some at random
//   --fuel N           how long programs run: loops and calls in each turn of main (8000)
//   --keep FOLDER      where programs with a difference go (build/fuzz)
//   --reduce           makes each such program smaller, which takes some minutes
//   --well-defined     tests the generator instead: sanitizers, and the same output from all optimization levels
//
// Ends with 1 when there was a difference. Variables of the environment reach the engine as they are.

import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Found, fuzz } from './fuzz.ts'
import { type ProgramOptions, randomProgram } from './generator/program.ts'
import { reduceProgram } from './reduce.ts'
import { GuestSide, native } from './sides.ts'
import { variants } from './variants.ts'
import { fault } from './well-defined.ts'

/** Of the differences of one run. */
const MOST_REDUCED = 5

const { values } = parseArgs({
  options: {
    programs: { type: 'string', default: '20' },
    seed: { type: 'string', default: randomBytes(4).toString('hex') },
    only: { type: 'string' },
    variants: { type: 'string', default: '' },
    chapters: { type: 'string' },
    fuel: { type: 'string' },
    keep: { type: 'string', default: fileURLToPath(new URL('../../fuzz', import.meta.url)) },
    reduce: { type: 'boolean', default: false },
    'well-defined': { type: 'boolean', default: false },
  },
})

const tell = (text: string): void => void process.stdout.write(`${text}\n`)
const pattern = new RegExp(values.variants)
const seeds =
  values.only === undefined
    ? Array.from({ length: Number(values.programs) }, (_, i) => `${values.seed}-${i}`)
    : [values.only]
const chosen = variants.filter((variant) => pattern.test(variant))
tell(`${seeds.length} programs, ${chosen.length} variants each; ${values.only ?? `--seed ${values.seed}`}`)

const options: ProgramOptions = {
  ...(values.chapters === undefined ? {} : { chapters: values.chapters.split(',') }),
  ...(values.fuel === undefined ? {} : { fuel: Number(values.fuel) }),
}
if (values['well-defined']) await testGenerator()
else await testEngine()

async function testGenerator(): Promise<void> {
  for (const seed of seeds) {
    const wrong = await fault(randomProgram(seed, options), chosen)
    tell(wrong ?? `${seed}: well defined`)
    if (wrong !== undefined) process.exitCode = 1
  }
}

async function testEngine(): Promise<void> {
  const guest = new GuestSide()
  try {
    const work = { ...options, seeds, variants: chosen, native, guest, keep: values.keep, tell }
    const { found, programs, runs, nativeMs, guestMs } = await fuzz(work)
    if (values.reduce) for (const one of found.slice(0, MOST_REDUCED)) await makeSmaller(one, guest)
    const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`
    tell(
      `${programs} programs, ${runs} runs (native ${seconds(nativeMs)}, guest ${seconds(guestMs)}): ${found.length} differences`,
    )
    if (found.length > 0) process.exitCode = 1
  } finally {
    await guest.close()
  }
}

async function makeSmaller({ seed, variant, program, kind }: Found, guest: GuestSide): Promise<void> {
  if (kind !== 'difference') return
  tell(`reducing seed ${seed}, gcc ${variant}`)
  const { source, attempts } = await reduceProgram(program, variant, native, guest)
  const file = join(values.keep, `${seed}.reduced.c`)
  writeFileSync(file, source)
  tell(`  ${attempts} attempts: ${file}`)
}
