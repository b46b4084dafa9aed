// `image`: where a machine's root file system comes from. Each function only notes its source; `prepare` converts.
//
// The converters and what they need (tar, zstd, JSON schemas) are loaded when the first image is prepared: a program
// that runs commands in the package's own root never pays for them at its start.

import type { Owner } from './directory.ts'
import type { ImageLimits } from './limits.ts'
import type { ImageConfig, PrepareOptions, RootImage } from './root-image.ts'

export interface ImageOptions {
  /** How programs of this root are started, unless the command says otherwise. */
  readonly config?: ImageConfig
  readonly limits?: Partial<ImageLimits>
}

export interface DirectoryOptions extends ImageOptions {
  /** Owner of every file in the image; by default each keeps the one it has. */
  readonly owner?: Owner
}

export interface ContainerOptions extends ImageOptions {
  /** `os/architecture[/variant]`; `linux/amd64` by default, which is what the machines run. */
  readonly platform?: string
}

/** A path, the bytes, or a stream (read once, kept in the cache). */
export type TarSource = string | URL | Uint8Array | AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>

type Sources = typeof import('./sources.ts')

class LazyImage implements RootImage {
  readonly #make: (sources: Sources) => RootImage
  #made: Promise<RootImage> | undefined

  constructor(make: (sources: Sources) => RootImage) {
    this.#make = make
  }

  async prepare(options?: PrepareOptions): ReturnType<RootImage['prepare']> {
    this.#made ??= import('./sources.ts').then(this.#make)
    return (await this.#made).prepare(options)
  }
}

export const image = {
  /** A directory of the host, as it is when `prepare` runs. Extended attributes are not seen: see docs/images.md. */
  fromDirectory(path: string, options?: DirectoryOptions): RootImage {
    return new LazyImage((sources) => sources.fromDirectory(path, options))
  },
  /** A tar archive: plain, gzip or zstd. */
  fromTar(source: TarSource, options?: ImageOptions): RootImage {
    return new LazyImage((sources) => sources.fromTar(source, options))
  },
  /** An OCI image layout: a directory with `index.json` and `blobs/`. */
  fromOciLayout(dir: string, options?: ContainerOptions & { readonly ref?: string }): RootImage {
    return new LazyImage((sources) => sources.fromOciLayout(dir, options))
  },
  /** An archive made by `docker save` (or an OCI layout in a tar): plain, gzip or zstd. */
  fromDockerArchive(path: string, options?: ContainerOptions & { readonly tag?: string }): RootImage {
    return new LazyImage((sources) => sources.fromDockerArchive(path, options))
  },
  /** An EROFS image that exists already; used as it is. */
  fromErofs(path: string, options?: Pick<ImageOptions, 'config'>): RootImage {
    return new LazyImage((sources) => sources.fromErofs(path, options))
  },
  /** Whatever lies at `path`: a directory, an archive, a container image or an EROFS image; see recognise.ts. */
  fromPath(path: string, options?: ContainerOptions): RootImage {
    return new LazyImage((sources) => sources.fromPath(path, options))
  },
}
