// Small C programs that look at the processor closely, run natively and in a machine: equal output to the byte.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Machine, Stdio } from '../../src/index.ts'

/** The sources are not compiled by tsc: they lie beside this file's source, not beside its output. */
const sources = fileURLToPath(new URL('../../../test/machine/native/', import.meta.url))

describe('a C program in a machine prints what it prints natively', { timeout: 300_000 }, () => {
  let machine: Machine
  let folder: string

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'inlinux-'))
    machine = await Machine.start()
  })
  after(async () => {
    await machine.close()
    rmSync(folder, { recursive: true })
  })

  for (const name of ['debugger', 'code-writer', 'processor']) {
    for (const optimization of ['-O0', '-O2']) {
      it(`${name} ${optimization}`, async () => {
        const program = path.join(folder, name)
        execFileSync('gcc', [
          '-static',
          '-w',
          optimization,
          '-o',
          program,
          path.join(sources, `${name}.c`),
          '-lm',
        ])
        const native = spawnSync(program, { encoding: 'utf8' })

        await machine
          .command('sh')
          .args(['-c', 'cat > /tmp/program && chmod 755 /tmp/program'])
          .stdin(Stdio.from(readFileSync(program)))
          .output()
        const guest = await machine.command('/tmp/program').output()

        assert.equal(String(guest.stdout), native.stdout)
        assert.equal(String(guest.stderr), native.stderr)
        assert.equal(guest.status.code, native.status)
      })
    }
  }
})
