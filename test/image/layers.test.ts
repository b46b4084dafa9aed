// Layers on layers: the tree of every scenario equals what `umoci unpack` makes of the same OCI layout.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { image } from '../../src/image/index.ts'
import { type ReadInode, readErofs } from './erofs-reader.ts'
import { comparable, readHostTree } from './host-tree.ts'
import { Layout } from './oci-build.ts'
import type { Entry } from './tar-build.ts'
import { fsck, run, temporaryDirectory } from './tools.ts'

const dir = temporaryDirectory()

const d = (name: string, more: Partial<Entry> = {}): Entry => ({
  name: `${name}/`,
  type: '5',
  mode: 0o755,
  mtime: 100,
  ...more,
})
const f = (name: string, data: string = name, more: Partial<Entry> = {}): Entry => ({
  name,
  data,
  mtime: 200,
  ...more,
})
const link = (name: string, linkname: string): Entry => ({ name, type: '1', linkname })
const symlink = (name: string, linkname: string): Entry => ({
  name,
  type: '2',
  linkname,
  mode: 0o777,
  mtime: 300,
})
const whiteout = (name: string): Entry => ({ name, data: '' })

const BASE: readonly Entry[] = [
  d('.'),
  d('etc'),
  f('etc/passwd', 'root:x:0:0\n', { mode: 0o640 }),
  f('etc/shadow', 'secret', { mode: 0o600 }),
  d('usr'),
  d('usr/lib'),
  f('usr/lib/libc.so', 'L'.repeat(10_000)),
  symlink('lib', 'usr/lib'),
  d('var'),
  d('var/cache'),
  f('var/cache/one'),
  f('var/cache/two'),
  d('var/cache/deep'),
  f('var/cache/deep/three'),
]

const SCENARIOS: readonly (readonly [name: string, ...layers: (readonly Entry[])[]])[] = [
  ['one layer', BASE],
  ['a file replaced by a file', BASE, [d('etc'), f('etc/passwd', 'new', { mode: 0o600, mtime: 7 })]],
  ['a file removed', BASE, [d('etc'), whiteout('etc/.wh.shadow')]],
  ['a directory removed', BASE, [d('var'), whiteout('var/.wh.cache')]],
  ['a whiteout of nothing', BASE, [d('etc'), whiteout('etc/.wh.never-was')]],
  [
    'a removed file made again by the next layer',
    BASE,
    [whiteout('etc/.wh.shadow')],
    [f('etc/shadow', 'again')],
  ],
  ['an opaque directory', BASE, [d('var/cache'), whiteout('var/cache/.wh..wh..opq'), f('var/cache/new')]],
  [
    'an opaque mark after the new files',
    BASE,
    [d('var/cache'), f('var/cache/new'), whiteout('var/cache/.wh..wh..opq')],
  ],
  [
    'an opaque mark beside a new subdirectory',
    BASE,
    [d('var/cache'), whiteout('var/cache/.wh..wh..opq'), d('var/cache/deep'), f('var/cache/deep/four')],
  ],
  ['a directory replaced by a file', BASE, [d('var'), f('var/cache', 'now a file')]],
  [
    'a file replaced by a directory',
    BASE,
    [d('usr'), d('usr/lib'), d('usr/lib/libc.so'), f('usr/lib/libc.so/x')],
  ],
  ['a symlink replaced by a directory', BASE, [d('lib', { mode: 0o700 }), f('lib/own')]],
  ['a symlink replaced by a file', BASE, [f('lib', 'file')]],
  ['a directory replaced by a symlink', BASE, [d('var'), symlink('var/cache', '../etc')]],
  ['a directory with a new mode and time', BASE, [d('var/cache', { mode: 0o1777, mtime: 555 })]],
  ['a file below a symlinked directory of the base', BASE, [f('lib/libm.so', 'M')]],
  ['a hard link inside a layer', BASE, [d('usr/lib'), f('usr/lib/a', 'aa'), link('usr/lib/b', 'usr/lib/a')]],
  [
    'a hard link to a file of a lower layer',
    BASE,
    [d('usr/lib'), link('usr/lib/libc.so.6', 'usr/lib/libc.so')],
  ],
  [
    'one name of a hard link replaced',
    [...BASE, link('etc/alias', 'etc/passwd')],
    [d('etc'), f('etc/alias', 'apart')],
  ],
  [
    'one name of a hard link removed',
    [...BASE, link('etc/alias', 'etc/passwd')],
    [d('etc'), whiteout('etc/.wh.passwd')],
  ],
  ['a hard link to a symlink', BASE, [link('lib64', 'lib')]],
  [
    'special permission bits',
    BASE,
    [d('tmp', { mode: 0o1777 }), f('su', 's', { mode: 0o4755 }), f('wall', 'w', { mode: 0o2755 })],
  ],
  [
    'three layers that undo each other',
    BASE,
    [whiteout('.wh.var')],
    [d('var'), f('var/new')],
    [whiteout('var/.wh.new')],
  ],
  ['a fifo', BASE, [{ name: 'pipe', type: '6', mode: 0o644, mtime: 1 }]],
]

/** Unprivileged, umoci maps every owner to the caller and makes no device nodes. */
const isRoot = process.getuid?.() === 0
const unpackArguments = isRoot ? [] : ['--rootless']
const notCompared: (keyof ReadInode)[] = isRoot ? [] : ['uid', 'gid']

describe('layers, against umoci', () => {
  for (const [i, [name, ...layers]] of SCENARIOS.entries()) {
    test(name, async () => {
      const layout = new Layout(join(dir, `layout-${i}`))
      layout.index(layout.image({ layers, ref: 'test' }))
      const bundle = join(dir, `bundle-${i}`)
      run('umoci', ['unpack', ...unpackArguments, '--image', `${layout.dir}:test`, bundle])

      const prepared = await image
        .fromOciLayout(layout.dir, { ref: 'test' })
        .prepare({ cacheDir: join(dir, 'cache') })

      fsck(prepared.path)
      const expected = comparable(readHostTree(join(bundle, 'rootfs')), notCompared)
      assert.deepEqual(comparable(readErofs(prepared.path), notCompared), expected)
    })
  }
})
