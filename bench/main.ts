// `npm run bench`: inlinux side by side with QEMU (microvm, TCG) and with native programs, in one run.
//
//   npm run bench -- [--rounds N] [--json FILE] [SECTION…]        sections: speed start memory programs
//
// Prints a table; what its lines mean is in docs/performance.md. Progress goes to stderr.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { locateGuest } from '../src/artifacts/index.ts'
import type { Bench } from './lib/bench.ts'
import { benchInitramfs } from './lib/qemu.ts'
import {
  circumstances,
  loadAverage,
  printCircumstances,
  printTable,
  type Row,
  writeJson,
} from './lib/report.ts'
import { memory } from './memory.ts'
import { programs } from './programs.ts'
import { speed } from './speed.ts'
import { start } from './start.ts'

const DEFAULT_ROUNDS = 5
const sections: Readonly<Record<string, (bench: Bench) => Promise<Row[]>>> = {
  speed,
  start,
  memory,
  programs,
}

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string' }, json: { type: 'string' } },
  allowPositionals: true,
})
const rounds = Number(values.rounds ?? DEFAULT_ROUNDS)
const unknown = positionals.filter((name) => !(name in sections))
if (!(Number.isInteger(rounds) && rounds >= 1) || unknown.length > 0) {
  process.stderr.write(
    `usage: npm run bench -- [--rounds N] [--json FILE] [${Object.keys(sections).join('|')}]…\n`,
  )
  process.exitCode = 2
} else await main(positionals.length === 0 ? Object.keys(sections) : positionals)

async function main(names: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'inlinux-bench-'))
  try {
    const guest = await locateGuest()
    const qemuInitramfs = await benchInitramfs(guest, folder)
    const version = execFileSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8' })
    const where = circumstances(rounds, `QEMU ${/version (\S+)/.exec(version)?.[1]}`)
    const tell = (what: string): void => void process.stderr.write(`${what}\n`)
    const rows: Row[] = []
    for (const name of names)
      rows.push(...(await sections[name]!({ rounds, folder, guest, qemuInitramfs, tell })))
    where.loadAfter = loadAverage()
    printTable(rows)
    printCircumstances(where)
    if (values.json !== undefined) writeJson(values.json, where, rows)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
