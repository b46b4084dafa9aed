// INLINUX_TRANSLATOR, for tests and for whoever looks for the cause of a difference:
//
//   off       everything is interpreted
//   200       a block is translated after as many runs
//   force     every block is translated before its first run, or as far as its code allows
//   force:2   before its second: so regions have several blocks, which have run already

import type { TranslatorOptions } from './translator.ts'

export function translatorFromEnvironment(): TranslatorOptions | false {
  const value = process.env.INLINUX_TRANSLATOR
  if (value === undefined || value === '') return {}
  if (value === 'off') return false
  const [, forced, runs] = /^(force:?)?(\d*)$/.exec(value) ?? []
  const threshold = Number(runs === '' && forced === 'force' ? 1 : runs)
  if (!(threshold >= 1))
    throw new RangeError(`INLINUX_TRANSLATOR: off, force, or a number of runs, not ${value}`)
  return forced === undefined ? { threshold } : { threshold, atOnce: true }
}
