// How much memory a machine can have, up to the last byte of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Machine } from '../../src/index.ts'
import { memoryBytes } from '../../src/machine/index.ts'
import { VIRTIO_BASE } from '../../src/machine/memory-map.ts'

test('RAM that would reach into the device windows is refused, not given and unusable', () => {
  assert.equal(memoryBytes(VIRTIO_BASE), VIRTIO_BASE)
  for (const memory of [VIRTIO_BASE + 1, '3500MiB', '4GiB'])
    assert.throws(() => memoryBytes(memory), { code: 'ERR_INLINUX_INVALID_ARGUMENT' })
})

test('a machine boots with the most and with the least memory', async () => {
  for (const memory of ['3328MiB', '32MiB']) {
    await using machine = await Machine.start({ memory })
    const { stdout } = await machine.command('cat').arg('/proc/meminfo').output()
    const total = Number(/MemTotal: +(\d+) kB/.exec(stdout.toString())?.[1]) * 1024
    const given = memoryBytes(memory)
    assert.ok(total > given * 0.5 && total < given, `${memory}: ${total}`)
  }
})
