// `inlinux doctor` and the other words of the command line that start no machine.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { DoctorReport } from '../../src/index.ts'
import { inlinux, IN_MACHINE as main } from './inlinux.ts'

const folder = mkdtempSync(join(tmpdir(), 'inlinux-doctor-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** A guest of three files; only their sizes matter here. */
function guestFolder(): string {
  const guest = mkdtempSync(join(folder, 'guest-'))
  for (const name of ['vmlinux', 'initramfs.cpio', 'root.erofs']) writeFileSync(join(guest, name), name)
  return guest
}

describe('`inlinux doctor`', () => {
  it('says what it found, as text and as JSON', () => {
    const guest = guestFolder()
    const env = { INLINUX_GUEST_DIR: guest, XDG_CACHE_HOME: folder }
    const text = inlinux(['doctor'], { main, env })
    assert.equal(text.code, 0)
    assert.equal(text.stderr, '')
    for (const line of [/^engine +soft: /m, /no +kvm: /, /from: INLINUX_GUEST_DIR/, /machines can run here/])
      assert.match(text.stdout.toString(), line)
    assert.ok(text.stdout.includes(join(guest, 'vmlinux')))

    const json = inlinux(['doctor', '--json'], { main, env })
    const report = JSON.parse(json.stdout.toString()) as DoctorReport
    assert.equal(report.healthy, true)
    assert.deepEqual(report.problems, [])
    assert.deepEqual(report.guest?.kernel, { path: join(guest, 'vmlinux'), bytes: 7 })
    assert.deepEqual(report.cache, {
      path: join(folder, 'inlinux'),
      writable: true,
      images: 0,
      imageBytes: 0,
    })
    assert.equal(report.boot, undefined)
    for (const { name, available } of report.features) assert.equal(available, true, name)
  })

  it('is not content without a guest, and says how to get one', () => {
    const { code, stdout } = inlinux(['doctor'], {
      main,
      env: { INLINUX_GUEST_DIR: join(folder, 'nothing') },
    })
    assert.equal(code, 1)
    assert.match(stdout.toString(), /PROBLEM +INLINUX_GUEST_DIR is .*\n +Fix: Correct INLINUX_GUEST_DIR/)
    assert.match(stdout.toString(), /machines cannot run here\n$/)
  })

  it('reports a machine that does not come up', () => {
    const env = { INLINUX_GUEST_DIR: guestFolder() }
    const { code, stdout } = inlinux(['doctor', '--boot', '--json'], { main, env })
    const report = JSON.parse(stdout.toString()) as DoctorReport
    assert.equal(code, 1)
    assert.equal(report.boot, undefined)
    assert.equal(report.problems.length, 1)
  })

  it('warns of a cache that cannot be written', () => {
    const env = { INLINUX_GUEST_DIR: guestFolder(), XDG_CACHE_HOME: '/dev/null' }
    const { code, stdout } = inlinux(['doctor'], { main, env })
    assert.match(stdout.toString(), /warning +No root file system can be converted: \/dev\/null\/inlinux/)
    assert.equal(code, 0)
  })
})

describe('`inlinux` itself', () => {
  it('has the version of the package', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
    for (const word of ['--version', '-V'])
      assert.equal(inlinux([word], { main }).stdout.toString(), `${version}\n`)
  })

  it('prints help where it was asked for, and on stderr where it was not', () => {
    for (const words of [['--help'], ['help'], ['run', '--help'], ['help', 'run'], ['doctor', '-h']]) {
      const { stdout, stderr, code } = inlinux(words, { main })
      assert.equal(code, 0)
      assert.equal(stderr, '')
      assert.match(stdout.toString(), /^Usage: inlinux/)
    }
    const nothing = inlinux([], { main })
    assert.equal(nothing.code, 125)
    assert.equal(nothing.stdout.toString(), '')
    assert.match(nothing.stderr, /^Usage: inlinux/)
  })
})
