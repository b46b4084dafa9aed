// What `image.from…` does once its image is wanted: find it in the cache, or convert its source.

import { rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { VmError } from '../errors/index.ts'
import { archiveIdentity, compressionOf, fileStream, hashStream, spool } from './archive-file.ts'
import { checkedSize, ImageCache } from './cache.ts'
import { type ContainerImage, openDockerArchive, openLayout } from './container-image.ts'
import { convertTar } from './convert-tar.ts'
import { type ByteStream, decompress } from './decompress.ts'
import { listDirectory } from './directory.ts'
import { ArchiveStore, DirectoryStore } from './file-store.ts'
import type { ContainerOptions, DirectoryOptions, ImageOptions, TarSource } from './image.ts'
import { Budget } from './limits.ts'
import { Pace } from './pace.ts'
import { recognise } from './recognise.ts'
import { EMPTY_CONFIG, type PreparedImage, type PrepareOptions, type RootImage } from './root-image.ts'
import { writeTree } from './tree-image.ts'

const DEFAULT_PLATFORM = 'linux/amd64'

class LazyImage implements RootImage {
  readonly #prepare: (cache: ImageCache, options: PrepareOptions, pace: Pace) => Promise<PreparedImage>

  constructor(prepare: (cache: ImageCache, options: PrepareOptions, pace: Pace) => Promise<PreparedImage>) {
    this.#prepare = prepare
  }

  async prepare(options: PrepareOptions = {}): Promise<PreparedImage> {
    const pace = new Pace(options.signal)
    return this.#prepare(await ImageCache.open(options.cacheDir, options.cacheBytes), options, pace)
  }
}

/** A directory of the host, as it is when `prepare` runs. Extended attributes are not seen: see docs/images.md. */
export function fromDirectory(path: string, options: DirectoryOptions = {}): RootImage {
  return new LazyImage(async (cache, { signal }, pace) => {
    const listed = await listDirectory(path, options.owner, new Budget(options.limits), pace)
    const key = cache.keyOf('directory', listed.fingerprint)
    const made = await cache.findOrMake(key, EMPTY_CONFIG, signal, (to) => writeTree(listed.root, to, pace))
    return { ...made, config: options.config ?? EMPTY_CONFIG }
  })
}

/** A tar archive: plain, gzip or zstd. */
export function fromTar(source: TarSource, options: ImageOptions = {}): RootImage {
  const config = options.config ?? EMPTY_CONFIG
  const convert = async (
    cache: ImageCache,
    digest: string,
    open: () => ByteStream,
    prepare: PrepareOptions,
    pace: Pace,
  ): Promise<{ image: PreparedImage; key: string }> => {
    const key = cache.keyOf('tar', digest)
    const image = await cache.findOrMake(key, EMPTY_CONFIG, prepare.signal, (to) =>
      convertTar([{ open }], to, conversion(options, prepare, pace, false)),
    )
    return { image: { ...image, config }, key }
  }

  if (typeof source === 'string' || source instanceof URL) {
    const path = typeof source === 'string' ? source : fileURLToPath(source)
    return new LazyImage(async (cache, prepare, pace) => {
      const { identity, size } = await archiveIdentity(path)
      const known = await cache.recall(identity)
      const found = known === undefined ? undefined : await cache.find(known)
      if (found !== undefined) return { ...found, config }
      const digest = await hashStream(fileStream(path), size, pace, prepare.onProgress)
      const { image, key } = await convert(cache, digest, () => fileStream(path), prepare, pace)
      await assertUnchanged(path, identity)
      await cache.remember(identity, key)
      return image
    })
  }
  if (source instanceof Uint8Array) {
    async function* bytes(): ByteStream {
      const whole = source as Uint8Array
      const piece = 1024 * 1024
      for (let at = 0; at < whole.length; at += piece) yield Buffer.from(whole.subarray(at, at + piece))
    }
    return new LazyImage(async (cache, prepare, pace) => {
      const digest = await hashStream(bytes(), source.length, pace, prepare.onProgress)
      return (await convert(cache, digest, bytes, prepare, pace)).image
    })
  }
  let firstPrepare: Promise<PreparedImage> | undefined
  return new LazyImage((cache, prepare, pace) => {
    // A stream can be read once only; whoever asks again gets the same image.
    firstPrepare ??= (async () => {
      const path = cache.temporary()
      try {
        const stream = source instanceof ReadableStream ? Readable.fromWeb(source as never) : source
        const digest = await spool(stream, path, new Budget(options.limits), pace)
        return (await convert(cache, digest, () => fileStream(path), prepare, pace)).image
      } finally {
        await rm(path, { force: true })
      }
    })()
    return firstPrepare
  })
}

/** An OCI image layout: a directory with `index.json` and `blobs/`. */
export function fromOciLayout(
  dir: string,
  options: ContainerOptions & { readonly ref?: string } = {},
): RootImage {
  const choice = { ref: options.ref, platform: options.platform ?? DEFAULT_PLATFORM }
  return new LazyImage(async (cache, prepare, pace) => {
    const container = await openLayout(new DirectoryStore(dir), choice)
    return convertContainer(cache, 'oci', container, options, prepare, pace)
  })
}

/** An archive made by `docker save` (or an OCI layout in a tar): plain, gzip or zstd. */
export function fromDockerArchive(
  path: string,
  options: ContainerOptions & { readonly tag?: string } = {},
): RootImage {
  const choice = { ref: options.tag, platform: options.platform ?? DEFAULT_PLATFORM }
  return new LazyImage(async (cache, prepare, pace) => {
    const { identity } = await archiveIdentity(path)
    const source = JSON.stringify([identity, choice.ref, choice.platform])
    const known = await cache.recall(source)
    const found = known === undefined ? undefined : await cache.find(known)
    if (found !== undefined) return { ...found, config: options.config ?? found.config }
    const temporary = cache.temporary()
    try {
      const budget = new Budget(options.limits)
      const isPlain = (await compressionOf(path)) === 'none'
      if (!isPlain) await spool(decompress(fileStream(path)), temporary, budget, pace)
      const store = await ArchiveStore.open(isPlain ? path : temporary, budget, pace)
      const container = await openDockerArchive(store, choice)
      const made = await convertContainer(cache, 'docker', container, options, prepare, pace)
      await assertUnchanged(path, identity)
      await cache.remember(source, cache.keyOf('docker', container.id))
      return made
    } finally {
      await rm(temporary, { force: true })
    }
  })
}

async function convertContainer(
  cache: ImageCache,
  kind: 'oci' | 'docker',
  { id, layers, config }: ContainerImage,
  options: ContainerOptions,
  prepare: PrepareOptions,
  pace: Pace,
): Promise<PreparedImage> {
  const made = await cache.findOrMake(cache.keyOf(kind, id), config, prepare.signal, (to) =>
    convertTar(layers, to, conversion(options, prepare, pace, true)),
  )
  return { ...made, config: options.config ?? config }
}

/** An EROFS image that exists already; used as it is. */
export function fromErofs(path: string, options: Pick<ImageOptions, 'config'> = {}): RootImage {
  return {
    async prepare(prepare: PrepareOptions = {}): Promise<PreparedImage> {
      const pace = new Pace(prepare.signal)
      const size = await checkedSize(path)
      if (size === undefined) {
        throw new VmError('ERR_INLINUX_IMAGE_INVALID', `${path} is not a complete EROFS image`)
      }
      const digest = await hashStream(fileStream(path), size, pace, prepare.onProgress)
      return { path, size, digest: `sha256:${digest}`, config: options.config ?? EMPTY_CONFIG }
    },
  }
}

/** Whatever lies at `path`: a directory, an archive, a container image or an EROFS image; see recognise.ts. */
export function fromPath(path: string, options: ContainerOptions = {}): RootImage {
  const makers = {
    directory: fromDirectory,
    tar: fromTar,
    'oci-layout': fromOciLayout,
    'docker-archive': fromDockerArchive,
    erofs: fromErofs,
  }
  return {
    prepare: async (prepare) => makers[await recognise(path)](path, options).prepare(prepare),
  }
}

function conversion(
  options: ImageOptions,
  prepare: PrepareOptions,
  pace: Pace,
  isLayered: boolean,
): Parameters<typeof convertTar>[2] {
  let done = 0
  const onBytes = (count: number): void => {
    done += count
    prepare.onProgress?.({ phase: 'convert', done, total: undefined })
  }
  return { isLayered, budget: new Budget(options.limits), pace, onBytes }
}

async function assertUnchanged(path: string, identity: string): Promise<void> {
  if ((await archiveIdentity(path)).identity === identity) return
  throw new VmError('ERR_INLINUX_IMAGE_INVALID', `${path} changed while it was read`)
}
