// The three sides of `npm run bench:cpu`, as the rounds see them: whoever can run a task and tell how long its work took.
//
// A task is a program that writes MARK_BEFORE, works, writes MARK_AFTER, and then says what came out. The times are taken
// here, on the host, when the marks arrive; a guest's clock is never asked. Where marks and output share a stream, the
// marks are its first two bytes.

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

const MARKS = '<>'

/** From the marks' stream: what lies between the arrival of its first byte and of its second. */
export function between(stream: string, arrivals: readonly Arrival[]): Omit<Measured, 'output'> {
  if (!stream.startsWith(MARKS)) throw new Error(`instead of marks there was ${JSON.stringify(stream)}`)
  const [before, after] = [1, 2].map((bytes) => arrivals.find((arrival) => arrival.bytes >= bytes))
  if (before === undefined || after === undefined || before === after) {
    throw new Error('the work did not take long enough to be measured')
  }
  const difference = (property: 'cpu' | 'instructions'): object => {
    const [from, to] = [before[property], after[property]]
    return from === undefined || to === undefined ? {} : { [property]: to - from }
  }
  return { wall: after.wall - before.wall, ...difference('cpu'), ...difference('instructions') }
}

/** The same for a stream that carries marks and output. */
export function fromOneStream(stream: string, arrivals: readonly Arrival[]): Measured {
  return { ...between(stream, arrivals), output: stream.slice(MARKS.length) }
}
