// What the tree is made of: one record per inode, metadata only.
//
// The bytes of a file are never in the tree. They are named by a `Content`: a few bytes in memory, a range of a
// file of the host, or the place in the image under construction where they were already put. So a root file
// system of many gigabytes costs some hundred bytes of memory per inode.
//
// Names, paths and link targets are `ByteString`s: one character per byte (the encoding that Node calls latin1).
// Linux names are bytes, not text; and JavaScript's `<` on such strings is the byte order in which EROFS sorts.

/** A string whose characters are bytes, 0 to 255. */
export type ByteString = string

export const S_IFMT = 0o170000
export const S_IFSOCK = 0o140000
export const S_IFLNK = 0o120000
export const S_IFREG = 0o100000
export const S_IFBLK = 0o060000
export const S_IFDIR = 0o040000
export const S_IFCHR = 0o020000
export const S_IFIFO = 0o010000

/** Bytes of a file of the host; `check` re-verifies after reading that the file is still the one we saw. */
export interface FileRange {
  readonly kind: 'range'
  readonly path: Buffer
  readonly offset: number
  readonly size: number
  /** `dev:ino:size:mtime:ctime` of the file when it was listed; a difference at reading time is an error. */
  readonly identity?: string
}

/** Bytes that already lie in the image: whole blocks from `block`, the rest in the spool of tails. */
export interface StoredContent {
  readonly kind: 'stored'
  readonly size: number
  /** Block address of the first block, 0 when the file has no block of its own. */
  readonly block: number
  /** Offset of the inline tail in the spool of tails, -1 when the last block holds the tail. */
  readonly tailAt: number
}

export type Content = { readonly kind: 'bytes'; readonly bytes: Uint8Array } | FileRange | StoredContent

/** Time stamp of EROFS: seconds since the epoch (may be negative) and nanoseconds. */
export interface Timestamp {
  readonly seconds: number
  readonly nanoseconds: number
}

export class Inode {
  /** `st_mode`: file type and permissions. */
  mode: number
  uid: number
  gid: number
  mtimeSeconds: number
  mtimeNanoseconds: number
  xattrs: Map<ByteString, Buffer> | undefined = undefined
  /** Of directories. */
  children: Map<ByteString, Inode> | undefined = undefined
  /** Of regular files. */
  content: Content | undefined = undefined
  /** Of symbolic links. */
  target: ByteString | undefined = undefined
  /** Of device nodes. */
  major = 0
  minor = 0

  constructor(mode: number, uid = 0, gid = 0, mtime: Timestamp = { seconds: 0, nanoseconds: 0 }) {
    this.mode = mode
    this.uid = uid
    this.gid = gid
    this.mtimeSeconds = mtime.seconds
    this.mtimeNanoseconds = mtime.nanoseconds
    if ((mode & S_IFMT) === S_IFDIR) this.children = new Map()
  }

  get type(): number {
    return this.mode & S_IFMT
  }
}

export function contentSize(content: Content | undefined): number {
  if (content === undefined) return 0
  return content.kind === 'bytes' ? content.bytes.length : content.size
}
