// A compressed artefact of the package becomes a plain file in the user's cache, once, named by its hash.
//
// Two processes may do this at the same moment: each writes a file of its own and renames it into place, and the
// bytes are the same. The hash is checked when unpacking; later finds trust the size, because hashing the kernel
// at every start would cost more than a restore does. Without a writable cache the temporary folder serves.
import { createHash } from 'node:crypto'
import { lstat, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { brotliDecompress } from 'node:zlib'
import { VmError } from '../errors/index.ts'
import type { Artefact } from './manifest.ts'

const decompress = promisify(brotliDecompress)

/** Gives the path of the plain file. */
export async function unpacked(artefact: Artefact, name: string, fix: string): Promise<string> {
  if (artefact.encoding === 'identity') {
    if ((await sizeOf(artefact.file)) === artefact.bytes) return artefact.file
    throw missing(`${artefact.file} is missing or has the wrong size`, fix)
  }
  const folders = cacheFolders()
  for (const folder of folders) {
    const file = path.join(folder, 'unpacked', artefact.sha256, name)
    if ((await sizeOf(file)) === artefact.bytes && (await isOurs(folder))) return file
  }
  const bytes = await decode(artefact, fix)
  let failure: unknown
  for (const folder of folders) {
    try {
      return await place(bytes, folder, artefact.sha256, name)
    } catch (error) {
      failure = error
    }
  }
  throw missing(`no folder to unpack ${name} into, tried ${folders.join(', ')}`, fix, failure)
}

/** The user's cache first; the temporary folder, split by user, for those who have none that can be written. */
function cacheFolders(): string[] {
  const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache')
  return [path.join(cache, 'inlinux'), path.join(os.tmpdir(), `inlinux-${process.getuid?.() ?? 0}`)]
}

async function decode(artefact: Artefact, fix: string): Promise<Buffer> {
  let bytes: Buffer
  try {
    bytes = await decompress(await readFile(artefact.file), { maxOutputLength: artefact.bytes })
  } catch (error) {
    throw missing(`${artefact.file} cannot be unpacked`, fix, error)
  }
  if (createHash('sha256').update(bytes).digest('hex') === artefact.sha256) return bytes
  throw missing(`${artefact.file} is damaged: its hash is wrong`, fix)
}

async function place(bytes: Buffer, base: string, sha256: string, name: string): Promise<string> {
  await mkdir(base, { recursive: true, mode: 0o700 })
  if (!(await isOurs(base))) throw new Error(`${base} can be written by somebody else`)
  const folder = path.join(base, 'unpacked', sha256)
  await mkdir(folder, { recursive: true })
  const temporary = path.join(folder, `${name}.${process.pid}.${process.hrtime.bigint()}`)
  try {
    await writeFile(temporary, bytes, { mode: 0o644, flag: 'wx' })
    await rename(temporary, path.join(folder, name))
  } finally {
    await rm(temporary, { force: true })
  }
  return path.join(folder, name)
}

/** In a shared temporary folder somebody else may have made ours first, to give us a kernel of theirs. */
async function isOurs(base: string): Promise<boolean> {
  const { uid, mode } = await lstat(base)
  return (process.getuid === undefined || uid === process.getuid()) && (mode & 0o002) === 0
}

async function sizeOf(file: string): Promise<number | undefined> {
  const info = await stat(file).catch(() => undefined)
  return info?.isFile() === true ? info.size : undefined
}

export function missing(message: string, fix: string, cause?: unknown): VmError {
  return new VmError('ERR_INLINUX_GUEST_MISSING', message, { fix, cause })
}
