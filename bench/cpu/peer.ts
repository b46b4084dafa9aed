// The three sides of `npm run bench:cpu`, as the rounds see them: whoever can run a task and tell how long its work took.
//
// A task is a program that writes MARK_BEFORE, works, writes MARK_AFTER, and then says what came out. The times are taken
// here, on the host, when the marks arrive; a guest's clock is never asked. Marks and output may share a stream, and the
// guest's kernel may talk on it too: no message of a kernel has these bytes.

import type { Moment } from '../lib/measure.ts'

export const PEERS = ['native', 'qemu', 'inlinux'] as const
export type PeerName = (typeof PEERS)[number]

export interface Task {
  /** A program's path, then arguments. */
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** The whole run, booting included. */
  readonly limitSeconds: number
}

export interface Measured {
  /** Milliseconds between the marks. */
  readonly wall: number
  /** CPU milliseconds of the peer's process, all threads together; natively unknown. */
  readonly cpu?: number
  /** Executed by our CPU between the marks. */
  readonly instructions?: number
  /** What the task says came out: equal on all sides, or something is wrong. */
  readonly output: string
  /** What else was on the marks' stream: a kernel that complains. */
  readonly complaints?: string
}

/** The work took longer than its task allows. */
export class OverLimit extends Error {
  constructor(seconds: number) {
    super(`over ${seconds} s`)
  }
}

/** A point in the work, as far as the peer can tell it. */
export interface Arrival extends Omit<Moment, 'cpu'> {
  readonly cpu?: number
  readonly instructions?: number
  /** How much of the stream was there. */
  readonly bytes: number
}

const MARK_BEFORE = '\x02'
const MARK_AFTER = '\x03'

/** @param stream what was on the marks' stream @param output what the work wrote; what follows on the stream by default */
export function between(stream: string, arrivals: readonly Arrival[], output?: string): Measured {
  const [from, to] = [MARK_BEFORE, MARK_AFTER].map((mark) => stream.indexOf(mark)) as [number, number]
  if (from < 0 || to < from) throw new Error(`instead of marks there was ${JSON.stringify(stream)}`)
  const [before, after] = [from, to].map((at) => arrivals.find(({ bytes }) => bytes > at))
  if (before === undefined || after === undefined || before === after) {
    throw new Error('the work did not take long enough to be measured')
  }
  const difference = (property: 'cpu' | 'instructions'): object => {
    const [first, last] = [before[property], after[property]]
    return first === undefined || last === undefined ? {} : { [property]: last - first }
  }
  const others =
    stream.slice(0, from) + stream.slice(from + 1, to) + (output === undefined ? '' : stream.slice(to + 1))
  return {
    wall: after.wall - before.wall,
    ...difference('cpu'),
    ...difference('instructions'),
    output: output ?? stream.slice(to + 1),
    ...(others === '' ? {} : { complaints: others }),
  }
}
