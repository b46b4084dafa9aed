// Archives into a tree and an image: one archive (`image.fromTar`) or the layers of a container image in order.
//
// Every entry is applied to the tree, and its data goes to the image at once. When later layers have replaced or
// removed so much that the dead blocks are worth a second pass, the living data is written into a new image.

import { createHash } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { posix } from 'node:path'
import { VmError } from '../errors/index.ts'
import { type ByteStream, decompress } from './decompress.ts'
import { xattrSize } from './erofs-format.ts'
import { ErofsWriter, liveDataBytes, type WrittenImage } from './erofs-writer.ts'
import type { ByteString, Inode } from './inode.ts'
import type { Budget } from './limits.ts'
import type { Pace } from './pace.ts'
import type { TarEntry } from './tar-header.ts'
import { readTar, type TarVisitor } from './tar-reader.ts'
import { FileTree, unsafe } from './tree.ts'

const WHITEOUT_PREFIX = '.wh.'
const WHITEOUT_META_PREFIX = '.wh..wh.'
const WHITEOUT_OPAQUE = '.wh..wh..opq'
/** A second pass is made when more than one part in this many of the data is dead, and it is over 1 MiB. */
const DEAD_PART = 8
const DEAD_BYTES_MIN = 1024 * 1024

/** One archive to be applied. */
export interface Layer {
  open(): ByteStream
  /** `sha256:…` of the uncompressed archive, when something vouches for it. */
  readonly diffId?: string | undefined
  /** Throws unless what `open` gave was read to its end and was right. */
  assertWhole?(): void
}

export interface ConvertOptions {
  /** Layers know whiteouts, follow symlinked parents inside the image, and are proven by digests. */
  readonly isLayered: boolean
  readonly budget: Budget
  readonly pace: Pace
  readonly onBytes?: ((count: number) => void) | undefined
}

/** @param path of the image; must not exist; nothing is left there after an error */
export async function convertTar(
  layers: readonly Layer[],
  path: string,
  options: ConvertOptions,
): Promise<WrittenImage> {
  const { pace, isLayered } = options
  const tree = new FileTree(isLayered)
  let writer = await ErofsWriter.create(path)
  try {
    for (const layer of layers) {
      tree.beginLayer()
      await applyLayer(layer, tree, writer, options)
    }
    const dead = writer.dataBytes - liveDataBytes(tree.root)
    if (dead > DEAD_BYTES_MIN && dead * DEAD_PART > writer.dataBytes) {
      writer = await rewrite(writer, tree.root, pace)
    }
    return await writer.finish(tree.root, pace)
  } catch (error) {
    await writer.discard()
    throw error
  }
}

async function rewrite(writer: ErofsWriter, root: Inode, pace: Pace): Promise<ErofsWriter> {
  const next = await ErofsWriter.create(`${writer.path}.compact`)
  try {
    await writer.compact(root, next, pace)
    await writer.discard()
    await rename(next.path, writer.path)
    next.path = writer.path
    return next
  } catch (error) {
    await next.discard()
    throw error
  }
}

async function applyLayer(
  layer: Layer,
  tree: FileTree,
  writer: ErofsWriter,
  options: ConvertOptions,
): Promise<void> {
  const { budget, pace, isLayered, onBytes } = options
  const hash = layer.diffId === undefined ? undefined : createHash(algorithmOf(layer.diffId))
  async function* counted(): ByteStream {
    for await (const piece of decompress(layer.open())) {
      budget.spendBytes(piece.length)
      hash?.update(piece)
      onBytes?.(piece.length)
      yield piece
    }
  }
  await readTar(counted(), new LayerVisitor(tree, writer, budget, isLayered), pace, {
    needsEndMark: !isLayered,
  })
  layer.assertWhole?.()
  if (hash === undefined || layer.diffId === undefined) return
  const found = hash.digest('hex')
  if (layer.diffId.endsWith(`:${found}`)) return
  throw new VmError(
    'ERR_INLINUX_IMAGE_INVALID',
    `A layer has the digest ${found} when decompressed; its image's configuration says ${layer.diffId}`,
  )
}

function algorithmOf(digest: string): string {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256'
}

class LayerVisitor implements TarVisitor {
  readonly #tree: FileTree
  readonly #writer: ErofsWriter
  readonly #budget: Budget
  readonly #isLayered: boolean
  #file: Inode | undefined

  constructor(tree: FileTree, writer: ErofsWriter, budget: Budget, isLayered: boolean) {
    this.#tree = tree
    this.#writer = writer
    this.#budget = budget
    this.#isLayered = isLayered
  }

  entry(entry: TarEntry): boolean {
    const { name, inode, linkTarget, size } = entry
    this.#budget.spendEntry(
      name.length + linkTarget.length + (inode?.target?.length ?? 0) + xattrSize(inode?.xattrs),
    )
    this.#budget.expectBytes(size)
    if (this.#isLayered && this.#applyWhiteout(name)) return false
    if (inode === undefined) {
      this.#tree.link(name, linkTarget)
      return false
    }
    this.#tree.put(name, inode)
    if (size === 0) return false
    this.#file = inode
    this.#writer.beginFile(size, xattrSize(inode.xattrs))
    return true
  }

  #applyWhiteout(name: ByteString): boolean {
    const last = posix.basename(name)
    if (!last.startsWith(WHITEOUT_PREFIX)) return false
    const parent = posix.dirname(name)
    if (last === WHITEOUT_OPAQUE) this.#tree.makeOpaque(parent)
    // Other names with the doubled prefix are book-keeping of AUFS, not files of the image.
    else if (!last.startsWith(WHITEOUT_META_PREFIX)) {
      const hidden = last.slice(WHITEOUT_PREFIX.length)
      if (hidden === '' || hidden === '.' || hidden === '..') unsafe(name, 'it is a whiteout of no file')
      this.#tree.whiteOut(`${parent}/${hidden}`)
    }
    return true
  }

  data(piece: Buffer): void {
    this.#writer.write(piece)
  }

  end(): void {
    if (this.#file !== undefined) this.#file.content = this.#writer.endFile()
    this.#file = undefined
  }

  async ready(): Promise<void> {
    if (this.#writer.isBehind) await this.#writer.ready()
  }
}
