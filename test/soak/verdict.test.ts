import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Sample } from './samples.ts'
import { excluded, judgeStressor, stressNg, stressors } from './stressors.ts'
import { type Done, FEWEST_SAMPLES, judge } from './verdict.ts'

const MIB = 2 ** 20
const at = (i: number): Sample => ({
  seconds: 10 * i,
  rss: (300 + Math.min(100, 5 * i)) * MIB,
  guest: (200 + Math.min(100, 5 * i)) * MIB,
  external: 5 * MIB,
  heapUsed: 20 * MIB,
  descriptors: 30,
  threads: 12,
  handles: 5,
  mappings: 900,
  counters: {},
})
const samples = (change: (sample: Sample, i: number) => Partial<Sample> = () => ({})): Sample[] =>
  Array.from({ length: 60 }, (_, i) => ({ ...at(i), ...change(at(i), i) }))
const done: readonly Done[] = [{ name: 'node churn', seconds: 3, result: 'ok' }]

test('a soak in which only the guest touches more of its memory is clean', () => {
  assert.equal(judge(samples(), done).clean, true)
})

test('wrong work makes it unclean, and is named', () => {
  const { clean, lines } = judge(samples(), [
    ...done,
    { name: 'qsort', seconds: 1, result: 'element 3 unsorted' },
  ])
  assert.equal(clean, false)
  assert.match(lines.join('\n'), /WRONG qsort: element 3 unsorted/)
})

test('a stressor that does not run here is named, no more', () => {
  const { clean, lines } = judge(samples(), [...done, { name: 'sgx', seconds: 1, result: 'skipped' }])
  assert.equal(clean, true)
  assert.match(lines.join('\n'), /did not run here: sgx/)
})

const growing: readonly [string, (sample: Sample, i: number) => Partial<Sample>][] = [
  ['own memory', ({ rss }, i) => ({ rss: rss + 2 * i * MIB })],
  ['external memory', (_, i) => ({ external: i * MIB })],
  ['heap in use', (_, i) => ({ heapUsed: i * MIB })],
  ['descriptors', (_, i) => ({ descriptors: 30 + Math.floor(i / 10) })],
  ['threads', (_, i) => ({ threads: 12 + Math.floor(i / 10) })],
  ['handles', (_, i) => ({ handles: 5 + Math.floor(i / 5) })],
]
for (const [what, change] of growing)
  test(`growth is seen: ${what}`, () => {
    const { clean, lines } = judge(samples(change), done)
    assert.equal(clean, false)
    assert.match(lines.join('\n'), new RegExp(`GROWS: ${what}`))
  })

test('nothing is judged from a handful of samples, or without any work', () => {
  assert.equal(judge(samples().slice(0, FEWEST_SAMPLES - 1), done).clean, false)
  assert.equal(judge(samples(), []).clean, false)
})

test('what stress-ng says is understood', () => {
  assert.equal(judgeStressor(0, 'stress-ng: info:  [1] successful run completed in 2.0s'), 'ok')
  assert.equal(judgeStressor(0, 'passed: 1: vm (1)\nfailed: 0\nskipped: 0'), 'ok')
  assert.equal(judgeStressor(0, 'stress-ng: info: No stress workers invoked'), 'skipped')
  assert.equal(judgeStressor(3, ''), 'skipped')
  assert.match(judgeStressor(2, 'stress-ng: fail:  [9] qsort: sort error detected'), /sort error/)
  assert.match(judgeStressor(0, 'failed: 1: vm (1)'), /failed: 1/)
  assert.match(judgeStressor(2, 'anything'), /ended with 2/)
  assert.match(judgeStressor(null, ''), /ended with null/)
})

test('every stressor runs or has a reason', () => {
  const all = stressors()
  assert.ok(all.length > 80)
  assert.ok(all.includes('qsort') && all.includes('vm') && all.includes('memcpy'))
  assert.ok(Object.keys(excluded).every((name) => !all.includes(name)))
  assert.deepEqual(stressNg('qsort', 3, 0).slice(0, 6), ['--qsort', '1', '--timeout', '3', '--seed', '1'])
})
