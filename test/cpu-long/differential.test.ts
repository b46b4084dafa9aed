// The long form of the differential tests, `npm run test:cpu`: at least 10,000 random cases for every line of the
// instruction table, and a million sequences and programs, interpreted and translated, against the host's processor.
//
//   INLINUX_CPU_CASES   cases for each line (10000)
//   INLINUX_CPU_SEED    any text; without it a new one each day, printed, so that runs do not repeat each other
//   INLINUX_CPU_ROW     only lines that contain this text, `imul` or `0F C7` for example
//
// It goes on after a failure and ends with a summary: lines, cases, failures, and every line without such a test.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nativeMissing } from '../engine/soft/differential/native.ts'
import { Comparison, excludedSummary, testedRows } from '../engine/soft/differential/runner.ts'

const cases = Number(process.env.INLINUX_CPU_CASES ?? 10_000)
const seed = process.env.INLINUX_CPU_SEED ?? new Date().toISOString().slice(0, 10)
const filter = process.env.INLINUX_CPU_ROW ?? ''

test(`every instruction, ${cases} cases each, seed ${seed}`, { skip: nativeMissing }, async (t) => {
  const comparison = new Comparison()
  const { tested, excluded } = testedRows(filter)
  let run = 0
  let faulted = 0
  let translated = 0
  let left = 0
  const failed: string[] = []
  try {
    for (const row of tested) {
      const outcome = await comparison.row(row, { seed, cases })
      run += outcome.cases
      faulted += outcome.faulted
      translated += outcome.translated
      left += outcome.leftToInterpreter
      if (outcome.failures === 0) continue
      failed.push(row.line)
      t.diagnostic(
        `${outcome.failures} of ${outcome.cases} cases differ:\n${outcome.descriptions.join('\n\n')}`,
      )
    }
  } finally {
    comparison.close()
  }
  t.diagnostic(
    `${tested.length} lines, ${run} cases, ${faulted} of them with an exception, ${failed.length} lines failed`,
  )
  t.diagnostic(`${translated} cases as translated code, of which ${left} were left to the interpreter`)
  t.diagnostic(excludedSummary(excluded))
  assert.deepEqual(failed, [])
})

for (const [what, run] of [
  ['sequences of instructions', 'sequences'],
  ['mixed sequences', 'mixedSequences'],
  ['programs', 'programs'],
] as const) {
  test(`${what}, seed ${seed}`, { skip: nativeMissing || filter !== '' }, async (t) => {
    const comparison = new Comparison()
    try {
      const outcome = await comparison[run]({ seed, cases: cases * 30 })
      t.diagnostic(
        `${outcome.cases} cases, ${outcome.faulted} of them with an exception, ${outcome.translated} translated, of which ${outcome.leftToInterpreter} left`,
      )
      assert.equal(outcome.failures, 0, `\n${outcome.descriptions.join('\n\n')}`)
    } finally {
      comparison.close()
    }
  })
}
