// How durations, sizes and variables are written.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseDuration, parseSize, parseVariable } from '../../src/cli/option-values.ts'

describe('a duration', () => {
  it('is a number with a unit, or several, or seconds', () => {
    const cases: [text: string, milliseconds: number][] = [
      ['30', 30_000],
      ['30s', 30_000],
      ['1m30s', 90_000],
      ['1.5h', 5_400_000],
      ['.5', 500],
      ['500ms', 500],
      ['1m250ms', 60_250],
      ['2d', 172_800_000],
      ['0', 0],
    ]
    for (const [text, milliseconds] of cases) assert.equal(parseDuration(text), milliseconds, text)
  })

  it('is nothing else', () => {
    for (const text of ['', 's', '1x', '-1', '1 s', '1m30', '1s ', '1e3', 'Infinity', '30d'])
      assert.throws(() => parseDuration(text), { code: 'commander.invalidArgument' }, text)
  })
})

describe('a size', () => {
  it('may have the small letters of other tools', () => {
    assert.deepEqual(['512m', '1g', '64k', '1.5g'].map(parseSize), ['512M', '1G', '64K', '1.5G'])
  })

  it('is otherwise for the library to judge', () => {
    assert.deepEqual(['512MiB', '1GB', '12', 'much'].map(parseSize), ['512MiB', '1GB', '12', 'much'])
  })
})

describe('a variable', () => {
  it('has everything after the first = as its value', () => {
    const variables = parseVariable('B=2=3', parseVariable('A='))
    assert.deepEqual(
      [...variables],
      [
        ['A', ''],
        ['B', '2=3'],
      ],
    )
  })

  it('given twice has its last value', () => {
    assert.deepEqual([...parseVariable('A=2', parseVariable('A=1'))], [['A', '2']])
  })

  it('without a value has that of the host, or is left alone', () => {
    process.env.TEST_OF_OPTIONS = 'value'
    assert.deepEqual([...parseVariable('TEST_OF_OPTIONS')], [['TEST_OF_OPTIONS', 'value']])
    delete process.env.TEST_OF_OPTIONS
    assert.deepEqual([...parseVariable('TEST_OF_OPTIONS')], [])
  })

  it('has a name', () => {
    assert.throws(() => parseVariable('=1'), { code: 'commander.invalidArgument' })
    assert.throws(() => parseVariable(''), { code: 'commander.invalidArgument' })
  })
})
