// Functions of the C library, called through koffi. That is an optional package: without it, and where there is no
// Linux, there is nothing here, and everything has to work all the same. This is the only file that imports it.

import { createRequire } from 'node:module'

export interface Libc {
  /** Address of a buffer's first byte in this process. */
  addressOf(buffer: ArrayBufferLike): bigint
  /** madvise(2). @returns 0, or -1 when the kernel refuses */
  madvise(address: bigint, length: number, advice: number): number
  /** mincore(2): a byte for each page, its lowest bit set when the page is in memory. @returns 0 or -1 */
  mincore(address: bigint, length: number, residency: Uint8Array): number
}

let loaded: Libc | undefined | false = false

/** @returns undefined where koffi or the library is missing */
export function libc(): Libc | undefined {
  if (loaded === false) loaded = process.platform === 'linux' ? load() : undefined
  return loaded
}

function load(): Libc | undefined {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    const library = koffi.load('libc.so.6')
    return {
      addressOf: (buffer) => koffi.address(new Uint8Array(buffer)),
      madvise: library.func('int madvise(uintptr_t address, size_t length, int advice)'),
      mincore: library.func('int mincore(uintptr_t address, size_t length, _Out_ uint8_t *residency)'),
    }
  } catch {
    return undefined
  }
}
