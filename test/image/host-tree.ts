// Lists a directory of the host in the form in which erofs-reader.ts lists an image, for comparison.

import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { ReadInode } from './erofs-reader.ts'

/** Everything below `dir` by path; the root is `.`. Xattrs are not listed: Node has no call for them. */
export function readHostTree(dir: string): Map<string, ReadInode> {
  const found = new Map<string, ReadInode>()
  const pathsOf = new Map<string, string[]>()
  const stack = ['.']
  for (let path = stack.pop(); path !== undefined; path = stack.pop()) {
    const at = Buffer.from(`${dir}/${path}`, 'latin1')
    const stat = lstatSync(at, { bigint: true })
    const nanoseconds = ((stat.mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
    const inode: ReadInode = {
      mode: Number(stat.mode),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      size: Number(stat.size),
      mtime: `${(stat.mtimeNs - nanoseconds) / 1_000_000_000n}.${String(nanoseconds).padStart(9, '0')}`,
      links: Number(stat.nlink),
    }
    if (stat.isFile()) inode.sha256 = createHash('sha256').update(readFileSync(at)).digest('hex')
    if (stat.isSymbolicLink()) inode.target = readlinkSync(at, { encoding: 'latin1' })
    if (stat.isCharacterDevice() || stat.isBlockDevice()) {
      const dev = Number(stat.rdev)
      inode.device = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`
    }
    found.set(path, inode)
    const key = `${stat.dev}:${stat.ino}`
    pathsOf.set(key, [...(pathsOf.get(key) ?? []), path])
    if (!stat.isDirectory()) continue
    for (const name of readdirSync(at, { encoding: 'latin1' }))
      stack.push(path === '.' ? name : `${path}/${name}`)
  }
  for (const paths of pathsOf.values()) {
    if (paths.length > 1) for (const path of paths) found.get(path)!.sameAs = [...paths].sort()
  }
  return found
}

/** What can be compared between two listings: directory sizes and link counts depend on the file system. */
export function comparable(
  tree: ReadonlyMap<string, ReadInode>,
  without: readonly (keyof ReadInode)[] = [],
): Record<string, Partial<ReadInode>> {
  const out: [string, Partial<ReadInode>][] = []
  for (const path of [...tree.keys()].sort()) {
    const inode: Partial<ReadInode> = { ...tree.get(path)! }
    if (((inode.mode ?? 0) & 0o170000) === 0o040000) {
      delete inode.size
      delete inode.links
    }
    for (const key of without) delete inode[key]
    out.push([path, inode])
  }
  return Object.fromEntries(out)
}
