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
  /** Registers (by offset) that then hold what another held, plus a constant. */
  readonly moves?: readonly { readonly to: number; readonly from: number; readonly by: number }[]
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
  readonly at: number
  readonly bytes: number
}

interface OpenGroup {
  readonly accesses: Access[]
  low: number
  high: number
  writes: boolean
}

/** Offset of the second half of AX, BX, CX, DX; a part changes the whole. */
const whole = (offset: number): number => offset & ~7

/**
 * @param effectsOf undefined: the operation is not translated inline
 * @param alone is the operation to look for its own bytes only?
 */
export function groupAccesses(
  operations: readonly Operation[],
  effectsOf: (operation: Operation) => Effects | undefined,
  alone: (operation: Operation) => boolean,
): ReadonlyMap<Operation, GroupedAccesses> {
  const values = new Map<number, { root: string; by: number }>()
  let roots = 0
  const holds = (register: number): { root: string; by: number } =>
    values.get(register) ?? { root: `${register}`, by: 0 }
  const forget = (register: number): void => {
    values.set(register, { root: `#${roots++}`, by: 0 })
  }
  let open = new Map<string, OpenGroup>()
  const finished: OpenGroup[] = []
  const finish = (): void => {
    for (const group of open.values()) if (group.accesses.length > 1) finished.push(group)
    open = new Map()
  }
  const note = (key: string, access: Access, writes: boolean): void => {
    const group = open.get(key)
    const low = Math.min(group?.low ?? access.at, access.at)
    const high = Math.max(group?.high ?? 0, access.at + access.bytes)
    if (
      group &&
      high - low <= SPAN_LIMIT &&
      Number.isSafeInteger(low) &&
      !alone(group.accesses[0]!.operation)
    ) {
      group.accesses.push(access)
      group.low = low
      group.high = high
      group.writes ||= writes
      return
    }
    if (group && group.accesses.length > 1) finished.push(group)
    open.set(key, { accesses: [access], low: access.at, high: access.at + access.bytes, writes })
  }

  for (const operation of operations) {
    const effects = effectsOf(operation)
    if (!effects) {
      // The interpreter's handler may change everything, the look-aside buffer too.
      finish()
      values.clear()
      roots++
      continue
    }
    const { operand, stack, moves = [], changes } = effects
    if (operand && !(operation.flags & OP_ADDR32) && typeof operation.displacement === 'number') {
      const base = holds(operation.base)
      const index = operation.index === NO_REGISTER ? undefined : holds(operation.index)
      const key = `${operation.segment} ${base.root} ${index ? `${index.root}<<${operation.scale}` : ''}`
      const at = base.by + (index ? index.by * 2 ** operation.scale : 0) + operation.displacement
      note(key, { operation, part: 'operand', at, bytes: operand.bytes }, operand.writes)
    }
    if (stack) {
      const base = holds(stack.register)
      const at = base.by + stack.offset
      note(`${NO_REGISTER} ${base.root} `, { operation, part: 'stack', at, bytes: 8 }, stack.writes)
    }
    const moved = moves.map(({ to, from, by }) => {
      const { root, by: so } = holds(from)
      return { to, root, by: so + by }
    })
    if (changes === 'all') {
      values.clear()
      // Roots of before must not meet those of after.
      finish()
    } else for (const register of changes) forget(whole(register))
    for (const { to, root, by } of moved) values.set(to, { root, by })
  }
  finish()

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
