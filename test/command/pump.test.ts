// Moving bytes: what goes wrong only when things happen in an unlucky order.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { Drain } from '../../src/command/pump.ts'
import type { Push } from '../../src/command/sink.ts'

/** Output whose last chunk and end of file are there before anybody reads: 'end' then comes while paused. */
async function shortOutput(): Promise<Readable> {
  const output = new Readable({ read: () => {} })
  output.push('last words')
  output.push(null)
  await new Promise((resolve) => setImmediate(resolve))
  return output
}

test('the end of the output is not taken for the delivery of its last chunk', async () => {
  const events: string[] = []
  const slow: Push = {
    write: async (chunk) => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      events.push(`${chunk}`)
    },
    end: async () => void events.push('end'),
    abandon: () => {},
  }
  await new Drain(await shortOutput(), slow).done
  assert.deepEqual(events, ['last words', 'end'])
})

test('a failed write of the last chunk is not lost in the end of the output', async () => {
  let ends = 0
  const full: Push = {
    write: async () => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
    },
    end: async () => void ends++,
    abandon: () => {},
  }
  await assert.rejects(new Drain(await shortOutput(), full).done, { code: 'ENOSPC' })
  assert.equal(ends, 0)
})
