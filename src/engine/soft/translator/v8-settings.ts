// Settings of V8 for a short while. It has no other way to say them than flags of the process; so they are set for as
// long as a call of ours takes, and everybody else keeps theirs. Where V8 does not know a flag, nothing changes.

import { setFlagsFromString } from 'node:v8'

/** V8's default in the versions that have the flag; there is no way to ask. */
const USUAL_BUDGET = 1_800_000

/** What compile.ts changes, as it is otherwise. */
export const USUAL_MODULE_SETTINGS: readonly string[] = [
  '--no-experimental-wasm-branch-hinting',
  `--wasm-tiering-budget=${USUAL_BUDGET}`,
]
/** Who has forbidden V8 to optimize keeps it so. */
const OPTIMIZES = !process.execArgv.some((argument) => /^--no-?(opt|turbofan)$/.test(argument))
export const USUAL_OPTIMIZING: string = OPTIMIZES ? '--opt' : '--no-opt'

/** All that is changed by anybody, as it is otherwise. */
export const USUAL_SETTINGS: readonly string[] = [USUAL_OPTIMIZING, ...USUAL_MODULE_SETTINGS]

/** Sets flags, calls `work`, and sets those of `after`. */
export function withSettings<Result>(
  during: readonly string[],
  after: readonly string[],
  work: () => Result,
): Result {
  for (const flag of during) setFlagsFromString(flag)
  try {
    return work()
  } finally {
    for (const flag of after) setFlagsFromString(flag)
  }
}
