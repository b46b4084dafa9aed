// The guest's clock follows steps of the host's, and nothing else.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ClockKeeper } from '../../src/machine/clock-keeper.ts'

describe('ClockKeeper', () => {
  function keeper(): { told: bigint[]; clock: { wall: number; monotonic: number }; keeper: ClockKeeper } {
    const told: bigint[] = []
    const clock = { wall: 1_000_000, monotonic: 5 }
    const keeper = new ClockKeeper((nanoseconds) => told.push(nanoseconds), {
      wall: () => clock.wall,
      monotonic: () => clock.monotonic,
    })
    keeper.close()
    return { told, clock, keeper }
  }

  it('tells the time at the start, and not again while both clocks go on together', () => {
    const { told, clock, keeper: it } = keeper()

    clock.wall += 3_600_000
    clock.monotonic += 3_600_001
    it.look()

    assert.deepEqual(told, [1_000_000_000_000n])
  })

  it('tells it again after the wall clock was set, forwards or backwards, or the host slept', () => {
    const { told, clock, keeper: it } = keeper()

    clock.wall += 60_000
    it.look()
    clock.wall -= 30_000
    it.look()
    it.look()

    assert.deepEqual(told.slice(1), [1_060_000_000_000n, 1_030_000_000_000n])
  })
})
