// What the other rooms see of an image: something that can be prepared, and what is there afterwards.

/** How a container image wants its programs to be started (OCI image spec, config.md). */
export interface ImageConfig {
  /** In the order of the image's configuration. */
  readonly env: Readonly<Record<string, string>>
  readonly workingDir?: string
  /** `user`, `uid`, `user:group` or `uid:gid`, as written. */
  readonly user?: string
  readonly entrypoint?: readonly string[]
  readonly cmd?: readonly string[]
}

export interface PreparedImage {
  /** An EROFS image, a multiple of 4096 bytes long. Open it before the next `prepare`: caches are trimmed. */
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** `sha256:…`; images with equal digests are equal, byte for byte. */
  readonly digest: string
  readonly config: ImageConfig
}

export interface Progress {
  /** Reading the source to know it again, or converting it. */
  readonly phase: 'hash' | 'convert'
  /** Bytes of the source (`hash`) or of the expanded archive (`convert`). */
  readonly done: number
  /** Known only when hashing. */
  readonly total: number | undefined
}

export interface PrepareOptions {
  /** `$XDG_CACHE_HOME/inlinux`, else `~/.cache/inlinux`; images lie in its folder `images`. */
  readonly cacheDir?: string
  /** The least recently used images are removed when all together are larger. Default 16 GiB. */
  readonly cacheBytes?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

/** A root file system. Nothing is read before `prepare`; the second `prepare` finds the result in the cache. */
export interface RootImage {
  /**
   * @throws VmError `ERR_INLINUX_IMAGE_INVALID` damaged, incomplete, or changed while read;
   *   `…_UNSAFE` an entry that tries to escape; `…_TOO_LARGE` beyond a limit; `…_UNSUPPORTED` a format or entry
   *   that we know and cannot use; `ERR_INLINUX_ABORTED`
   */
  prepare(options?: PrepareOptions): Promise<PreparedImage>
}

export const EMPTY_CONFIG: ImageConfig = { env: {} }
