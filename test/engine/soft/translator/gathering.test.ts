// Which of the waiting requests are translated first, and that none is lost.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gathering } from '../../../../src/engine/soft/translator/gathering.ts'
import type { Request } from '../../../../src/engine/soft/translator/region.ts'

const request = (block: number, how: Partial<Request> = {}): Request => ({
  block,
  rip: 0n,
  user: true,
  promote: false,
  ...how,
})

/** Gathers for a machine with so many regions. Of each block, the interpreter has executed as much as its address says. */
function gather(regions: number): { gathering: Gathering; batches: number[][]; done: Promise<void> } {
  const batches: number[][] = []
  let finish = (): void => undefined
  const done = new Promise<void>((resolve) => {
    finish = resolve
  })
  const gathering = new Gathering({
    regions: () => regions,
    interpreted: (block) => block,
    translate: (batch) => void batches.push(batch.map(({ block }) => block)),
    done: finish,
  })
  return { gathering, batches, done }
}

test('what the interpreter spends most on comes first, in small batches while there are few regions', async () => {
  const { gathering, batches, done } = gather(0)
  gathering.add([5, 90, 7, 60, 8, 70, 6, 80, 9, 10].map((block) => request(block)))
  await done
  assert.deepEqual(batches, [
    [90, 80, 70, 60],
    [10, 9, 8, 7],
    [6, 5],
  ])
})

test('what changes how others are translated comes before them, and what runs translated is as urgent as a lot of runs', async () => {
  const { gathering, batches, done } = gather(0)
  gathering.add([
    request(1000),
    request(1, { promote: true }),
    request(200_000),
    request(2, { alone: true }),
    request(3000),
  ])
  await done
  assert.deepEqual(batches, [[2, 200_000, 1, 3000], [1000]])
})

test('with many regions, a few requests wait for others', async () => {
  const { gathering, batches, done } = gather(1600)
  gathering.add([request(1), request(2)])
  await new Promise(setImmediate)
  assert.deepEqual(batches, [])
  gathering.add(Array.from({ length: 198 }, (_, i) => request(i + 3)))
  await done
  assert.deepEqual(
    batches.map(({ length }) => length),
    [100, 100],
  )
  assert.equal(new Set(batches.flat()).size, 200)
})

test('after the end nothing is translated', async () => {
  const { gathering, batches } = gather(0)
  gathering.add([request(1)])
  gathering.close()
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.deepEqual(batches, [])
})
