// Archives of real tar programs and crafted ones become images with the same tree.

import assert from 'node:assert/strict'
import { chmodSync, linkSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { image } from '../../src/image/index.ts'
import { type ReadInode, readErofs } from './erofs-reader.ts'
import { comparable, readHostTree } from './host-tree.ts'
import { END, entryBytes, tar } from './tar-build.ts'
import { extractWithErofsUtils, fsck, run, temporaryDirectory } from './tools.ts'

const dir = temporaryDirectory()
const cacheDir = join(dir, 'cache')

async function convert(source: Parameters<typeof image.fromTar>[0]): Promise<Map<string, ReadInode>> {
  const prepared = await image.fromTar(source).prepare({ cacheDir })
  fsck(prepared.path)
  return readErofs(prepared.path)
}

function makeTree(): string {
  const root = join(dir, 'tree')
  mkdirSync(join(root, 'usr/share/doc'), { recursive: true })
  for (let i = 0; i < 300; i++) writeFileSync(join(root, `usr/share/doc/file-${i}`), 'x'.repeat(i * 37))
  writeFileSync(join(root, 'big'), Buffer.alloc(5_000_001, 'abcdefg'))
  writeFileSync(join(root, 'empty'), '')
  linkSync(join(root, 'big'), join(root, 'usr/big-too'))
  symlinkSync('../big', join(root, 'usr/link'))
  symlinkSync('/nowhere/at/all', join(root, 'usr/dangling'))
  chmodSync(join(root, 'empty'), 0o4755)
  mkdirSync(join(root, `long/${'n'.repeat(200)}/${'m'.repeat(255)}`), { recursive: true })
  writeFileSync(join(root, 'long', 'n'.repeat(200), 'ünïcode €'), 'name')
  writeFileSync(Buffer.concat([Buffer.from(`${root}/not-utf8-`), Buffer.from([0xff, 0xfe])]), 'bytes')
  utimesSync(join(root, 'big'), 1_600_000_000, 1_600_000_000.25)
  return root
}
const tree = makeTree()

describe('archives of GNU tar', () => {
  for (const format of ['gnu', 'pax']) {
    test(`--format=${format} gives the tree that was packed`, async () => {
      const path = join(dir, `${format}.tar`)
      run('tar', ['-C', tree, `--format=${format}`, '-cf', path, '.'])
      // Only pax has room for fractions of a second.
      const skipped: 'mtime'[] = format === 'pax' ? [] : ['mtime']
      assert.deepEqual(comparable(await convert(path), skipped), comparable(readHostTree(tree), skipped))
    })
  }

  test('gzip, zstd and plain give the same image', async () => {
    const path = join(dir, 'same.tar')
    run('tar', ['-C', tree, '--format=pax', '-cf', path, '.'])
    run('gzip', ['-k', path])
    run('zstd', ['-q', '--long=27', path, '-o', `${path}.zst`])
    const digests = []
    for (const suffix of ['', '.gz', '.zst']) {
      digests.push((await image.fromTar(`${path}${suffix}`).prepare({ cacheDir })).digest)
    }
    assert.equal(new Set(digests).size, 1)
  })

  test('bytes, a Node stream and a web stream give the same image as the file', async () => {
    const path = join(dir, 'stream.tar')
    run('tar', ['-C', tree, '--format=pax', '-cf', path, '.'])
    const bytes = readFileSync(path)
    const { digest } = await image.fromTar(path).prepare({ cacheDir })
    const sources = [
      bytes,
      Readable.from([bytes]),
      new Blob([bytes]).stream(),
      Readable.from([gzipSync(bytes)]),
    ]
    for (const [i, source] of sources.entries()) {
      const prepared = await image.fromTar(source).prepare({ cacheDir: join(dir, `cache-${i}`) })
      assert.equal(prepared.digest, digest)
    }
  })

  test('erofs-utils extracts the same contents', async () => {
    const path = join(dir, 'extract.tar')
    run('tar', ['-C', tree, '--format=pax', '-cf', path, '.'])
    const prepared = await image.fromTar(path).prepare({ cacheDir })
    extractWithErofsUtils(prepared.path, join(dir, 'extracted'))
    // Its extraction (1.5) loses setuid bits and hard links, and owners unless it is root: compared above.
    const skipped: (keyof ReadInode)[] = ['mtime', 'links', 'sameAs', 'mode', 'uid', 'gid']
    assert.deepEqual(
      comparable(readHostTree(join(dir, 'extracted')), skipped),
      comparable(readHostTree(tree), skipped),
    )
  })
})

describe('what an entry can say', () => {
  test('devices, fifos, ids beyond 16 bits and special permission bits', async () => {
    const found = await convert(
      tar(
        { name: 'null', type: '3', major: 1, minor: 3, mode: 0o666 },
        { name: 'disk', type: '4', major: 0xfff, minor: 0xfffff, pax: { 'SCHILY.devminor': '1048575' } },
        { name: 'pipe', type: '6', mode: 0o1600 },
        { name: 'owned', data: 'x', pax: { uid: '4000000000', gid: '70000' }, mode: 0o6755 },
      ),
    )
    assert.deepEqual(
      ['null', 'disk', 'pipe', 'owned'].map((name) => {
        const { mode, device, uid, gid } = found.get(name)!
        return [mode.toString(8), device, uid, gid]
      }),
      [
        ['20666', '1:3', 0, 0],
        ['60644', '4095:1048575', 0, 0],
        ['11600', undefined, 0, 0],
        ['106755', undefined, 4_000_000_000, 70_000],
      ],
    )
  })

  test('times keep their nanoseconds, also before the epoch', async () => {
    const times = [
      '1700000000.123456789',
      '0.000000001',
      '-1.25',
      '-3',
      '4294967296.999999999',
      '1700000000.1',
    ]
    const found = await convert(tar(...times.map((mtime, i) => ({ name: `${i}`, pax: { mtime } }))))
    assert.deepEqual(
      times.map((_, i) => found.get(`${i}`)!.mtime),
      [
        '1700000000.123456789',
        '0.000000001',
        '-2.750000000',
        '-3.000000000',
        '4294967296.999999999',
        '1700000000.100000000',
      ],
    )
  })

  test('xattrs of both dialects keep every byte', async () => {
    const capability = Buffer.from('0100000200f0ff80000000000000000000000000', 'hex')
    const found = await convert(
      tar(
        { name: 'schily', data: 'x', pax: { 'SCHILY.xattr.security.capability': capability } },
        {
          name: 'libarchive',
          data: 'x',
          pax: { 'LIBARCHIVE.xattr.user.a%20b': Buffer.from('a=b').toString('base64') },
        },
        {
          name: 'newline',
          data: 'x',
          pax: { 'SCHILY.xattr.user.n': 'two\nlines', 'SCHILY.xattr.user.e%3Dq': '' },
        },
      ),
    )
    assert.deepEqual(found.get('schily')!.xattrs, { 'security.capability': capability.toString('hex') })
    assert.deepEqual(found.get('libarchive')!.xattrs, { 'user.a b': '613d62' })
    assert.deepEqual(found.get('newline')!.xattrs, {
      'user.n': Buffer.from('two\nlines').toString('hex'),
      'user.e=q': '',
    })
  })

  test('a pax path that is not UTF-8 keeps its bytes', async () => {
    const found = await convert(
      tar({ name: 'x', data: '1', pax: { path: Buffer.from([0x64, 0x2f, 0xff, 0x80]) } }),
    )
    assert.deepEqual([...found.keys()].sort(), ['.', 'd', 'd/\xff\x80'])
  })

  test('a pax header in pieces of one byte is read all the same', async () => {
    const bytes = tar({
      name: 'f',
      data: 'data',
      pax: { 'SCHILY.xattr.user.b': Buffer.from([0xff, 0, 0xff]) },
    })
    const found = await convert(Readable.from([...bytes].map((byte) => Buffer.from([byte]))))
    assert.deepEqual(found.get('f')!.xattrs, { 'user.b': 'ff00ff' })
  })

  test('the last entry of a name wins, and a directory keeps its children', async () => {
    const found = await convert(
      tar(
        { name: 'd/', type: '5', mode: 0o700 },
        { name: 'd/f', data: 'first' },
        { name: 'd/', type: '5', mode: 0o755, mtime: 5 },
        { name: 'd/f', data: 'second!' },
        { name: 'was-file', data: 'x' },
        { name: 'was-file/', type: '5' },
        { name: './', type: '5', mode: 0o711 },
      ),
    )
    assert.deepEqual([...found.keys()].sort(), ['.', 'd', 'd/f', 'was-file'])
    assert.equal(found.get('d')!.mode, 0o40755)
    assert.equal(found.get('d/f')!.size, 7)
    assert.equal(found.get('.')!.mode, 0o40711)
  })

  test('a hard link names the inode that its target has at that moment', async () => {
    const found = await convert(
      tar(
        { name: 'a', data: 'old' },
        { name: 'b', type: '1', linkname: './a' },
        { name: 'a', data: 'newer' },
        { name: 's', type: '2', linkname: 'a' },
        { name: 't', type: '1', linkname: 's' },
      ),
    )
    assert.equal(found.get('b')!.size, 3)
    assert.equal(found.get('a')!.size, 5)
    assert.deepEqual(found.get('t')!.sameAs, ['s', 't'])
  })

  test('an archive in two gzip members is one archive', async () => {
    const parts = [
      entryBytes({ name: 'one', data: '1' }),
      Buffer.concat([entryBytes({ name: 'two', data: '2' }), END]),
    ]
    const found = await convert(Buffer.concat(parts.map((part) => gzipSync(part))))
    assert.deepEqual([...found.keys()].sort(), ['.', 'one', 'two'])
  })
})
