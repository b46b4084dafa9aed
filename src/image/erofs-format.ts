// The on-disk format of EROFS, as far as we write it. Names are those of the kernel's fs/erofs/erofs_fs.h.
//
//   block 0   0..1023      boot sector, zeros
//             1024..1151   erofs_super_block
//   inode     nid * 32 bytes after meta_blkaddr:
//             64 bytes     erofs_inode_extended (32-bit ids, nanoseconds)
//             12 + n       erofs_xattr_ibody_header and entries, when it has xattrs
//             0..4032      the tail of its data, when the layout is FLAT_INLINE (never across a block)
//   directory each block:  erofs_dirent[] sorted by name, then the names
//
// Left out: compression (the guest kernel is built without it, and the page cache of the host does better),
// chunks, shared xattrs and compact inodes (they save well below 1 % and lose ids and time stamps).

import type { ByteString, Inode } from './inode.ts'
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from './inode.ts'

export const BLOCK = 4096
export const BLOCK_BITS = 12
export const EROFS_SUPER_OFFSET = 1024
export const EROFS_SUPER_MAGIC_V1 = 0xe0f5e1e2
export const EROFS_FEATURE_COMPAT_SB_CHKSUM = 1
export const EROFS_FEATURE_COMPAT_MTIME = 2
export const EROFS_INODE_FLAT_PLAIN = 0
export const EROFS_INODE_FLAT_INLINE = 2
export const EROFS_INODE_LAYOUT_EXTENDED = 1
/** A nid counts slots of 32 bytes. */
export const SLOT = 32
export const INODE_SIZE = 64
export const DIRENT_SIZE = 12
const XATTR_IBODY_HEADER_SIZE = 12
const XATTR_ENTRY_SIZE = 4

/** Longest prefix first: `system.posix_acl_access` has an empty rest. */
const XATTR_INDEX: readonly (readonly [prefix: string, index: number])[] = [
  ['system.posix_acl_access', 2],
  ['system.posix_acl_default', 3],
  ['security.', 6],
  ['trusted.', 4],
  ['user.', 1],
]

/** `EROFS_FT_*`, the generic FT_* of Linux. */
const FILE_TYPE: ReadonlyMap<number, number> = new Map([
  [S_IFREG, 1],
  [S_IFDIR, 2],
  [S_IFCHR, 3],
  [S_IFBLK, 4],
  [S_IFIFO, 5],
  [S_IFSOCK, 6],
  [S_IFLNK, 7],
])

export interface SuperBlock {
  readonly rootNid: number
  readonly inodes: number
  readonly buildTime: number
  readonly blocks: number
  readonly metaBlock: number
  readonly uuid: Uint8Array
}

/** Block 0 of an image, with its checksum. */
export function encodeSuperBlock(fields: SuperBlock): Buffer {
  const block = Buffer.alloc(BLOCK)
  const sb = block.subarray(EROFS_SUPER_OFFSET)
  sb.writeUInt32LE(EROFS_SUPER_MAGIC_V1, 0)
  sb.writeUInt32LE(EROFS_FEATURE_COMPAT_SB_CHKSUM | EROFS_FEATURE_COMPAT_MTIME, 8)
  sb.writeUInt8(BLOCK_BITS, 12)
  sb.writeUInt16LE(fields.rootNid, 14)
  sb.writeBigUInt64LE(BigInt(fields.inodes), 16)
  sb.writeBigInt64LE(BigInt(fields.buildTime), 24)
  sb.writeUInt32LE(fields.blocks, 36)
  sb.writeUInt32LE(fields.metaBlock, 40)
  sb.set(fields.uuid, 48)
  sb.writeUInt32LE(crc32c(sb), 4)
  return block
}

/** The size in bytes that a superblock claims for its image, or undefined when it is none or damaged. */
export function imageSizeOf(block: Buffer): number | undefined {
  const sb = Buffer.from(block.subarray(EROFS_SUPER_OFFSET, BLOCK))
  if (sb.length !== BLOCK - EROFS_SUPER_OFFSET || sb.readUInt32LE(0) !== EROFS_SUPER_MAGIC_V1)
    return undefined
  const bits = sb.readUInt8(12)
  if (bits < 9 || bits > BLOCK_BITS) return undefined
  if (bits === BLOCK_BITS && (sb.readUInt32LE(8) & EROFS_FEATURE_COMPAT_SB_CHKSUM) !== 0) {
    const stored = sb.readUInt32LE(4)
    sb.writeUInt32LE(0, 4)
    if (crc32c(sb) !== stored) return undefined
  }
  return sb.readUInt32LE(36) * 2 ** bits
}

/** Where the writer put an inode and its data. */
export interface Placement {
  readonly layout: number
  readonly size: number
  readonly block: number
  readonly xattrBytes: number
  readonly ino: number
  readonly links: number
}

/** Fills 64 zeroed bytes at `at` with an erofs_inode_extended. */
export function encodeInode(out: Buffer, at: number, inode: Inode, place: Placement): void {
  const type = inode.mode & S_IFMT
  const isDevice = type === S_IFCHR || type === S_IFBLK
  out.writeUInt16LE(EROFS_INODE_LAYOUT_EXTENDED | (place.layout << 1), at)
  out.writeUInt16LE(place.xattrBytes === 0 ? 0 : 1 + (place.xattrBytes - XATTR_IBODY_HEADER_SIZE) / 4, at + 2)
  out.writeUInt16LE(inode.mode, at + 4)
  out.writeUInt32LE(place.size % 2 ** 32, at + 8)
  out.writeUInt32LE(Math.floor(place.size / 2 ** 32), at + 12)
  out.writeUInt32LE(isDevice ? encodeDevice(inode.major, inode.minor) : place.block, at + 16)
  out.writeUInt32LE(place.ino, at + 20)
  out.writeUInt32LE(inode.uid, at + 24)
  out.writeUInt32LE(inode.gid, at + 28)
  out.writeBigInt64LE(BigInt(inode.mtimeSeconds), at + 32)
  out.writeUInt32LE(inode.mtimeNanoseconds, at + 40)
  out.writeUInt32LE(place.links, at + 44)
}

/** `new_encode_dev()` of the kernel. */
function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0
}

/** EROFS can hold this attribute at all. */
export function isKnownXattr(name: ByteString): boolean {
  return splitXattr(name) !== undefined
}

function splitXattr(name: ByteString): { index: number; rest: ByteString } | undefined {
  for (const [prefix, index] of XATTR_INDEX) {
    const isWhole = !prefix.endsWith('.')
    if (isWhole ? name === prefix : name.startsWith(prefix) && name.length > prefix.length) {
      return { index, rest: name.slice(prefix.length) }
    }
  }
  return undefined
}

/** Bytes of the header and the entries of an inode's xattrs; 0 when it has none. */
export function xattrSize(xattrs: ReadonlyMap<ByteString, Buffer> | undefined): number {
  if (xattrs === undefined || xattrs.size === 0) return 0
  let size = XATTR_IBODY_HEADER_SIZE
  for (const [name, value] of xattrs) size += xattrEntrySize(name, value)
  return size
}

function xattrEntrySize(name: ByteString, value: Buffer): number {
  return roundUp(XATTR_ENTRY_SIZE + (splitXattr(name)?.rest.length ?? 0) + value.length, 4)
}

/** Inline xattrs, sorted by name so that equal trees give equal images. */
export function encodeXattrs(xattrs: ReadonlyMap<ByteString, Buffer>): Buffer {
  const out = Buffer.alloc(xattrSize(xattrs))
  let at = XATTR_IBODY_HEADER_SIZE
  for (const name of [...xattrs.keys()].sort(compareBytes)) {
    const value = xattrs.get(name) as Buffer
    const split = splitXattr(name)
    if (split === undefined) throw new RangeError(`no EROFS name index for the xattr ${name}`)
    out.writeUInt8(split.rest.length, at)
    out.writeUInt8(split.index, at + 1)
    out.writeUInt16LE(value.length, at + 2)
    out.write(split.rest, at + XATTR_ENTRY_SIZE, 'latin1')
    out.set(value, at + XATTR_ENTRY_SIZE + split.rest.length)
    at += xattrEntrySize(name, value)
  }
  return out
}

export interface DirectoryEntry {
  readonly name: ByteString
  readonly inode: Inode
}

/** Splits sorted entries into the runs that share a block, and gives the directory's size. */
export function packDirectory(names: readonly ByteString[]): {
  readonly starts: number[]
  readonly size: number
} {
  const starts: number[] = [0]
  let used = 0
  for (let i = 0; i < names.length; i++) {
    const need = DIRENT_SIZE + names[i]!.length
    if (used + need > BLOCK) {
      starts.push(i)
      used = 0
    }
    used += need
  }
  return { starts, size: (starts.length - 1) * BLOCK + used }
}

/** One block (or, for the last one, the part in use) of a directory. */
export function encodeDirents(
  entries: readonly DirectoryEntry[],
  from: number,
  to: number,
  nidOf: (inode: Inode) => number,
): Buffer {
  let size = 0
  for (let i = from; i < to; i++) size += DIRENT_SIZE + entries[i]!.name.length
  const out = Buffer.alloc(size)
  let nameAt = DIRENT_SIZE * (to - from)
  for (let i = from, at = 0; i < to; i++, at += DIRENT_SIZE) {
    const { name, inode } = entries[i]!
    const nid = nidOf(inode)
    out.writeUInt32LE(nid % 2 ** 32, at)
    out.writeUInt32LE(Math.floor(nid / 2 ** 32), at + 4)
    out.writeUInt16LE(nameAt, at + 8)
    out.writeUInt8(FILE_TYPE.get(inode.type) ?? 0, at + 10)
    nameAt += out.write(name, nameAt, 'latin1')
  }
  return out
}

export function compareBytes(a: ByteString, b: ByteString): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit
}

const CRC32C_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc >>> 0
})

/** CRC-32C as the kernel's `crc32c(~0, …)`: no final inversion. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (let i = 0; i < bytes.length; i++) crc = (CRC32C_TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)) >>> 0
  return crc >>> 0
}
