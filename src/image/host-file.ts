// Reads files of the host that were listed earlier, and notices when they are no longer the same.
//
// A tree may change while it is converted, by accident or on purpose (a file swapped for a link to /etc/shadow).
// So a file is opened without following links and without blocking on a fifo, and what was opened must be the
// very inode that was listed, before and after reading.

import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { VmError } from '../errors/index.ts'
import type { FileRange } from './inode.ts'
import type { Pace } from './pace.ts'

const READ_SIZE = 1024 * 1024
const scratch = Buffer.allocUnsafeSlow(READ_SIZE)

/** What must not differ between listing and reading. */
export function identityOf(stat: BigIntStats): string {
  return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`
}

/** Opens a regular file for reading; never follows a link, never waits for a fifo's writer. */
export function openRegular(path: Buffer | string): { fd: number; stat: BigIntStats } {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  const stat = fstatSync(fd, { bigint: true })
  if (stat.isFile()) return { fd, stat }
  closeSync(fd)
  throw new VmError('ERR_INLINUX_IMAGE_INVALID', `${path} is not a regular file`)
}

/**
 * Hands the bytes of `range` to `write`, in pieces that are valid only until `write` returns.
 * @throws VmError `ERR_INLINUX_IMAGE_INVALID` when the file cannot be read, is shorter, or was changed
 */
export async function readRange(
  range: FileRange,
  pace: Pace,
  write: (piece: Buffer) => void,
  ready: () => Promise<void>,
): Promise<void> {
  let fd: number | undefined
  try {
    fd = openRange(range)
    for (let done = 0; done < range.size; ) {
      const count = readSync(fd, scratch, 0, Math.min(READ_SIZE, range.size - done), range.offset + done)
      if (count === 0) throw changed(range)
      write(scratch.subarray(0, count))
      done += count
      await ready()
      if (pace.isDue) await pace.turn()
    }
    if (range.identity !== undefined && identityOf(fstatSync(fd, { bigint: true })) !== range.identity) {
      throw changed(range)
    }
  } catch (error) {
    if (error instanceof VmError) throw error
    throw new VmError(
      'ERR_INLINUX_IMAGE_INVALID',
      `${range.path} cannot be read: ${(error as Error).message}`,
      {
        cause: error,
      },
    )
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function openRange(range: FileRange): number {
  const { fd, stat } = openRegular(range.path)
  if (range.identity === undefined || identityOf(stat) === range.identity) return fd
  closeSync(fd)
  throw changed(range)
}

function changed(range: FileRange): VmError {
  return new VmError('ERR_INLINUX_IMAGE_INVALID', `${range.path} changed while it was read`, {
    fix: 'prepare the image again when nothing writes to the source',
  })
}
