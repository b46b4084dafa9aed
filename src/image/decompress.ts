// Streams of bytes, decompressed by what they are and not by what they are called.
//
// gzip comes from node:zlib (in the thread pool), zstd too where Node has it (22.15 and later); on Node 20 the
// package fzstd does it in JavaScript. Formats that we recognise but cannot read are refused by name. A bomb is
// not stopped here but by the `Budget` that counts what comes out; here it only must not come out all at once.

import { pipeline, Readable, type Transform } from 'node:stream'
import zlib from 'node:zlib'
import { Decompress as FzstdDecompress } from 'fzstd'
import { VmError } from '../errors/index.ts'

export type ByteStream = AsyncIterable<Buffer>
export type Compression = 'none' | 'gzip' | 'zstd'

const OUTPUT_SIZE = 256 * 1024
/** A zstd block of 4 bytes can stand for 128 KiB: this much input yields at most 128 MiB at once. */
const FZSTD_SLICE = 4096
/** Windows beyond this make a decoder allocate what a frame's header says; `zstd` itself refuses them too. */
const ZSTD_WINDOW_LOG_MAX = 27
const ZSTD_d_windowLogMax = 100

const UNREADABLE: readonly (readonly [magic: string, name: string, tool: string])[] = [
  ['fd377a585a00', 'xz', 'xz -d'],
  ['425a68', 'bzip2', 'bzip2 -d'],
  ['04224d18', 'lz4', 'lz4 -d'],
  ['5d000080', 'lzma', 'xz -d'],
  ['504b0304', 'zip', 'unzip'],
]

/** Node's zlib of 22.15 and later; the types are those of Node 20. */
const { createZstdDecompress } = zlib as unknown as {
  createZstdDecompress?: (options: { chunkSize: number; params: Record<number, number> }) => Transform
}

/** @throws VmError `ERR_INLINUX_IMAGE_UNSUPPORTED` for a compression that we know but cannot read */
export function detectCompression(start: Uint8Array): Compression {
  const hex = Buffer.from(start.subarray(0, 6)).toString('hex')
  if (hex.startsWith('1f8b')) return 'gzip'
  if (hex.startsWith('28b52ffd') || /^5.2a4d18/.test(hex)) return 'zstd'
  for (const [magic, name, tool] of UNREADABLE) {
    if (!hex.startsWith(magic)) continue
    throw new VmError('ERR_INLINUX_IMAGE_UNSUPPORTED', `The archive is compressed with ${name}`, {
      fix: `decompress it first (${tool}); plain, gzip and zstd archives can be read`,
    })
  }
  return 'none'
}

/** @throws VmError `ERR_INLINUX_IMAGE_INVALID` while iterating, when the compressed data is damaged or ends early */
export async function* decompress(source: ByteStream): ByteStream {
  const { first, rest } = await peek(source)
  const compression = detectCompression(first)
  try {
    if (compression === 'none') yield* rest
    else if (compression === 'gzip') yield* through(rest, zlib.createGunzip({ chunkSize: OUTPUT_SIZE }))
    else if (createZstdDecompress === undefined) yield* throughFzstd(rest)
    else {
      const params = { [ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX }
      yield* through(rest, createZstdDecompress({ chunkSize: OUTPUT_SIZE, params }))
    }
  } catch (error) {
    if (error instanceof VmError) throw error
    if (compression === 'none') throw error
    throw new VmError('ERR_INLINUX_IMAGE_INVALID', `The ${compression} data is damaged or incomplete`, {
      cause: error,
    })
  }
}

async function* through(source: ByteStream, transform: Transform): ByteStream {
  // The callback is not needed: an error destroys the transform and comes out of the loop below.
  pipeline(
    Readable.from(source, { objectMode: false, highWaterMark: 1024 * 1024 }),
    transform,
    () => undefined,
  )
  yield* transform as AsyncIterable<Buffer>
}

async function* throughFzstd(source: ByteStream): ByteStream {
  let out: Buffer[] = []
  const decoder = new FzstdDecompress((piece) => {
    // The decoder reuses its window; what it hands out is valid only until its next block.
    if (piece.length > 0) out.push(Buffer.from(piece))
  })
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += FZSTD_SLICE) {
      decoder.push(chunk.subarray(at, at + FZSTD_SLICE))
      const ready = out
      out = []
      yield* ready
    }
  }
  decoder.push(new Uint8Array(0), true)
  yield* out
}

/** The first bytes (at least 6 unless the source is shorter) without losing them. */
async function peek(source: ByteStream): Promise<{ first: Buffer; rest: ByteStream }> {
  const iterator = source[Symbol.asyncIterator]()
  const held: Buffer[] = []
  let length = 0
  while (length < 6) {
    const next = await iterator.next()
    if (next.done === true) break
    held.push(next.value)
    length += next.value.length
  }
  async function* rest(): ByteStream {
    try {
      yield* held
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
        yield next.value
    } finally {
      await iterator.return?.()
    }
  }
  return { first: Buffer.concat(held), rest: rest() }
}
