// Archives as files of the host: streamed, hashed, spooled; and their identity, so that they are hashed only once.

import { createHash } from 'node:crypto'
import { closeSync, createReadStream } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { VmError } from '../errors/index.ts'
import { type ByteStream, type Compression, detectCompression } from './decompress.ts'
import { identityOf, openRegular } from './host-file.ts'
import type { Budget } from './limits.ts'
import type { Pace } from './pace.ts'
import type { Progress } from './root-image.ts'

const PIECE = 1024 * 1024

/** `length` bytes from `offset`, or all. Opened when iteration starts, closed when it ends. */
export async function* fileStream(
  path: string,
  offset = 0,
  length: number = Number.POSITIVE_INFINITY,
): ByteStream {
  if (length === 0) return
  const stream = createReadStream(path, { start: offset, end: offset + length - 1, highWaterMark: PIECE })
  yield* stream as AsyncIterable<Buffer>
}

/** Path, device, inode, size and times: when none has changed, the bytes have not either. */
export async function archiveIdentity(path: string): Promise<{ identity: string; size: number }> {
  try {
    const { fd, stat } = openRegular(await realpath(path))
    closeSync(fd)
    return { identity: `${await realpath(path)}:${identityOf(stat)}`, size: Number(stat.size) }
  } catch (error) {
    if (error instanceof VmError) throw error
    throw new VmError('ERR_INLINUX_IMAGE_INVALID', `${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** By the first bytes of the file. */
export async function compressionOf(path: string): Promise<Compression> {
  const start: Buffer[] = []
  for await (const piece of fileStream(path, 0, 6)) start.push(piece)
  return detectCompression(Buffer.concat(start))
}

/** SHA-256 of all bytes, hex. */
export async function hashStream(
  source: ByteStream,
  total: number | undefined,
  pace: Pace,
  onProgress: ((progress: Progress) => void) | undefined,
): Promise<string> {
  const hash = createHash('sha256')
  let done = 0
  for await (const piece of source) {
    hash.update(piece)
    done += piece.length
    onProgress?.({ phase: 'hash', done, total })
    if (pace.isDue) await pace.turn()
  }
  return hash.digest('hex')
}

/** Writes a stream to `path`, which must not exist. @returns SHA-256 of its bytes, hex */
export async function spool(
  source: AsyncIterable<Uint8Array | string>,
  path: string,
  budget: Budget,
  pace: Pace,
): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of source) {
      const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      budget.spendBytes(piece.length)
      hash.update(piece)
      for (let at = 0; at < piece.length; ) at += (await file.write(piece, at)).bytesWritten
      if (pace.isDue) await pace.turn()
    }
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}
