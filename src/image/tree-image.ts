// A tree that was built in code, or listed on the host, written as an image.

import { ErofsWriter, type WrittenImage } from './erofs-writer.ts'
import type { Inode } from './inode.ts'
import { Pace } from './pace.ts'
import type { TreeBuilder } from './tree-builder.ts'

/**
 * Writes the tree as an EROFS image.
 * @param path of the image; must not exist
 * @throws VmError when a file of the host cannot be read or the image cannot be written
 */
export async function writeErofs(
  builder: TreeBuilder,
  path: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<WrittenImage> {
  return writeTree(builder.tree.root, path, new Pace(options.signal))
}

export async function writeTree(root: Inode, path: string, pace: Pace): Promise<WrittenImage> {
  const writer = await ErofsWriter.create(path)
  try {
    return await writer.finish(root, pace)
  } catch (error) {
    await writer.discard()
    throw error
  }
}
