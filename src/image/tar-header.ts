// What a tar entry says, read strictly: the header as `tar-stream` decodes it, corrected by the pax records.
//
// tar-stream applies `path`, `linkpath` and `size` itself and keeps the other records as text. We read from them
// the ids, the time with nanoseconds, device numbers and xattrs, in the two ways in which these are written:
//   SCHILY.xattr.NAME=raw bytes            GNU tar, Go (all container tools); `%3D` and `%25` escaped in NAME
//   LIBARCHIVE.xattr.NAME=base64           bsdtar; NAME percent-encoded
// Raw bytes do not survive a decoding as text, so records with such bytes are parsed again from the archive
// (tar-window.ts). Specification: POSIX.1-2017, pax; GNU tar manual, "Extended attributes" and "Sparse formats".
//
// Refused by name: sparse files, GNU multi-volume and dump-directory entries, links with data of their own.
// Ignored: user and group names (ids decide), access times, text ACLs (SCHILY.acl.*), SELinux records of GNU tar.

import type { ByteString } from './inode.ts'
import { Inode, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } from './inode.ts'
import { FILE_SIZE_MAX, ID_MAX, MAJOR_MAX, MINOR_MAX, PATH_MAX } from './limits.ts'
import { invalid, unsupported } from './tree.ts'
import { checkXattrs } from './xattrs.ts'

/** The fields of tar-stream's header that we use; names and link names are decoded as latin1. */
export interface RawHeader {
  readonly name: ByteString
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: Date
  readonly type: string | null
  readonly linkname: ByteString | null
  readonly devmajor: number
  readonly devminor: number
  readonly byteOffset: number
  readonly pax: Readonly<Record<string, string>> | null
}

export interface TarEntry {
  readonly name: ByteString
  /** Undefined for a hard link. */
  readonly inode: Inode | undefined
  /** Of a hard link: the name of an earlier entry. */
  readonly linkTarget: ByteString
  /** Bytes of data; only regular files have any. */
  readonly size: number
}

const FILE_TYPES: Readonly<Record<string, number>> = {
  file: S_IFREG,
  'contiguous-file': S_IFREG,
  symlink: S_IFLNK,
  'character-device': S_IFCHR,
  'block-device': S_IFBLK,
  directory: S_IFDIR,
  fifo: S_IFIFO,
}

/** @param records all pax records of this entry, as bytes */
export function readHeader(raw: RawHeader, records: ReadonlyMap<string, Buffer>): TarEntry {
  const name = records.get('path')?.toString('latin1') ?? raw.name
  const linkname = records.get('linkpath')?.toString('latin1') ?? raw.linkname ?? ''
  for (const key of records.keys()) {
    if (key.startsWith('GNU.sparse.')) unsupported(name, 'it is a sparse file', 'repack it without --sparse')
  }
  if (!Number.isSafeInteger(raw.size) || raw.size < 0) invalid(name, 'its size is not a number')
  if (raw.size > FILE_SIZE_MAX) invalid(name, `it claims to have ${raw.size} bytes`)
  const hasData = raw.type === 'file' || raw.type === 'contiguous-file'
  if (!hasData && raw.size > 0 && raw.type !== 'directory') {
    unsupported(name, `a ${raw.type ?? 'special'} entry carries data`, 'repack the archive with GNU tar')
  }
  if (raw.type === 'link') return { name, inode: undefined, linkTarget: linkname, size: 0 }

  const type = FILE_TYPES[raw.type ?? '']
  if (type === undefined) {
    unsupported(name, 'its type is unknown (multi-volume, sparse, …)', 'repack it with tar --format=pax')
  }
  const uid = integer(records, 'uid') ?? raw.uid
  const gid = integer(records, 'gid') ?? raw.gid
  if (!isWithin(raw.mode, 0xffffffff)) invalid(name, 'its mode is not a number')
  if (!isWithin(uid, ID_MAX) || !isWithin(gid, ID_MAX)) invalid(name, `its owner is ${uid}:${gid}`)

  const inode = new Inode(type | (raw.mode & 0o7777), uid, gid, readTime(name, raw, records.get('mtime')))
  if (type === S_IFLNK) {
    if (linkname === '' || linkname.length >= PATH_MAX || linkname.includes('\0')) {
      invalid(name, 'a symlink target has 1 to 4095 bytes and no NUL')
    }
    inode.target = linkname
  }
  if (type === S_IFCHR || type === S_IFBLK) {
    inode.major = integer(records, 'SCHILY.devmajor') ?? raw.devmajor
    inode.minor = integer(records, 'SCHILY.devminor') ?? raw.devminor
    if (!isWithin(inode.major, MAJOR_MAX) || !isWithin(inode.minor, MINOR_MAX)) {
      invalid(name, `its device number is ${inode.major}:${inode.minor}`)
    }
  }
  const xattrs = readXattrs(name, records)
  if (xattrs.size > 0) inode.xattrs = xattrs
  return { name, inode, linkTarget: '', size: type === S_IFREG ? raw.size : 0 }
}

/** `mtime=1700000000.123456789`: kept exactly, which a floating-point number could not do. */
function readTime(
  name: ByteString,
  raw: RawHeader,
  record: Buffer | undefined,
): { seconds: number; nanoseconds: number } {
  const header = raw.mtime.getTime() / 1000
  if (record === undefined) {
    if (!Number.isSafeInteger(header)) invalid(name, 'its time is not a number')
    return { seconds: header, nanoseconds: 0 }
  }
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(record.toString('latin1'))
  if (match === null) invalid(name, 'its time is not a number')
  const [, sign, whole, fraction = ''] = match
  const nanoseconds = Number(fraction.padEnd(9, '0').slice(0, 9))
  if (sign === '') return { seconds: Number(whole), nanoseconds }
  // Before the epoch: -1.25 is two seconds before it plus 750 million nanoseconds.
  if (nanoseconds === 0) return { seconds: 0 - Number(whole), nanoseconds: 0 }
  return { seconds: 0 - Number(whole) - 1, nanoseconds: 1e9 - nanoseconds }
}

function readXattrs(name: ByteString, records: ReadonlyMap<string, Buffer>): Map<ByteString, Buffer> {
  const xattrs = new Map<ByteString, Buffer>()
  for (const [key, value] of records) {
    if (key.startsWith('SCHILY.xattr.')) {
      const escaped = Buffer.from(key.slice('SCHILY.xattr.'.length)).toString('latin1')
      xattrs.set(escaped.replaceAll('%3D', '=').replaceAll('%25', '%'), value)
    } else if (key.startsWith('LIBARCHIVE.xattr.')) {
      const escaped = Buffer.from(key.slice('LIBARCHIVE.xattr.'.length)).toString('latin1')
      const plain = escaped.replace(/%([0-9A-Fa-f]{2})/g, (_, hex) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      )
      if (!xattrs.has(plain)) xattrs.set(plain, Buffer.from(value.toString('latin1'), 'base64'))
    }
  }
  if (xattrs.size > 0) checkXattrs(name, xattrs)
  return xattrs
}

function integer(records: ReadonlyMap<string, Buffer>, key: string): number | undefined {
  const record = records.get(key)
  if (record === undefined) return undefined
  const text = record.toString('latin1')
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
}

function isWithin(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max
}
