// A small EROFS reader, so that tests can see everything that is in an image: ids, times, link counts, device
// numbers, xattrs. Written from the kernel's on-disk format and independent of the writer's code.
//
// It is strict where the kernel is: inline data must not cross a block, entries must be sorted, names must be
// unique, `.` and `..` must be right, the link counts must agree with what is found.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const BLOCK = 4096
const XATTR_PREFIX: Readonly<Record<number, string>> = {
  1: 'user.',
  2: 'system.posix_acl_access',
  3: 'system.posix_acl_default',
  4: 'trusted.',
  6: 'security.',
}
/** `EROFS_FT_*` by the type bits of the mode. */
const FILE_TYPE: ReadonlyMap<number, number> = new Map([
  [0o100000, 1],
  [0o040000, 2],
  [0o020000, 3],
  [0o060000, 4],
  [0o010000, 5],
  [0o140000, 6],
  [0o120000, 7],
])

export interface ReadInode {
  mode: number
  uid: number
  gid: number
  size: number
  mtime: string
  links: number
  /** Of regular files: SHA-256 of the data. */
  sha256?: string
  target?: string
  device?: string
  /** Values as hex. */
  xattrs?: Record<string, string>
  /** Paths of the same inode, this one included, sorted; only when there are several. */
  sameAs?: string[]
}

/** Everything in the image by path; the root is `.`; paths are latin1 strings. */
export function readErofs(path: string): Map<string, ReadInode> {
  const fd = openSync(path, 'r')
  try {
    return new Reader(fd, fstatSync(fd).size).readAll()
  } finally {
    closeSync(fd)
  }
}

class Reader {
  readonly #fd: number
  readonly #metaStart: number
  readonly #rootNid: number
  readonly #inodeCount: number

  constructor(fd: number, fileSize: number) {
    this.#fd = fd
    const sb = this.#read(1024, 128)
    assert.equal(sb.readUInt32LE(0), 0xe0f5e1e2, 'magic')
    assert.equal(sb.readUInt32LE(80), 0, 'feature_incompat')
    assert.equal(sb.readUInt8(12), 12, 'blkszbits')
    assert.equal(sb.readUInt32LE(36) * BLOCK, fileSize, 'blocks')
    this.#rootNid = sb.readUInt16LE(14)
    this.#inodeCount = Number(sb.readBigUInt64LE(16))
    this.#metaStart = sb.readUInt32LE(40) * BLOCK
  }

  readAll(): Map<string, ReadInode> {
    const found = new Map<string, ReadInode>()
    const pathsOf = new Map<number, string[]>()
    const stack = [{ path: '.', nid: this.#rootNid, parent: this.#rootNid }]
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { path, nid, parent } = next
      const { inode, entries } = this.#inode(nid)
      found.set(path, inode)
      pathsOf.set(nid, [...(pathsOf.get(nid) ?? []), path])
      if (entries === undefined) continue
      assert.equal(pathsOf.get(nid)?.length, 1, `${path}: a directory with two names`)
      assert.equal(entries.get('.')?.nid, nid, `${path}: .`)
      assert.equal(entries.get('..')?.nid, parent, `${path}: ..`)
      let subdirectories = 0
      for (const [name, entry] of entries) {
        if (name === '.' || name === '..') continue
        if (entry.type === 2) subdirectories++
        stack.push({ path: path === '.' ? name : `${path}/${name}`, nid: entry.nid, parent: nid })
      }
      assert.equal(inode.links, subdirectories + 2, `${path}: link count`)
    }
    assert.equal(pathsOf.size, this.#inodeCount, 'inos')
    for (const paths of pathsOf.values()) {
      const inode = found.get(paths[0]!)!
      if ((inode.mode & 0o170000) !== 0o040000)
        assert.equal(inode.links, paths.length, `${paths[0]}: link count`)
      if (paths.length > 1) for (const path of paths) found.get(path)!.sameAs = [...paths].sort()
    }
    return found
  }

  #inode(nid: number): { inode: ReadInode; entries: Map<string, { nid: number; type: number }> | undefined } {
    const at = this.#metaStart + nid * 32
    const raw = this.#read(at, 64)
    const format = raw.readUInt16LE(0)
    assert.equal(format & 1, 1, 'extended inode')
    const layout = (format >> 1) & 7
    const count = raw.readUInt16LE(2)
    const xattrBytes = count === 0 ? 0 : 12 + 4 * (count - 1)
    const mode = raw.readUInt16LE(4)
    const size = Number(raw.readBigUInt64LE(8))
    const type = mode & 0o170000
    assert.ok(FILE_TYPE.has(type), `mode ${mode.toString(8)}`)
    const inode: ReadInode = {
      mode,
      uid: raw.readUInt32LE(24),
      gid: raw.readUInt32LE(28),
      size,
      mtime: `${raw.readBigInt64LE(32)}.${String(raw.readUInt32LE(40)).padStart(9, '0')}`,
      links: raw.readUInt32LE(44),
    }
    if (xattrBytes > 0) inode.xattrs = this.#xattrs(at + 64, xattrBytes)
    if (type === 0o020000 || type === 0o060000) {
      const dev = raw.readUInt32LE(16)
      inode.device = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`
    }
    if (type !== 0o100000 && type !== 0o040000 && type !== 0o120000) return { inode, entries: undefined }
    const data = this.#data(raw.readUInt32LE(16), size, layout, at + 64 + xattrBytes)
    if (type === 0o100000) inode.sha256 = createHash('sha256').update(data).digest('hex')
    if (type === 0o120000) inode.target = data.toString('latin1')
    return { inode, entries: type === 0o040000 ? this.#entries(data) : undefined }
  }

  #data(block: number, size: number, layout: number, inlineAt: number): Buffer {
    if (layout === 0) return this.#read(block * BLOCK, size)
    assert.equal(layout, 2, 'layout')
    const full = Math.floor(size / BLOCK) * BLOCK
    const tail = size === full ? BLOCK : size - full
    assert.ok((inlineAt % BLOCK) + tail <= BLOCK, 'inline data must not cross a block')
    return Buffer.concat([this.#read(block * BLOCK, size - tail), this.#read(inlineAt, tail)])
  }

  #xattrs(at: number, size: number): Record<string, string> {
    const raw = this.#read(at, size)
    assert.equal(raw.readUInt8(4), 0, 'shared xattrs')
    const found: Record<string, string> = {}
    for (let i = 12; i < size; ) {
      const nameLength = raw.readUInt8(i)
      const valueLength = raw.readUInt16LE(i + 2)
      const name = XATTR_PREFIX[raw.readUInt8(i + 1)] + raw.toString('latin1', i + 4, i + 4 + nameLength)
      found[name] = raw.toString('hex', i + 4 + nameLength, i + 4 + nameLength + valueLength)
      i += Math.ceil((4 + nameLength + valueLength) / 4) * 4
    }
    return found
  }

  #entries(data: Buffer): Map<string, { nid: number; type: number }> {
    const entries = new Map<string, { nid: number; type: number }>()
    let previous = ''
    for (let start = 0; start < data.length; start += BLOCK) {
      const block = data.subarray(start, start + BLOCK)
      const count = block.readUInt16LE(8) / 12
      for (let i = 0; i < count; i++) {
        const from = block.readUInt16LE(i * 12 + 8)
        let to = i + 1 < count ? block.readUInt16LE(i * 12 + 20) : block.length
        const nul = block.indexOf(0, from)
        if (i + 1 === count && nul >= 0) to = nul
        const name = block.toString('latin1', from, to)
        assert.ok(name > previous, `${JSON.stringify(name)} is out of order`)
        previous = name
        const nid = Number(block.readBigUInt64LE(i * 12))
        const type = block.readUInt8(i * 12 + 10)
        entries.set(name, { nid, type })
        const mode = this.#read(this.#metaStart + nid * 32, 6).readUInt16LE(4)
        assert.equal(FILE_TYPE.get(mode & 0o170000), type, `${name}: file type`)
      }
    }
    return entries
  }

  #read(at: number, size: number): Buffer {
    const out = Buffer.alloc(size)
    assert.equal(readSync(this.#fd, out, 0, size, at), size, `${size} bytes at ${at}`)
    return out
  }
}
