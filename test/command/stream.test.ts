// Long streams through the agent on this machine; stream-in-machine.test.ts runs the same in a real one.
import { after, before, describe, it } from 'node:test'
import { Command } from '../../src/command/index.ts'
import { AgentOnHost } from '../agent/agent-on-host.ts'
import { intoNobody, throughCat, wantedBytes } from './stream.ts'

describe('a long stream', () => {
  let machine: AgentOnHost
  before(async () => {
    machine = await AgentOnHost.start()
  })
  after(() => machine.close())

  it(`${wantedBytes() / 2 ** 20} MiB through cat in constant memory`, { timeout: 600_000 }, () =>
    throughCat(new Command('cat', { machine }), wantedBytes()),
  )

  it('a reader that stops stops the writer', () => intoNobody(new Command('cat', { machine })))
})
