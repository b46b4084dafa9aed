// The command line with real machines: what run.test.ts shows with the agent alone holds through the whole of it.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { DoctorReport } from '../../src/index.ts'
import { BUSYBOX } from '../command/busybox.ts'
import { IN_MACHINE, inlinux, Running, type Surroundings, shell } from './inlinux.ts'

const folder = mkdtempSync(join(tmpdir(), 'inlinux-cli-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const machine: Surroundings = { main: IN_MACHINE, env: { XDG_CACHE_HOME: join(folder, 'cache') } }

describe('`inlinux run` with a machine', () => {
  it('runs in the Linux of the guest, with what the options say', () => {
    const script =
      'uname -s; uname -n; echo "$A $PWD"; id -un; awk "/MemTotal/ { print (\\$2 > 180000) }" /proc/meminfo; exit 6'
    const words = ['run', '-e', 'A=b c', '-w', '/tmp', '-u', 'nobody', '-m', '256m', 'sh', '-c', script]
    const { stdout, stderr, code } = inlinux(words, machine)
    assert.equal(stderr, '')
    assert.equal(stdout.toString(), 'Linux\ninlinux\nb c /tmp\nnobody\n1\n')
    assert.equal(code, 6)
  })

  it('has stdin and stdout of any bytes, and dies by the signal of its program', () => {
    const input = randomBytes(1_000_001)
    const { stdout, signal } = inlinux(['run', 'sh', '-c', 'cat; kill -SEGV $$'], { ...machine, input })
    assert.equal(sha256(stdout), sha256(input))
    assert.equal(signal, 'SIGSEGV')
  })

  it('stands in a pipeline whose reader goes', () => {
    const { stdout, stderr } = shell('{ $INLINUX run yes; echo $? >&2; } | head -n 2', machine)
    assert.equal(stdout.toString(), 'y\ny\n')
    assert.equal(stderr, '141\n')
  })

  it('passes a signal on', async () => {
    const script = 'trap "echo caught; exit 9" TERM; echo ready; while :; do sleep 0.05; done'
    const running = new Running(['run', 'sh', '-c', script], machine)
    await running.said('ready')
    running.process.kill('SIGTERM')
    assert.deepEqual(await running.ended, { code: 9, signal: null })
  })

  it('is interrupted while its machine boots', async () => {
    const running = new Running(['run', 'echo', 'never'], machine)
    await new Promise((resolve) => setTimeout(resolve, 350))
    running.process.kill('SIGINT')
    assert.deepEqual(await running.ended, { code: null, signal: 'SIGINT' })
  })

  it('has a directory as its root', () => {
    const root = join(folder, 'root')
    shell(
      `mkdir -p ${root}/bin ${root}/etc && cp ${BUSYBOX} ${root}/bin/busybox && ln -s busybox ${root}/bin/cat`,
    )
    writeFileSync(join(root, 'etc/greeting'), 'from a directory\n')
    const { stdout, code } = inlinux(['run', '--image', root, 'cat', '/etc/greeting'], machine)
    assert.equal(stdout.toString(), 'from a directory\n')
    assert.equal(code, 0)
    shell(`tar -C ${root} -cf ${root}.tar .`)
    const fromTar = inlinux(['run', '--image', `${root}.tar`, 'cat', '/etc/greeting'], machine)
    assert.equal(fromTar.stdout.toString(), 'from a directory\n')
  })

  it('says which memory is possible', () => {
    const { code, stderr } = inlinux(['run', '-m', '1k', 'true'], machine)
    assert.equal(code, 125)
    assert.match(stderr, /^inlinux: memory "1K" is not possible\n {2}Fix: choose between 32MiB and \d+MiB\n$/)
  })
})

describe('`inlinux doctor`', () => {
  it('starts a machine and counts what it did', () => {
    const { stdout, code } = inlinux(['doctor', '--boot', '--json'], machine)
    const report = JSON.parse(stdout.toString()) as DoctorReport
    assert.equal(code, 0)
    assert.equal(report.healthy, true)
    assert.equal(report.engine.chosen, 'soft')
    assert.deepEqual(
      report.boot?.phases.map(({ name }) => name),
      ['boot', 'program', 'close'],
    )
    const [boot, program] = report.boot?.phases ?? []
    assert.ok(boot !== undefined && boot.instructions > 1e6 && boot.milliseconds > 0)
    assert.ok(program !== undefined && program.instructions > 1e4)
    assert.equal(report.boot?.unknownInstructions, 0)
  })
})

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

describe('`inlinux profile`', () => {
  it('runs the program as it is, and says on stderr where the time went', () => {
    const script = 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo $i; exit 3'
    const { stdout, stderr, code } = inlinux(['profile', 'sh', '-c', script], machine)
    assert.equal(stdout.toString(), '20000\n')
    assert.equal(code, 3)
    for (const part of [
      'in translated code',
      'in the interpreter',
      'TLB',
      'regions live',
      'hottest',
      'region',
    ])
      assert.ok(stderr.toString().includes(part), `${part} is missing in\n${stderr}`)
  })

  it('writes one JSON report for each time', () => {
    const words = ['profile', '--json', '--times', '2', 'sh', '-c', 'exit 0']
    const { stderr, code } = inlinux(words, machine)
    assert.equal(code, 0)
    const reports = stderr
      .toString()
      .split(/\n(?=\{)/)
      .map((text) => JSON.parse(text))
    assert.equal(reports.length, 2)
    for (const { tiers, counters } of reports) {
      const shares = tiers.none + tiers.interpreter + tiers.translated
      assert.ok(Math.abs(shares - 1) < 1e-9 || shares === 0)
      assert.ok(Number(counters.instructions) > 1000)
    }
  })

  it('refuses a number of times that is none', () => {
    const { stderr, code } = inlinux(['profile', '--times', '0', 'true'], machine)
    assert.match(stderr.toString(), /whole number from 1 to 1000/)
    assert.equal(code, 125)
  })
})
