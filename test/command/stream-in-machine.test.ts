// Long streams through a machine: vsock's windows, the guest's pipes and the software CPU are in the way now.
import { after, before, describe, it } from 'node:test'
import { Machine } from '../../src/index.ts'
import { intoNobody, throughCat, wantedBytes } from './stream.ts'

/**
 * What a first stream makes the guest touch of its memory once and for all, and what the translator's thread and V8's
 * compilers take when the guest's copying has become hot.
 */
const WARM_UP_BYTES = 96 << 20

describe('a long stream in a machine', () => {
  let machine: Machine
  before(async () => {
    machine = await Machine.start()
    await throughCat(machine.command('cat'), WARM_UP_BYTES, Number.POSITIVE_INFINITY)
  })
  after(() => machine.close())

  it(`${wantedBytes() / 2 ** 20} MiB through cat in constant memory`, { timeout: 7_200_000 }, () =>
    throughCat(machine.command('cat'), wantedBytes()),
  )

  it('a reader that stops stops the writer', { timeout: 60_000 }, () => intoNobody(machine.command('cat')))
})
