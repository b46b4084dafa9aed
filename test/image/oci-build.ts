// Builds OCI layouts and docker-save archives from layers given as tar entries.

import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Entry, tar } from './tar-build.ts'

export interface ImageSpec {
  readonly layers: readonly (readonly Entry[])[]
  readonly ref?: string
  readonly os?: string
  readonly architecture?: string
  /** The `config` object of the image's configuration. */
  readonly config?: object
  /** How the layers are compressed, and the end of their media type. */
  readonly compress?: (tar: Buffer) => Buffer
  readonly mediaType?: string
  /** Media types of Docker's instead of OCI's. */
  readonly isDocker?: boolean
  /** The descriptor in the index says nothing about the platform. */
  readonly hidesPlatform?: boolean
}

export interface Descriptor {
  mediaType: string
  digest: string
  size: number
  annotations?: Record<string, string>
  platform?: { os: string; architecture: string }
}

export class Layout {
  readonly dir: string

  constructor(dir: string) {
    this.dir = dir
    mkdirSync(join(dir, 'blobs/sha256'), { recursive: true })
    writeFileSync(join(dir, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  }

  blob(data: Buffer | object, mediaType: string): Descriptor {
    const bytes = Buffer.isBuffer(data) ? data : Buffer.from(JSON.stringify(data))
    const digest = sha256(bytes)
    writeFileSync(this.blobPath(digest), bytes)
    return { mediaType, digest, size: bytes.length }
  }

  blobPath(digest: string): string {
    return join(this.dir, 'blobs', digest.replace(':', '/'))
  }

  /** Adds an image's blobs. @returns the descriptor of its manifest */
  image(spec: ImageSpec): Descriptor {
    const { os = 'linux', architecture = 'amd64', compress = gzipSync, isDocker = false } = spec
    const layerType = isDocker
      ? 'application/vnd.docker.image.rootfs.diff.tar.gzip'
      : (spec.mediaType ?? 'application/vnd.oci.image.layer.v1.tar+gzip')
    const tars = spec.layers.map((entries) => tar(...entries))
    const layers = tars.map((bytes) => this.blob(compress(bytes), layerType))
    const rootfs = { type: 'layers', diff_ids: tars.map(sha256) }
    const config = this.blob(
      { os, architecture, config: spec.config ?? {}, rootfs, history: [] },
      isDocker
        ? 'application/vnd.docker.container.image.v1+json'
        : 'application/vnd.oci.image.config.v1+json',
    )
    const mediaType = isDocker
      ? 'application/vnd.docker.distribution.manifest.v2+json'
      : 'application/vnd.oci.image.manifest.v1+json'
    const manifest = this.blob({ schemaVersion: 2, mediaType, config, layers }, mediaType)
    if (spec.ref !== undefined) manifest.annotations = { 'org.opencontainers.image.ref.name': spec.ref }
    if (spec.hidesPlatform !== true) manifest.platform = { os, architecture }
    return manifest
  }

  index(...manifests: Descriptor[]): void {
    writeFileSync(join(this.dir, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
  }

  nestedIndex(ref: string, ...manifests: Descriptor[]): Descriptor {
    const mediaType = 'application/vnd.oci.image.index.v1+json'
    const nested = this.blob({ schemaVersion: 2, mediaType, manifests }, mediaType)
    nested.annotations = { 'org.opencontainers.image.ref.name': ref }
    return nested
  }
}

/** An archive as `docker save` writes it; `shared` makes equal layers symlinks, as Docker 1.10 to 24 did. */
export function dockerArchive(spec: ImageSpec, tags: readonly string[], shared = false): Buffer {
  const { os = 'linux', architecture = 'amd64' } = spec
  const tars = spec.layers.map((entries) => tar(...entries))
  const config = {
    os,
    architecture,
    config: spec.config ?? {},
    rootfs: { type: 'layers', diff_ids: tars.map(sha256) },
  }
  const names = tars.map((_, i) => `layer${i}/layer.tar`)
  const entries: Entry[] = tars.map((data, i) => {
    const first = tars.findIndex((other) => other.equals(data))
    return shared && first < i
      ? { name: names[i]!, type: '2', linkname: `../layer${first}/layer.tar` }
      : { name: names[i]!, data }
  })
  const manifest = [{ Config: 'config.json', RepoTags: tags, Layers: names }]
  return tar(
    ...entries,
    { name: 'config.json', data: JSON.stringify(config) },
    { name: 'manifest.json', data: JSON.stringify(manifest) },
  )
}

export function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
