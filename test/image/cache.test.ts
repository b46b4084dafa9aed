// The cache: found again, rebuilt when damaged, bounded, safe with several processes at once.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { image, type PreparedImage, type PrepareOptions, type Progress } from '../../src/image/index.ts'
import { readErofs } from './erofs-reader.ts'
import { tar } from './tar-build.ts'
import { fsck, temporaryDirectory } from './tools.ts'

const dir = temporaryDirectory()
const newCache = (): string => mkdtempSync(join(dir, 'cache-'))
const archive = join(dir, 'a.tar')
writeFileSync(archive, tar({ name: 'f', data: Buffer.alloc(1_000_000, 'data') }))

/** What a preparation did, as seen from outside. */
async function phases(source: string, options: PrepareOptions): Promise<string[]> {
  const seen = new Set<string>()
  const onProgress = ({ phase }: Progress): unknown => seen.add(phase)
  await image.fromTar(source).prepare({ ...options, onProgress })
  return [...seen]
}

describe('the cache', () => {
  test('knows an archive again without reading it, and its copy by its bytes', async () => {
    const cacheDir = newCache()
    assert.deepEqual(await phases(archive, { cacheDir }), ['hash', 'convert'])
    assert.deepEqual(await phases(archive, { cacheDir }), [])
    const copy = join(dir, 'copy.tar')
    writeFileSync(copy, readFileSync(archive))
    assert.deepEqual(await phases(copy, { cacheDir }), ['hash'])
  })

  test('notices that an archive was replaced by another of the same size and time', async () => {
    const cacheDir = newCache()
    const path = join(dir, 'replaced.tar')
    writeFileSync(path, tar({ name: 'old', data: 'x' }))
    utimesSync(path, 1000, 1000)
    await image.fromTar(path).prepare({ cacheDir })
    writeFileSync(path, tar({ name: 'new', data: 'x' }))
    utimesSync(path, 1000, 1000)
    const { path: made } = await image.fromTar(path).prepare({ cacheDir })
    assert.deepEqual([...readErofs(made).keys()].sort(), ['.', 'new'])
  })

  const DAMAGES: readonly (readonly [string, (path: string) => void])[] = [
    ['cut off', (path) => truncateSync(path, 8192)],
    ['emptied', (path) => truncateSync(path, 0)],
    ['not EROFS any more', (path) => flip(path, 1024)],
    ['damaged in its superblock', (path) => flip(path, 1024 + 40)],
  ]
  for (const [name, damage] of DAMAGES) {
    test(`makes an image again that is ${name}`, async () => {
      const cacheDir = newCache()
      const { path, digest } = await image.fromTar(archive).prepare({ cacheDir })
      damage(path)
      const again = await image.fromTar(archive).prepare({ cacheDir })
      assert.equal(again.digest, digest)
      fsck(again.path)
    })
  }

  test('ignores entries and notes that are no JSON', async () => {
    const cacheDir = newCache()
    const { path } = await image.fromTar(archive).prepare({ cacheDir })
    writeFileSync(path.replace(/erofs$/, 'json'), '{"size":')
    for (const name of readdirSync(join(cacheDir, 'images/sources'))) {
      writeFileSync(join(cacheDir, 'images/sources', name), '{"key":"../../../etc/passwd"}')
    }
    assert.deepEqual(await phases(archive, { cacheDir }), ['hash', 'convert'])
  })

  test('removes the least recently used images, but none that was just used', async () => {
    const cacheDir = newCache()
    const paths: string[] = []
    for (let i = 0; i < 4; i++) {
      const { path } = await image
        .fromTar(tar({ name: `${i}`, data: Buffer.alloc(1_000_000, `${i}`) }))
        .prepare({ cacheDir })
      paths.push(path)
    }
    // Images 0 and 1 were used long ago, 1 before 0; images 2 and 3 just now.
    utimesSync(paths[0]!.replace(/erofs$/, 'json'), 2000, 2000)
    utimesSync(paths[1]!.replace(/erofs$/, 'json'), 1000, 1000)
    const cacheBytes = 4_500_000
    await image
      .fromTar(tar({ name: 'more', data: Buffer.alloc(1_000_000, 'm') }))
      .prepare({ cacheDir, cacheBytes })
    assert.deepEqual(paths.map(exists), [true, false, true, true])
    await image.fromTar(tar({ name: 'tiny', data: 'x' })).prepare({ cacheDir, cacheBytes: 1 })
    assert.deepEqual(paths.map(exists), [false, false, true, true])
  })

  test('serves many callers of one process with one conversion', async () => {
    const cacheDir = newCache()
    let conversions = 0
    const onProgress = ({ phase, done }: Progress): void => {
      if (phase === 'convert' && done <= 1024 * 1024) conversions++
    }
    const all = await Promise.all(
      Array.from({ length: 8 }, () => image.fromTar(archive).prepare({ cacheDir, onProgress })),
    )
    assert.equal(new Set(all.map(({ path }) => path)).size, 1)
    assert.equal(conversions, 1)
  })

  test('serves several processes at once', async () => {
    const cacheDir = newCache()
    const door = new URL('../../src/image/index.js', import.meta.url).href
    const script = `import { image } from ${JSON.stringify(door)}
      const { digest } = await image.fromTar(process.argv[1]).prepare({ cacheDir: process.argv[2] })
      process.stdout.write(digest)`
    const run = promisify(execFile)
    const runs = await Promise.all(
      [1, 2, 3].map(() => run(process.execPath, ['--input-type=module', '-e', script, archive, cacheDir])),
    )
    assert.equal(new Set(runs.map(({ stdout }) => stdout)).size, 1)
    fsck((await image.fromTar(archive).prepare({ cacheDir })).path)
    assert.deepEqual(readdirSync(join(cacheDir, 'images/tmp')), [])
  })

  test('is private to its user', async () => {
    const cacheDir = newCache()
    await image.fromTar(archive).prepare({ cacheDir })
    assert.equal(lstatSync(join(cacheDir, 'images')).mode & 0o777, 0o700)
  })
})

describe('an abort', () => {
  test('stops a conversion and leaves nothing behind', async () => {
    const cacheDir = newCache()
    const controller = new AbortController()
    const onProgress = ({ phase }: Progress): void => {
      if (phase === 'convert') controller.abort(new Error('enough'))
    }
    const large = tar({ name: 'f', data: Buffer.alloc(50_000_000) })
    await assert.rejects(image.fromTar(large).prepare({ cacheDir, onProgress, signal: controller.signal }), {
      code: 'ERR_INLINUX_ABORTED',
    })
    assert.deepEqual(readdirSync(join(cacheDir, 'images')).sort(), ['sources', 'tmp'])
    assert.deepEqual(readdirSync(join(cacheDir, 'images/tmp')), [])
  })

  test('of the caller that converts does not abort the one that waits', async () => {
    const cacheDir = newCache()
    const controller = new AbortController()
    const large = tar({ name: 'f', data: Buffer.alloc(50_000_000, 'x') })
    let other: Promise<PreparedImage> | undefined
    const onProgress = ({ phase }: Progress): void => {
      if (phase !== 'convert' || other !== undefined) return
      other = image.fromTar(large).prepare({ cacheDir })
      controller.abort()
    }
    const aborted = image.fromTar(large).prepare({ cacheDir, onProgress, signal: controller.signal })
    await assert.rejects(aborted, { code: 'ERR_INLINUX_ABORTED' })
    fsck((await other!).path)
  })

  test('of the caller that waits does not abort the one that converts', async () => {
    const cacheDir = newCache()
    const controller = new AbortController()
    const large = tar({ name: 'f', data: Buffer.alloc(20_000_000, 'x') })
    let refused: Promise<void> | undefined
    const onProgress = ({ phase, done }: Progress): void => {
      if (phase !== 'convert') return
      refused ??= assert.rejects(image.fromTar(large).prepare({ cacheDir, signal: controller.signal }), {
        code: 'ERR_INLINUX_ABORTED',
      })
      if (done > 10_000_000) controller.abort()
    }
    const first = image.fromTar(large).prepare({ cacheDir, onProgress })
    fsck((await first).path)
    await refused!
  })
})

describe('an EROFS image that exists', () => {
  test('is used as it is, and refused when incomplete', async () => {
    const cacheDir = newCache()
    const { path, size } = await image.fromTar(archive).prepare({ cacheDir })
    const found = await image.fromErofs(path, { config: { env: { A: 'b' } } }).prepare({ cacheDir })
    assert.deepEqual(
      { path: found.path, size: found.size, config: found.config },
      { path, size, config: { env: { A: 'b' } } },
    )
    truncateSync(path, size - 4096)
    await assert.rejects(image.fromErofs(path).prepare({ cacheDir }), { code: 'ERR_INLINUX_IMAGE_INVALID' })
    await assert.rejects(image.fromErofs(join(dir, 'missing')).prepare(), {
      code: 'ERR_INLINUX_IMAGE_INVALID',
    })
  })
})

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at]! ^= 1
  writeFileSync(path, bytes)
}
