// The wall check itself: a wrong import must be found, or the check proves nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'

const { judge } = (await import(new URL('../../../scripts/check-rooms.mjs', import.meta.url).href)) as {
  judge(file: string, specifier: string): string | undefined
}

const allowed: [file: string, specifier: string][] = [
  ['virtio/rng.ts', './queue.ts'],
  ['virtio/rng.ts', '../memory/index.ts'],
  ['virtio/rng.ts', '../bus/index.ts'],
  ['machine/boot.ts', '../virtio/index.ts'],
  ['machine/boot.ts', 'node:fs'],
  ['index.ts', './command/index.ts'],
  ['cli/main.ts', '../index.ts'],
  ['memory/guest-memory.ts', '../errors/index.ts'],
  ['engine/soft/worker.ts', '../contract.ts'],
  ['engine/index.ts', './soft/index.ts'],
]

const forbidden: [file: string, specifier: string, complaint: RegExp][] = [
  ['machine/boot.ts', '../virtio/rng.ts', /entered through virtio\/index\.ts/],
  ['image/tar.ts', '../virtio/index.ts', /no arrow from image to virtio/],
  ['machine/boot.ts', '../command/index.ts', /no arrow from machine to command/],
  ['virtio/blk.ts', '../machine/index.ts', /no arrow from virtio to machine/],
  ['cli/main.ts', '../machine/index.ts', /no arrow from cli to machine/],
  ['memory/guest-memory.ts', '../bus/index.ts', /no arrow from memory to bus/],
  ['engine/index.ts', './soft/worker.ts', /engine\/soft\/ is entered through/],
  ['engine/kvm/vcpu.ts', '../soft/core.ts', /engine\/soft\/ is entered through/],
  ['virtio/rng.ts', '../../scripts/setup.mjs', /leaves src/],
  ['attic/old.ts', '../memory/index.ts', /the room attic is not in/],
]

for (const [file, specifier] of allowed) {
  test(`${file} may import ${specifier}`, () => assert.equal(judge(file, specifier), undefined))
}

for (const [file, specifier, complaint] of forbidden) {
  test(`${file} may not import ${specifier}`, () =>
    assert.match(judge(file, specifier) ?? 'no complaint', complaint))
}
