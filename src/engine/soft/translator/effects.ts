// What operations that are translated inline do to registers and memory, for accesses.ts.

import type { Effects } from './accesses.ts'
import { shapeOf } from './instructions.ts'
import { NO_REGISTER, OP_ADDR32, type Operation } from './operations.ts'
import { RAX, RBP, RDX, RSP } from './registers.ts'

const PUSH: Effects = {
  stack: { register: RSP, offset: -8, writes: true },
  moves: [{ to: RSP, from: RSP, by: -8 }],
  changes: [],
}
const NOTHING: Effects = { changes: [] }

/** @param last the operation ends its node, and is a jump, call or return */
export function effectsOf(operation: Operation, last: boolean): Effects | undefined {
  const { handler } = operation
  if (!handler) return undefined
  const inMemory = handler.form !== 'r'
  const operand = (writes: boolean): Pick<Effects, 'operand'> =>
    inMemory ? { operand: { bytes: bytesOfFirst(operation), writes } } : {}
  if (last) return endOf(operation, operand(false))
  const { custom, operands, result } = shapeOf(handler)
  if (custom) return customOf(operation, operand)
  const memory = operands.find((one) => one.inMemory)
  const effects: Effects = memory
    ? { operand: { bytes: memory.bytes, writes: memory.operand.access !== 'r' }, changes: [] }
    : NOTHING
  if (!result || result.inMemory || result.vector) return effects
  const to = result.kind === 'G' ? operation.g : result.kind === 'A' ? RAX : operation.e
  const move = result.bytes === 8 ? moveOf(operation, to) : undefined
  return move ? { ...effects, moves: [move], changes: [] } : { ...effects, changes: [to] }
}

/** A register that holds another plus a constant afterwards. */
function moveOf(operation: Operation, to: number): { to: number; from: number; by: number } | undefined {
  const { row, form } = operation.handler!
  const { base, index, displacement, immediate, flags, g, e } = operation
  const kinds = row.operands.map(({ kind }) => kind).join('')
  if (row.name === 'lea')
    return index === NO_REGISTER && !(flags & OP_ADDR32) && typeof displacement === 'number'
      ? { to, from: base, by: displacement }
      : undefined
  if (form !== 'r') return undefined
  if (row.name === 'mov' && (kinds === 'EG' || kinds === 'GE'))
    return { to, from: kinds === 'EG' ? g : e, by: 0 }
  if (kinds !== 'EI' || typeof immediate !== 'number') return undefined
  if (row.name === 'add') return { to, from: to, by: immediate }
  return row.name === 'sub' ? { to, from: to, by: -immediate } : undefined
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
          : { moves: [{ to: RSP, from: RSP, by: 8 }], changes: [operation.e] }),
      }
    case 'leave':
      return {
        stack: { register: RBP, offset: 0, writes: false },
        moves: [{ to: RSP, from: RBP, by: 8 }],
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

/** Of a first operand in memory. */
const bytesOfFirst = ({ handler }: Operation): number =>
  handler!.row.operands[0]?.size === 'b'
    ? 1
    : /^(pushE|callE|jmpE)$/.test(handler!.row.name)
      ? 8
      : handler!.size
