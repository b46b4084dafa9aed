// Directories of the host become images, and are never left by a link or a race.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  linkSync,
  lstatSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { image } from '../../src/image/index.ts'
import { readErofs } from './erofs-reader.ts'
import { comparable, readHostTree } from './host-tree.ts'
import { fsck, temporaryDirectory } from './tools.ts'

const dir = temporaryDirectory()
const cacheDir = join(dir, 'cache')
let count = 0

function newTree(): string {
  const root = join(dir, `tree-${count++}`)
  mkdirSync(join(root, 'sub/deeper'), { recursive: true, mode: 0o750 })
  writeFileSync(join(root, 'file'), 'contents')
  writeFileSync(join(root, 'sub/large'), Buffer.alloc(3_000_000, 'large '))
  linkSync(join(root, 'file'), join(root, 'sub/same'))
  symlinkSync('/etc/passwd', join(root, 'sub/link'))
  symlinkSync('deeper', join(root, 'sub/dirlink'))
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x80, 0xff])]), 'not UTF-8')
  utimesSync(join(root, 'file'), 1, 1.5)
  return root
}

describe('a directory', () => {
  test('gives an image with the same tree', async () => {
    const root = newTree()
    execFileSync('mkfifo', [join(root, 'fifo')])
    const prepared = await image.fromDirectory(root).prepare({ cacheDir })
    fsck(prepared.path)
    assert.deepEqual(comparable(readErofs(prepared.path)), comparable(readHostTree(root)))
  })

  test('keeps sockets as inodes', async () => {
    const root = newTree()
    const server = createServer().listen(join(root, 'socket'))
    await new Promise((resolve) => server.once('listening', resolve))
    const prepared = await image.fromDirectory(root).prepare({ cacheDir })
    server.close()
    fsck(prepared.path)
    assert.equal(readErofs(prepared.path).get('socket')!.mode & 0o170000, 0o140000)
  })

  test('can be given to one owner', async () => {
    const prepared = await image
      .fromDirectory(newTree(), { owner: { uid: 70_000, gid: 5 } })
      .prepare({ cacheDir })
    const owners = new Set([...readErofs(prepared.path).values()].map(({ uid, gid }) => `${uid}:${gid}`))
    assert.deepEqual([...owners], ['70000:5'])
  })

  test('is converted again only when something in it has changed', async () => {
    const root = newTree()
    const directory = image.fromDirectory(root)
    const first = await directory.prepare({ cacheDir })
    const madeAt = lstatSync(first.path).mtimeMs
    assert.equal((await directory.prepare({ cacheDir })).path, first.path)
    assert.equal(lstatSync(first.path).mtimeMs, madeAt)
    writeFileSync(join(root, 'sub/deeper/new'), 'x')
    const second = await directory.prepare({ cacheDir })
    assert.notEqual(second.path, first.path)
    assert.ok(readErofs(second.path).has('sub/deeper/new'))
  })

  test('that does not exist, or is a file, is refused', async () => {
    const code = 'ERR_INLINUX_IMAGE_INVALID'
    await assert.rejects(image.fromDirectory(join(dir, 'missing')).prepare({ cacheDir }), { code })
    await assert.rejects(image.fromDirectory(join(newTree(), 'file')).prepare({ cacheDir }), { code })
  })

  test('beyond the limits is refused before anything is read', async () => {
    const root = newTree()
    writeFileSync(join(root, 'sparse'), '')
    truncateSync(join(root, 'sparse'), 2 ** 40)
    const code = 'ERR_INLINUX_IMAGE_TOO_LARGE'
    await assert.rejects(image.fromDirectory(root).prepare({ cacheDir }), { code })
    await assert.rejects(
      image.fromDirectory(newTree(), { limits: { maxEntries: 3 } }).prepare({ cacheDir }),
      { code },
    )
  })
})

describe('a directory that changes while it is read', () => {
  const CHANGES: readonly (readonly [string, (root: string) => void])[] = [
    ['a file that grows', (root) => writeFileSync(join(root, 'sub/large'), 'x', { flag: 'a' })],
    ['a file that shrinks', (root) => truncateSync(join(root, 'sub/large'), 5)],
    [
      'a file swapped for a symlink',
      (root) => {
        renameSync(join(root, 'sub/large'), join(root, 'elsewhere'))
        symlinkSync('/etc/passwd', join(root, 'sub/large'))
      },
    ],
    [
      'a parent swapped for a symlink',
      (root) => {
        renameSync(join(root, 'sub'), join(root, 'moved'))
        mkdirSync(join(root, 'bait'))
        writeFileSync(join(root, 'bait/large'), Buffer.alloc(3_000_000, 'bait'))
        symlinkSync('bait', join(root, 'sub'))
      },
    ],
    [
      'a file swapped for a fifo',
      (root) => {
        renameSync(join(root, 'sub/large'), join(root, 'elsewhere'))
        execFileSync('mkfifo', [join(root, 'sub/large')])
      },
    ],
  ]
  for (const [name, change] of CHANGES) {
    test(name, async () => {
      const root = newTree()
      const { listDirectory } = await import('../../src/image/directory.ts')
      const { Budget } = await import('../../src/image/limits.ts')
      const { Pace } = await import('../../src/image/pace.ts')
      const { writeTree } = await import('../../src/image/tree-image.ts')
      const listed = await listDirectory(root, undefined, new Budget(), new Pace())
      change(root)
      await assert.rejects(writeTree(listed.root, join(dir, `race-${count++}`), new Pace()), {
        code: 'ERR_INLINUX_IMAGE_INVALID',
      })
    })
  }
})
