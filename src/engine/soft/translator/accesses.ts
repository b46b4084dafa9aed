// Which memory accesses share one look into the look-aside buffer. Compiled code reaches for several fields of a
// structure in a row, pushes and pops several registers, reads a variable and writes it back: the same address but for a
// small constant. The first access of such a group looks for the page of all of them, and the others use its pointer.
//
//     push rbp            [rsp - 8]   group A, 8 bytes at 8        looks for 16 bytes at rsp - 16, to write
//     push rbx            [rsp - 16]  group A, 8 bytes at 0
//     mov  rax, [rdi+16]              group B, 8 bytes at 8        looks for 12 bytes at rdi + 8, to read
//     mov  ecx, [rdi+8]               group B, 4 bytes at 0
//
// A group lies within a node: what a register holds is followed from its start as "what another held, plus a constant".
// Leaving the region in front of the first access is all right even where that one alone would not have to: the
// interpreter runs the rest of the block. Where it would happen again and again, because the bytes lie in two pages,
// the core notes it (core/regions.ts), and the translator does without that group from then on.

import { NO_REGISTER, OP_ADDR32, type Operation } from './operations.ts'

/** Bytes of a group at most: with more it meets the end of a page too often. */
const SPAN_LIMIT = 64

/** What an operation does to registers and memory, as far as it matters here. */
export interface Effects {
  /** Its memory operand. */
  readonly operand?: { readonly bytes: number; readonly writes: boolean }
  /** It accesses 8 bytes on the stack, at this distance from RSP (of `leave`: from RBP), after the operand. */
  readonly stack?: { readonly register: number; readonly offset: number; readonly writes: boolean }
  /** A register (by offset) that then holds what another held, plus a constant. */
  readonly move?: { readonly to: number; readonly from: number; readonly by: number }
  /** Registers that hold something else afterwards; all of them when it says so. */
  readonly changes: readonly number[] | 'all'
}

export interface Group {
  /** From the address of the first access to the group's first byte. */
  readonly start: number
  readonly span: number
  readonly writes: boolean
  readonly size: number
}

/** An access that is one of a group of at least two. */
export interface Member {
  readonly group: Group
  /** From the group's first byte. */
  readonly offset: number
  readonly first: boolean
  readonly last: boolean
}

export interface GroupedAccesses {
  readonly operand?: Member
  readonly stack?: Member
}

interface Access {
  readonly operation: Operation
  readonly part: 'operand' | 'stack'
  /** Behind what the roots of its address held. */
  readonly at: number
}

interface OpenGroup {
  readonly key: number
  readonly accesses: Access[]
  low: number
  high: number
  writes: boolean
}

/** Offsets from REGS, through the pseudo-registers. */
const REGISTERS = 0xa0 >> 3
export const NO_GROUPS: ReadonlyMap<Operation, GroupedAccesses> = new Map()

/**
 * @param effectsOf undefined: the operation is not translated inline
 * @param alone is the operation to look for its own bytes only?
 */
export function groupAccesses(
  operations: readonly Operation[],
  effectsOf: (operation: Operation, position: number) => Effects | undefined,
  alone: (operation: Operation) => boolean,
): ReadonlyMap<Operation, GroupedAccesses> {
  // What a register (by offset >> 3) holds: a root, which is a number for a value that nothing is known of, plus a constant.
  const roots = Array.from({ length: REGISTERS }, (_, i) => i)
  const sums = new Array<number>(REGISTERS).fill(0)
  let nextRoot = REGISTERS
  const open: OpenGroup[] = []
  const finished: OpenGroup[] = []
  const finish = (): void => {
    for (const group of open.splice(0)) if (group.accesses.length > 1) finished.push(group)
  }
  const note = (key: number, access: Access, bytes: number, writes: boolean): void => {
    const i = open.findIndex((one) => one.key === key)
    const group = open[i]
    const end = access.at + bytes
    if (group) {
      const low = Math.min(group.low, access.at)
      const high = Math.max(group.high, end)
      if (high - low <= SPAN_LIMIT && !alone(group.accesses[0]!.operation)) {
        group.accesses.push(access)
        group.low = low
        group.high = high
        group.writes ||= writes
        return
      }
      if (group.accesses.length > 1) finished.push(group)
      open.splice(i, 1)
    }
    open.push({ key, accesses: [access], low: access.at, high: end, writes })
  }

  for (const [position, operation] of operations.entries()) {
    const effects = effectsOf(operation, position)
    if (!effects) {
      // The interpreter's handler may change everything, the look-aside buffer too.
      finish()
      for (let i = 0; i < REGISTERS; i++) roots[i] = nextRoot++
      continue
    }
    const { operand, stack, move, changes } = effects
    if (operand && !(operation.flags & OP_ADDR32) && typeof operation.displacement === 'number') {
      const { base, index, scale, segment, displacement } = operation
      // Roots are few: a block has 64 operations at most.
      const key = ((roots[base >> 3]! * 4096 + roots[index >> 3]!) * 4 + scale) * 256 + segment
      const at = sums[base >> 3]! + sums[index >> 3]! * 2 ** scale + displacement
      if (Number.isSafeInteger(at))
        note(key, { operation, part: 'operand', at }, operand.bytes, operand.writes)
    }
    if (stack) {
      const key = (roots[stack.register >> 3]! * 4096 + (NO_REGISTER >> 3)) * 1024 + NO_REGISTER
      note(key, { operation, part: 'stack', at: sums[stack.register >> 3]! + stack.offset }, 8, stack.writes)
    }
    const root = move ? roots[move.from >> 3]! : 0
    const sum = move ? sums[move.from >> 3]! + move.by : 0
    if (changes === 'all') {
      finish()
      for (let i = 0; i < REGISTERS; i++) roots[i] = nextRoot++
    } else {
      // Part of a register is the register.
      for (const register of changes) {
        roots[register >> 3] = nextRoot++
        sums[register >> 3] = 0
      }
    }
    if (move) {
      roots[move.to >> 3] = root
      sums[move.to >> 3] = sum
    }
  }
  finish()
  if (finished.length === 0) return NO_GROUPS

  const members = new Map<Operation, { operand?: Member; stack?: Member }>()
  for (const { accesses, low, high, writes } of finished) {
    const first = accesses[0]!
    const group: Group = { start: low - first.at, span: high - low, writes, size: accesses.length }
    for (const [i, { operation, part, at }] of accesses.entries()) {
      const of = members.get(operation) ?? {}
      of[part] = { group, offset: at - low, first: i === 0, last: i === accesses.length - 1 }
      members.set(operation, of)
    }
  }
  return members
}
