import assert from 'node:assert/strict'
import { test } from 'node:test'
import { differenceOf } from './difference.ts'
import { block, type Piece, print } from './generator/piece.ts'
import { reduce } from './reduce.ts'

const program: readonly Piece[] = [
  ...Array.from({ length: 40 }, (_, i) => `int a${i};`),
  block('int f(void)', [
    'one();',
    block('if (x)', ['two();', block('for (;;)', ['needle();', 'three();'])]),
    'four();',
  ]),
  'int last;',
]

test('what is not needed goes, whole blocks and what is around the rest', async () => {
  const { pieces } = await reduce(program, async (candidate) => print(candidate).includes('needle'))
  assert.equal(print(pieces), 'needle();\n')
})

test('two places that need each other both stay', async () => {
  const { pieces } = await reduce(program, async (candidate) => {
    const text = print(candidate)
    return text.includes('a17') && text.includes('f(void)') && text.includes('needle')
  })
  assert.equal(print(pieces), 'int a17;\nint f(void) {\n  needle();\n}\n')
})

test('it stops when it has tried often enough, with the best so far', async () => {
  let tries = 0
  const shows = async (candidate: readonly Piece[]): Promise<boolean> => {
    tries++
    return print(candidate).includes('needle')
  }
  const { pieces, attempts } = await reduce(program, shows, 10)
  assert.equal(tries, 10)
  assert.equal(attempts, 10)
  assert.match(print(pieces), /needle/)
})

const outcome = { end: '0', stdout: 'one\ntwo\nthree\n', stderr: '', milliseconds: 1 }

test('equal runs do not differ, however long they took', () => {
  assert.equal(differenceOf(outcome, { ...outcome, milliseconds: 7 }, ['a', 'b']), undefined)
})

test('the first line that differs is named, and a line that is missing', () => {
  const changed = { ...outcome, stdout: 'one\ntwice\nthree\n' }
  assert.equal(
    differenceOf(outcome, changed, ['a', 'b']),
    'stdout, line 2:\n      one\n    a: two\n    b: twice',
  )
  const short = { ...outcome, stdout: 'one\ntwo', end: 'SIGSEGV' }
  assert.match(
    differenceOf(outcome, short, ['a', 'b'])!,
    /line 3:[\s\S]*a: three\n {4}b: \(no such line\)\n {4}ends: a 0, b SIGSEGV/,
  )
})

test('an exit code alone is a difference', () => {
  assert.equal(differenceOf(outcome, { ...outcome, end: '1' }, ['a', 'b']), 'the end:\n    ends: a 0, b 1')
})
