// Where things are: the checkout, and the cache that all checkouts of one user share.
//
// The cache holds only what can be made again from the checkout and Debian's packages. Every entry is a folder
// `<name>-<hash of everything that went into it>`; it appears by one rename and never changes afterwards.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const UNUSED = 30 * 24 * 3600_000 // milliseconds

/** The checkout's folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

/** A path inside the checkout. */
export const inRoot = (...parts) => path.join(root, ...parts)

export const cacheDirectory = path.join(
  process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'),
  'inlinux',
)

/** Hex SHA-256 over parts whose boundaries count, shortened to 64 bits: a name, not a proof. */
export function key(...parts) {
  const hash = createHash('sha256')
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part
    hash.update(`${bytes.length}:`).update(bytes)
  }
  return hash.digest('hex').slice(0, 16)
}

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** Names and contents of all files below the given files and folders, in a stable order, for `key`. */
export async function contents(...entries) {
  const parts = []
  for (const entry of entries) {
    for (const file of (await filesBelow(entry)).sort())
      parts.push(path.relative(root, file), await readFile(file))
  }
  return parts
}

export async function filesBelow(entry) {
  if (!existsSync(entry)) return []
  const children = await readdir(entry, { withFileTypes: true, recursive: true }).catch((error) => {
    if (error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (children === undefined) return [entry]
  return children
    .filter((child) => child.isFile())
    .map((child) => path.join(child.parentPath ?? child.path, child.name))
}

/** Puts a file in place by one rename: whoever reads or runs the old one at this moment keeps it whole. */
export async function replaceFile(file, bytes, mode = 0o644) {
  await mkdir(path.dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}.new`
  await writeFile(temporary, bytes, { mode })
  await rename(temporary, file)
}

/**
 * The cache entry `name-key`, made by `make(temporaryFolder)` when it is missing. Two makers at the same time
 * both work and the first rename wins: right for what takes seconds (the kernel takes a lock instead).
 */
export async function cached(name, entryKey, make) {
  const entry = path.join(cacheDirectory, `${name}-${entryKey}`)
  if (existsSync(entry)) {
    await markUsed(entry)
    return { entry, made: false }
  }
  await forgetUnused(name)
  const temporary = `${entry}.${process.pid}.new`
  await rm(temporary, { recursive: true, force: true })
  await mkdir(temporary, { recursive: true })
  try {
    await make(temporary)
    await rename(temporary, entry).catch((error) => {
      if (!existsSync(entry)) throw error
    })
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  return { entry, made: true }
}

/** The time of an entry's folder is that of its last use. */
export async function markUsed(entry) {
  const now = new Date()
  await utimes(entry, now, now)
}

/** Removes earlier entries of this name, and remains of interrupted work, that nobody has used for a month. */
export async function forgetUnused(name) {
  const pattern = new RegExp(`^${name}-[0-9a-f]{16}(\\.|$)`)
  const children = await readdir(cacheDirectory).catch(() => [])
  for (const child of children.filter((each) => pattern.test(each))) {
    const entry = path.join(cacheDirectory, child)
    const { mtimeMs } = await stat(entry).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > UNUSED) await rm(entry, { recursive: true, force: true })
  }
}
