// Devices that only a guest's driver proves: disks that are written, the virtio console, the entropy source.
import assert from 'node:assert/strict'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Machine } from '../../src/index.ts'

const MIB = 2 ** 20

describe('devices', { timeout: 120_000 }, () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'inlinux-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('a writable disk holds what the guest wrote, once the machine is closed', async () => {
    const file = path.join(folder, 'disk')
    const handle = await open(file, 'w')
    await handle.truncate(4 * MIB)
    await handle.close()
    const machine = await Machine.start({ disks: [{ path: file, readonly: false }] })

    const { status } = await machine
      .command('sh')
      .args(['-c', 'yes 0123456 | head -c 3145728 > /dev/vdb'])
      .output()
    await machine.close()

    assert.ok(status.success)
    const bytes = await readFile(file)
    assert.equal(bytes.length, 4 * MIB)
    assert.equal(bytes.subarray(0, 3 * MIB).toString(), '0123456\n'.repeat((3 * MIB) / 8))
    assert.ok(bytes.subarray(3 * MIB).every((byte) => byte === 0))
  })

  it('a disk is read-only unless it says otherwise', async () => {
    const file = path.join(folder, 'read-only')
    await writeFile(file, Buffer.alloc(MIB, 'x'))
    await using machine = await Machine.start({ disks: [{ path: file }] })

    const { stdout } = await machine
      .command('sh')
      .args(['-c', 'cat /sys/block/vdb/ro; md5sum < /dev/vdb; echo y > /dev/vdb || echo refused'])
      .output()

    assert.match(String(stdout), /^1\n[0-9a-f]{32} .*\nrefused\n$/)
  })

  it('the virtio console carries the kernel’s log', async () => {
    let text = ''
    await using machine = await Machine.start({
      console: 'virtio',
      kernelParameters: ['loglevel=7'],
      onConsole: (bytes) => {
        text += Buffer.from(bytes).toString('latin1')
      },
    })

    await machine.command('sh').args(['-c', 'echo from user space > /dev/hvc0; sleep 0.2']).output()

    assert.match(text, /Linux version 6\./)
    assert.match(text, /from user space/)
  })

  it('the entropy device feeds /dev/hwrng', async () => {
    await using machine = await Machine.start()

    const { stdout } = await machine
      .command('sh')
      .args(['-c', 'head -c 4096 /dev/hwrng | gzip | wc -c'])
      .output()

    assert.ok(Number(String(stdout)) > 4000, 'random bytes do not compress')
  })
})
