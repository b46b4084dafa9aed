// Runs the table against the agent on this machine. The same table runs in a machine: test/machine/.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Command } from '../../src/command/index.ts'
import { AgentOnHost } from '../agent/agent-on-host.ts'
import { busyboxPrograms, type ProgramFolder } from './busybox.ts'
import { cases } from './conformance.cases.ts'
import { CommandSide, NativeSide } from './conformance.ts'

describe('a Command behaves like node:child_process', () => {
  let programs: ProgramFolder
  let machine: AgentOnHost

  before(async () => {
    programs = busyboxPrograms()
    machine = await AgentOnHost.start()
  })
  after(async () => {
    await machine.close()
    programs.remove()
  })

  it('has a table of at least 60 cases with names of their own', () => {
    assert.ok(cases.length >= 60)
    assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length)
  })

  for (const { name, run } of cases) {
    it(name, { timeout: 20_000 }, async () => {
      const expected = await run(new NativeSide(programs.path))
      const actual = await run(new CommandSide(programs.path, (program) => new Command(program, { machine })))
      assert.deepEqual(actual, expected)
    })
  }
})
