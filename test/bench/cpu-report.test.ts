// What `npm run bench:cpu` makes of its samples: who is slow, who is wrong, which aim holds.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { cSource, gitHistory, text } from '../../bench/cpu/generated.ts'
import { between, type Measured, OverLimit } from '../../bench/cpu/peer.ts'
import { type Result, type Row, runRounds } from '../../bench/cpu/rounds.ts'
import { report } from '../../bench/cpu/table.ts'

const ALL = new Set(['native', 'qemu', 'inlinux'] as const)
const run = (row: Row, rounds = 1): Promise<Result[]> =>
  runRounds({ section: 'kernels', rows: [row], rounds, engines: ALL, tell: () => {} })
const takes =
  (wall: number, output = 'same') =>
  async (): Promise<Measured> => ({ wall, cpu: 2 * wall, output })
const fails = (error: Error) => async (): Promise<never> => {
  throw error
}
const row = (sides: Row['sides']): Row => ({ name: 'loop', what: 'a loop', sides })
const lines = async (sides: Row['sides']): Promise<string> =>
  report(new Map([['kernels', await run(row(sides))]])).join('\n')

describe('bench:cpu: rounds and report', () => {
  it('a row within its aim', async () => {
    const text = await lines({ native: takes(100), qemu: takes(1000), inlinux: takes(700) })
    assert.match(text, /\| loop \| a loop \| 100 \| 10\.0 \| 7\.00 \| 0\.70 \| 0\.70 \| {2}\|/)
    assert.match(text, /every row ≤ 1\.3 \| at most 0\.70 \| met \|/)
    assert.match(text, /geometric mean ≤ 0\.8 \| 0\.70 \| met \|/)
  })
  it('a row that misses its aim is named', async () => {
    const text = await lines({ native: takes(100), qemu: takes(1000), inlinux: takes(1400) })
    assert.match(text, /every row ≤ 1\.3 \| at most 1\.40 \| missed: loop \|/)
    assert.match(text, /geometric mean ≤ 0\.8 \| 1\.40 \| missed \|/)
  })
  it('a row that ran out of time on our side has missed every aim', async () => {
    const text = await lines({ native: takes(100), qemu: takes(1000), inlinux: fails(new OverLimit(120)) })
    assert.match(text, /\| loop \| a loop \| 100 \| 10\.0 \| - \| - \| - \| misses 1\.3; ours over 120 s \|/)
    assert.match(text, /missed: loop/)
  })
  it('a row that QEMU did not finish says nothing about us', async () => {
    const text = await lines({ native: takes(100), qemu: fails(new OverLimit(120)), inlinux: takes(50) })
    assert.match(text, /every row ≤ 1\.3 \| - \| unknown \|/)
  })
  it('another output is wrong, however fast it came', async () => {
    const sides = { native: takes(100), qemu: takes(1000), inlinux: takes(1, 'other') }
    const [result] = await run(row(sides))
    assert.equal(result!.sides.inlinux!.failure?.slow, false)
    assert.deepEqual(result!.sides.inlinux!.samples, [])
    assert.match(await lines(sides), /misses 1\.3; ours failed/)
  })
  it('a side that failed is not asked again, the others are', async () => {
    let asked = 0
    const inlinux = async (): Promise<never> => {
      asked++
      throw new OverLimit(1)
    }
    const [result] = await run(row({ qemu: takes(1), inlinux }), 3)
    assert.equal(asked, 1)
    assert.equal(result!.sides.qemu!.samples.length, 3)
  })
})

describe('bench:cpu: marks', () => {
  const arrivals = [
    { wall: 10, cpu: 1, bytes: 1 },
    { wall: 35, cpu: 21, bytes: 9 },
  ]
  it('time is what lies between them', () => {
    const measured = { wall: 25, cpu: 20, output: 'output\n' }
    assert.deepEqual(between('\x02\x03output\n', arrivals), measured)
    assert.deepEqual(between('\x02\x03', arrivals, 'output\n'), measured)
  })
  it('a kernel that talks in between is told and does no harm', () => {
    const late = [{ wall: 5, bytes: 3 }, { wall: 10, bytes: 4 }, ...arrivals.slice(1)]
    assert.deepEqual(between('rcu\x02no\r\n\x03', late, '1'), {
      wall: 25,
      output: '1',
      complaints: 'rcuno\r\n',
    })
  })
  it('marks that come together, or not at all, are no measurement', () => {
    assert.throws(() => between('\x02\x03', [{ wall: 1, bytes: 2 }]), /long enough/)
    assert.throws(() => between('\x02', [{ wall: 1, bytes: 1 }]), /instead of marks/)
    assert.throws(() => between('oops', [{ wall: 1, bytes: 4 }]), /instead of marks/)
  })
})

describe('bench:cpu: data', () => {
  const sum = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex').slice(0, 16)
  it('is the same everywhere, for figures are compared between computers', () => {
    assert.equal(sum(text(100_000)), '80ee0fe9b27e8572')
    assert.equal(sum(cSource(2000)), '842efd7dbf4cfb33')
    assert.equal(sum(gitHistory(20)), '88779c35dc5a88e5')
  })
})
