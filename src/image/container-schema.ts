// The JSON documents of container images, as far as we read them.
//
// OCI image spec v1.1: image-layout.md, image-index.md, manifest.md, config.md. Docker's manifest list, manifest
// and configuration have the same fields under other media types; its archive has `manifest.json`.

import * as v from 'valibot'
import { VmError } from '../errors/index.ts'
import type { ImageConfig } from './root-image.ts'

export const MEDIA_TYPE_INDEX: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
])
export const MEDIA_TYPE_MANIFEST: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
])
export const MEDIA_TYPE_CONFIG: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
])
export const MEDIA_TYPE_LAYER: RegExp =
  /^application\/vnd\.(oci\.image\.layer(\.nondistributable)?\.v1\.tar|docker\.image\.rootfs(\.foreign)?\.diff\.tar)([.+](gzip|zstd))?$/

/** Docker itself allows 127 layers. */
const LAYERS_MAX = 1000

export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string | null | undefined
}

export interface Descriptor {
  /** Empty when the document leaves it out. */
  readonly mediaType: string
  /** `sha256:…` or `sha512:…`, checked: it names a file below `blobs/` and nothing else. */
  readonly digest: string
  /** Bytes. */
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>> | null | undefined
  readonly platform?: Platform | null | undefined
}

export interface Index {
  readonly manifests: readonly Descriptor[]
}

export interface Manifest {
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
}

export interface ContainerConfig {
  readonly os?: string | null | undefined
  readonly architecture?: string | null | undefined
  readonly variant?: string | null | undefined
  readonly config?: ProcessConfig | null | undefined
  readonly rootfs: { readonly diff_ids: readonly string[] }
}

interface ProcessConfig {
  readonly Env?: readonly string[] | null | undefined
  readonly WorkingDir?: string | null | undefined
  readonly User?: string | null | undefined
  readonly Entrypoint?: readonly string[] | null | undefined
  readonly Cmd?: readonly string[] | null | undefined
}

/** One element of `manifest.json` in a docker-save archive. */
export interface ArchiveImage {
  readonly Config: string
  readonly RepoTags?: readonly string[] | null | undefined
  readonly Layers: readonly string[]
}

type Schema<T> = v.GenericSchema<unknown, T>

const Digest: Schema<string> = v.pipe(v.string(), v.regex(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/))
const Strings: Schema<string[] | null | undefined> = v.nullish(v.array(v.string()))
const Text: Schema<string | null | undefined> = v.nullish(v.string())

const DescriptorSchema: Schema<Descriptor> = v.object({
  mediaType: v.optional(v.string(), ''),
  digest: Digest,
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  annotations: v.nullish(v.record(v.string(), v.string())),
  platform: v.nullish(v.object({ os: v.string(), architecture: v.string(), variant: Text })),
})
const IndexSchema: Schema<Index> = v.object({ manifests: v.array(DescriptorSchema) })
const ManifestSchema: Schema<Manifest> = v.object({
  config: DescriptorSchema,
  layers: v.pipe(v.array(DescriptorSchema), v.maxLength(LAYERS_MAX)),
})
const ConfigSchema: Schema<ContainerConfig> = v.object({
  os: Text,
  architecture: Text,
  variant: Text,
  config: v.nullish(
    v.object({ Env: Strings, WorkingDir: Text, User: Text, Entrypoint: Strings, Cmd: Strings }),
  ),
  rootfs: v.object({ diff_ids: v.array(Digest) }),
})
const ArchiveSchema: Schema<ArchiveImage[]> = v.array(
  v.object({
    Config: v.string(),
    RepoTags: Strings,
    Layers: v.pipe(v.array(v.string()), v.maxLength(LAYERS_MAX)),
  }),
)

export function parseIndex(bytes: Buffer, name: string): Index {
  return parse(IndexSchema, bytes, name)
}

export function parseManifest(bytes: Buffer, name: string): Manifest {
  return parse(ManifestSchema, bytes, name)
}

export function parseConfig(bytes: Buffer, name: string): ContainerConfig {
  return parse(ConfigSchema, bytes, name)
}

export function parseArchiveManifest(bytes: Buffer, name: string): ArchiveImage[] {
  return parse(ArchiveSchema, bytes, name)
}

function parse<T>(schema: Schema<T>, bytes: Buffer, name: string): T {
  let json: unknown
  try {
    json = JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw new VmError('ERR_INLINUX_IMAGE_INVALID', `${name} is not JSON`, { cause })
  }
  const result = v.safeParse(schema, json)
  if (result.success) return result.output
  const issue = result.issues[0]
  const where = v.getDotPath(issue) ?? 'its top level'
  throw new VmError(
    'ERR_INLINUX_IMAGE_INVALID',
    `${name} is not what it should be, at ${where}: ${issue.message}`,
  )
}

/** The part of a configuration that concerns the start of a program. */
export function imageConfigOf({ config }: ContainerConfig): ImageConfig {
  const env = Object.fromEntries(
    (config?.Env ?? [])
      .filter((entry) => !entry.startsWith('='))
      .map((entry) => {
        const equals = entry.indexOf('=')
        return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)]
      }),
  )
  return {
    env,
    ...(config?.WorkingDir ? { workingDir: config.WorkingDir } : {}),
    ...(config?.User ? { user: config.User } : {}),
    ...(config?.Entrypoint ? { entrypoint: config.Entrypoint } : {}),
    ...(config?.Cmd ? { cmd: config.Cmd } : {}),
  }
}
