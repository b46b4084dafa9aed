// Runs cases on both sides, one test a case, and prints at the end how long each took on either.
//
//   INLINUX_PROGRAMS_GROUP    only these groups, separated by commas
//   INLINUX_PROGRAMS_CASE     only cases whose name matches this regular expression
//   INLINUX_PROGRAMS_REPORT   appends name, verdict and times of each case to this file, a line of JSON each
//   INLINUX_PROGRAMS_MEMORY   the machine's memory, 1GiB
import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { withoutKnown } from './known-differences.ts'
import { type Case, cases, type Group } from './programs.cases.ts'
import { MachineSide, NativeSide, type Outcome } from './sides.ts'

const LINES_SHOWN = 60
const LOG_SHOWN = 20_000

interface Row {
  readonly name: string
  readonly same: boolean
  readonly known: readonly string[]
  readonly nativeMs: number
  readonly guestMs: number
}

/** The cases of these groups, as far as they were asked for. */
export function suite(root: () => string, ...groups: readonly Group[]): void {
  const asked = process.env.INLINUX_PROGRAMS_GROUP?.split(',') ?? groups
  const pattern = new RegExp(process.env.INLINUX_PROGRAMS_CASE ?? '')
  const chosen = cases.filter(
    ({ group, name }) => groups.includes(group) && asked.includes(group) && pattern.test(name),
  )
  if (chosen.length === 0) return
  const rows: Row[] = []
  let native: NativeSide
  let machine: MachineSide

  describe(`real programs: ${groups.join(', ')}`, { concurrency: 1 }, () => {
    before(() => {
      const folder = root()
      native = new NativeSide(join(folder, 'tree'))
      machine = new MachineSide(join(folder, 'root.tar'))
    })
    after(async () => {
      await machine.close()
      await native.close()
      report(rows)
    })
    it('is a table of cases with names of their own', () => {
      assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length)
    })
    for (const work of chosen) {
      it(work.name, { timeout: (2 * work.timeoutSeconds + 400) * 1000 }, async (test) => {
        const expected = await native.run(work)
        const actual = await machine.run(work)
        // Otherwise a tree that lacks a program would be equal, and prove nothing.
        assert.equal(expected.code, work.exits ?? 0, `natively the case itself fails:\n${expected.stderr}`)
        const compared = withoutKnown(work.name, comparable(work, expected), comparable(work, actual))
        const differences = unequalLines(compared.left, compared.right)
        const times = {
          nativeMs: Math.round(expected.milliseconds),
          guestMs: Math.round(actual.milliseconds),
        }
        rows.push({ name: work.name, same: differences.length === 0, known: compared.known, ...times })
        for (const difference of compared.known) test.diagnostic(`known difference: ${difference}`)
        test.diagnostic(`native ${times.nativeMs} ms, machine ${times.guestMs} ms`)
        if (differences.length === 0) return
        if (isPythonTest(work)) test.diagnostic(`log in the machine:\n${actual.stderr.slice(-LOG_SHOWN)}`)
        assert.fail(`- natively, + in the machine:\n${differences.slice(0, LINES_SHOWN).join('\n')}`)
      })
    }
  })
}

function isPythonTest({ group }: Case): boolean {
  return group === 'python' || group === 'python-system'
}

/** What must be equal, as one text. The log of Python's tests is full of times; their results are on stdout. */
function comparable(work: Case, { code, stdout, stderr }: Outcome): string {
  return `exit code ${code}\n${stdout}${isPythonTest(work) ? '' : `\n--- stderr\n${stderr}`}`
}

/** Empty if the texts are equal; else the lines that only one of them has, or the first pair in another order. */
function unequalLines(left: string, right: string): string[] {
  if (left === right) return []
  const [ours, theirs] = [left.split('\n'), right.split('\n')]
  const [onlyOurs, onlyTheirs] = [without(ours, theirs), without(theirs, ours)]
  if (onlyOurs.length + onlyTheirs.length > 0)
    return [...onlyOurs.map((line) => `- ${line}`), ...onlyTheirs.map((line) => `+ ${line}`)]
  const at = ours.findIndex((line, index) => line !== theirs[index])
  return [`line ${at + 1}, in another order:`, `- ${ours[at]}`, `+ ${theirs[at]}`]
}

function without(lines: readonly string[], others: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1)
  return lines.filter((line) => {
    const count = counts.get(line) ?? 0
    counts.set(line, count - 1)
    return count <= 0
  })
}

function report(rows: readonly Row[]): void {
  const file = process.env.INLINUX_PROGRAMS_REPORT
  if (file !== undefined) appendFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const width = Math.max(...rows.map(({ name }) => name.length))
  for (const { name, same, known, nativeMs, guestMs } of rows) {
    const verdict = same ? (known.length === 0 ? 'same' : `same but ${known.length}`) : 'DIFFERS'
    const factor = (guestMs / nativeMs).toFixed(1)
    process.stderr.write(
      `${name.padEnd(width)} ${verdict.padEnd(11)} ${String(nativeMs).padStart(7)} ms ${String(guestMs).padStart(8)} ms ${factor.padStart(6)}x\n`,
    )
  }
}
