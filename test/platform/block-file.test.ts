import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FileBlockBackend } from '../../src/platform/index.ts'
import type { BlockBackend } from '../../src/virtio/index.ts'

const directory = mkdtempSync(join(tmpdir(), 'inlinux-block-'))
after(() => rmSync(directory, { recursive: true }))

function file(name: string, bytes: Uint8Array): string {
  const path = join(directory, name)
  writeFileSync(path, bytes)
  return path
}

/** Views as a disk gets them: pieces of shared guest memory. */
function views(...lengths: number[]): Uint8Array[] {
  return lengths.map((length) => new Uint8Array(new SharedArrayBuffer(length)))
}

test('reads into one view and into several', () => {
  const backend: BlockBackend = new FileBlockBackend(
    file(
      'read',
      Uint8Array.from({ length: 2048 }, (_, i) => i / 8),
    ),
  )
  const one = views(512)
  backend.read(512, one)
  assert.deepEqual([one[0]![0], one[0]![511]], [64, 127])
  const several = views(512, 100, 412)
  backend.read(1024, several)
  assert.deepEqual(
    several.map((view) => view[0]),
    [128, 192, 204],
  )
  assert.equal(backend.readonly, true)
  assert.equal(backend.size, 2048)
})

test('writes, zeroes and flushes', async () => {
  const path = file('write', new Uint8Array(4096).fill(1))
  const backend = new FileBlockBackend(path, { readonly: false })
  const from = views(512, 512)
  from[0]!.fill(2)
  from[1]!.fill(3)
  backend.write(512, from)
  backend.writeZeroes(2048, 1024)
  await backend.flush()
  const bytes = readFileSync(path)
  assert.deepEqual(
    [bytes[511], bytes[512], bytes[1024], bytes[1536], bytes[2048], bytes[3071], bytes[3072]],
    [1, 2, 3, 1, 0, 0, 1],
  )
  backend.close()
  backend.close()
})

test('a file that was opened for reading cannot be written', () => {
  const backend = new FileBlockBackend(file('readonly', new Uint8Array(512)))
  assert.throws(() => backend.write(0, views(512)), { code: 'EBADF' })
})

test('a closed disk is never touched again, and a flush under way is finished', async () => {
  const backend = new FileBlockBackend(file('closed', new Uint8Array(1024)), { readonly: false })
  const flushed = backend.flush()
  backend.close()
  assert.throws(() => backend.write(0, views(512)), /is closed/)
  assert.throws(() => backend.read(0, views(512)), /is closed/)
  await flushed
  await assert.rejects(backend.flush(), /is closed/)
})

test('an image that has become shorter is an error, not a loop', () => {
  const path = file('short', new Uint8Array(2048))
  const backend = new FileBlockBackend(path)
  truncateSync(path, 1024)
  assert.throws(() => backend.read(512, views(1024)), /shorter/)
  assert.throws(() => backend.read(512, views(512, 512)), /shorter/)
})
