// Every line of the instruction table against the host's processor, interpreted and translated: the fixed-seed share
// that `npm test` runs.
// ../../cpu-long/ has the long form; differential/ says how it works.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nativeMissing } from './differential/native.ts'
import { Comparison, excludedSummary, testedRows } from './differential/runner.ts'

const CASES = 200
const SEED = '1'

test('each instruction does what the host processor does', { skip: nativeMissing }, async (t) => {
  const comparison = new Comparison()
  const { tested, excluded } = testedRows()
  let translated = 0
  let left = 0
  try {
    for (const row of tested) {
      const outcome = await comparison.row(row, { seed: SEED, cases: CASES, failuresShown: 1 })
      assert.equal(outcome.failures, 0, `\n${outcome.descriptions.join('\n\n')}`)
      translated += outcome.translated
      left += outcome.leftToInterpreter
    }
    const cases = tested.length * CASES
    t.diagnostic(
      `${tested.length} lines, ${CASES} cases each, ${translated} translated, of which ${left} left`,
    )
    // The rest lies across pages.
    assert.ok(translated > cases * 0.75)
    t.diagnostic(excludedSummary(excluded))
  } finally {
    comparison.close()
  }
})

test('sequences of instructions hand flags and registers on', { skip: nativeMissing }, async () => {
  const comparison = new Comparison()
  try {
    const outcome = await comparison.sequences({ seed: SEED, cases: 20_000, failuresShown: 2 })
    assert.equal(outcome.failures, 0, `\n${outcome.descriptions.join('\n\n')}`)
  } finally {
    comparison.close()
  }
})
