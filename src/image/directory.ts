// A directory of the host as a tree: listed by `lstat` only, nothing opened, nothing followed.
//
// The listing also yields a fingerprint (names, inodes, sizes, times, owners), which is the cache's key: an
// unchanged directory is not read again. Like `tar --one-file-system`, the walk stops at mount points, which
// become empty directories; so a chroot with /proc mounted inside can be converted.
//
// Node has no call for extended attributes: a directory's are not seen. `tar --xattrs` and `fromTar` keep them.

import { createHash } from 'node:crypto'
import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { VmError } from '../errors/index.ts'
import { identityOf } from './host-file.ts'
import { type ByteString, Inode, S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from './inode.ts'
import type { Budget } from './limits.ts'
import type { Pace } from './pace.ts'
import { invalid } from './tree.ts'

export interface ListedDirectory {
  readonly root: Inode
  /** SHA-256, hex. Changes when anything that would be in the image has changed. */
  readonly fingerprint: string
  /** Bytes of all regular files. */
  readonly bytes: number
}

/** Owner of every file in the image, instead of the one found. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** @throws VmError `ERR_INLINUX_IMAGE_INVALID` when something cannot be listed */
export async function listDirectory(
  path: string,
  owner: Owner | undefined,
  budget: Budget,
  pace: Pace,
): Promise<ListedDirectory> {
  const hash = createHash('sha256')
  const hardLinks = new Map<string, Inode>()
  let bytes = 0
  const top = bytesOf(path)
  const rootStat = lstat(top)
  if (!rootStat.isDirectory()) throw new VmError('ERR_INLINUX_IMAGE_INVALID', `${path} is not a directory`)

  const visit = (at: ByteString, stat: BigIntStats): Inode => {
    hash.update(`${at.length}:`).update(at, 'latin1')
    hash.update(`:${identityOf(stat)}:${stat.mode}:${stat.uid}:${stat.gid}:${stat.rdev}\n`)
    const key = `${stat.dev}:${stat.ino}`
    const known = stat.nlink > 1n && !stat.isDirectory() ? hardLinks.get(key) : undefined
    if (known !== undefined) return known
    const inode = inodeOf(at, stat, owner)
    if (inode.type === S_IFREG) {
      bytes += Number(stat.size)
      budget.spendBytes(Number(stat.size))
    }
    budget.spendEntry(at.length + (inode.target?.length ?? 0))
    if (stat.nlink > 1n && inode.type !== S_IFDIR) hardLinks.set(key, inode)
    return inode
  }

  const root = visit(top, rootStat)
  const stack: { at: ByteString; inode: Inode }[] = [{ at: top, inode: root }]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    for (const name of list(next.at)) {
      const at = next.at === '/' ? `/${name}` : `${next.at}/${name}`
      const stat = lstat(at)
      const child = visit(at, stat)
      next.inode.children?.set(name, child)
      if (child.type === S_IFDIR && stat.dev === rootStat.dev) stack.push({ at, inode: child })
      if (pace.isDue) await pace.turn()
    }
  }
  hash.update(JSON.stringify(owner ?? null))
  return { root, fingerprint: hash.digest('hex'), bytes }
}

function inodeOf(at: ByteString, stat: BigIntStats, owner: Owner | undefined): Inode {
  const mode = Number(stat.mode)
  const type = mode & S_IFMT
  const inode = new Inode(mode, owner?.uid ?? Number(stat.uid), owner?.gid ?? Number(stat.gid), {
    seconds: Number((stat.mtimeNs - modulo(stat.mtimeNs)) / 1_000_000_000n),
    nanoseconds: Number(modulo(stat.mtimeNs)),
  })
  if (type === S_IFREG && stat.size > 0n) {
    const size = Number(stat.size)
    inode.content = {
      kind: 'range',
      path: Buffer.from(at, 'latin1'),
      offset: 0,
      size,
      identity: identityOf(stat),
    }
  } else if (type === S_IFLNK) {
    inode.target = readLink(at)
  } else if (type === S_IFCHR || type === S_IFBLK) {
    // `gnu_dev_major` and `gnu_dev_minor` of glibc.
    inode.major = Number(((stat.rdev >> 8n) & 0xfffn) | ((stat.rdev >> 32n) & 0xfffff000n))
    inode.minor = Number((stat.rdev & 0xffn) | ((stat.rdev >> 12n) & 0xffffff00n))
    if (inode.major > 0xfff || inode.minor > 0xfffff) invalid(at, 'its device number is out of range')
  }
  return inode
}

function modulo(nanoseconds: bigint): bigint {
  return ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
}

function bytesOf(path: string): ByteString {
  const bytes = Buffer.from(path).toString('latin1')
  return bytes.length > 1 ? bytes.replace(/\/+$/, '') || '/' : bytes
}

function lstat(at: ByteString): BigIntStats {
  return reading(at, () => lstatSync(Buffer.from(at, 'latin1'), { bigint: true }))
}

function readLink(at: ByteString): ByteString {
  return reading(at, () => readlinkSync(Buffer.from(at, 'latin1'), { encoding: 'latin1' }))
}

/** In byte order, so that the fingerprint does not depend on the host's file system. */
function list(at: ByteString): ByteString[] {
  return reading(at, () => readdirSync(Buffer.from(at, 'latin1'), { encoding: 'latin1' })).sort()
}

function reading<T>(at: ByteString, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new VmError(
      'ERR_INLINUX_IMAGE_INVALID',
      `${Buffer.from(at, 'latin1')} cannot be read: ${(error as Error).message}`,
      { cause: error },
    )
  }
}
