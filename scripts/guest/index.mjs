// Makes the guest: kernel, agent, initramfs, default root, each from the cache when nothing changed; then writes
// build/guest/artefacts.json, through which src/artifacts finds them.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { inRoot, replaceFile, sha256 } from '../lib/paths.mjs'
import { makeDefaultRoot } from './default-root.mjs'
import { makeInitramfs } from './initramfs.mjs'
import { buildKernel } from './kernel.mjs'
import { compileGuestProgram } from './programs.mjs'

export const artefactsFile = inRoot('build/guest/artefacts.json')

export async function makeGuest() {
  const kernel = await buildKernel()
  const agent = await compileGuestProgram('agent')
  const catsay = await compileGuestProgram('catsay')
  const initramfs = await makeInitramfs(agent)
  const root = await makeDefaultRoot(catsay)
  const artefacts = {
    format: 1,
    kernelRelease: (await readFile(path.join(kernel.entry, 'release'), 'utf8')).trim(),
    kernelSource: kernel.sourceVersion,
    compiler: (await readFile(path.join(kernel.entry, 'gcc'), 'utf8')).trim(),
    kernel: await describe(path.join(kernel.entry, 'vmlinux')),
    initramfs: await describe(initramfs),
    root: await describe(root),
  }
  await replaceFile(artefactsFile, `${JSON.stringify(artefacts, null, 2)}\n`)
  return artefacts
}

/** In a checkout `file` is an absolute path into the cache; in the package it is relative to artefacts.json. */
async function describe(file) {
  const bytes = await readFile(file)
  return { file, bytes: bytes.length, sha256: sha256(bytes) }
}
