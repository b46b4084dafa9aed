// The files of a container image, by name: in a directory (an OCI layout) or inside a tar (docker-save).
//
// Both are untrusted. In a directory only regular files are opened, never through a link; in an archive a name is
// a key in a map, so `../../etc/passwd` simply does not exist. The links that `docker save` makes between equal
// layers are followed inside the archive.

import { closeSync, constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { VmError } from '../errors/index.ts'
import { fileStream } from './archive-file.ts'
import type { ByteStream } from './decompress.ts'
import { openRegular } from './host-file.ts'
import type { Budget } from './limits.ts'
import type { Pace } from './pace.ts'
import type { TarEntry } from './tar-header.ts'
import { readTar, type TarVisitor } from './tar-reader.ts'
import { splitPath } from './tree.ts'

/** JSON documents of images are small; the OCI distribution spec lets registries refuse manifests beyond 4 MiB. */
const DOCUMENT_MAX = 4 * 1024 * 1024
const LINKS_MAX = 8

export interface FileStore {
  has(name: string): boolean
  /** A small file. @throws VmError when it is missing or has more than 4 MiB */
  read(name: string): Promise<Buffer>
  stream(name: string): ByteStream
}

export class DirectoryStore implements FileStore {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  has(name: string): boolean {
    try {
      closeSync(openRegular(join(this.#dir, name)).fd)
      return true
    } catch {
      return false
    }
  }

  async read(name: string): Promise<Buffer> {
    return collect(name, this.stream(name))
  }

  async *stream(name: string): ByteStream {
    const path = join(this.#dir, name)
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    const file = await open(path, flags).catch((cause) => {
      throw missing(name, cause)
    })
    try {
      if (!(await file.stat()).isFile()) throw missing(name, undefined)
      yield* file.createReadStream({ highWaterMark: 1024 * 1024, autoClose: false }) as AsyncIterable<Buffer>
    } finally {
      await file.close()
    }
  }
}

type Member = { readonly offset: number; readonly size: number } | { readonly target: string }

export class ArchiveStore implements FileStore {
  readonly #path: string
  readonly #members: ReadonlyMap<string, Member>

  private constructor(path: string, members: ReadonlyMap<string, Member>) {
    this.#path = path
    this.#members = members
  }

  /** Reads the headers of an uncompressed tar. */
  static async open(path: string, budget: Budget, pace: Pace): Promise<ArchiveStore> {
    const members = new Map<string, Member>()
    const visitor: TarVisitor = {
      entry: (entry, dataAt) => {
        budget.spendEntry(entry.name.length + entry.linkTarget.length)
        noteEntry(members, entry, dataAt)
        return false
      },
      data: () => undefined,
      end: () => undefined,
      ready: async () => undefined,
    }
    await readTar(fileStream(path), visitor, pace, { needsEndMark: true })
    return new ArchiveStore(path, members)
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined
  }

  async read(name: string): Promise<Buffer> {
    return collect(name, this.stream(name))
  }

  async *stream(name: string): ByteStream {
    const member = this.#find(name)
    if (member === undefined) throw missing(name, undefined)
    yield* fileStream(this.#path, member.offset, member.size)
  }

  #find(name: string): { offset: number; size: number } | undefined {
    let at = posix.normalize(name)
    for (let left = LINKS_MAX; left > 0; left--) {
      const member = this.#members.get(at)
      if (member === undefined || 'offset' in member) return member
      at = member.target
    }
    return undefined
  }
}

function noteEntry(members: Map<string, Member>, entry: TarEntry, offset: number): void {
  const name = splitPath(entry.name).join('/')
  const { inode, size } = entry
  if (inode === undefined) members.set(name, { target: splitPath(entry.linkTarget).join('/') })
  else if (inode.target !== undefined) {
    members.set(name, { target: posix.normalize(posix.join(posix.dirname(name), inode.target)) })
  } else if (inode.children === undefined) members.set(name, { offset, size })
}

async function collect(name: string, stream: ByteStream): Promise<Buffer> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of stream) {
    size += piece.length
    if (size > DOCUMENT_MAX) {
      throw new VmError(
        'ERR_INLINUX_IMAGE_TOO_LARGE',
        `${JSON.stringify(name)} has more than ${DOCUMENT_MAX} bytes`,
      )
    }
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function missing(name: string, cause: unknown): VmError {
  return new VmError(
    'ERR_INLINUX_IMAGE_INVALID',
    `The image refers to ${JSON.stringify(name)}, which is missing`,
    {
      ...(cause === undefined ? {} : { cause }),
    },
  )
}
