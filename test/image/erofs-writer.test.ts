// The image itself: every file type, every boundary of the layout, equal bytes from equal trees.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { TreeBuilder, type WrittenImage, writeErofs } from '../../src/image/index.ts'
import { type ReadInode, readErofs } from './erofs-reader.ts'
import { fsck, run, temporaryDirectory } from './tools.ts'

const dir = temporaryDirectory()
let count = 0

async function build(
  tree: TreeBuilder,
): Promise<Map<string, ReadInode> & { path?: string; written?: WrittenImage }> {
  const path = join(dir, `${count++}.erofs`)
  const written = await writeErofs(tree, path)
  assert.equal(statSync(path).size, written.size)
  assert.equal(written.size % 4096, 0)
  fsck(path)
  return Object.assign(readErofs(path), { path, written })
}

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

describe('an image', () => {
  test('of nothing but the root', async () => {
    const found = await build(new TreeBuilder())
    assert.deepEqual([...found.keys()], ['.'])
    assert.equal(found.get('.')!.mode, 0o40755)
    assert.equal(found.get('.')!.links, 2)
  })

  test('of every file type, with owners, modes, times, xattrs', async () => {
    const mtime = { seconds: 1_700_000_000, nanoseconds: 999_999_999 }
    writeFileSync(join(dir, 'source'), 'from the host')
    const tree = new TreeBuilder()
      .addDirectory('/', { mode: 0o711, uid: 7 })
      .addDirectory('dev', { mode: 0o700, gid: 4_000_000_000 })
      .addDevice('dev/null', 'character', 1, 3, { mode: 0o666 })
      .addDevice('dev/vda', 'block', 254, 1_048_575)
      .addFifo('run/pipe', { mode: 0o600 })
      .addSymlink('bin', 'usr/bin', { mtime })
      .addFile('usr/bin/tool', 'text', { mode: 0o4755, uid: 1, gid: 2, mtime })
      .addFile('usr/bin/copied', { file: join(dir, 'source') }, { mtime: new Date(-1500) })
      .addHardLink('usr/bin/alias', '/usr/bin/tool')
      .addFile('caps', new Uint8Array([1, 2, 3]), {
        xattrs: {
          'security.capability': Buffer.from('0001ff', 'hex'),
          'user.b': 'two',
          'user.a': '',
          'trusted.t': 't',
        },
      })
    const found = await build(tree)
    assert.deepEqual(found.get('.')!.uid, 7)
    assert.equal(found.get('dev')!.gid, 4_000_000_000)
    assert.equal(found.get('dev/null')!.device, '1:3')
    assert.equal(found.get('dev/vda')!.device, '254:1048575')
    assert.equal(found.get('run/pipe')!.mode, 0o10600)
    assert.deepEqual(found.get('bin'), {
      ...found.get('bin')!,
      target: 'usr/bin',
      mtime: '1700000000.999999999',
    })
    assert.deepEqual(found.get('usr/bin/tool')!.sameAs, ['usr/bin/alias', 'usr/bin/tool'])
    assert.equal(found.get('usr/bin/tool')!.mode, 0o104755)
    assert.equal(found.get('usr/bin/copied')!.sha256, sha256('from the host'))
    assert.equal(found.get('usr/bin/copied')!.mtime, '-2.500000000')
    assert.deepEqual(found.get('caps')!.xattrs, {
      'security.capability': '0001ff',
      'trusted.t': '74',
      'user.a': '',
      'user.b': '74776f',
    })
  })

  test('of files around every size at which the layout changes', async () => {
    const sizes = [
      0, 1, 63, 64, 65, 4031, 4032, 4033, 4064, 4095, 4096, 4097, 8127, 8128, 8129, 8191, 8192, 70_000,
    ]
    const tree = new TreeBuilder()
    const bytes = (size: number): Buffer => Buffer.alloc(size, `${size}-`)
    const long = 'v'.repeat(1000)
    for (const size of sizes) {
      tree
        .addFile(`plain-${size}`, bytes(size))
        .addFile(`xattr-${size}`, bytes(size), { xattrs: { 'user.x': long } })
    }
    const found = await build(tree)
    for (const size of sizes) {
      assert.equal(found.get(`plain-${size}`)!.sha256, sha256(bytes(size)), `plain ${size}`)
      assert.equal(found.get(`xattr-${size}`)!.sha256, sha256(bytes(size)), `xattr ${size}`)
      assert.equal(Object.values(found.get(`xattr-${size}`)!.xattrs!)[0]!.length, 2000)
    }
  })

  test('of symlinks of every length that matters', async () => {
    const tree = new TreeBuilder()
    const lengths = [1, 59, 60, 4031, 4032, 4033, 4095]
    for (const length of lengths) tree.addSymlink(`to-${length}`, 't'.repeat(length))
    const found = await build(tree)
    for (const length of lengths) assert.equal(found.get(`to-${length}`)!.target, 't'.repeat(length))
  })

  test('of directories with many names, long names and names that sort before the dot', async () => {
    const tree = new TreeBuilder()
    const names = [
      '!',
      '+',
      '-',
      ',',
      '.',
      '..',
      '...',
      '.a',
      ' ',
      '~',
      'é',
      '€',
      '\u{1f408}',
      'n'.repeat(255),
    ]
    const wanted = names.filter((name) => name !== '.' && name !== '..')
    for (const name of wanted) tree.addFile(`odd/${name}`, name)
    for (let i = 0; i < 3000; i++) tree.addFile(`many/${(i * 7919) % 3000}`, `${i}`)
    for (let i = 0; i < 64; i++) tree.addDirectory(`long/${String(i).padStart(255, 'x')}`)
    const found = await build(tree)
    for (const name of wanted) {
      assert.equal(found.get(`odd/${Buffer.from(name).toString('latin1')}`)!.sha256, sha256(name))
    }
    assert.equal([...found.keys()].filter((path) => path.startsWith('many/')).length, 3000)
    assert.equal(found.get('long')!.links, 66)
  })

  test('of xattrs that fill several blocks, on every kind of inode', async () => {
    const xattrs = {
      'user.a': 'a'.repeat(65_535),
      'security.b': 'b'.repeat(65_535),
      'trusted.c': 'c'.repeat(100),
    }
    const tree = new TreeBuilder()
      .addDirectory('/', { xattrs })
      .addDirectory('d', { xattrs })
      .addFile('d/f', 'data', { xattrs })
      .addSymlink('l', 'target', { xattrs: { 'trusted.t': 'x'.repeat(4000) } })
      .addDirectory('acl', { xattrs: { 'system.posix_acl_access': 'A', 'system.posix_acl_default': 'D' } })
    const found = await build(tree)
    for (const path of ['.', 'd', 'd/f'])
      assert.equal(found.get(path)!.xattrs!['security.b'], '62'.repeat(65_535))
    assert.equal(found.get('d/f')!.sha256, sha256('data'))
    assert.equal(found.get('l')!.target, 'target')
    assert.deepEqual(found.get('acl')!.xattrs, {
      'system.posix_acl_access': '41',
      'system.posix_acl_default': '44',
    })
  })

  // At a depth of 1000 the kernel still reads the image, but fsck.erofs 1.5 overflows its own stack.
  test('of directories 500 deep', async () => {
    const path = 'd/'.repeat(500)
    const found = await build(new TreeBuilder().addFile(`${path}f`, 'deep'))
    assert.equal(found.get(`${path}f`)!.sha256, sha256('deep'))
  })

  test('of a file with a thousand names', async () => {
    const tree = new TreeBuilder().addFile('a', 'shared')
    for (let i = 0; i < 1000; i++) tree.addHardLink(`names/${i}`, 'a')
    const found = await build(tree)
    assert.equal(found.get('a')!.links, 1001)
  })

  test('whose last inode would end with the last block (fsck.erofs 1.5 reads on)', async () => {
    for (let size = 3900; size <= 4032; size += 32) {
      await build(new TreeBuilder().addFile('a', 'x'.repeat(size)).addFile('b', ''))
    }
  })

  test('is the same, byte for byte, whenever it is made', async () => {
    const make = (): TreeBuilder => new TreeBuilder().addFile('a/b', 'x', { mtime: 5 }).addSymlink('c', 'a')
    const [one, two] = [await build(make()), await build(make())]
    assert.deepEqual(readFileSync(one.path!), readFileSync(two.path!))
    assert.equal(one.written!.digest, two.written!.digest)
    const other = await build(make().addFile('d', ''))
    assert.notEqual(other.written!.digest, one.written!.digest)
  })

  test('is understood by dump.erofs, its checksum included', async () => {
    const { path } = await build(new TreeBuilder().addFile('etc/motd', 'hello'))
    const superblock = run('dump.erofs', ['-s', path!])
    assert.match(superblock, /inode count: +3/)
    assert.match(superblock, /sb_csum/)
    assert.match(run('dump.erofs', ['--path=/etc/motd', path!]), /Size: 5 /)
  })
})

describe('what cannot be in an image', () => {
  const CASES: readonly (readonly [string, (tree: TreeBuilder) => unknown])[] = [
    ['a mode with a file type', (tree) => tree.addFile('f', '', { mode: 0o100644 })],
    ['a negative owner', (tree) => tree.addFile('f', '', { uid: -1 })],
    ['an empty symlink', (tree) => tree.addSymlink('s', '')],
    ['a major number of 13 bits', (tree) => tree.addDevice('d', 'block', 4096, 0)],
    ['a name of 256 bytes', (tree) => tree.addFile('n'.repeat(256), '')],
    ['a hard link to nothing', (tree) => tree.addHardLink('h', 'missing')],
    ['a file below a file', (tree) => tree.addFile('f', '').addFile('f/g', '')],
    ['an xattr of an unknown kind', (tree) => tree.addFile('f', '', { xattrs: { 'system.x': '' } })],
  ]
  for (const [name, add] of CASES) {
    test(name, () => {
      assert.throws(() => add(new TreeBuilder()), { name: 'VmError' })
    })
  }

  test('a file that changed after it was added', async () => {
    const source = join(dir, 'changing')
    writeFileSync(source, 'before')
    const tree = new TreeBuilder().addFile('f', { file: source })
    writeFileSync(source, 'after it')
    await assert.rejects(writeErofs(tree, join(dir, 'changed.erofs')), { code: 'ERR_INLINUX_IMAGE_INVALID' })
    assert.throws(() => statSync(join(dir, 'changed.erofs')), { code: 'ENOENT' })
    assert.throws(() => statSync(join(dir, 'changed.erofs.tails')), { code: 'ENOENT' })
  })
})
