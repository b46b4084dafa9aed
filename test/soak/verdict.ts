// Was the soak clean? Every piece of work right, and nothing growing: the median of the last quarter of the samples is
// compared with that of the second quarter. The first quarter is for warming up: caches, tiers of compilers, and the
// guest touching its memory for the first time.

import type { Sample } from './samples.ts'

export interface Done {
  readonly name: string
  readonly seconds: number
  /** 'ok', 'skipped', or what was wrong. */
  readonly result: string
}

export interface Verdict {
  readonly clean: boolean
  readonly lines: readonly string[]
}

const MIB = 2 ** 20
/** Fewer samples say nothing about growth. */
export const FEWEST_SAMPLES = 12

/** How much larger the last quarter may be than the second: a share of that, and an amount. */
const limits: readonly {
  readonly what: string
  readonly of: (sample: Sample) => number
  readonly unit: number
  readonly share: number
  readonly amount: number
}[] = [
  { what: 'own memory, MiB', of: ({ rss, guest }) => rss - guest, unit: MIB, share: 0.05, amount: 24 * MIB },
  { what: 'external memory, MiB', of: ({ external }) => external, unit: MIB, share: 0.05, amount: 4 * MIB },
  { what: 'heap in use, MiB', of: ({ heapUsed }) => heapUsed, unit: MIB, share: 0.05, amount: 4 * MIB },
  { what: 'descriptors', of: ({ descriptors }) => descriptors, unit: 1, share: 0, amount: 1 },
  { what: 'threads', of: ({ threads }) => threads, unit: 1, share: 0, amount: 1 },
  { what: 'handles', of: ({ handles }) => handles, unit: 1, share: 0, amount: 2 },
]

export function judge(samples: readonly Sample[], done: readonly Done[]): Verdict {
  const wrong = done.filter(({ result }) => result !== 'ok' && result !== 'skipped')
  const skipped = [...new Set(done.filter(({ result }) => result === 'skipped').map(({ name }) => name))]
  const growth = judgeGrowth(samples)
  const lines = [
    `${done.length} pieces of work, ${wrong.length} wrong`,
    ...wrong.map(({ name, result }) => `  WRONG ${name}: ${result}`),
    ...(skipped.length > 0 ? [`did not run here: ${skipped.join(' ')}`] : []),
    ...growth.lines,
  ]
  const clean = done.length > 0 && wrong.length === 0 && growth.clean
  return { clean, lines: [...lines, clean ? 'CLEAN' : 'NOT CLEAN'] }
}

function judgeGrowth(samples: readonly Sample[]): Verdict {
  const quarter = Math.floor(samples.length / 4)
  if (samples.length < FEWEST_SAMPLES)
    return { clean: false, lines: [`${samples.length} samples are too few to judge growth`] }
  let clean = true
  const lines = limits.map(({ what, of, unit, share, amount }) => {
    const second = median(samples.slice(quarter, 2 * quarter).map(of))
    const last = median(samples.slice(-quarter).map(of))
    const limit = second * (1 + share) + amount
    if (!(last <= limit)) clean = false
    const shown = (value: number): string => (value / unit).toFixed(unit === 1 ? 0 : 1)
    return `${last <= limit ? 'flat' : 'GROWS'}: ${what}: second quarter ${shown(second)}, last ${shown(last)}, limit ${shown(limit)}`
  })
  return { clean, lines }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}
