// `npm run bench:cpu`: how fast our CPU is, side by side with QEMU's TCG and with native programs, in one run.
//
//   npm run bench:cpu -- [--rounds N] [--limit SECONDS] [--engines native,qemu,inlinux] [--json FILE] [SECTION…] [ROW…]
//
// Sections are kernels, programs and start; every other word is a part of a row's name, and only rows that contain one of
// them are run. The table goes to stdout as Markdown, progress to stderr. What the rows are is in docs/performance.md.
// The exit code tells whether everything ran and was right, not whether it was fast.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { locateGuest } from '../../src/artifacts/index.ts'
import { benchInitramfs } from '../lib/qemu.ts'
import { circumstances, loadAverage, printCircumstances } from '../lib/report.ts'
import { kernels } from './kernels.ts'
import { PEERS, type PeerName } from './peer.ts'
import { programs } from './programs.ts'
import { type Result, type Row, runRounds } from './rounds.ts'
import type { Setting } from './section.ts'
import { start } from './start.ts'
import { report } from './table.ts'

const DEFAULT_ROUNDS = 3
const DEFAULT_LIMIT_SECONDS = 120
const SECTIONS: Readonly<Record<string, (setting: Setting) => Promise<Row[]>>> = {
  kernels,
  programs,
  start,
}

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: `${DEFAULT_ROUNDS}` },
    limit: { type: 'string', default: `${DEFAULT_LIMIT_SECONDS}` },
    engines: { type: 'string', default: PEERS.join(',') },
    json: { type: 'string' },
  },
  allowPositionals: true,
})
const rounds = Number(values.rounds)
const limitSeconds = Number(values.limit)
const engines = new Set(values.engines.split(',')) as Set<PeerName>
const named = positionals.filter((word) => word in SECTIONS)
const filters = positionals.filter((word) => !(word in SECTIONS))

if (
  !(
    Number.isInteger(rounds) &&
    rounds >= 1 &&
    limitSeconds > 0 &&
    [...engines].every((name) => PEERS.includes(name))
  )
) {
  process.stderr.write(
    'usage: npm run bench:cpu -- [--rounds N] [--limit SECONDS] [--engines native,qemu,inlinux] [--json FILE] ' +
      `[${Object.keys(SECTIONS).join('|')}]… [ROW…]\n`,
  )
  process.exitCode = 2
} else await main(named.length === 0 ? Object.keys(SECTIONS) : named)

async function main(names: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'inlinux-bench-'))
  try {
    const guest = await locateGuest()
    const qemuInitramfs = await benchInitramfs(guest, folder)
    const version = execFileSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8' })
    const where = circumstances(rounds, `QEMU ${/version (\S+)/.exec(version)?.[1]}`)
    const tell = (what: string): void => void process.stderr.write(`${what}\n`)
    const setting: Setting = { folder, guest, qemuInitramfs, limitSeconds, tell }
    const results = new Map<string, Result[]>()
    for (const section of names) {
      const all = await SECTIONS[section]!(setting)
      const rows = all.filter(({ name }) => isWanted(name))
      if (rows.length > 0) results.set(section, await runRounds({ section, rows, rounds, engines, tell }))
    }
    if (results.size === 0) throw new Error(`no row is called ${filters.join(' or ')}`)
    where.loadAfter = loadAverage()
    process.stdout.write(`${report(results).join('\n')}\n`)
    printCircumstances(where)
    if (values.json !== undefined) {
      writeFileSync(
        values.json,
        `${JSON.stringify({ format: 1, ...where, limitSeconds, sections: plain(results) }, null, 2)}\n`,
      )
    }
    if ([...results.values()].flat().some(isWrong)) process.exitCode = 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function isWanted(name: string): boolean {
  return filters.length === 0 || filters.some((part) => name.includes(part))
}

function isWrong({ sides }: Result): boolean {
  return Object.values(sides).some(({ failure }) => failure !== undefined && !failure.slow)
}

/** Every sample of every side, without the outputs. */
function plain(results: ReadonlyMap<string, readonly Result[]>): object {
  return Object.fromEntries(
    [...results].map(([section, list]) => [
      section,
      list.map(({ row: { name, what }, sides }) => ({
        name,
        what,
        sides: Object.fromEntries(
          Object.entries(sides).map(([side, { samples, failure }]) => [
            side,
            { samples: samples.map(({ output, ...times }) => times), failure },
          ]),
        ),
      })),
    ]),
  )
}
