// Bounds of everything an image may contain. Archives come from strangers: each number here stops an attack or
// is a limit of Linux itself, and says which.
//
// The totals (`ImageLimits`) can be raised by the caller; the limits of Linux cannot, because a tree beyond them
// could be written but not used in the guest.

import { VmError } from '../errors/index.ts'

/** Totals that a caller may change with the option `limits`. */
export interface ImageLimits {
  /** Bytes that a source may expand to, all layers together. Stops decompression bombs. Default 16 GiB. */
  readonly maxBytes: number
  /** Entries of all layers together. Stops archives of millions of empty files. Default 1,000,000. */
  readonly maxEntries: number
  /** Bytes of names, symlink targets and xattrs, which are held in memory. Default 256 MiB. */
  readonly maxMetadataBytes: number
}

export const DEFAULT_LIMITS: ImageLimits = {
  maxBytes: 16 * 1024 ** 3,
  maxEntries: 1_000_000,
  maxMetadataBytes: 256 * 1024 ** 2,
}

/** Linux `NAME_MAX`, and EROFS_NAME_LEN. */
export const NAME_MAX = 255
/** Linux `PATH_MAX` counts the final NUL. */
export const PATH_MAX = 4096
/** Linux `XATTR_NAME_MAX`. */
export const XATTR_NAME_MAX = 255
/** A value's size is a `__le16` on disk. (Linux `XATTR_SIZE_MAX` is one more.) */
export const XATTR_VALUE_MAX = 65535
/** Bytes of all xattr entries of an inode: `i_xattr_icount` is a `__le16` that counts units of 4 bytes. */
export const XATTR_TOTAL_MAX: number = 4 * 65534
/** Linux follows no more links than this in one path (`MAXSYMLINKS`). */
export const SYMLINKS_MAX = 40
/** `new_encode_dev()`: 12 bits of major and 20 bits of minor number. */
export const MAJOR_MAX: number = 0xfff
export const MINOR_MAX = 0xfffff
/** uid_t is 32 bits wide and its last value means "no user". */
export const ID_MAX = 0xfffffffe
/** A regular file beyond this is refused before a byte of it is read: no header may claim an absurd size. */
export const FILE_SIZE_MAX: number = 1024 ** 4

/** Counts what a source has used up so far; shared by all layers of one image. */
export class Budget {
  readonly limits: ImageLimits
  #bytes = 0
  #entries = 0
  #metadataBytes = 0

  constructor(limits: Partial<ImageLimits> = {}) {
    this.limits = { ...DEFAULT_LIMITS, ...limits }
  }

  /** @throws VmError `ERR_INLINUX_IMAGE_TOO_LARGE` when the bytes read so far pass `maxBytes`. */
  spendBytes(count: number): void {
    this.#bytes += count
    if (this.#bytes > this.limits.maxBytes) tooLarge('maxBytes', this.limits.maxBytes)
  }

  /** @throws VmError `ERR_INLINUX_IMAGE_TOO_LARGE` when `count` more bytes cannot fit; spends nothing. */
  expectBytes(count: number): void {
    if (this.#bytes + count > this.limits.maxBytes) tooLarge('maxBytes', this.limits.maxBytes)
  }

  spendEntry(metadataBytes: number): void {
    this.#entries += 1
    this.#metadataBytes += metadataBytes
    if (this.#entries > this.limits.maxEntries) tooLarge('maxEntries', this.limits.maxEntries)
    if (this.#metadataBytes > this.limits.maxMetadataBytes) {
      tooLarge('maxMetadataBytes', this.limits.maxMetadataBytes)
    }
  }
}

function tooLarge(limit: keyof ImageLimits, value: number): never {
  throw new VmError('ERR_INLINUX_IMAGE_TOO_LARGE', `The image passes the limit ${limit} (${value})`, {
    fix: `if the source can be trusted, raise the option limits.${limit}`,
  })
}
