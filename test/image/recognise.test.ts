// image.fromPath: what a path holds is told by what is in it.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { image } from '../../src/image/index.ts'
import { recognise } from '../../src/image/recognise.ts'
import { readErofs } from './erofs-reader.ts'
import { Layout } from './oci-build.ts'
import { END, type Entry, entryBytes, tar } from './tar-build.ts'
import { run, temporaryDirectory } from './tools.ts'

const dir = temporaryDirectory()
const cacheDir = join(dir, 'cache')
const newDirectory = (): string => mkdtempSync(join(dir, 'd-'))
const hash = 'ab'.repeat(32)

function file(bytes: Buffer): string {
  const path = join(newDirectory(), 'file')
  writeFileSync(path, bytes)
  return path
}

async function kindOf(...entries: Entry[]): Promise<string> {
  return recognise(file(tar(...entries)))
}

describe('a directory', () => {
  test('is an OCI layout when it has the marks of one, else a root', async () => {
    const layout = new Layout(newDirectory())
    assert.equal(await recognise(layout.dir), 'oci-layout')
    const unmarked = newDirectory()
    mkdirSync(join(unmarked, 'blobs'))
    assert.equal(await recognise(unmarked), 'directory')
    writeFileSync(join(unmarked, 'index.json'), '{}')
    assert.equal(await recognise(unmarked), 'oci-layout')
  })
})

describe('an archive', () => {
  test('of a root file system is a tar', async () => {
    assert.equal(await kindOf({ name: './', type: '5' }, { name: './bin/', type: '5' }), 'tar')
    assert.equal(await kindOf({ name: 'etc/manifest.json', data: '[]' }), 'tar')
    assert.equal(await kindOf({ name: hash.slice(1), data: 'short' }), 'tar')
  })

  test('is a container image by its first names, as different tools write them', async () => {
    const names = [
      [`${hash}/`, `${hash}/VERSION`],
      [`${hash}.tar`],
      [`${hash}.json`],
      ['blobs/', 'blobs/sha256/'],
      ['./', './oci-layout'],
      ['manifest.json'],
      ['index.json'],
    ]
    for (const [first = '', second = 'repositories'] of names) {
      const archive = [first, second].map((name) => ({ name, type: name.endsWith('/') ? '5' : '0' }))
      assert.equal(await kindOf(...archive), 'docker-archive', first)
    }
  })

  test('may begin with a pax header, and may be compressed', async () => {
    const pax = { mtime: '1.5' }
    assert.equal(await kindOf({ name: `${hash}.tar`, data: 'layer', pax }), 'docker-archive')
    const gzipped = file(gzipSync(tar({ name: 'manifest.json', data: '[]' })))
    assert.equal(await recognise(gzipped), 'docker-archive')
    const plain = file(tar({ name: 'manifest.json', data: '[]' }))
    run('zstd', ['-q', plain, '-o', `${plain}.zst`])
    assert.equal(await recognise(`${plain}.zst`), 'docker-archive')
  })

  test('that lies about sizes is looked at no further', async () => {
    const absurd = entryBytes({ name: 'a', size: 8 ** 11 - 1 })
    assert.equal(await recognise(file(Buffer.concat([absurd, END]))), 'tar')
    const negative = entryBytes({ name: 'a', size: Buffer.from('-7777777777\0') })
    assert.equal(await recognise(file(Buffer.concat([negative, END]))), 'tar')
  })

  test('that is only an empty or a short file is called a tar, whose reader says what is wrong', async () => {
    const empty = file(Buffer.alloc(0))
    assert.equal(await recognise(empty), 'tar')
    await assert.rejects(image.fromPath(empty).prepare({ cacheDir }), { code: 'ERR_INLINUX_IMAGE_INVALID' })
  })
})

test('an EROFS image is known by its superblock, and a cut one is refused', async () => {
  const source = file(tar({ name: 'hello', data: 'text' }))
  const { path } = await image.fromPath(source).prepare({ cacheDir })
  assert.equal(await recognise(path), 'erofs')
  assert.equal((await image.fromPath(path).prepare({ cacheDir })).path, path)
  const cut = file(Buffer.alloc(0))
  run('cp', [path, cut])
  truncateSync(cut, 2048)
  await assert.rejects(image.fromPath(cut).prepare({ cacheDir }), { code: 'ERR_INLINUX_IMAGE_INVALID' })
})

test('a tar, a directory and a layout with the same file give it to the guest', async () => {
  const directory = newDirectory()
  writeFileSync(join(directory, 'hello'), 'text')
  const layout = new Layout(newDirectory())
  layout.index(layout.image({ layers: [[{ name: 'hello', data: 'text' }]] }))
  for (const source of [file(tar({ name: 'hello', data: 'text' })), directory, layout.dir]) {
    const { path } = await image.fromPath(source).prepare({ cacheDir })
    assert.deepEqual([...readErofs(path).keys()].sort(), ['.', 'hello'])
  }
})

test('what is not there, or no file, is refused with its name', async () => {
  const missing = join(dir, 'missing')
  await assert.rejects(image.fromPath(missing).prepare({ cacheDir }), {
    code: 'ERR_INLINUX_IMAGE_INVALID',
    message: new RegExp(missing),
  })
  await assert.rejects(recognise('/dev/null'), { code: 'ERR_INLINUX_IMAGE_INVALID' })
})
