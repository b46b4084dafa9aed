// Finding the guest: a folder named by the user, a package's compressed files, and every way in which they can be
// wrong. Each case runs in a folder of its own, with its own cache.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { brotliCompressSync } from 'node:zlib'
import { locateGuest } from '../../src/artifacts/index.ts'
import { VmError } from '../../src/errors/index.ts'

const contents = {
  vmlinux: Buffer.from('a kernel '.repeat(1000)),
  'initramfs.cpio': Buffer.from('070701'),
  'root.erofs': Buffer.alloc(4096),
}

let folder = ''
let guest = ''
const saved = { guest: process.env.INLINUX_GUEST_DIR, cache: process.env.XDG_CACHE_HOME }

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'inlinux-locate-'))
  guest = path.join(folder, 'guest')
  await mkdir(guest)
  process.env.INLINUX_GUEST_DIR = guest
  process.env.XDG_CACHE_HOME = path.join(folder, 'cache')
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
  restore('INLINUX_GUEST_DIR', saved.guest)
  restore('XDG_CACHE_HOME', saved.cache)
})

function restore(name: string, value: string | undefined) {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}

async function writePackage(change: (manifest: Record<string, unknown>) => void = () => {}) {
  const manifest: Record<string, unknown> = {
    format: 1,
    kernelRelease: '6.12.0-test',
    kernelSource: '6.12.0-1',
    compiler: '12.2.0',
  }
  for (const [role, [name, bytes]] of Object.entries({
    kernel: entry('vmlinux'),
    initramfs: entry('initramfs.cpio'),
    root: entry('root.erofs'),
  })) {
    await writeFile(path.join(guest, `${name}.br`), brotliCompressSync(bytes))
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    manifest[role] = { file: `${name}.br`, encoding: 'brotli', bytes: bytes.length, sha256 }
  }
  change(manifest)
  await writeFile(path.join(guest, 'artefacts.json'), JSON.stringify(manifest))
}

const entry = (name: keyof typeof contents) => [name, contents[name]] as const

const isGuestMissing = (message: RegExp) => (error: unknown) =>
  error instanceof VmError &&
  error.code === 'ERR_INLINUX_GUEST_MISSING' &&
  error.fix !== undefined &&
  message.test(error.message)

test('a bare folder gives its three files', async () => {
  for (const [name, bytes] of Object.entries(contents)) await writeFile(path.join(guest, name), bytes)
  const found = await locateGuest()
  assert.equal(found.kernel, path.join(guest, 'vmlinux'))
  assert.equal(found.root, path.join(guest, 'root.erofs'))
  assert.equal(found.origin, 'INLINUX_GUEST_DIR')
  assert.equal(found.kernelRelease, undefined)
})

test('compressed files are unpacked into the cache once', async () => {
  await writePackage()
  const first = await locateGuest()
  assert.deepEqual(await readFile(first.kernel), contents.vmlinux)
  assert.deepEqual(await readFile(first.root), contents['root.erofs'])
  assert.equal(first.kernelRelease, '6.12.0-test')
  assert.ok(first.kernel.startsWith(path.join(folder, 'cache')))

  await writeFile(path.join(guest, 'vmlinux.br'), 'no longer readable') // so a second unpacking would fail
  assert.deepEqual(await locateGuest(), first)
  assert.deepEqual(await readdir(path.dirname(first.kernel)), ['vmlinux'])
})

test('ten processes at once, or ten calls, agree on one file', async () => {
  await writePackage()
  const found = await Promise.all(Array.from({ length: 10 }, () => locateGuest()))
  assert.equal(new Set(found.map(({ kernel }) => kernel)).size, 1)
  assert.deepEqual(await readdir(path.dirname(found[0]?.kernel ?? '')), ['vmlinux'])
})

test('a cache that anybody can write is passed over', async () => {
  await writePackage()
  await mkdir(path.join(folder, 'cache/inlinux'), { recursive: true })
  await chmod(path.join(folder, 'cache/inlinux'), 0o777)
  const { kernel } = await locateGuest()
  assert.ok(!kernel.startsWith(path.join(folder, 'cache')))
  assert.deepEqual(await readFile(kernel), contents.vmlinux)
  await rm(path.dirname(kernel), { recursive: true })
})

test('an empty folder names what is missing', async () => {
  await assert.rejects(locateGuest(), isGuestMissing(/neither artefacts\.json nor vmlinux/))
})

test('a damaged file is refused: bytes that do not have the hash', async () => {
  await writePackage()
  await writeFile(path.join(guest, 'vmlinux.br'), brotliCompressSync(Buffer.from('b kernel '.repeat(1000))))
  await assert.rejects(locateGuest(), isGuestMissing(/damaged/))
})

test('a file that unpacks to more than it says is refused', async () => {
  await writePackage()
  await writeFile(path.join(guest, 'vmlinux.br'), brotliCompressSync(Buffer.alloc(1 << 20)))
  await assert.rejects(locateGuest(), isGuestMissing(/cannot be unpacked/))
})

test('a manifest of a later format, without an entry, or no JSON at all is refused', async () => {
  await writePackage((manifest) => {
    manifest.format = 2
  })
  await assert.rejects(locateGuest(), isGuestMissing(/artefacts\.json cannot be used/))
  await writePackage((manifest) => {
    delete manifest.root
  })
  await assert.rejects(locateGuest(), isGuestMissing(/artefacts\.json cannot be used/))
  await writeFile(path.join(guest, 'artefacts.json'), '{')
  await assert.rejects(locateGuest(), isGuestMissing(/artefacts\.json cannot be used/))
})
