// artefacts.json: what is in a guest folder. Written by scripts/guest/index.mjs (checkout) and scripts/pack.mjs
// (package), read here. Files are named relative to the manifest's folder or absolutely.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import * as v from 'valibot'
import { VmError } from '../errors/index.ts'

export interface Artefact {
  /** Absolute path of the file as it lies on disk, compressed when `encoding` says so. */
  readonly file: string
  readonly encoding: 'identity' | 'brotli'
  /** Size and hash of the contents after decoding. */
  readonly bytes: number
  readonly sha256: string
}

export interface Manifest {
  /** What `uname -r` says in the guest. */
  readonly kernelRelease: string
  /** Version of the Debian source package that the kernel was built from. */
  readonly kernelSource: string
  readonly compiler: string
  readonly kernel: Artefact
  readonly initramfs: Artefact
  readonly root: Artefact
}

const MANIFEST_LIMIT = 1 << 16 // bytes; ours has about 1 KiB

const artefactSchema = v.object({
  file: v.string(),
  encoding: v.optional(v.picklist(['identity', 'brotli']), 'identity'),
  bytes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 32)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
})

const manifestSchema = v.object({
  format: v.literal(1),
  kernelRelease: v.string(),
  kernelSource: v.string(),
  compiler: v.string(),
  kernel: artefactSchema,
  initramfs: artefactSchema,
  root: artefactSchema,
})

/** Gives undefined when there is no such file; throws ERR_INLINUX_GUEST_MISSING when it is not a manifest. */
export async function readManifest(file: string, fix: string): Promise<Manifest | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unusable(file, fix, error)
  }
  if (text.length > MANIFEST_LIMIT) throw unusable(file, fix, new Error('it is too long to be a manifest'))
  let manifest: v.InferOutput<typeof manifestSchema>
  try {
    manifest = v.parse(manifestSchema, JSON.parse(text))
  } catch (error) {
    throw unusable(file, fix, error)
  }
  const resolved = (artefact: Artefact) => ({
    ...artefact,
    file: path.resolve(path.dirname(file), artefact.file),
  })
  const { kernel, initramfs, root, ...versions } = manifest
  return { ...versions, kernel: resolved(kernel), initramfs: resolved(initramfs), root: resolved(root) }
}

function unusable(file: string, fix: string, cause: unknown): VmError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new VmError('ERR_INLINUX_GUEST_MISSING', `${file} cannot be used: ${reason}`, { cause, fix })
}
