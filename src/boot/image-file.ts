// A file that is loaded into guest memory: read straight to where it belongs, without a copy in between.

import { type FileHandle, open } from 'node:fs/promises'

export interface ImageFile {
  /** Bytes. */
  readonly size: number
  /** Fills all of `into` from `offset` on. Rejects when the file is shorter or cannot be read. */
  read(offset: number, into: Uint8Array): Promise<void>
}

/** Opens `path` for the time of `use`. */
export async function withImageFile<T>(path: string, use: (file: ImageFile) => Promise<T>): Promise<T> {
  const handle = await open(path, 'r')
  try {
    const { size } = await handle.stat()
    return await use({ size, read: (offset, into) => readFully(handle, offset, into) })
  } finally {
    await handle.close()
  }
}

async function readFully(handle: FileHandle, offset: number, into: Uint8Array): Promise<void> {
  let done = 0
  // Bounded: each round reads at least a byte, or it throws.
  while (done < into.length) {
    const { bytesRead } = await handle.read(into, done, into.length - done, offset + done)
    if (bytesRead === 0) throw new Error('the file ends too early')
    done += bytesRead
  }
}
