// The report of `npm run bench:cpu` in Markdown, as docs/performance.md shows it: a table a section, then the aims and the
// rows that miss them.

import { medianOf } from '../lib/measure.ts'
import { AIMS, geometricMean, meanVerdict, ratioOf, rowVerdict } from './aims.ts'
import type { PeerName } from './peer.ts'
import type { Result, Side } from './rounds.ts'

export type Results = ReadonlyMap<string, readonly Result[]>

/** Lines of Markdown. */
export function report(sections: Results): string[] {
  const lines: string[] = []
  for (const [section, results] of sections) lines.push(...table(section, results), '')
  lines.push(...aims(sections))
  for (const [section, results] of sections) lines.push(...troubles(section, results))
  return lines
}

function table(section: string, results: readonly Result[]): string[] {
  const withNative = results.some(({ sides }) => sides.native !== undefined)
  const lines = withNative
    ? [
        `| ${section} | | native, ms | QEMU ÷ native | ours ÷ native | ours ÷ QEMU | in CPU time | |`,
        '|---|---|--:|--:|--:|--:|--:|---|',
      ]
    : [
        `| ${section} | | QEMU, ms | ours, ms | ours ÷ QEMU | in CPU time | |`,
        '|---|---|--:|--:|--:|--:|---|',
      ]
  for (const result of results) {
    const { row, sides } = result
    const ratios = (['wall', 'cpu'] as const).map((time) =>
      cell(sides.inlinux, () => ratioOf(result, 'inlinux', 'qemu', time)),
    )
    const times = withNative
      ? [
          milliseconds(sides.native),
          cell(sides.qemu, () => ratioOf(result, 'qemu', 'native')),
          cell(sides.inlinux, () => ratioOf(result, 'inlinux', 'native')),
        ]
      : [milliseconds(sides.qemu), milliseconds(sides.inlinux)]
    lines.push(`| ${[row.name, row.what, ...times, ...ratios, remark(section, result)].join(' | ')} |`)
  }
  if (withNative) {
    const mean = (name: PeerName, peer: PeerName, time?: 'cpu'): string =>
      number(geometricMean(results.map((result) => ratioOf(result, name, peer, time))))
    const means = [
      mean('qemu', 'native'),
      mean('inlinux', 'native'),
      mean('inlinux', 'qemu'),
      mean('inlinux', 'qemu', 'cpu'),
    ]
    lines.push(`| geometric mean | | | ${means.join(' | ')} | ${coverage(results)} |`)
  }
  return lines
}

/** Whether the aim is missed, and whose time is missing why. */
function remark(section: string, result: Result): string {
  const { native, qemu, inlinux } = result.sides
  const named = [
    ['native', native],
    ['QEMU', qemu],
    ['ours', inlinux],
  ] as const
  const missing = named.flatMap(([name, side]) => (side?.failure ? [`${name} ${reason(side)}`] : []))
  const aim = AIMS[section]!
  const missed = rowVerdict(aim, result) === 'missed' ? [`misses ${aim.row}`] : []
  return [...missed, ...missing].join('; ')
}

function reason(side: Side): string {
  return side.failure!.slow ? side.failure!.why : 'failed'
}

/** Which of the rows the last column's mean is of. */
function coverage(results: readonly Result[]): string {
  const counted = results.filter((result) => !Number.isNaN(ratioOf(result, 'inlinux', 'qemu'))).length
  return counted === results.length ? '' : `ours ÷ QEMU: of ${counted} of ${results.length} rows`
}

function aims(sections: Results): string[] {
  const lines = ['| aim, ours ÷ QEMU | measured | |', '|---|---|---|']
  for (const [section, results] of sections) {
    const aim = AIMS[section]!
    const ratios = results.map((result) => ratioOf(result, 'inlinux', 'qemu'))
    if (aim.mean !== undefined) {
      const mean = number(geometricMean(ratios))
      lines.push(`| ${section}: geometric mean ≤ ${aim.mean} | ${mean} | ${meanVerdict(aim.mean, results)} |`)
    }
    const verdicts = results.map((result) => rowVerdict(aim, result))
    const missing = results.filter((_, i) => verdicts[i] === 'missed').map(({ row }) => row.name)
    const unknown = verdicts.filter((verdict) => verdict === 'unknown').length
    const known = ratios.filter((ratio) => !Number.isNaN(ratio))
    const worst = known.length === 0 ? '-' : `at most ${number(Math.max(...known))}`
    const verdict = missing.length > 0 ? 'missed' : unknown > 0 ? 'unknown' : 'met'
    const names = missing.length > 0 ? `: ${missing.join(', ')}` : ''
    lines.push(`| ${section}: every row ≤ ${aim.row} | ${worst} | ${verdict}${names} |`)
  }
  return lines
}

/** Wrong output and crashes, in full: they are no matter of speed. */
function troubles(section: string, results: readonly Result[]): string[] {
  const lines: string[] = []
  for (const { row, sides } of results)
    for (const [name, side] of Object.entries(sides))
      if (side.failure && !side.failure.slow)
        lines.push('', `${section}, ${row.name}, ${name}: ${side.failure.why.trimEnd()}`)
  return lines
}

function cell(side: Side | undefined, value: () => number): string {
  return side === undefined ? '' : number(value())
}

function milliseconds(side: Side | undefined): string {
  if (side === undefined) return ''
  return side.failure ? '-' : medianOf(side.samples, ({ wall }) => wall).toFixed(0)
}

function number(value: number): string {
  if (!Number.isFinite(value)) return '-'
  return value.toFixed(value >= 99.5 ? 0 : value >= 9.95 ? 1 : 2)
}
