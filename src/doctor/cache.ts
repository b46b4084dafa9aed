// The user's cache, where root file systems are kept in the form that machines use. Only looked at: a doctor that
// made folders would change what it reports.

import { access, constants, readdir, stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { CacheCheck } from './report.ts'

export async function checkCache(): Promise<CacheCheck> {
  const folder = cacheFolder()
  const images = path.join(folder, 'images')
  const names = (await readdir(images).catch(() => [])).filter((name) => name.endsWith('.erofs'))
  let imageBytes = 0
  for (const name of names)
    imageBytes += (await stat(path.join(images, name)).catch(() => undefined))?.size ?? 0
  return { path: folder, writable: await canWrite(folder), images: names.length, imageBytes }
}

/** As image/cache.ts chooses it. */
function cacheFolder(): string {
  const xdg = process.env.XDG_CACHE_HOME
  return path.join(
    xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(os.homedir(), '.cache'),
    'inlinux',
  )
}

/** It, or the nearest folder above in which it would be made. */
async function canWrite(folder: string): Promise<boolean> {
  for (let at = folder; ; at = path.dirname(at)) {
    const failure = await access(at, constants.W_OK | constants.X_OK).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    )
    if (failure === undefined) return true
    if (failure !== 'ENOENT' || at === path.dirname(at)) return false
  }
}
