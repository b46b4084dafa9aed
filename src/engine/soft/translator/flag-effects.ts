// What operations do to the status flags: which they read and write, for liveness, which state they leave behind
// (flag-states.ts), and which of them an inline translation does not provide.

import { bytesOf, type Handler } from '../table/handlers.ts'
import type { FlagKind, FlagState } from './flag-states.ts'
import type { Operation } from './operations.ts'

// Sets of flags.
const O = 1
const S = 2
const Z = 4
const A = 8
const P = 16
const C = 32
export const ALL_FLAGS = 63
const LETTERS: Record<string, number> = { o: O, s: S, z: Z, a: A, p: P, c: C }
const maskOf = (letters: string): number => [...letters].reduce((mask, letter) => mask | LETTERS[letter]!, 0)

/** What an operation does to liveness, backwards: live before = (live after & ~kills) | reads. */
export interface FlagEffect {
  readonly reads: number
  readonly kills: number
}

const TRANSPARENT: FlagEffect = { reads: 0, kills: 0 }

/** Conditional on a count, or leaving some flags as they are. */
const PARTIAL = new Set([
  'rol',
  'ror',
  'rcl',
  'rcr',
  'btImm',
  'btsImm',
  'btrImm',
  'btcImm',
  'bt',
  'bts',
  'btr',
  'btc',
])
const SHIFTS = new Set(['shl', 'shr', 'sar', 'shld', 'shrd', 'rol', 'ror', 'rcl', 'rcr'])

/** The count of a shift by a constant; undefined when it is in CL. */
export function constantCount(operation: Operation): number | undefined {
  const { row, size } = operation.handler!
  const count = row.operands.at(-1)!
  if (count.kind === 'C') return undefined
  const value = count.kind === '1' ? 1 : Number(operation.immediate)
  const wide = row.operands[0]!.size !== 'b' && size === 8
  return value & (wide ? 63 : 31)
}

/** All that the flags' analysis wants to know of an operation that is translated inline. */
export interface FlagFacts extends FlagEffect {
  /** The state it leaves when all of the flags that it does not keep are needed; undefined: it sets none. */
  readonly state: FlagState | undefined
  /**
   * Flags that must not be read behind it: it keeps them, sets none for a count of 0, or sets them in a way that the
   * interpreter knows better.
   */
  readonly inTheWay: number
}

const facts = new WeakMap<Handler, FlagFacts>()
/** Of shifts by a constant that is 0. */
const idle = new WeakMap<Handler, FlagFacts>()

export function flagFacts(operation: Operation): FlagFacts {
  const handler = operation.handler!
  const known = SHIFTS.has(handler.row.name) && constantCount(operation) === 0 ? idle : facts
  let found = known.get(handler)
  if (!found) {
    found = { ...flagEffect(operation), state: stateBehind(operation), inTheWay: flagsInTheWay(operation) }
    known.set(handler, found)
  }
  return found
}

/** Of an operation that is not translated: whatever runs it may read the flags. */
export const READS_ALL: FlagEffect = { reads: ALL_FLAGS, kills: 0 }

function flagEffect(operation: Operation): FlagEffect {
  const { row } = operation.handler!
  if (SHIFTS.has(row.name)) {
    const count = constantCount(operation)
    if (count === undefined) return row.name.startsWith('rc') ? { reads: C, kills: 0 } : TRANSPARENT
    if (count === 0) return TRANSPARENT
    if (row.name.startsWith('r'))
      return row.name.startsWith('rc') ? { reads: C, kills: C | O } : { reads: 0, kills: C | O }
    return { reads: 0, kills: ALL_FLAGS }
  }
  const { written, undefined: undef, read } = row.flags
  return { reads: maskOf(read), kills: PARTIAL.has(row.name) ? maskOf(written) : maskOf(written + undef) }
}

const SETTERS: Readonly<Record<string, FlagKind>> = {
  add: 'add',
  xadd: 'add',
  sub: 'sub',
  cmp: 'sub',
  neg: 'sub',
  cmpxchg: 'sub',
  and: 'logic',
  or: 'logic',
  xor: 'logic',
  test: 'logic',
  inc: 'inc',
  dec: 'dec',
  adc: 'adc',
  sbb: 'sbb',
  shl: 'cooked',
  shr: 'cooked',
  sar: 'cooked',
  shld: 'cooked',
  shrd: 'cooked',
  imul2: 'cooked',
  imul3: 'cooked',
  mul: 'cooked',
  imul1: 'cooked',
  bsf: 'logic',
  bsr: 'logic',
  popcnt_: 'explicit',
  btImm: 'cooked',
  btsImm: 'cooked',
  btrImm: 'cooked',
  btcImm: 'cooked',
  bt: 'cooked',
  bts: 'cooked',
  btr: 'cooked',
  btc: 'cooked',
  rol: 'cooked',
  ror: 'cooked',
  ucomiss: 'floats',
  ucomisd: 'floats',
  comiss: 'floats',
  comisd: 'floats',
  ptest: 'explicit',
}

function stateBehind(operation: Operation): FlagState | undefined {
  const { row, size } = operation.handler!
  const kind = SETTERS[row.name]
  if (kind === undefined || (SHIFTS.has(row.name) && constantCount(operation) === 0)) return undefined
  if (kind === 'explicit' || kind === 'floats' || row.name.startsWith('bt')) return { kind, bytes: 4 }
  return { kind, bytes: bytesOf(row.operands[0]!, size) }
}

function flagsInTheWay(operation: Operation): number {
  const { row, size } = operation.handler!
  switch (row.name) {
    case 'imul2':
      return size === 2 ? ALL_FLAGS : 0
    case 'shl':
    case 'shr':
    case 'sar':
      return constantCount(operation) === undefined ? ALL_FLAGS : 0
    case 'rol':
    case 'ror':
      return ALL_FLAGS
    case 'btImm':
    case 'btsImm':
    case 'btrImm':
    case 'btcImm':
    case 'bt':
    case 'bts':
    case 'btr':
    case 'btc':
      return ALL_FLAGS & ~C
    default:
      return 0
  }
}
