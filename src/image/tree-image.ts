// A tree that was built in code, or listed on the host, written as an image.

import { ErofsWriter, type WrittenImage } from './erofs-writer.ts'
import type { Inode } from './inode.ts'
import type { Pace } from './pace.ts'

export async function writeTree(root: Inode, path: string, pace: Pace): Promise<WrittenImage> {
  const writer = await ErofsWriter.create(path)
  try {
    return await writer.finish(root, pace)
  } catch (error) {
    await writer.discard()
    throw error
  }
}
