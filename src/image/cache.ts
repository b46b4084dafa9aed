// The cache of converted images, shared by all processes of a user.
//
//   images/KEY.erofs          the image; KEY says what it was made from and by which converter
//   images/KEY.json           its size, digest and configuration; written last: an entry without it does not exist
//   images/sources/HASH.json  "this file, with this size, time and inode, has KEY", so that it is not hashed again
//   images/tmp/               images under construction, renamed into place when complete
//
// Several processes may prepare the same image at once: each works in a file of its own and the last rename wins,
// with equal bytes. An entry is checked before use (size, superblock with its checksum) and rebuilt when damaged.
// The times of the .json files are the order of use; the least recently used entries go when the cache is full,
// but none that was used in the last ten minutes, because its machine may not have opened it yet.

import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import * as v from 'valibot'
import { VmError } from '../errors/index.ts'
import { BLOCK, imageSizeOf } from './erofs-format.ts'
import type { WrittenImage } from './erofs-writer.ts'
import type { ImageConfig, PreparedImage } from './root-image.ts'

/** Raise it whenever the same source gives a different image. */
const CONVERTER_VERSION = 1
const CACHE_BYTES = 16 * 1024 ** 3
const SPARED_MS = 10 * 60_000
/** What a process that died left behind. */
const ABANDONED_MS = 24 * 3600_000
const FORGOTTEN_MS = 90 * ABANDONED_MS

const Entry = v.object({
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  digest: v.string(),
  config: v.object({
    env: v.record(v.string(), v.string()),
    workingDir: v.exactOptional(v.string()),
    user: v.exactOptional(v.string()),
    entrypoint: v.exactOptional(v.array(v.string())),
    cmd: v.exactOptional(v.array(v.string())),
  }),
})
const Source = v.object({ key: v.pipe(v.string(), v.regex(/^[a-z]+-\d+-[0-9a-f]{64}$/)) })

/** Conversions under way in this process, by the path of their result. */
const underway = new Map<string, Promise<PreparedImage>>()

export class ImageCache {
  readonly #dir: string
  readonly #maxBytes: number

  private constructor(dir: string, maxBytes: number) {
    this.#dir = dir
    this.#maxBytes = maxBytes
  }

  static async open(
    cacheDir: string = defaultCacheDir(),
    maxBytes: number = CACHE_BYTES,
  ): Promise<ImageCache> {
    const dir = join(cacheDir, 'images')
    // Images hold what their sources hold, password hashes included: nobody else's business.
    for (const part of ['sources', 'tmp']) await mkdir(join(dir, part), { recursive: true, mode: 0o700 })
    return new ImageCache(dir, maxBytes)
  }

  /** @param identity what the image is made from: equal identities must give equal images */
  keyOf(kind: 'tar' | 'directory' | 'oci' | 'docker', identity: string): string {
    return `${kind}-${CONVERTER_VERSION}-${createHash('sha256').update(identity).digest('hex')}`
  }

  /** A new path for something under construction, on the same file system as the images. */
  temporary(): string {
    return join(this.#dir, 'tmp', `${process.pid}-${randomUUID()}`)
  }

  async find(key: string): Promise<PreparedImage | undefined> {
    const path = this.#imageAt(key)
    const entry = await readJson(this.#entryAt(key), Entry)
    if (entry === undefined) return undefined
    if ((await checkedSize(path)) !== entry.size) {
      await this.#remove(key)
      return undefined
    }
    const now = new Date()
    await utimes(this.#entryAt(key), now, now).catch(() => undefined)
    return { path, ...entry }
  }

  /** The image of `key`: from the cache, from a conversion under way in this process, or from `write`. */
  async findOrMake(
    key: string,
    config: ImageConfig,
    signal: AbortSignal | undefined,
    write: (path: string) => Promise<WrittenImage>,
  ): Promise<PreparedImage> {
    const id = this.#imageAt(key)
    for (;;) {
      const running = underway.get(id)
      if (running === undefined) break
      try {
        return await unlessAborted(running, signal)
      } catch (error) {
        // Another caller's abort is not ours.
        const isOthersAbort =
          error instanceof VmError && error.code === 'ERR_INLINUX_ABORTED' && !signal?.aborted
        if (!isOthersAbort) throw error
      }
    }
    const making = this.#make(key, config, write).finally(() => underway.delete(id))
    underway.set(id, making)
    return making
  }

  async #make(
    key: string,
    config: ImageConfig,
    write: (path: string) => Promise<WrittenImage>,
  ): Promise<PreparedImage> {
    const found = await this.find(key)
    if (found !== undefined) return found
    const temporary = this.temporary()
    try {
      const { size, digest } = await write(temporary)
      await rename(temporary, this.#imageAt(key))
      await this.#writeJson(this.#entryAt(key), { size, digest, config })
      await this.#trim(key)
      return { path: this.#imageAt(key), size, digest, config }
    } finally {
      await rm(temporary, { force: true })
    }
  }

  /** The key that was remembered for a source, by everything that tells whether the source is still the same. */
  async recall(source: string): Promise<string | undefined> {
    return (await readJson(this.#sourceAt(source), Source))?.key
  }

  async remember(source: string, key: string): Promise<void> {
    await this.#writeJson(this.#sourceAt(source), { key })
  }

  async #writeJson(path: string, value: unknown): Promise<void> {
    const temporary = this.temporary()
    await writeFile(temporary, JSON.stringify(value))
    await rename(temporary, path)
  }

  async #remove(key: string): Promise<void> {
    await rm(this.#entryAt(key), { force: true })
    await rm(this.#imageAt(key), { force: true })
  }

  /** Keeps the images below the limit. Another process may do the same at the same time: missing files are fine. */
  async #trim(justMade: string): Promise<void> {
    const now = Date.now()
    const entries: { key: string; size: number; usedAt: number }[] = []
    for (const name of await readdir(this.#dir)) {
      if (!name.endsWith('.erofs')) continue
      const key = name.slice(0, -'.erofs'.length)
      const size = (await stat(join(this.#dir, name)).catch(() => undefined))?.size ?? 0
      const usedAt = await stat(this.#entryAt(key)).catch(() =>
        stat(this.#imageAt(key)).catch(() => undefined),
      )
      entries.push({ key, size, usedAt: usedAt?.mtimeMs ?? now })
    }
    let total = entries.reduce((sum, entry) => sum + entry.size, 0)
    for (const { key, size, usedAt } of entries.sort((a, b) => a.usedAt - b.usedAt)) {
      if (total <= this.#maxBytes) break
      if (key === justMade || now - usedAt < SPARED_MS) continue
      await this.#remove(key)
      total -= size
    }
    await removeOlder(join(this.#dir, 'tmp'), now - ABANDONED_MS)
    await removeOlder(join(this.#dir, 'sources'), now - FORGOTTEN_MS)
  }

  #imageAt(key: string): string {
    return join(this.#dir, `${key}.erofs`)
  }

  #entryAt(key: string): string {
    return join(this.#dir, `${key}.json`)
  }

  #sourceAt(source: string): string {
    return join(this.#dir, 'sources', `${createHash('sha256').update(source).digest('hex')}.json`)
  }
}

function defaultCacheDir(): string {
  const xdg = process.env.XDG_CACHE_HOME
  // The XDG specification: a relative path is to be ignored.
  return join(xdg !== undefined && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'inlinux')
}

/** The size of an image whose file is as long as its superblock says, and whose superblock is whole. */
export async function checkedSize(path: string): Promise<number | undefined> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const block = Buffer.alloc(BLOCK)
    await file.read(block, 0, BLOCK, 0)
    const size = imageSizeOf(block)
    return size !== undefined && (await file.stat()).size === size ? size : undefined
  } finally {
    await file.close()
  }
}

/** A caller that waits for another's conversion can still stop waiting. */
async function unlessAborted<T>(running: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return running
  let stop = (): void => undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new VmError('ERR_INLINUX_ABORTED', 'The preparation of the image was aborted'))
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([running, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function readJson<S extends v.GenericSchema>(
  path: string,
  schema: S,
): Promise<v.InferOutput<S> | undefined> {
  try {
    const parsed = v.safeParse(schema, JSON.parse(await readFile(path, 'utf8')))
    return parsed.success ? parsed.output : undefined
  } catch {
    return undefined
  }
}

async function removeOlder(dir: string, limit: number): Promise<void> {
  for (const name of await readdir(dir).catch(() => [])) {
    const path = join(dir, name)
    const info = await stat(path).catch(() => undefined)
    if (info !== undefined && info.mtimeMs < limit) await rm(path, { force: true })
  }
}
