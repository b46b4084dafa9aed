// Runs cases on both sides, one test a case, and prints at the end how long each took on either.
//
//   INLINUX_PROGRAMS_GROUP    only these groups, separated by commas
//   INLINUX_PROGRAMS_CASE     only cases whose name matches this regular expression
//   INLINUX_PROGRAMS_REPORT   writes names, verdicts and times to this file, as JSON
//   INLINUX_PROGRAMS_MEMORY   the machine's memory, 1GiB
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { withoutKnown } from './known-differences.ts'
import { type Case, cases } from './programs.cases.ts'
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

/** @param root the folder with root.tar and tree/ */
export function suite(root: string, groups: readonly string[]): void {
  const pattern = new RegExp(process.env.INLINUX_PROGRAMS_CASE ?? '')
  const chosen = cases.filter(({ group, name }) => groups.includes(group) && pattern.test(name))
  const rows: Row[] = []
  let native: NativeSide
  let machine: MachineSide

  describe(`real programs: ${groups.join(', ')}`, { concurrency: 1 }, () => {
    before(() => {
      native = new NativeSide(join(root, 'tree'))
      machine = new MachineSide(join(root, 'root.tar'))
    })
    after(async () => {
      await machine.close()
      await native.close()
      report(rows)
    })
    it('is a table of cases with names of their own', () => {
      assert.ok(chosen.length > 0)
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
        if (work.group === 'python-tests')
          test.diagnostic(`log in the machine:\n${actual.stderr.slice(-LOG_SHOWN)}`)
        assert.fail(`- natively, + in the machine:\n${differences.slice(0, LINES_SHOWN).join('\n')}`)
      })
    }
  })
}

/** What must be equal, as one text. The log of Python's tests is full of times; their results are on stdout. */
function comparable({ group }: Case, { code, stdout, stderr }: Outcome): string {
  return `exit code ${code}\n${stdout}${group === 'python-tests' ? '' : `\n--- stderr\n${stderr}`}`
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
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(rows, undefined, 1)}\n`)
  const width = Math.max(...rows.map(({ name }) => name.length))
  for (const { name, same, known, nativeMs, guestMs } of rows) {
    const verdict = same ? (known.length === 0 ? 'same' : `same but ${known.length}`) : 'DIFFERS'
    const factor = (guestMs / nativeMs).toFixed(1)
    process.stderr.write(
      `${name.padEnd(width)} ${verdict.padEnd(11)} ${String(nativeMs).padStart(7)} ms ${String(guestMs).padStart(8)} ms ${factor.padStart(6)}x\n`,
    )
  }
}
