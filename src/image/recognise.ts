// What a path of the host holds, by looking inside: the name says nothing (`root.img`, `image.tar.bin`).
//
//   a directory   with `oci-layout`, or with `index.json` and `blobs/`     → an OCI layout, else a plain directory
//   a file        EROFS magic in the superblock at 1024                    → an EROFS image
//                 a tar (also gzip, zstd) that begins as `docker save` does → a docker-save archive, else a plain tar
//
// Of an archive only the first entries are read, however long it is: every writer of container archives begins with
// one of the names below, which no root file system has at its top. A wrong guess harms nobody (the reader that is
// chosen checks everything again); who knows better calls image.fromTar or another function directly.

import { lstatSync } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { VmError } from '../errors/index.ts'
import { fileStream } from './archive-file.ts'
import { type ByteStream, decompress } from './decompress.ts'

export type SourceKind = 'directory' | 'tar' | 'oci-layout' | 'docker-archive' | 'erofs'

const EROFS_SUPER_OFFSET = 1024
const EROFS_SUPER_MAGIC_V1 = 0xe0f5e1e2
/** `./`, a pax header or a directory may come before the first telling name. */
const ENTRIES_READ = 4
const BLOCK = 512
/** Stops an archive whose first entry claims a long pax header, or is a bomb: so much is looked at in all. */
const BYTES_READ = 256 * 1024

const CONTAINER_ENTRY =
  /^(?:blobs(?:\/|$)|index\.json$|manifest\.json$|oci-layout$|repositories$|(?:sha256:)?[0-9a-f]{64}(?:\/|\.json$|\.tar$|$))/

/** @throws VmError `ERR_INLINUX_IMAGE_INVALID` when there is nothing, `…_UNSUPPORTED` for what we know and cannot read */
export async function recognise(path: string): Promise<SourceKind> {
  const info = await stat(path).catch((cause: Error) => {
    throw new VmError('ERR_INLINUX_IMAGE_INVALID', `${path} cannot be read: ${cause.message}`, { cause })
  })
  if (info.isDirectory()) return isLayout(path) ? 'oci-layout' : 'directory'
  if (!info.isFile()) {
    throw new VmError('ERR_INLINUX_IMAGE_INVALID', `${path} is neither a regular file nor a directory`)
  }
  if (await isErofs(path)) return 'erofs'
  for (const name of firstNames(await start(decompress(fileStream(path)))))
    if (CONTAINER_ENTRY.test(name)) return 'docker-archive'
  return 'tar'
}

function isLayout(path: string): boolean {
  const has = (name: string): boolean => lstatSync(join(path, name), { throwIfNoEntry: false }) !== undefined
  return has('oci-layout') || (has('index.json') && has('blobs'))
}

async function isErofs(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const magic = Buffer.alloc(4)
    const { bytesRead } = await file.read(magic, 0, 4, EROFS_SUPER_OFFSET)
    return bytesRead === 4 && magic.readUInt32LE() === EROFS_SUPER_MAGIC_V1
  } finally {
    await file.close()
  }
}

async function start(stream: ByteStream): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of stream) {
    pieces.push(piece)
    length += piece.length
    if (length >= BYTES_READ) break
  }
  return Buffer.concat(pieces).subarray(0, BYTES_READ)
}

/** Names of the first entries, as far as plain ustar fields tell them. Whoever wrote the archive decides every byte. */
function* firstNames(bytes: Buffer): Iterable<string> {
  let at = 0
  for (let entry = 0; entry < ENTRIES_READ && at + BLOCK <= bytes.length; entry++) {
    const header = bytes.subarray(at, at + BLOCK)
    const size = Number.parseInt(field(header, 124, 12), 8)
    if (!(size >= 0)) return
    const type = String.fromCharCode(header[156]!)
    // Of the extra headers (pax x and g, GNU L and K) only the size matters here.
    if (!'xgLK'.includes(type)) yield field(header, 0, 100).replace(/^(?:\.\/)+/, '')
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
}

function field(header: Buffer, offset: number, length: number): string {
  const text = header.toString('latin1', offset, offset + length)
  const end = text.indexOf('\0')
  return (end < 0 ? text : text.slice(0, end)).trim()
}
