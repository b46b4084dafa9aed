// The search itself: see index.ts for the places and their order.
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Manifest, readManifest } from './manifest.ts'
import { missing, unpacked } from './unpack.ts'

/** Paths of plain, uncompressed files, and what is known about them. */
export interface GuestArtefacts {
  readonly kernel: string
  readonly initramfs: string
  readonly root: string
  /** What `uname -r` says in the guest; undefined for a bare folder in INLINUX_GUEST_DIR. */
  readonly kernelRelease: string | undefined
  readonly kernelSource: string | undefined
  readonly compiler: string | undefined
  /** Where they were found: for `inlinux doctor`. */
  readonly origin: 'INLINUX_GUEST_DIR' | 'package' | 'checkout'
}

// This file runs as dist/artifacts/locate.js in the package and as build/src/artifacts/locate.js in a checkout.
const inPackage = fileURLToPath(new URL('../guest/artefacts.json', import.meta.url))
const inCheckout = fileURLToPath(new URL('../../guest/artefacts.json', import.meta.url))
const isCheckout = path.basename(path.dirname(path.dirname(inPackage))) === 'src'

const fixPackage = 'Install inlinux again: the package is incomplete.'
const fixCheckout = 'Run `npm run setup` in the checkout.'
const fixFolder = 'Correct INLINUX_GUEST_DIR, or unset it to use the guest that comes with inlinux.'

/** Throws `VmError` ERR_INLINUX_GUEST_MISSING, which carries the fix. */
export async function locateGuest(): Promise<GuestArtefacts> {
  const folder = process.env.INLINUX_GUEST_DIR
  if (folder !== undefined && folder !== '') return locateInFolder(path.resolve(folder))
  const [file, origin, fix] = isCheckout
    ? ([inCheckout, 'checkout', fixCheckout] as const)
    : ([inPackage, 'package', fixPackage] as const)
  const manifest = await readManifest(file, fix)
  if (manifest !== undefined) return plainFiles(manifest, origin, fix)
  throw missing(`The guest (kernel, initramfs, root) is not there: ${file} is missing`, fix)
}

async function locateInFolder(folder: string): Promise<GuestArtefacts> {
  const origin = 'INLINUX_GUEST_DIR'
  const manifest = await readManifest(path.join(folder, 'artefacts.json'), fixFolder)
  if (manifest !== undefined) return plainFiles(manifest, origin, fixFolder)
  const file = async (name: string): Promise<string> => {
    const candidate = path.join(folder, name)
    const info = await stat(candidate).catch(() => undefined)
    if (info?.isFile() === true) return candidate
    throw missing(
      `INLINUX_GUEST_DIR is ${folder}, but there is neither artefacts.json nor ${name}`,
      fixFolder,
    )
  }
  const unknown = { kernelRelease: undefined, kernelSource: undefined, compiler: undefined }
  const [kernel, initramfs, root] = [
    await file('vmlinux'),
    await file('initramfs.cpio'),
    await file('root.erofs'),
  ]
  return { kernel, initramfs, root, ...unknown, origin }
}

async function plainFiles(
  { kernel, initramfs, root, ...versions }: Manifest,
  origin: GuestArtefacts['origin'],
  fix: string,
): Promise<GuestArtefacts> {
  return {
    kernel: await unpacked(kernel, 'vmlinux', fix),
    initramfs: await unpacked(initramfs, 'initramfs.cpio', fix),
    root: await unpacked(root, 'root.erofs', fix),
    kernelRelease: versions.kernelRelease,
    kernelSource: versions.kernelSource,
    compiler: versions.compiler,
    origin,
  }
}
