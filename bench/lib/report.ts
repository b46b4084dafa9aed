// What a benchmark says: lines of a table with ours, the peers', and the ratio, for people and as JSON.
//
// A ratio is always the cost of ours divided by the peer's (time, memory, instructions): 2.00 means that ours takes
// twice as much, whether the figures beside it are times or rates.

import { writeFileSync } from 'node:fs'
import os from 'node:os'

export interface Row {
  readonly section: string
  readonly what: string
  readonly unit: string
  readonly ours: number
  readonly qemu?: number
  readonly native?: number
  /** Ours to QEMU's, or to native where QEMU has nothing to compare. */
  readonly ratio?: number
  /** What the project wants, and whether it is so. */
  readonly aim?: string
  readonly met?: boolean
  /** The rounds that the medians are from, for whoever doubts them. */
  readonly samples?: Readonly<Record<string, readonly number[]>>
}

export interface Circumstances {
  readonly date: string
  readonly node: string
  readonly qemu: string
  readonly cpu: string
  readonly cores: number
  readonly rounds: number
  /** Runnable processes over the last minute, before and after: above the number of cores, wall times are inflated. */
  readonly loadBefore: number
  loadAfter: number
}

export function circumstances(rounds: number, qemu: string): Circumstances {
  const cpus = os.cpus()
  const load = loadAverage()
  return {
    date: new Date().toISOString(),
    node: process.version,
    qemu,
    cpu: cpus[0]?.model ?? 'unknown',
    cores: cpus.length,
    rounds,
    loadBefore: load,
    loadAfter: load,
  }
}

export function loadAverage(): number {
  return Number(os.loadavg()[0]!.toFixed(2))
}

export function printTable(rows: readonly Row[]): void {
  const head = ['', 'unit', 'ours', 'QEMU', 'native', 'ratio', 'aim', '']
  let section = ''
  const lines: string[][] = [head]
  for (const row of rows) {
    if (row.section !== section) {
      section = row.section
      lines.push([section])
    }
    const { what, unit, ours, qemu, native, ratio, aim = '', met } = row
    const verdict = met === undefined ? '' : met ? 'met' : 'missed'
    lines.push([`  ${what}`, unit, ...[ours, qemu, native].map(show), ratio?.toFixed(2) ?? '', aim, verdict])
  }
  const widths = head.map((_, i) => Math.max(...lines.filter((l) => l.length > 1).map((l) => l[i]!.length)))
  for (const line of lines) {
    const cells = line.map((cell, i) =>
      i >= 2 && i <= 5 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!),
    )
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`)
  }
}

export function printCircumstances(c: Circumstances): void {
  process.stdout.write(
    `\n${c.date}, Node ${c.node}, ${c.qemu}, ${c.cores} × ${c.cpu}; medians of ${c.rounds} rounds\n` +
      `load average ${c.loadBefore} before, ${c.loadAfter} after`,
  )
  const busy = Math.max(c.loadBefore, c.loadAfter) > c.cores + 1
  process.stdout.write(busy ? ': the machine was busy, trust the CPU times and the ratios only\n' : '\n')
}

export function writeJson(file: string, where: Circumstances, rows: readonly Row[]): void {
  writeFileSync(file, `${JSON.stringify({ format: 1, ...where, rows }, null, 2)}\n`)
}

function show(value: number | undefined): string {
  if (value === undefined) return ''
  if (Number.isNaN(value)) return '?'
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toFixed(digits)
}
