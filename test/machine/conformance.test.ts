// The table of test/command/, now in a real machine: every case natively and in the guest, with equal results.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Machine } from '../../src/index.ts'
import { busyboxPrograms, type ProgramFolder } from '../command/busybox.ts'
import { cases } from '../command/conformance.cases.ts'
import { CommandSide, NativeSide } from '../command/conformance.ts'

describe('a Command in a machine behaves like node:child_process', () => {
  let programs: ProgramFolder
  let machine: Machine

  before(async () => {
    programs = busyboxPrograms()
    machine = await Machine.start()
    // All programs in one folder, as on the other side.
    const install = await machine
      .command('sh')
      .args(['-c', 'mkdir /programs && busybox --install -s /programs'])
      .status()
    assert.ok(install.success)
  })
  after(async () => {
    await machine.close()
    programs.remove()
  })

  for (const { name, run } of cases) {
    it(name, { timeout: 60_000 }, async () => {
      const expected = await run(new NativeSide(programs.path))
      const actual = await run(new CommandSide('/programs', (program) => machine.command(program)))
      assert.deepEqual(actual, expected)
    })
  }
})
