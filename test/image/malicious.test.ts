// Archives that lie, escape, explode or break off: each is refused with its error code, leaves nothing behind in
// the cache, and costs little time and memory. The table names the attack.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { VmErrorCode } from '../../src/errors/index.ts'
import { type ImageLimits, image } from '../../src/image/index.ts'
import { readErofs } from './erofs-reader.ts'
import { END, type Entry, entryBytes, tar } from './tar-build.ts'
import { temporaryDirectory } from './tools.ts'

const cacheDir = temporaryDirectory()

const UNSAFE = 'ERR_INLINUX_IMAGE_UNSAFE'
const INVALID = 'ERR_INLINUX_IMAGE_INVALID'
const TOO_LARGE = 'ERR_INLINUX_IMAGE_TOO_LARGE'
const UNSUPPORTED = 'ERR_INLINUX_IMAGE_UNSUPPORTED'

const file = (name: string): Entry => ({ name, data: 'x' })
const longName = (name: string): Entry => ({ name: '././@LongLink', type: 'L', data: `${name}\0` })
/** 12 bytes of a size field in base 256. */
const base256 = (hex: string): Buffer => Buffer.from(hex.padStart(24, '0').replace(/^00/, '80'), 'hex')

const ENTRIES: readonly (readonly [attack: string, code: VmErrorCode, entries: readonly Entry[]])[] = [
  ['a name that climbs out', UNSAFE, [file('../escape')]],
  ['a name that climbs out later', UNSAFE, [file('a/../../escape')]],
  ['a name that ends in ..', UNSAFE, [{ name: 'a/..', type: '5' }]],
  ['an absolute name', UNSAFE, [file('/etc/passwd')]],
  ['a pax path that climbs out', UNSAFE, [{ ...file('harmless'), pax: { path: '../escape' } }]],
  ['a GNU long name that climbs out', UNSAFE, [longName(`${'a/'.repeat(60)}../../x`), file('harmless')]],
  ['a NUL in a pax path', UNSAFE, [{ ...file('harmless'), pax: { path: 'a\0b' } }]],
  ['an empty name', UNSAFE, [file('')]],
  ['a file in place of the root', UNSAFE, [file('.')]],
  ['a symlink in place of the root', UNSAFE, [{ name: './', type: '2', linkname: '/' }]],
  [
    'a parent that is an absolute symlink',
    UNSAFE,
    [{ name: 'l', type: '2', linkname: '/etc' }, file('l/passwd')],
  ],
  [
    'a parent that is a climbing symlink',
    UNSAFE,
    [{ name: 'l', type: '2', linkname: '../..' }, file('l/passwd')],
  ],
  ['a parent that is a symlink to itself', UNSAFE, [{ name: 'l', type: '2', linkname: 'l' }, file('l/x')]],
  ['a hard link that climbs out', UNSAFE, [{ name: 'h', type: '1', linkname: '../../etc/shadow' }]],
  ['a hard link to an absolute name', UNSAFE, [{ name: 'h', type: '1', linkname: '/etc/shadow' }]],
  [
    'a hard link through a symlink',
    UNSAFE,
    [
      { name: 'l', type: '2', linkname: '/etc' },
      { name: 'h', type: '1', linkname: 'l/shadow' },
    ],
  ],
  [
    'a hard link to a directory',
    UNSAFE,
    [
      { name: 'd', type: '5' },
      { name: 'd/h', type: '1', linkname: 'd' },
    ],
  ],
  ['a hard link to the root', UNSAFE, [{ name: 'h', type: '1', linkname: '.' }]],
  ['a hard link to nothing', INVALID, [{ name: 'h', type: '1', linkname: 'missing' }]],
  ['a hard link to itself', INVALID, [{ name: 'h', type: '1', linkname: 'h' }]],
  [
    'hard links in a circle',
    INVALID,
    [
      { name: 'a', type: '1', linkname: 'b' },
      { name: 'b', type: '1', linkname: 'a' },
    ],
  ],
  [
    'a hard link with data',
    UNSUPPORTED,
    [file('a'), { name: 'b', type: '1', linkname: 'a', data: 'smuggled' }],
  ],
  ['a symlink with data', UNSUPPORTED, [{ name: 's', type: '2', linkname: 'a', data: 'smuggled' }]],
  ['a parent that is a file', INVALID, [file('f'), file('f/x')]],
  ['a name of 256 bytes', INVALID, [{ ...file('x'), pax: { path: 'n'.repeat(256) } }]],
  ['a path of 4096 bytes', INVALID, [{ ...file('x'), pax: { path: 'dir/'.repeat(1024) } }]],
  ['a path of a megabyte', INVALID, [{ ...file('x'), pax: { path: 'd/'.repeat(500_000) } }]],
  ['a symlink to nowhere', INVALID, [{ name: 's', type: '2' }]],
  [
    'a symlink target of 4096 bytes',
    INVALID,
    [{ name: 's', type: '2', pax: { linkpath: 't'.repeat(4096) } }],
  ],
  ['a NUL in a symlink target', INVALID, [{ name: 's', type: '2', pax: { linkpath: 'a\0b' } }]],
  ['a size of 2^62', INVALID, [{ ...file('x'), size: base256('4000000000000000') }]],
  ['a size of 2^70', INVALID, [{ ...file('x'), size: base256('400000000000000000') }]],
  ['a negative size', INVALID, [{ ...file('x'), size: Buffer.alloc(12, 0xff) }]],
  ['a size that is no number', INVALID, [{ ...file('x'), size: Buffer.from('not a number') }]],
  ['a pax size of 10^30', INVALID, [{ ...file('x'), pax: { size: '1'.padEnd(31, '0') } }]],
  ['a negative pax size', INVALID, [{ ...file('x'), pax: { size: '-512' } }]],
  ['a size beyond the limit', TOO_LARGE, [{ ...file('x'), size: base256('0000000800000000') }]],
  ['a size that hides the next entries', INVALID, [{ ...file('x'), size: 1_000_000 }, file('y')]],
  ['a wrong checksum', INVALID, [{ ...file('x'), badChecksum: true }]],
  ['a time that is no number', INVALID, [{ ...file('x'), pax: { mtime: 'yesterday' } }]],
  ['a time beyond all bounds', INVALID, [{ ...file('x'), pax: { mtime: '9'.repeat(400) } }]],
  ['a user id beyond 32 bits', INVALID, [{ ...file('x'), pax: { uid: '4294967296' } }]],
  ['a negative user id', INVALID, [{ ...file('x'), pax: { uid: '-1' } }]],
  ['a major number of 13 bits', INVALID, [{ name: 'd', type: '3', major: 4096 }]],
  ['a minor number of 21 bits', INVALID, [{ name: 'd', type: '4', pax: { 'SCHILY.devminor': '1048576' } }]],
  ['an xattr of an unknown kind', UNSUPPORTED, [{ ...file('x'), pax: { 'SCHILY.xattr.system.foo': 'y' } }]],
  ['an xattr without a name', UNSUPPORTED, [{ ...file('x'), pax: { 'SCHILY.xattr.user.': 'y' } }]],
  [
    'an xattr name of 256 bytes',
    INVALID,
    [{ ...file('x'), pax: { [`SCHILY.xattr.user.${'n'.repeat(251)}`]: 'y' } }],
  ],
  [
    'an xattr value of 64 KiB',
    INVALID,
    [{ ...file('x'), pax: { 'SCHILY.xattr.user.a': 'y'.repeat(65536) } }],
  ],
  [
    'five xattrs of 60 KB',
    INVALID,
    [
      {
        ...file('x'),
        pax: Object.fromEntries([1, 2, 3, 4, 5].map((i) => [`SCHILY.xattr.user.${i}`, 'y'.repeat(60_000)])),
      },
    ],
  ],
  ['an old GNU sparse file', UNSUPPORTED, [{ ...file('x'), type: 'S' }]],
  [
    'a pax sparse file',
    UNSUPPORTED,
    [{ ...file('x'), pax: { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0' } }],
  ],
  ['a continued volume', UNSUPPORTED, [{ ...file('x'), type: 'M' }]],
  ['an unknown type without data', UNSUPPORTED, [{ name: 'x', type: 'Q' }]],
  [
    'a pax header of 5 MB',
    INVALID,
    [{ name: 'P', type: 'x', data: Buffer.alloc(5_000_000, '9') }, file('x')],
  ],
]

const whole = tar(file('first'), { name: 'second', data: 'y'.repeat(3000) })
const zeros = tar({ name: 'zeros', data: Buffer.alloc(64 * 1024 * 1024) })
const zstd = (bytes: Buffer): Buffer =>
  execFileSync('zstd', ['-q', '-c'], { input: bytes, maxBuffer: 2 ** 30 })
const SMALL: Partial<ImageLimits> = { maxBytes: 1024 * 1024, maxEntries: 1000, maxMetadataBytes: 100_000 }

const ARCHIVES: readonly (readonly [attack: string, code: VmErrorCode, bytes: Buffer])[] = [
  ['an empty file', INVALID, Buffer.alloc(0)],
  ['one byte', INVALID, Buffer.from('x')],
  ['text', INVALID, Buffer.from('This is no archive at all.\n'.repeat(100))],
  ['an archive cut off in a header', INVALID, whole.subarray(0, 1200)],
  ['an archive cut off in the data', INVALID, whole.subarray(0, 2048 + 100)],
  ['an archive cut off between two blocks of data', INVALID, whole.subarray(0, 2048 + 512)],
  ['an archive cut off between two entries', INVALID, whole.subarray(0, 1024)],
  ['an archive cut off before the end mark', INVALID, whole.subarray(0, whole.length - 1024)],
  ['entries after the end mark', INVALID, Buffer.concat([whole, entryBytes(file('late')), END])],
  ['garbage after the end mark', INVALID, Buffer.concat([whole, Buffer.alloc(512, 'garbage')])],
  ['gzip data cut off', INVALID, gzipSync(whole).subarray(0, -9)],
  ['gzip data with a wrong checksum', INVALID, spoil(gzipSync(whole), -6)],
  ['gzip data of nothing', INVALID, gzipSync('')],
  ['zstd data cut off', INVALID, zstd(whole).subarray(0, -20)],
  [
    'zstd data that is garbage',
    INVALID,
    Buffer.concat([Buffer.from('28b52ffd', 'hex'), Buffer.alloc(300, 0xee)]),
  ],
  ['an xz archive', UNSUPPORTED, Buffer.from('fd377a585a000004e6d6b446', 'hex')],
  ['a bzip2 archive', UNSUPPORTED, Buffer.from('BZh91AY&SY')],
  ['a zip archive', UNSUPPORTED, Buffer.from('504b0304140000000000', 'hex')],
  ['a gzip bomb', TOO_LARGE, gzipSync(zeros)],
  ['a zstd bomb', TOO_LARGE, zstd(zeros)],
  ['a thousand and one entries', TOO_LARGE, tar(...Array.from({ length: 1001 }, (_, i) => file(`f${i}`)))],
  [
    'a thousand long names',
    TOO_LARGE,
    tar(
      ...Array.from({ length: 900 }, (_, i) => ({ ...file('x'), pax: { path: `${i}${'n'.repeat(200)}` } })),
    ),
  ],
]

describe('entries that are refused', () => {
  for (const [attack, code, entries] of ENTRIES) {
    test(attack, async () => {
      await assertRefused(tar(...entries), code, {})
    })
  }
})

describe('archives that are refused', () => {
  for (const [attack, code, bytes] of ARCHIVES) {
    test(attack, async () => {
      await assertRefused(bytes, code, SMALL)
    })
  }

  test('names of JavaScript are names like others', async () => {
    const names = ['__proto__', 'constructor', 'toString']
    const entries = names.map((name) => ({ name, data: name, pax: { __proto__: 'x', comment: 'y' } }))
    const prepared = await image.fromTar(tar(...entries)).prepare({ cacheDir })
    assert.deepEqual([...readErofs(prepared.path).keys()].sort(), ['.', ...names].sort())
  })
})

async function assertRefused(bytes: Buffer, code: VmErrorCode, limits: Partial<ImageLimits>): Promise<void> {
  await assert.rejects(image.fromTar(bytes, { limits }).prepare({ cacheDir }), { name: 'VmError', code })
  assert.deepEqual(readdirSync(join(cacheDir, 'images/tmp')), [])
}

function spoil(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[copy.length + at]! ^= 0xff
  return copy
}
