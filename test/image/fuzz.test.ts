// Random trees survive the round trip through an image; random damage to an archive never does worse than VmError.
// INLINUX_FUZZ_RUNS and INLINUX_FUZZ_SEED make it longer or other. Failures are not shrunk: each step runs fsck.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { VmError } from '../../src/errors/index.ts'
import { image, TreeBuilder, writeErofs } from '../../src/image/index.ts'
import { readErofs } from './erofs-reader.ts'
import { dockerArchive } from './oci-build.ts'
import { tar } from './tar-build.ts'
import { fsck, temporaryDirectory } from './tools.ts'

const dir = temporaryDirectory()
const RUNS = Number(process.env.INLINUX_FUZZ_RUNS ?? 60)
const SEED = Number(process.env.INLINUX_FUZZ_SEED ?? 20261122)

const name = fc.oneof(
  fc.constantFrom('a', 'b', 'c', 'd', '!', '.x', '~', '-'),
  fc
    .string({ minLength: 1, maxLength: 12, unit: 'binary' })
    .filter((text) => !/[/\0]/.test(text) && !/^\.{1,2}$/.test(text)),
  fc.integer({ min: 200, max: 255 }).map((length) => 'n'.repeat(length)),
)
const size = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.constantFrom(4031, 4032, 4033, 4095, 4096, 4097, 8191, 8192, 12_288),
  fc.integer({ min: 0, max: 40_000 }),
)
const xattrs = fc.dictionary(
  fc
    .tuple(fc.constantFrom('user.', 'trusted.', 'security.'), fc.stringMatching(/^[a-z]{1,20}$/))
    .map((parts) => parts.join('')),
  fc.uint8Array({ maxLength: 600 }),
  { maxKeys: 4 },
)
const options = fc.record({
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 0xfffffffe }),
  gid: fc.integer({ min: 0, max: 0xfffffffe }),
  mtime: fc.record({
    seconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
    nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
  }),
  xattrs,
})
const node = fc.record({
  path: fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/')),
  kind: fc.constantFrom('file', 'file', 'file', 'directory', 'symlink', 'character', 'block', 'fifo', 'link'),
  options,
  size,
  target: fc.stringMatching(/^[a-z/.]{1,300}$/),
  number: fc.integer({ min: 0, max: 0xfff }),
  pick: fc.nat(),
})

describe('random trees', () => {
  test('read back as they were built', async () => {
    let count = 0
    await fc.assert(
      fc.asyncProperty(fc.array(node, { maxLength: 60 }), async (nodes) => {
        const tree = new TreeBuilder()
        const expected = new Map<string, object>()
        const files: string[] = []
        for (const each of nodes) {
          try {
            const described = add(tree, each, files)
            const key = Buffer.from(each.path).toString('latin1')
            // What lay below a directory that became something else is gone.
            if (each.kind !== 'directory')
              for (const path of expected.keys()) if (path.startsWith(`${key}/`)) expected.delete(path)
            if (described === undefined) expected.delete(key)
            else expected.set(key, described)
          } catch (error) {
            // A parent that is a file, a path through a symlink: refused, and nothing was changed.
            assert.ok(error instanceof VmError, String(error))
          }
        }
        const path = join(dir, `tree-${count++}.erofs`)
        await writeErofs(tree, path)
        fsck(path)
        const found = readErofs(path)
        for (const [at, described] of expected) {
          const { mode, uid, gid, mtime, xattrs: attributes, sha256, target, device } = found.get(at)!
          assert.deepEqual(
            { mode, uid, gid, mtime, xattrs: attributes, sha256, target, device },
            described,
            at,
          )
        }
        rmSync(path)
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true, includeErrorInReport: true },
    )
  })
})

type Node = typeof node extends fc.Arbitrary<infer T> ? T : never
const TYPE_BITS: ReadonlyMap<string, number> = new Map([
  ['file', 0o100000],
  ['directory', 0o040000],
  ['symlink', 0o120000],
  ['character', 0o020000],
  ['block', 0o060000],
  ['fifo', 0o010000],
])

/** Adds one node. @returns what the reader should find, or undefined for a hard link */
function add(tree: TreeBuilder, each: Node, files: string[]): object | undefined {
  const { path, kind, options: given } = each
  const data = createHash('sha256').update(path).digest().subarray(0, 7)
  const bytes = Buffer.alloc(each.size, data)
  if (kind === 'link') {
    if (files.length > 0) tree.addHardLink(path, files[each.pick % files.length]!)
    return undefined
  }
  if (kind === 'file') tree.addFile(path, bytes, given)
  else if (kind === 'directory') tree.addDirectory(path, given)
  else if (kind === 'symlink') tree.addSymlink(path, each.target, given)
  else if (kind === 'fifo') tree.addFifo(path, given)
  else tree.addDevice(path, kind, each.number, each.number, given)
  if (kind === 'file') files.push(path)
  const attributes = Object.entries(given.xattrs).map(([key, value]) => [
    key,
    Buffer.from(value).toString('hex'),
  ])
  return {
    mode: TYPE_BITS.get(kind)! | given.mode,
    uid: given.uid,
    gid: given.gid,
    mtime: `${given.mtime.seconds}.${String(given.mtime.nanoseconds).padStart(9, '0')}`,
    xattrs: attributes.length === 0 ? undefined : Object.fromEntries(attributes),
    sha256: kind === 'file' ? createHash('sha256').update(bytes).digest('hex') : undefined,
    target: kind === 'symlink' ? each.target : undefined,
    device: kind === 'character' || kind === 'block' ? `${each.number}:${each.number}` : undefined,
  }
}

const victims: readonly Buffer[] = [
  tar(
    { name: 'd/', type: '5', mode: 0o755 },
    {
      name: 'd/f',
      data: 'x'.repeat(3000),
      pax: { mtime: '1.5', 'SCHILY.xattr.user.a': Buffer.from([0xff, 1]) },
    },
    { name: 'd/l', type: '2', linkname: 'f' },
    { name: 'd/h', type: '1', linkname: 'd/f' },
    { name: 'dev', type: '3', major: 1, minor: 3 },
    { name: 'x', data: 'y', pax: { path: `long/${'n'.repeat(150)}` } },
  ),
  dockerArchive({ layers: [[{ name: 'a', data: 'b' }], [{ name: '.wh.a', data: '' }]] }, ['t:latest']),
]

const damage = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    how: fc.constantFrom('set', 'flip', 'cut', 'insert', 'double'),
    byte: fc.integer({ min: 0, max: 255 }),
    length: fc.integer({ min: 1, max: 700 }),
  }),
  { minLength: 1, maxLength: 6 },
)

describe('damaged archives', () => {
  test('are converted or refused, and leave nothing behind', async () => {
    const cacheDir = join(dir, 'cache')
    let refused = 0
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...victims), damage, fc.boolean(), async (victim, damages, fixes) => {
        let bytes = damages.reduce(applyDamage, victim)
        if (fixes) bytes = withChecksums(bytes)
        try {
          fsck((await image.fromTar(bytes, { limits: { maxBytes: 10_000_000 } }).prepare({ cacheDir })).path)
        } catch (error) {
          assert.ok(error instanceof VmError, `${error instanceof Error ? error.stack : error}`)
          refused++
        }
        assert.deepEqual(readdirSync(join(cacheDir, 'images/tmp')), [])
      }),
      { numRuns: RUNS * 4, seed: SEED, endOnFailure: true, includeErrorInReport: true },
    )
    assert.ok(refused > 0)
  })
})

function applyDamage(
  bytes: Buffer,
  { at, how, byte, length }: { at: number; how: string; byte: number; length: number },
): Buffer {
  const index = Math.floor(at * bytes.length)
  if (how === 'cut') return Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + length)])
  if (how === 'insert')
    return Buffer.concat([bytes.subarray(0, index), Buffer.alloc(length, byte), bytes.subarray(index)])
  if (how === 'double') return Buffer.concat([bytes.subarray(0, index + length), bytes.subarray(index)])
  const copy = Buffer.from(bytes)
  if (copy.length > 0) copy[index] = how === 'set' ? byte : copy[index]! ^ (1 << (byte & 7))
  return copy
}

/** Makes every block that looks like a header valid again, so that the damage gets past the checksum. */
function withChecksums(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  for (let at = 0; at + 512 <= copy.length; at += 512) {
    if (copy.toString('latin1', at + 257, at + 262) !== 'ustar') continue
    copy.fill(0x20, at + 148, at + 156)
    const sum = copy.subarray(at, at + 512).reduce((total, byte) => total + byte, 0)
    copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1')
  }
  return copy
}
