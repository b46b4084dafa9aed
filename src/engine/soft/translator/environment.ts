// INLINUX_TRANSLATOR, for tests and for whoever looks for the cause of a difference: `off` interprets everything, `force`
// translates every block at its second run and keeps all flags exact, a number is the runs before a block is translated.

import type { TranslatorOptions } from './translator.ts'

export function translatorFromEnvironment(): TranslatorOptions | false {
  const value = process.env.INLINUX_TRANSLATOR
  if (value === undefined || value === '') return {}
  if (value === 'off') return false
  if (value === 'force') return { threshold: 2, exactFlags: true }
  const threshold = Number(value)
  if (!Number.isInteger(threshold) || threshold < 1)
    throw new RangeError(`INLINUX_TRANSLATOR: off, force or a number of runs, not ${value}`)
  return { threshold }
}
