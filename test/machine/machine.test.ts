// A machine's life: coming up, many programs, failing to come up, and going away without a trace.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Command, image, Machine, Stdio, VmError } from '../../src/index.ts'

const execute = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))

describe('a machine', { timeout: 300_000 }, () => {
  it('runs many programs, also at the same time, and closes twice', async () => {
    await using machine = await Machine.start({ memory: '96MiB', hostname: 'tester' })

    const name = await machine.command('hostname').output()
    const sums = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        machine
          .command('sh')
          .args(['-c', `sleep 0.1; echo $((${i} * ${i}))`])
          .output(),
      ),
    )

    assert.equal(String(name.stdout), 'tester\n')
    assert.deepEqual(
      sums.map(({ stdout }) => Number(String(stdout))),
      [0, 1, 4, 9, 16, 25, 36, 49],
    )
    assert.equal(machine.counters().unknownInstructions, 0)
    await machine.close()
  })

  it('gives the guest the memory that was asked for', async () => {
    await using machine = await Machine.start({ memory: '256MiB' })

    const { stdout } = await machine.command('sh').args(['-c', 'grep MemTotal /proc/meminfo']).output()

    const kib = Number(/(\d+) kB/.exec(String(stdout))![1])
    assert.ok(kib > 230 * 1024 && kib <= 256 * 1024, `${kib} KiB`)
  })

  it('has the host’s wall clock, and a clock that goes at its speed', async () => {
    await using machine = await Machine.start()

    const before = Date.now()
    const { stdout } = await machine.command('sh').args(['-c', 'date +%s; sleep 1; date +%s']).output()
    const after = Date.now()

    const [first, second] = String(stdout).split('\n').map(Number)
    assert.ok(first! >= Math.floor(before / 1000) - 1 && second! <= after / 1000 + 1, `${first} … ${second}`)
    assert.ok(second! - first! >= 1)
  })

  it('sleeps while it is idle', async () => {
    await using machine = await Machine.start()
    await machine.command('true').status()
    await new Promise((resolve) => setTimeout(resolve, 300))

    const before = machine.counters().instructions
    await new Promise((resolve) => setTimeout(resolve, 2000))
    const executed = machine.counters().instructions - before

    // A busy guest executes tens of millions a second; housekeeping of a tickless kernel some thousands.
    assert.ok(executed < 2_000_000n, `${executed} instructions in two idle seconds`)
  })

  it('ends at once when it is closed while a program runs', async () => {
    const machine = await Machine.start()
    const child = await machine.command('sh').args(['-c', 'while :; do :; done']).stdout(Stdio.null()).spawn()

    await machine.close()

    await assert.rejects(
      child.wait(),
      (error: unknown) => error instanceof VmError && error.code === 'ERR_INLINUX_MACHINE_CLOSED',
    )
    await assert.rejects(machine.command('true').status(), VmError)
  })

  it('reports a guest that crashes to everyone who waits', async () => {
    const machine = await Machine.start()
    const child = await machine.command('sleep').arg('1000').stdin(Stdio.null()).spawn()

    await machine
      .command('sh')
      .args(['-c', 'echo c > /proc/sysrq-trigger; echo b > /proc/sysrq-trigger; reboot -f'])
      .status()
      .catch(() => {})

    await assert.rejects(
      child.wait(),
      (error: unknown) => error instanceof VmError && error.code === 'ERR_INLINUX_MACHINE_CRASHED',
    )
    await machine.close()
  })
})

describe('a machine that cannot come up', { timeout: 120_000 }, () => {
  it('says so when the memory is impossible', async () => {
    for (const memory of ['12', '5TiB', 'much', -1, Number.NaN]) {
      await assert.rejects(Machine.start({ memory }), { code: 'ERR_INLINUX_INVALID_ARGUMENT' })
    }
  })

  it('names the phase, shows the console and tells the fix when the kernel panics', async () => {
    const starting = Machine.start({
      kernelParameters: ['rdinit=/nothing-there', 'root=/dev/none'],
      bootTimeout: 60_000,
    })

    await assert.rejects(starting, (error: unknown) => {
      assert.ok(error instanceof VmError)
      assert.equal(error.code, 'ERR_INLINUX_BOOT')
      assert.ok(error.phase !== undefined)
      assert.match(error.consoleTail.join('\n'), /panic/i)
      assert.match(error.message, /Last console lines/)
      return true
    })
  })

  it('names the phase mount when the root is no file system', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'inlinux-'))
    try {
      const file = path.join(folder, 'root.erofs')
      await writeFile(file, Buffer.alloc(8192))
      await assert.rejects(
        Machine.start({ image: image.fromErofs(file) }),
        (error: unknown) => error instanceof VmError,
      )
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('gives up when it is told to, and leaves nothing', async () => {
    const starting = Machine.start({ signal: AbortSignal.timeout(50) })

    await assert.rejects(starting, { code: 'ERR_INLINUX_ABORTED' })
  })

  it('gives up after bootTimeout', async () => {
    await assert.rejects(Machine.start({ bootTimeout: 1 }), { code: 'ERR_INLINUX_BOOT' })
  })
})

describe('closing', { timeout: 300_000 }, () => {
  it('leaves no descriptor, no thread and no timer: fifty machines in one process, which then ends by itself', async () => {
    const program = path.join(here, 'fifty-machines.program.js')
    const { stdout } = await execute(process.execPath, [program], { timeout: 280_000 })
    const { opened, leaked, answers } = JSON.parse(stdout) as {
      opened: number
      leaked: string[]
      answers: number
    }

    assert.equal(opened, 50)
    assert.equal(answers, 50)
    assert.deepEqual(leaked, [])
  })

  it('a bare Command closes its machine', async () => {
    const before = (await readdir('/proc/self/task')).length

    const output = await new Command('echo').arg('one').output()
    await new Promise((resolve) => setTimeout(resolve, 200))

    assert.equal(String(output.stdout), 'one\n')
    const after = (await readdir('/proc/self/task')).length
    assert.ok(after <= before + 1, `${before} threads before, ${after} after`)
  })
})
