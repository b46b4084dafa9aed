// The version of this package, from its package.json: two folders above dist/doctor/, three above build/src/doctor/.

import { readFileSync } from 'node:fs'

const PLACES = ['../../package.json', '../../../package.json']

export function version(): string {
  for (const place of PLACES) {
    try {
      const { name, version: found } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8'))
      if (name === 'inlinux') return found
    } catch {
      // Not there; the next place.
    }
  }
  return 'unknown'
}
