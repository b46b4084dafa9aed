// Every line of the instruction table against the host's processor, interpreted and translated; then sequences and small
// programs: the fixed-seed share that `npm test` runs.
// ../../cpu-long/ has the long form; differential/ says how it works.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nativeMissing } from './differential/native.ts'
import { Comparison, excludedSummary, testedRows } from './differential/runner.ts'

const SEED = '1'

test('each instruction does what the host processor does', { skip: nativeMissing }, async (t) => {
  const comparison = new Comparison()
  const { tested, excluded } = testedRows()
  const options = { seed: SEED, cases: 200, failuresShown: 1, parties: ['interpreter'] } as const
  try {
    for (const row of tested) {
      const outcome = await comparison.row(row, options)
      assert.equal(outcome.failures, 0, `\n${outcome.descriptions.join('\n\n')}`)
    }
    t.diagnostic(`${tested.length} lines, ${options.cases} cases each`)
    t.diagnostic(excludedSummary(excluded))
  } finally {
    comparison.close()
  }
})

test('each translated instruction does what the host processor does', { skip: nativeMissing }, async (t) => {
  const comparison = new Comparison()
  const { tested } = testedRows()
  const options = { seed: SEED, cases: 48, failuresShown: 1, parties: ['translator'] } as const
  let translated = 0
  let left = 0
  try {
    for (const row of tested) {
      const outcome = await comparison.row(row, options)
      assert.equal(outcome.failures, 0, `\n${outcome.descriptions.join('\n\n')}`)
      translated += outcome.translated
      left += outcome.leftToInterpreter
    }
  } finally {
    comparison.close()
  }
  t.diagnostic(
    `${translated} of ${tested.length * options.cases} cases are regions, ${left} left to the interpreter`,
  )
  // Some lie across pages; and what leaves, shows nothing of the translator.
  assert.ok(translated > tested.length * options.cases * 0.75)
  // Floats in unusual modes and of unusual values make up most of these.
  assert.ok(left < translated * 0.35)
})

for (const [what, run, cases] of [
  ['sequences of instructions hand flags and registers on', 'sequences', 10_000],
  ['sequences of every kind of instruction, with operands in memory', 'mixedSequences', 4000],
  ['programs branch, loop, call and return', 'programs', 4000],
] as const) {
  test(what, { skip: nativeMissing }, async () => {
    const comparison = new Comparison()
    try {
      const outcome = await comparison[run]({ seed: SEED, cases, failuresShown: 2 })
      assert.equal(outcome.failures, 0, `\n${outcome.descriptions.join('\n\n')}`)
      assert.ok(outcome.translated > cases * 0.75)
    } finally {
      comparison.close()
    }
  })
}
