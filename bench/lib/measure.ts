// Taking times on a machine that does other things too: every moment is wall clock AND consumed CPU time, every
// figure is the median of rounds in which the peers take turns, so that a busy minute hits all of them alike.

import { readdirSync, readFileSync } from 'node:fs'

/** A point in a run; the difference of two is a cost. */
export interface Moment {
  /** Milliseconds of this process's monotonic clock. */
  readonly wall: number
  /** Milliseconds of CPU time that the measured process had consumed, all its threads together. */
  readonly cpu: number
}

export interface Cost {
  readonly wall: number
  readonly cpu: number
}

/** Now, for the process `pid`, or for this one. */
export function moment(pid?: number): Moment {
  return { wall: performance.now(), cpu: pid === undefined ? ownCpu() : cpuOf(pid) }
}

export function cost(from: Moment, to: Moment): Cost {
  return { wall: to.wall - from.wall, cpu: to.cpu - from.cpu }
}

function ownCpu(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e3
}

/**
 * The scheduler's nanoseconds of the living threads. /proc/PID/stat would count the dead ones as well, but only in
 * steps of 10 ms. NaN when the process is gone.
 */
function cpuOf(pid: number): number {
  try {
    let nanoseconds = 0
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0])
    }
    return nanoseconds / 1e6
  } catch {
    return Number.NaN
  }
}

/** In bytes. Pss counts a page that is shared with n other processes as a part of itself. */
export interface Resident {
  readonly rss: number
  readonly pss: number
}

export function resident(pid: number | 'self'): Resident {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)![1]) * 1024
  return { rss: bytes('Rss'), pss: bytes('Pss') }
}

/** Numbers that are not there (a process that was gone) do not count. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  if (sorted.length === 0) return Number.NaN
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The median of one property. */
export function medianOf<T>(items: readonly T[], property: (item: T) => number): number {
  return median(items.map(property))
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })
