// Decides where in the image every inode goes, before a byte of metadata is written.
//
// The tree is walked once, parents before children and children in byte order, so that a directory's inodes lie
// together. Each inode needs its 64 bytes, its xattrs and, when the layout is FLAT_INLINE, the tail of its data,
// which must not cross a block. A block that has room left is kept open for smaller inodes to come (best fit
// among a few), which keeps the gaps near 2 % of the metadata.
//
// The root's nid is only 16 bits wide in the superblock, so the root is placed first; and no inode gets nid 0,
// because user space takes an entry with inode number 0 for a deleted one.

import type { DirectoryEntry } from './erofs-format.ts'
import {
  BLOCK,
  compareBytes,
  EROFS_INODE_FLAT_INLINE,
  EROFS_INODE_FLAT_PLAIN,
  INODE_SIZE,
  packDirectory,
  roundUp,
  SLOT,
  xattrSize,
} from './erofs-format.ts'
import { contentSize, type Inode, S_IFDIR, S_IFLNK, S_IFREG } from './inode.ts'

/** Blocks kept open for smaller inodes. */
const OPEN_BLOCKS = 24

/** What the writer must know about one inode. */
export interface Place {
  readonly inode: Inode
  /** 1, 2, 3, … in the order of the walk. */
  readonly ino: number
  readonly size: number
  readonly xattrBytes: number
  readonly layout: number
  /** Bytes inside the inode's own block. */
  readonly inlineBytes: number
  links: number
  nid: number
  /** First block of its data; 0 when there is none. */
  block: number
  /** Of directories: all entries with `.` and `..`, sorted, and where each block's run starts. */
  readonly entries: readonly DirectoryEntry[] | undefined
  readonly starts: readonly number[] | undefined
}

/** Data of `size` bytes of an inode with these xattrs keeps its tail beside the inode. */
export function hasInlineTail(size: number, xattrBytes: number): boolean {
  const tail = size % BLOCK
  return tail > 0 && INODE_SIZE + xattrBytes + tail <= BLOCK
}

/** Walks the tree once: every inode, parents first, with sizes and link counts; no positions yet. */
export function listInodes(root: Inode): Map<Inode, Place> {
  const places = new Map<Inode, Place>()
  const stack: { inode: Inode; parent: Inode }[] = [{ inode: root, parent: root }]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { inode, parent } = next
    const known = places.get(inode)
    if (known !== undefined) {
      known.links += 1
      continue
    }
    const sorted = inode.children === undefined ? undefined : [...inode.children.keys()].sort(compareBytes)
    places.set(inode, describe(inode, parent, places.size + 1, sorted))
    if (sorted === undefined || inode.children === undefined) continue
    for (let i = sorted.length - 1; i >= 0; i--) {
      stack.push({ inode: inode.children.get(sorted[i]!) as Inode, parent: inode })
    }
  }
  return places
}

function describe(inode: Inode, parent: Inode, ino: number, sorted: string[] | undefined): Place {
  const xattrBytes = xattrSize(inode.xattrs)
  let size = 0
  let links = 1
  let entries: DirectoryEntry[] | undefined
  let starts: readonly number[] | undefined
  if (inode.type === S_IFDIR && sorted !== undefined) {
    entries = sorted.map((name) => ({ name, inode: inode.children?.get(name) as Inode }))
    links = 2
    for (const entry of entries) if (entry.inode.type === S_IFDIR) links += 1
    entries.push({ name: '.', inode }, { name: '..', inode: parent })
    entries.sort((a, b) => compareBytes(a.name, b.name))
    const packed = packDirectory(entries.map((entry) => entry.name))
    size = packed.size
    starts = packed.starts
  } else if (inode.type === S_IFREG) size = contentSize(inode.content)
  else if (inode.type === S_IFLNK) size = inode.target?.length ?? 0
  const isInline = hasInlineTail(size, xattrBytes)
  const layout = isInline ? EROFS_INODE_FLAT_INLINE : EROFS_INODE_FLAT_PLAIN
  const inlineBytes = isInline ? size % BLOCK : 0
  return { inode, ino, size, xattrBytes, layout, inlineBytes, links, nid: 0, block: 0, entries, starts }
}

/**
 * Gives every inode its nid.
 * @returns bytes of the metadata area
 */
export function assignNids(places: Iterable<Place>): number {
  const open: { at: number; room: number }[] = []
  let end = 0
  for (const place of places) {
    const head = INODE_SIZE + place.xattrBytes
    const need = head + place.inlineBytes
    let at: number
    let fit = -1
    for (let i = 0; i < open.length; i++) {
      if (open[i]!.room >= need && (fit < 0 || open[i]!.room < open[fit]!.room)) fit = i
    }
    const chosen = open[fit]
    if (chosen !== undefined) {
      at = chosen.at
    } else {
      // The root comes first; slot 0 of its block stays empty.
      at = end > 0 ? end : need > BLOCK - SLOT ? BLOCK : SLOT
      end = roundUp(at + need, BLOCK)
    }
    place.nid = at / SLOT
    const next = roundUp(at + need, SLOT)
    const room = roundUp(at + need, BLOCK) - next
    if (chosen !== undefined) open.splice(fit, 1)
    // An inode may not end with its block: fsck.erofs 1.5 reads 12 bytes on, also where the image has ended.
    if (room > INODE_SIZE) keepOpen(open, { at: next, room })
  }
  return end
}

function keepOpen(open: { at: number; room: number }[], block: { at: number; room: number }): void {
  open.push(block)
  if (open.length <= OPEN_BLOCKS) return
  let least = 0
  for (let i = 1; i < open.length; i++) if (open[i]!.room < open[least]!.room) least = i
  open.splice(least, 1)
}
