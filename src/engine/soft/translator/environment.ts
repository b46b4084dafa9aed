// INLINUX_TRANSLATOR, for tests and for whoever looks for the cause of a difference:
//
//   off       everything is interpreted
//   200       a block is translated after as many runs
//   force     every block is translated before its first run, or as far as its code allows
//   force:2   before its second: so regions have several blocks, which have run already
//
// INLINUX_CODE_CACHE: `on` for a store of translated code in the user's cache, or a folder for it; otherwise there is none.

import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import type { TranslatorOptions } from './translator.ts'

export function translatorFromEnvironment(): TranslatorOptions | false {
  const value = process.env.INLINUX_TRANSLATOR
  const store = storeFromEnvironment()
  if (value === undefined || value === '') return store
  if (value === 'off') return false
  const [, forced, runs] = /^(force:?)?(\d*)$/.exec(value) ?? []
  const threshold = Number(runs === '' && forced === 'force' ? 1 : runs)
  if (!(threshold >= 1))
    throw new RangeError(`INLINUX_TRANSLATOR: off, force, or a number of runs, not ${value}`)
  return forced === undefined ? { threshold, ...store } : { threshold, atOnce: true, ...store }
}

function storeFromEnvironment(): { readonly store?: string } {
  const folder = process.env.INLINUX_CODE_CACHE
  if (folder === undefined || folder === '' || folder === 'off') return {}
  if (folder !== 'on') return { store: resolve(folder) }
  const xdg = process.env.XDG_CACHE_HOME
  return { store: join(xdg !== undefined && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'inlinux') }
}
