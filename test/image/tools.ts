// What the tests of image/ share: temporary directories, and the programs that serve as oracles.
//
// The oracles (fsck.erofs, umoci, …) are not optional: a test that needs one fails when it is missing and says
// which Debian package has it. A skipped comparison proves nothing.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

const PACKAGES: Readonly<Record<string, string>> = {
  'fsck.erofs': 'erofs-utils',
  'dump.erofs': 'erofs-utils',
  'mkfs.erofs': 'erofs-utils',
  umoci: 'umoci',
  tar: 'tar',
  gzip: 'gzip',
  zstd: 'zstd',
  xz: 'xz-utils',
}

/** Runs an oracle. @returns its standard output; throws with its standard error when it fails or is missing */
export function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string } = {},
): string {
  try {
    return execFileSync(program, args, {
      cwd: options.cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error(`${program} is missing: apt-get install ${PACKAGES[program] ?? program}`)
  }
}

/** A directory that is removed when the test file is done. */
export function temporaryDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'inlinux-image-'))
  after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** @throws unless the image is consistent in every detail that erofs-utils knows */
export function fsck(image: string): void {
  run('fsck.erofs', ['--extract', image])
}

/** Extracts with erofs-utils, an independent reader. */
export function extractWithErofsUtils(image: string, to: string): void {
  run('fsck.erofs', [`--extract=${to}`, image])
}
