// Writes an EROFS image front to back, in one pass over the data.
//
//   block 0            superblock, written last
//   1 …                whole blocks of files, in the order in which the source delivers them
//   …                  blocks of directories and of long symlinks
//   meta_blkaddr …     inodes, xattrs, tails of files and directories
//
// An archive is read only once and its end knows what its beginning does not: so file data goes straight to its
// final place while the archive streams by, tails that will sit beside their inode wait in a spool file, and the
// metadata comes last. Memory holds the tree, never data. Equal trees fed in equal order give equal images.
//
// Data whose file was replaced or removed by a later layer stays behind as dead blocks; `compact` writes the
// living ones into a new image when the waste is worth it.

import { readSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { VmError } from '../errors/index.ts'
import { BlockFile } from './block-file.ts'
import {
  BLOCK,
  encodeDirents,
  encodeInode,
  encodeSuperBlock,
  encodeXattrs,
  INODE_SIZE,
  SLOT,
} from './erofs-format.ts'
import { assignNids, hasInlineTail, listInodes, type Place } from './erofs-layout.ts'
import { readRange } from './host-file.ts'
import { contentSize, type Inode, type StoredContent } from './inode.ts'
import type { Pace } from './pace.ts'

export interface WrittenImage {
  /** Bytes of the image: a multiple of 4096. */
  readonly size: number
  /** `sha256:` and the digest of all blocks but the first, then the first. Equal digest, equal image. */
  readonly digest: string
}

export class ErofsWriter {
  /** Where the image is; changes when the file is renamed under way. */
  path: string
  readonly #out: BlockFile
  readonly #tails: BlockFile
  #left = 0
  #inlineFrom = 0
  #isInline = false
  #current: StoredContent = { kind: 'stored', size: 0, block: 0, tailAt: -1 }

  private constructor(path: string, out: BlockFile, tails: BlockFile) {
    this.path = path
    this.#out = out
    this.#tails = tails
  }

  /** @param path must not exist; `PATH.tails` is used beside it and removed at the end */
  static async create(path: string): Promise<ErofsWriter> {
    return new ErofsWriter(path, await BlockFile.create(path, BLOCK), await BlockFile.create(`${path}.tails`))
  }

  /** Bytes of data blocks so far. */
  get dataBytes(): number {
    return this.#out.position - BLOCK
  }

  /** Starts a file of exactly `size` bytes. */
  beginFile(size: number, xattrBytes: number): void {
    this.#isInline = hasInlineTail(size, xattrBytes)
    this.#inlineFrom = this.#isInline ? size % BLOCK : 0
    this.#left = size
    this.#current = {
      kind: 'stored',
      size,
      block: size > this.#inlineFrom ? this.#out.position / BLOCK : 0,
      tailAt: this.#isInline ? this.#tails.position : -1,
    }
  }

  write(piece: Uint8Array): void {
    if (piece.length > this.#left) throw new RangeError('more bytes than beginFile announced')
    const toBlocks = Math.max(0, Math.min(piece.length, this.#left - this.#inlineFrom))
    if (toBlocks > 0) this.#out.write(toBlocks === piece.length ? piece : piece.subarray(0, toBlocks))
    if (toBlocks < piece.length) this.#tails.write(toBlocks === 0 ? piece : piece.subarray(toBlocks))
    this.#left -= piece.length
  }

  endFile(): StoredContent {
    if (this.#left !== 0) throw new RangeError('fewer bytes than beginFile announced')
    this.#out.align(BLOCK)
    return this.#current
  }

  get isBehind(): boolean {
    return this.#out.isBehind || this.#tails.isBehind
  }

  /** Waits for the disk when it is behind. */
  async ready(): Promise<void> {
    if (this.#out.isBehind) await this.#out.drained()
    if (this.#tails.isBehind) await this.#tails.drained()
  }

  /** Writes everything that is not data and completes the file. The writer cannot be used afterwards. */
  async finish(root: Inode, pace: Pace): Promise<WrittenImage> {
    const places = listInodes(root)
    await this.#storeContents(places, pace)
    await this.#tails.flush()

    let block = this.#out.position / BLOCK
    const inBlocks: Place[] = []
    for (const place of places.values()) {
      const { content } = place.inode
      if (content?.kind === 'stored') place.block = content.block
      else if (place.size > place.inlineBytes) {
        place.block = block
        block += Math.ceil((place.size - place.inlineBytes) / BLOCK)
        inBlocks.push(place)
      }
    }
    const metaBlock = block
    const metaBytes = assignNids(places.values())
    const blocks = metaBlock + metaBytes / BLOCK
    if (blocks > 0xffffffff) {
      throw new VmError('ERR_INLINUX_IMAGE_TOO_LARGE', 'An EROFS image has at most 2^32 blocks of 4096 bytes')
    }

    const nidOf = (inode: Inode): number => places.get(inode)?.nid ?? 0
    for (const place of inBlocks) {
      this.#writeOwnBlocks(place, nidOf)
      if (pace.isDue) await this.#pause(pace)
    }
    await this.#writeMetadata(places, metaBlock * BLOCK, nidOf, pace)
    this.#out.align(BLOCK)
    await this.#out.flush()

    const first = encodeSuperBlock({
      rootNid: nidOf(root),
      inodes: places.size,
      buildTime: 0,
      blocks,
      metaBlock,
      uuid: versionedUuid(this.#out.digestSoFar()),
    })
    await this.#out.writeAt(0, first)
    const digest = `sha256:${this.#out.digest().toString('hex')}`
    await this.#close()
    return { size: blocks * BLOCK, digest }
  }

  /** Data of files that were listed but not yet read: of directories, and of trees built in code. */
  async #storeContents(places: Map<Inode, Place>, pace: Pace): Promise<void> {
    for (const { inode, xattrBytes } of places.values()) {
      const { content } = inode
      if (content === undefined || content.kind === 'stored') continue
      this.beginFile(contentSize(content), xattrBytes)
      if (content.kind === 'bytes') this.write(content.bytes)
      else {
        await readRange(
          content,
          pace,
          (piece) => this.write(piece),
          () => this.ready(),
        )
      }
      inode.content = this.endFile()
      if (pace.isDue || this.isBehind) await this.#pause(pace)
    }
  }

  /** Full blocks of a directory, or a long symlink target. */
  #writeOwnBlocks(place: Place, nidOf: (inode: Inode) => number): void {
    const { entries, starts, inode } = place
    if (entries === undefined || starts === undefined) {
      this.#out.write(Buffer.from(inode.target ?? '', 'latin1'))
    } else {
      const count = Math.ceil((place.size - place.inlineBytes) / BLOCK)
      for (let i = 0; i < count; i++) {
        this.#out.write(encodeDirents(entries, starts[i]!, starts[i + 1] ?? entries.length, nidOf))
        this.#out.align(BLOCK)
      }
    }
    this.#out.align(BLOCK)
  }

  async #writeMetadata(
    places: Map<Inode, Place>,
    metaStart: number,
    nidOf: (inode: Inode) => number,
    pace: Pace,
  ): Promise<void> {
    const sorted = [...places.values()].sort((a, b) => a.nid - b.nid)
    for (const place of sorted) {
      this.#out.padTo(metaStart + place.nid * SLOT)
      const { inode, xattrBytes } = place
      const record = Buffer.alloc(INODE_SIZE + xattrBytes + place.inlineBytes)
      encodeInode(record, 0, inode, place)
      if (inode.xattrs !== undefined && xattrBytes > 0) record.set(encodeXattrs(inode.xattrs), INODE_SIZE)
      if (place.inlineBytes > 0) this.#fillTail(place, record.subarray(INODE_SIZE + xattrBytes), nidOf)
      this.#out.write(record)
      if (pace.isDue || this.#out.isBehind) await this.#pause(pace)
    }
  }

  #fillTail(place: Place, tail: Buffer, nidOf: (inode: Inode) => number): void {
    const { inode, entries, starts } = place
    if (entries !== undefined && starts !== undefined) {
      tail.set(encodeDirents(entries, starts.at(-1) ?? 0, entries.length, nidOf))
    } else if (inode.target !== undefined) tail.write(inode.target, 'latin1')
    else if (inode.content?.kind === 'stored') this.#readTail(inode.content.tailAt, tail)
  }

  #readTail(at: number, tail: Buffer): void {
    for (let done = 0; done < tail.length; ) {
      const count = readSync(this.#tails.fd, tail, done, tail.length - done, at + done)
      if (count === 0) throw new VmError('ERR_INLINUX_IMAGE_INVALID', `${this.#tails.path} was truncated`)
      done += count
    }
  }

  /** Copies the data that `root` still refers to into `next` and points the tree at it. */
  async compact(root: Inode, next: ErofsWriter, pace: Pace): Promise<void> {
    await this.#out.flush()
    await this.#tails.flush()
    const scratch = Buffer.allocUnsafeSlow(1024 * 1024)
    for (const { inode, xattrBytes, inlineBytes } of listInodes(root).values()) {
      const { content } = inode
      if (content?.kind !== 'stored') continue
      next.beginFile(content.size, xattrBytes)
      const inBlocks = content.size - inlineBytes
      for (let done = 0; done < inBlocks; ) {
        const want = Math.min(scratch.length, inBlocks - done)
        const count = readSync(this.#out.fd, scratch, 0, want, content.block * BLOCK + done)
        if (count === 0) throw new VmError('ERR_INLINUX_IMAGE_INVALID', `${this.path} was truncated`)
        next.write(scratch.subarray(0, count))
        done += count
        if (pace.isDue || next.isBehind) await next.#pause(pace)
      }
      if (inlineBytes > 0) {
        const tail = Buffer.alloc(inlineBytes)
        this.#readTail(content.tailAt, tail)
        next.write(tail)
      }
      inode.content = next.endFile()
    }
  }

  async #pause(pace: Pace): Promise<void> {
    await this.ready()
    if (pace.isDue) await pace.turn()
  }

  /** Gives up and removes the files. */
  async discard(): Promise<void> {
    await this.#close()
    await rm(this.path, { force: true })
  }

  async #close(): Promise<void> {
    await Promise.allSettled([this.#out.close(), this.#tails.close()])
    await rm(`${this.path}.tails`, { force: true })
  }
}

/** Bytes of data blocks that the tree still refers to. */
export function liveDataBytes(root: Inode): number {
  let bytes = 0
  for (const { inode, size, inlineBytes } of listInodes(root).values()) {
    if (inode.content?.kind === 'stored') bytes += Math.ceil((size - inlineBytes) / BLOCK) * BLOCK
  }
  return bytes
}

/** A UUID of version 8 (RFC 9562, 5.8): our own bits, here those of the content. */
function versionedUuid(digest: Buffer): Buffer {
  const uuid = Buffer.from(digest.subarray(0, 16))
  uuid[6] = (uuid[6]! & 0x0f) | 0x80
  uuid[8] = (uuid[8]! & 0x3f) | 0x80
  return uuid
}
