// What is wanted of our time against QEMU's, and which of it holds. Wall times decide; a user waits for nothing else.

import { medianOf } from '../lib/measure.ts'
import type { PeerName } from './peer.ts'
import type { Result, Side } from './rounds.ts'

export interface Aim {
  /** Of the geometric mean over a section's rows. */
  readonly mean?: number
  /** Of each row. */
  readonly row: number
}

export const AIMS: Readonly<Record<string, Aim>> = {
  kernels: { mean: 0.8, row: 1.3 },
  programs: { mean: 1.0, row: 1.5 },
  start: { row: 0.7 },
}

/** How many times the median of `peer` the median of `name` is; NaN when one of them has none. */
export function ratioOf(
  { sides }: Result,
  name: PeerName,
  peer: PeerName,
  time: 'wall' | 'cpu' = 'wall',
): number {
  const [ours, theirs] = [sides[name], sides[peer]]
  if (ours === undefined || theirs === undefined || ours.failure || theirs.failure) return Number.NaN
  const medianOfTimes = ({ samples }: Side): number =>
    medianOf(samples, (sample) => sample[time] ?? Number.NaN)
  return medianOfTimes(ours) / medianOfTimes(theirs)
}

/** NaN values do not count. */
export function geometricMean(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value))
  return Math.exp(known.reduce((sum, value) => sum + Math.log(value), 0) / known.length)
}

export type Verdict = 'met' | 'missed' | 'unknown'

/** Unknown is a row that was not measured against QEMU; one that QEMU finished and we did not is missed. */
export function rowVerdict(aim: Aim, result: Result): Verdict {
  const { qemu, inlinux } = result.sides
  if (qemu === undefined || inlinux === undefined || qemu.failure) return 'unknown'
  if (inlinux.failure) return 'missed'
  return ratioOf(result, 'inlinux', 'qemu') <= aim.row ? 'met' : 'missed'
}

/** The mean over those rows which both sides finished decides, and none may be missing on our side. */
export function meanVerdict(aim: number, results: readonly Result[]): Verdict {
  const mean = geometricMean(results.map((result) => ratioOf(result, 'inlinux', 'qemu')))
  if (Number.isNaN(mean)) return 'unknown'
  const complete = results.every(({ sides }) => !sides.inlinux?.failure)
  return complete && mean <= aim ? 'met' : 'missed'
}
