// What two runs of the same program do not have in common, put as shortly as helps to find the reason.

import type { Outcome } from './sides.ts'

const LINES_BEFORE = 2
const LONGEST_LINE = 200

/** undefined if there is none. */
export function differenceOf(
  one: Outcome,
  other: Outcome,
  names: readonly [string, string],
): string | undefined {
  for (const stream of ['stdout', 'stderr'] as const) {
    if (one[stream] !== other[stream])
      return `${stream}, ${firstLine(one[stream].split('\n'), other[stream].split('\n'), names)}${ends(one, other, names)}`
  }
  return one.end === other.end ? undefined : `the end:${ends(one, other, names)}`
}

function firstLine(
  one: readonly string[],
  other: readonly string[],
  [first, second]: readonly [string, string],
): string {
  let at = 0
  while (one[at] === other[at]) at++
  const before = one.slice(Math.max(0, at - LINES_BEFORE), at).map((line) => `\n      ${shortened(line)}`)
  return `line ${at + 1}:${before.join('')}\n    ${first}: ${shortened(one[at])}\n    ${second}: ${shortened(other[at])}`
}

function shortened(line: string | undefined): string {
  return line === undefined ? '(no such line)' : line.slice(0, LONGEST_LINE)
}

function ends(one: Outcome, other: Outcome, [first, second]: readonly [string, string]): string {
  return one.end === other.end ? '' : `\n    ends: ${first} ${one.end}, ${second} ${other.end}`
}
