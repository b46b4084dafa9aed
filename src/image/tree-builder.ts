// A tree built in code, entry by entry: for the default root of the package, and for tests.
//
// Paths are ordinary strings, relative to the root of the image; a leading slash is allowed here because the
// caller is trusted. Parents that were not added are made (mode 755, root). What was added last wins.

import { closeSync } from 'node:fs'
import { isKnownXattr } from './erofs-format.ts'
import { identityOf, openRegular } from './host-file.ts'
import type { Content, Timestamp } from './inode.ts'
import { Inode, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } from './inode.ts'
import { ID_MAX, MAJOR_MAX, MINOR_MAX, PATH_MAX } from './limits.ts'
import { FileTree, invalid } from './tree.ts'
import { checkXattrs } from './xattrs.ts'

export interface EntryOptions {
  /** Permission bits, `0o644` for files and `0o755` for directories by default. */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** A Date, seconds since the epoch, or exact; the epoch by default, so that images are reproducible. */
  readonly mtime?: Date | number | Timestamp
  /** Extended attributes by full name, `security.capability` for example. */
  readonly xattrs?: Readonly<Record<string, Uint8Array | string>>
}

/** Text (UTF-8), bytes, or a file of the host that is read when the image is written. */
export type FileSource = string | Uint8Array | { readonly file: string }

export class TreeBuilder {
  /** For `writeErofs`. */
  readonly tree: FileTree = new FileTree()

  addFile(path: string, source: FileSource, options: EntryOptions = {}): this {
    const inode = this.#put(path, S_IFREG, 0o644, options)
    inode.content = contentOf(source)
    return this
  }

  addDirectory(path: string, options: EntryOptions = {}): this {
    this.#put(path, S_IFDIR, 0o755, options)
    return this
  }

  addSymlink(path: string, target: string, options: EntryOptions = {}): this {
    const bytes = byteString(target)
    if (bytes === '' || bytes.length >= PATH_MAX || bytes.includes('\0')) {
      invalid(byteString(path), 'a symlink target has 1 to 4095 bytes and no NUL')
    }
    this.#put(path, S_IFLNK, 0o777, options).target = bytes
    return this
  }

  addDevice(
    path: string,
    kind: 'character' | 'block',
    major: number,
    minor: number,
    options: EntryOptions = {},
  ): this {
    if (!isWithin(major, MAJOR_MAX) || !isWithin(minor, MINOR_MAX)) {
      invalid(byteString(path), `the device number ${major}:${minor} is out of range`)
    }
    const inode = this.#put(path, kind === 'block' ? S_IFBLK : S_IFCHR, 0o600, options)
    inode.major = major
    inode.minor = minor
    return this
  }

  addFifo(path: string, options: EntryOptions = {}): this {
    this.#put(path, S_IFIFO, 0o644, options)
    return this
  }

  /** @param existing path of a file that was added before */
  addHardLink(path: string, existing: string): this {
    this.tree.link(relative(path), relative(existing))
    return this
  }

  #put(path: string, type: number, defaultMode: number, options: EntryOptions): Inode {
    const { mode = defaultMode, uid = 0, gid = 0, mtime = 0 } = options
    const name = relative(path)
    if (!isWithin(mode, 0o7777)) invalid(name, `the mode ${mode} is out of range`)
    if (!isWithin(uid, ID_MAX) || !isWithin(gid, ID_MAX))
      invalid(name, `the owner ${uid}:${gid} is out of range`)
    const inode = new Inode(type | mode, uid, gid, timestampOf(mtime))
    if (options.xattrs !== undefined) {
      const xattrs = new Map<string, Buffer>()
      for (const [key, value] of Object.entries(options.xattrs)) {
        if (!isKnownXattr(byteString(key))) invalid(name, `EROFS cannot hold the extended attribute ${key}`)
        xattrs.set(byteString(key), Buffer.from(value as Uint8Array))
      }
      checkXattrs(name, xattrs)
      inode.xattrs = xattrs
    }
    this.tree.put(name, inode)
    return inode
  }
}

function contentOf(source: FileSource): Content {
  if (typeof source === 'string') return { kind: 'bytes', bytes: Buffer.from(source) }
  if (source instanceof Uint8Array) return { kind: 'bytes', bytes: source }
  const { fd, stat } = openRegular(source.file)
  closeSync(fd)
  return {
    kind: 'range',
    path: Buffer.from(source.file),
    offset: 0,
    size: Number(stat.size),
    identity: identityOf(stat),
  }
}

function timestampOf(time: Date | number | Timestamp): Timestamp {
  if (typeof time === 'object' && 'seconds' in time) return time
  const seconds = typeof time === 'number' ? time : time.getTime() / 1000
  const whole = Math.floor(seconds)
  return { seconds: whole, nanoseconds: Math.round((seconds - whole) * 1e9) }
}

export function byteString(text: string): string {
  return Buffer.from(text).toString('latin1')
}

function relative(path: string): string {
  const bytes = byteString(path)
  return bytes.startsWith('/') ? `.${bytes}` : bytes
}

function isWithin(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max
}
