// The guest's kernel and root, judged in an independent machine before any engine of ours runs them.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { runInQemu } from '../../bench/lib/qemu.ts'
import { type GuestArtefacts, locateGuest } from '../../src/artifacts/index.ts'

describe('the guest in QEMU', () => {
  let guest: GuestArtefacts
  before(async () => {
    guest = await locateGuest()
  })

  const output = async (...program: string[]) => `${(await runInQemu({ guest, program })).output}`

  test('runs a program of the default root and sends its output unchanged', async () => {
    assert.equal(await output('/bin/echo', 'one', 'two'), 'one two\n')
  })

  test('is the kernel that the manifest names', async () => {
    assert.equal(await output('/bin/uname', '-r'), `${guest.kernelRelease}\n`)
  })

  test('mounts every file system that the agent and its users need', async () => {
    const known = (await output('/bin/cat', '/proc/filesystems'))
      .split('\n')
      .map((line) => line.split('\t')[1])
    const needed = [
      'proc',
      'sysfs',
      'devtmpfs',
      'tmpfs',
      'devpts',
      'mqueue',
      'cgroup2',
      'erofs',
      'overlay',
      'fuse',
      'virtiofs',
    ]
    assert.deepEqual(
      needed.filter((name) => !known.includes(name)),
      [],
    )
  })

  test('has the namespaces, and vsock and fuse devices', async () => {
    const namespaces = (await output('/bin/ls', '/proc/self/ns')).split(/\s+/)
    const needed = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts']
    assert.deepEqual(
      needed.filter((name) => !namespaces.includes(name)),
      [],
    )
    assert.match(await output('/bin/cat', '/proc/misc'), /^ *\d+ vsock$/m)
  })
})
