// The work itself: programs from seeds, each compiled in several ways, run on two sides, compared. While a program runs
// in the guest, the next one is compiled.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { differenceOf } from './difference.ts'
import { type Program, type ProgramOptions, randomProgram, sourceOf } from './generator/program.ts'
import type { Outcome, Side } from './sides.ts'
import { compile, type Variant } from './variants.ts'

export interface FuzzOptions extends ProgramOptions {
  readonly seeds: Iterable<string>
  readonly variants: readonly Variant[]
  readonly native: Side
  readonly guest: Side
  /** Where sources, programs and outputs of differences go; made when there is one. */
  readonly keep: string
  readonly tell: (text: string) => void
}

export interface Found {
  readonly seed: string
  readonly variant: Variant
  readonly program: Program
  /** `generator`: the program is at fault, since it does not even run natively. */
  readonly kind: 'difference' | 'generator'
  readonly description: string
}

export interface Summary {
  readonly programs: number
  readonly runs: number
  readonly nativeMs: number
  readonly guestMs: number
  readonly found: readonly Found[]
}

interface Compiled {
  readonly program: Program
  readonly source: string
  /** The files of the variants, in their order. */
  readonly files: readonly string[]
}

const TOLD_EVERY = 10

export async function fuzz(options: FuzzOptions): Promise<Summary> {
  const folder = mkdtempSync(join(tmpdir(), 'inlinux-fuzz-'))
  const found: Found[] = []
  const total = { programs: 0, runs: 0, nativeMs: 0, guestMs: 0 }
  try {
    const seeds = [...options.seeds]
    let next = prepare(options, folder, seeds[0])
    for (let i = 0; i < seeds.length; i++) {
      const compiled = (await next)!
      next = prepare(options, folder, seeds[i + 1])
      // If a run throws, nobody waits for this one any more.
      next.catch(() => {})
      for (const [k, variant] of options.variants.entries()) {
        const file = compiled.files[k]!
        const [native, guest] = [await options.native.run(file), await options.guest.run(file)]
        total.runs++
        total.nativeMs += native.milliseconds
        total.guestMs += guest.milliseconds
        const one = await judge(options, compiled, { variant, file, native, guest })
        if (one === undefined) continue
        found.push(one)
        keep(options, compiled, one, { file, native, guest })
      }
      total.programs++
      if (total.programs % TOLD_EVERY === 0) options.tell(`${total.programs} of ${seeds.length} programs`)
      for (const file of [...compiled.files, compiled.source]) rmSync(file)
    }
    await next
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return { ...total, found }
}

/** Two at a time: a compiler each for the two cores that such work usually has. */
async function prepare(
  { variants, ...options }: FuzzOptions,
  folder: string,
  seed: string | undefined,
): Promise<Compiled | undefined> {
  if (seed === undefined) return undefined
  const program = randomProgram(seed, options)
  const base = join(folder, seed.replace(/\W/g, '_'))
  const source = `${base}.c`
  writeFileSync(source, sourceOf(program))
  const files = variants.map((variant) => `${base}${variant.replace(/\W+/g, '-')}`)
  const waiting = [...variants.entries()]
  const worker = async (): Promise<void> => {
    for (let job = waiting.shift(); job; job = waiting.shift()) await compile(source, files[job[0]]!, job[1])
  }
  await Promise.all([worker(), worker()])
  return { program, source, files }
}

interface Runs {
  readonly variant: Variant
  readonly file: string
  readonly native: Outcome
  readonly guest: Outcome
}

async function judge(
  options: FuzzOptions,
  { program }: Compiled,
  { variant, file, native, guest }: Runs,
): Promise<Found | undefined> {
  const of = { seed: program.seed, variant, program }
  const names = [options.native.name, options.guest.name] as const
  if (!/^\d+$/.test(native.end) || native.stdout.includes('died of signal'))
    return {
      ...of,
      kind: 'generator',
      description: `natively it ends with ${native.end}:\n${native.stdout.slice(-300)}`,
    }
  const difference = differenceOf(native, guest, names)
  if (difference === undefined) return undefined
  // Differences that come and go are the harder ones to find; say so at once.
  const [nativeAgain, guestAgain] = [await options.native.run(file), await options.guest.run(file)]
  if (differenceOf(native, nativeAgain, names) !== undefined)
    return { ...of, kind: 'generator', description: 'natively it does not do the same twice' }
  const again = differenceOf(native, guestAgain, names)
  const repeated =
    again === difference
      ? 'the same again'
      : again === undefined
        ? 'not again'
        : `another one again:\n    ${again}`
  return { ...of, kind: 'difference', description: `${difference}\n    when repeated: ${repeated}` }
}

function keep(
  { keep: folder, tell }: FuzzOptions,
  { source }: Compiled,
  { seed, variant, kind, description, program }: Found,
  { file, native, guest }: Omit<Runs, 'variant'>,
): void {
  const name = `${seed}${variant.replace(/\W+/g, '-')}`.replace(/[^\w-]/g, '_')
  const base = join(folder, name)
  mkdirSync(folder, { recursive: true })
  cpSync(source, `${base}.c`)
  cpSync(file, base)
  writeFileSync(`${base}.native.txt`, native.stdout + native.stderr, 'latin1')
  writeFileSync(`${base}.guest.txt`, guest.stdout + guest.stderr, 'latin1')
  const title = kind === 'difference' ? 'DIFFERENCE' : 'A WRONG PROGRAM'
  tell(`${title}: seed ${seed}, gcc ${variant}; chapters ${program.chapters.join(', ')}
  ${description}
    kept: ${base}.c and what belongs to it`)
}
