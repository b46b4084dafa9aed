// Finds one image in an OCI layout or a docker-save archive: its layers in order and its configuration.
//
//   index.json ─► (nested indexes) ─► manifest ─► config, layers          OCI image spec, image-layout.md
//   manifest.json ─► Config, Layers                                      `docker save`
//
// Every blob is checked against the digest and size of the descriptor that led to it, while it is read; layers
// also against the diff_id in the configuration, after decompression. So what the cache's key names (the digest
// of a manifest, or of a configuration) decides every byte of the tree.

import { createHash } from 'node:crypto'
import { VmError } from '../errors/index.ts'
import {
  type ContainerConfig,
  type Descriptor,
  imageConfigOf,
  MEDIA_TYPE_CONFIG,
  MEDIA_TYPE_INDEX,
  MEDIA_TYPE_LAYER,
  MEDIA_TYPE_MANIFEST,
  type Platform,
  parseArchiveManifest,
  parseConfig,
  parseIndex,
  parseManifest,
} from './container-schema.ts'
import type { Layer } from './convert-tar.ts'
import type { ByteStream } from './decompress.ts'
import type { FileStore } from './file-store.ts'
import type { ImageConfig } from './root-image.ts'

/** Indexes in indexes are legal; a loop is impossible (digests), but depth and number are the archive's choice. */
const INDEX_DEPTH_MAX = 4
const DESCRIPTORS_MAX = 1000
const ANNOTATION_REF = 'org.opencontainers.image.ref.name'
const ANNOTATION_NAME = 'io.containerd.image.name'

export interface Choice {
  /** The annotation `org.opencontainers.image.ref.name`, or a tag of `docker save`. */
  readonly ref?: string | undefined
  /** `os/architecture` or `os/architecture/variant`. */
  readonly platform: string
}

export interface ContainerImage {
  /** Digest of the document that decides everything else. */
  readonly id: string
  readonly layers: readonly Layer[]
  readonly config: ImageConfig
}

/** @throws VmError `…_UNSUPPORTED` when no image has the platform, `ERR_INLINUX_INVALID_ARGUMENT` when several fit */
export async function openLayout(store: FileStore, choice: Choice): Promise<ContainerImage> {
  const { manifests } = parseIndex(await store.read('index.json'), 'index.json')
  const named = manifests.filter((one) => choice.ref === undefined || isNamed(one, choice.ref))
  const refs = manifests.map((one) => one.annotations?.[ANNOTATION_REF] ?? one.digest)
  if (named.length === 0) {
    throw new VmError(
      'ERR_INLINUX_INVALID_ARGUMENT',
      `The layout has no image ${JSON.stringify(choice.ref ?? '')}`,
      {
        fix: `choose one of: ${refs.join(', ') || '(the index is empty)'}`,
      },
    )
  }
  const search: Search = { store, wanted: choice.platform, seen: [], left: DESCRIPTORS_MAX }
  const found = new Map<string, Descriptor>()
  for (const descriptor of named) {
    const match = await findPlatform(search, descriptor, 0)
    if (match !== undefined) found.set(match.digest, match)
  }
  const [only, ...others] = found.values()
  if (only === undefined) throw wrongPlatform(choice.platform, search.seen)
  if (others.length > 0) {
    throw new VmError('ERR_INLINUX_INVALID_ARGUMENT', 'The layout has several images of this platform', {
      fix: `give the option ref, one of: ${refs.join(', ')}`,
    })
  }
  return openManifest(store, only, choice.platform)
}

function isNamed({ annotations, digest }: Descriptor, ref: string): boolean {
  return annotations?.[ANNOTATION_REF] === ref || annotations?.[ANNOTATION_NAME] === ref || digest === ref
}

interface Search {
  readonly store: FileStore
  readonly wanted: string
  /** Platforms that were met, for the message. */
  readonly seen: string[]
  left: number
}

/** The first manifest for the wanted platform at or below `descriptor`. */
async function findPlatform(
  search: Search,
  descriptor: Descriptor,
  depth: number,
): Promise<Descriptor | undefined> {
  if (search.left-- <= 0 || depth > INDEX_DEPTH_MAX) {
    throw new VmError(
      'ERR_INLINUX_IMAGE_TOO_LARGE',
      'The image index has too many entries, or too many levels',
    )
  }
  if (MEDIA_TYPE_INDEX.has(descriptor.mediaType)) {
    const { manifests } = parseIndex(await readBlob(search.store, descriptor), descriptor.digest)
    for (const child of manifests) {
      const match = await findPlatform(search, child, depth + 1)
      if (match !== undefined) return match
    }
    return undefined
  }
  // Other things than images may be listed: signatures, attestations, Helm charts.
  if (!MEDIA_TYPE_MANIFEST.has(descriptor.mediaType)) return undefined
  const platform = descriptor.platform ?? (await platformOfConfig(search.store, descriptor))
  if (platform === undefined) return undefined
  search.seen.push(`${platform.os}/${platform.architecture}${platform.variant ? `/${platform.variant}` : ''}`)
  return matches(search.wanted, platform) ? descriptor : undefined
}

async function platformOfConfig(store: FileStore, descriptor: Descriptor): Promise<Platform | undefined> {
  const manifest = parseManifest(await readBlob(store, descriptor), descriptor.digest)
  if (!MEDIA_TYPE_CONFIG.has(manifest.config.mediaType)) return undefined
  return platformOf(parseConfig(await readBlob(store, manifest.config), manifest.config.digest))
}

/** Docker's first images named no platform; they are what Docker ran on then. */
function platformOf(config: ContainerConfig): Platform {
  return { os: config.os || 'linux', architecture: config.architecture || 'amd64', variant: config.variant }
}

function matches(wanted: string, { os, architecture, variant }: Platform): boolean {
  const [wantedOs, wantedArchitecture, wantedVariant] = wanted.split('/')
  if (os !== wantedOs || architecture !== wantedArchitecture) return false
  return wantedVariant === undefined || wantedVariant === variant
}

async function openManifest(
  store: FileStore,
  descriptor: Descriptor,
  wanted: string,
): Promise<ContainerImage> {
  const manifest = parseManifest(await readBlob(store, descriptor), descriptor.digest)
  if (!MEDIA_TYPE_CONFIG.has(manifest.config.mediaType)) {
    throw new VmError(
      'ERR_INLINUX_IMAGE_UNSUPPORTED',
      `${descriptor.digest} is no container image but ${manifest.config.mediaType}`,
    )
  }
  const config = parseConfig(await readBlob(store, manifest.config), manifest.config.digest)
  if (!matches(wanted, platformOf(config))) throw wrongPlatform(wanted, [platformText(config)])
  const { diff_ids: diffIds } = config.rootfs
  if (diffIds.length !== manifest.layers.length) throw wrongCount(manifest.layers.length, diffIds.length)
  const layers = manifest.layers.map((layer, i): Layer => {
    if (!MEDIA_TYPE_LAYER.test(layer.mediaType)) {
      throw new VmError(
        'ERR_INLINUX_IMAGE_UNSUPPORTED',
        `A layer is ${layer.mediaType}, which cannot be read`,
      )
    }
    return { ...blobStream(store, layer), diffId: diffIds[i] }
  })
  return { id: descriptor.digest, layers, config: imageConfigOf(config) }
}

/** One image of a `docker save` archive. */
export async function openDockerArchive(store: FileStore, choice: Choice): Promise<ContainerImage> {
  // Newer archives are OCI layouts too; tools like `skopeo` write archives that are nothing else.
  if (!store.has('manifest.json')) return openLayout(store, choice)
  const all = parseArchiveManifest(await store.read('manifest.json'), 'manifest.json')
  const tags = all.flatMap((one) => one.RepoTags ?? [])
  const { ref } = choice
  const fitting = all.filter(({ RepoTags }) => ref === undefined || RepoTags?.some((tag) => isTag(tag, ref)))
  const [only] = fitting
  if (only === undefined || fitting.length > 1) {
    throw new VmError(
      'ERR_INLINUX_INVALID_ARGUMENT',
      only === undefined
        ? `The archive has no image ${JSON.stringify(ref ?? '')}`
        : 'The archive has several images',
      { fix: `give the option tag, one of: ${tags.join(', ') || '(the archive has no tags)'}` },
    )
  }
  const document = await store.read(only.Config)
  const config = parseConfig(document, only.Config)
  if (!matches(choice.platform, platformOf(config))) {
    if (store.has('index.json')) return openLayout(store, { platform: choice.platform })
    throw wrongPlatform(choice.platform, [platformText(config)])
  }
  const { diff_ids: diffIds } = config.rootfs
  if (diffIds.length !== only.Layers.length) throw wrongCount(only.Layers.length, diffIds.length)
  const layers = only.Layers.map((name, i): Layer => ({ open: () => store.stream(name), diffId: diffIds[i] }))
  const id = `sha256:${createHash('sha256').update(document).digest('hex')}`
  return { id, layers, config: imageConfigOf(config) }
}

/** `app`, `app:latest` and `docker.io/library/app:latest` are the same name, written as people and tools do. */
function isTag(tag: string, wanted: string): boolean {
  return fullName(tag) === fullName(wanted)
}

function fullName(tag: string): string {
  const short = tag.replace(/^(docker\.io\/library\/|docker\.io\/)/, '')
  return short.slice(short.lastIndexOf('/') + 1).includes(':') ? short : `${short}:latest`
}

async function readBlob(store: FileStore, descriptor: Descriptor): Promise<Buffer> {
  const bytes = await store.read(blobName(descriptor.digest))
  if (bytes.length !== descriptor.size) throw wrongSize(descriptor, bytes.length)
  const found = hashFor(descriptor.digest).update(bytes).digest('hex')
  if (!descriptor.digest.endsWith(`:${found}`)) throw wrongDigest(descriptor, found)
  return bytes
}

/** A blob that is verified as it streams; `assertWhole` tells whether it was read to its end and was right. */
function blobStream(store: FileStore, descriptor: Descriptor): Pick<Layer, 'open' | 'assertWhole'> {
  let isWhole = false
  async function* open(): ByteStream {
    const hash = hashFor(descriptor.digest)
    let size = 0
    for await (const piece of store.stream(blobName(descriptor.digest))) {
      size += piece.length
      if (size > descriptor.size) throw wrongSize(descriptor, size)
      hash.update(piece)
      yield piece
    }
    if (size !== descriptor.size) throw wrongSize(descriptor, size)
    const found = hash.digest('hex')
    if (!descriptor.digest.endsWith(`:${found}`)) throw wrongDigest(descriptor, found)
    isWhole = true
  }
  const assertWhole = (): void => {
    if (isWhole) return
    throw new VmError(
      'ERR_INLINUX_IMAGE_INVALID',
      `The layer ${descriptor.digest} has bytes after its compressed data`,
    )
  }
  return { open, assertWhole }
}

/** The digest's form was checked by the schema: it cannot name a path outside. */
function blobName(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`
}

function hashFor(digest: string): ReturnType<typeof createHash> {
  return createHash(digest.startsWith('sha512:') ? 'sha512' : 'sha256')
}

function platformText(config: ContainerConfig): string {
  const { os, architecture } = platformOf(config)
  return `${os}/${architecture}`
}

function wrongPlatform(wanted: string, seen: readonly string[]): VmError {
  return new VmError('ERR_INLINUX_IMAGE_UNSUPPORTED', `The image has no variant for ${wanted}`, {
    fix: `it has: ${[...new Set(seen)].join(', ') || 'no container image at all'}`,
  })
}

function wrongCount(layers: number, diffIds: number): VmError {
  return new VmError('ERR_INLINUX_IMAGE_INVALID', `The image has ${layers} layers but ${diffIds} diff_ids`)
}

function wrongSize({ digest, size }: Descriptor, found: number): VmError {
  return new VmError(
    'ERR_INLINUX_IMAGE_INVALID',
    `The blob ${digest} should have ${size} bytes, not ${found}`,
  )
}

function wrongDigest({ digest }: Descriptor, found: string): VmError {
  return new VmError('ERR_INLINUX_IMAGE_INVALID', `The blob ${digest} is damaged: its digest is ${found}`)
}
