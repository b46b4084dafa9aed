// What operations that are translated inline do to registers and memory, for accesses.ts.

import type { Handler } from '../table/handlers.ts'
import type { Effects } from './accesses.ts'
import { shapeOf } from './instructions.ts'
import { NO_REGISTER, OP_ADDR32, type Operation } from './operations.ts'
import { RAX, RBP, RDX, RSP } from './registers.ts'

const PUSH: Effects = {
  stack: { register: RSP, offset: -8, writes: true },
  move: { to: RSP, from: RSP, by: -8 },
  changes: [],
}
const NOTHING: Effects = { changes: [] }
const ON_STACK = new Set(['push', 'pushImm', 'pushE', 'pop', 'leave', 'call', 'callE', 'ret'])

/** What is known of every operation of one handler. */
interface HandlerEffects {
  /** How often it accesses memory at most. */
  readonly accesses: number
  /** Its memory operand, if that stands among the others. */
  readonly operand: Pick<Effects, 'operand'>
  /** What holds its result: 'none' is memory, a vector register, or nothing. */
  readonly result: 'none' | 'g' | 'e' | 'rax'
  /** It may leave a register holding another one plus a constant. */
  readonly move: 'lea' | 'g' | 'e' | 'add' | 'sub' | undefined
  /** Without a move, by the number of the register that it changes. */
  readonly changing: Effects[]
}

const known = new WeakMap<Handler, HandlerEffects>()

function effectsOfHandler(handler: Handler): HandlerEffects {
  let effects = known.get(handler)
  if (!effects) {
    effects = inspect(handler)
    known.set(handler, effects)
  }
  return effects
}

function inspect(handler: Handler): HandlerEffects {
  const { row, form } = handler
  const { operands, result } = shapeOf(handler)
  const memory = operands.find((one) => one.inMemory)
  const inRegister = result && !result.inMemory && !result.vector
  return {
    accesses: (form !== 'r' ? 1 : 0) + (ON_STACK.has(row.name) ? 1 : 0),
    operand: memory ? { operand: { bytes: memory.bytes, writes: memory.operand.access !== 'r' } } : {},
    result: !inRegister ? 'none' : result.kind === 'G' ? 'g' : result.kind === 'A' ? 'rax' : 'e',
    move: inRegister && result.bytes === 8 ? moveOfHandler(handler) : undefined,
    changing: [],
  }
}

function moveOfHandler({ row, form }: Handler): HandlerEffects['move'] {
  if (row.name === 'lea') return 'lea'
  if (form !== 'r') return undefined
  const kinds = row.operands.map(({ kind }) => kind).join('')
  if (row.name === 'mov') return kinds === 'EG' ? 'g' : kinds === 'GE' ? 'e' : undefined
  return kinds === 'EI' && (row.name === 'add' || row.name === 'sub') ? row.name : undefined
}

/** Accesses to memory, at most: with less than two there is nothing to group. */
export function countAccesses(operations: readonly Operation[]): number {
  let count = 0
  for (const { handler } of operations) if (handler) count += effectsOfHandler(handler).accesses
  return count
}

/** @param last the operation ends its node, and is a jump, call or return */
export function effectsOf(operation: Operation, last: boolean): Effects | undefined {
  const { handler } = operation
  if (!handler) return undefined
  if (last || shapeOf(handler).custom) {
    const inMemory = handler.form !== 'r'
    const operand = (writes: boolean): Pick<Effects, 'operand'> =>
      inMemory ? { operand: { bytes: bytesOfFirst(operation), writes } } : {}
    return last ? endOf(operation, operand(false)) : customOf(operation, operand)
  }
  const { operand, result, move, changing } = effectsOfHandler(handler)
  const to = result === 'e' ? operation.e : result === 'g' ? operation.g : RAX
  if (move) {
    const moved = moveOf(operation, move, to)
    if (moved) return { ...operand, move: moved, changes: [] }
  }
  const number = result === 'none' ? 0 : 1 + (to >> 3)
  changing[number] ??= { ...operand, changes: result === 'none' ? [] : [to] }
  return changing[number]
}

/** A register that holds another plus a constant afterwards. */
function moveOf(
  { base, index, displacement, immediate, flags, g, e }: Operation,
  kind: NonNullable<HandlerEffects['move']>,
  to: number,
): Effects['move'] {
  switch (kind) {
    case 'lea':
      return index === NO_REGISTER && !(flags & OP_ADDR32) && typeof displacement === 'number'
        ? { to, from: base, by: displacement }
        : undefined
    case 'g':
      return { to, from: g, by: 0 }
    case 'e':
      return { to, from: e, by: 0 }
    default:
      if (typeof immediate !== 'number') return undefined
      return { to, from: to, by: kind === 'add' ? immediate : -immediate }
  }
}

function endOf({ handler }: Operation, operand: Pick<Effects, 'operand'>): Effects {
  switch (handler!.row.name) {
    case 'call':
      return PUSH
    case 'callE':
      return { ...PUSH, ...operand }
    case 'jmpE':
      return { ...operand, changes: [] }
    case 'ret':
      return { stack: { register: RSP, offset: 0, writes: false }, changes: [] }
    default:
      return NOTHING
  }
}

function customOf(
  operation: Operation,
  operand: (writes: boolean) => Pick<Effects, 'operand'>,
): Effects | undefined {
  const { row, form } = operation.handler!
  const e = form === 'r' ? [operation.e] : []
  switch (row.name) {
    case 'push':
    case 'pushImm':
      return PUSH
    case 'pushE':
      return { ...PUSH, ...operand(false) }
    case 'pop':
      return {
        stack: { register: RSP, offset: 0, writes: false },
        ...(operation.e === RSP
          ? { changes: [RSP] }
          : { move: { to: RSP, from: RSP, by: 8 }, changes: [operation.e] }),
      }
    case 'leave':
      return {
        stack: { register: RBP, offset: 0, writes: false },
        move: { to: RSP, from: RBP, by: 8 },
        changes: [RBP],
      }
    case 'nopE':
    case 'cli':
      return NOTHING
    case 'swapgs':
      // Addresses with GS mean something else afterwards, though no register has changed.
      return { changes: 'all' }
    case 'cbw':
      return { changes: [RAX] }
    case 'cwd':
      return { changes: [RDX] }
    case 'xchgA':
      return { changes: [RAX, operation.e] }
    case 'mul':
    case 'imul1':
    case 'div':
    case 'idiv':
      return { ...operand(false), changes: [RAX, RDX] }
    case 'xchg':
    case 'xadd':
      return { ...operand(true), changes: [operation.g, ...e] }
    case 'cmpxchg':
      return { ...operand(true), changes: [RAX, ...e] }
    case 'bt':
    case 'bts':
    case 'btr':
    case 'btc':
      return { changes: e }
    default:
      return { changes: 'all' }
  }
}

const OF_EIGHT = new Set(['pushE', 'callE', 'jmpE'])

/** Of a first operand in memory. */
function bytesOfFirst({ handler }: Operation): number {
  const { row, size } = handler!
  return row.operands[0]?.size === 'b' ? 1 : OF_EIGHT.has(row.name) ? 8 : size
}
