// The guest's memory in translated code: the addresses of operands, the look into the look-aside buffer that turns them
// into host pointers, loads and stores through these.
//
// There is no slow way in here: whatever does not match (a miss, a page boundary, a device, a breakpoint) leaves the
// region in front of the instruction. Accesses of a group share one look (accesses.ts).

import type { Group, Member } from './accesses.ts'
import { REGS, tlbOf } from './addresses.ts'
import { I32, I64 } from './encoder.ts'
import type { Exits } from './exits.ts'
import type { Frame } from './frame.ts'
import { pushEntryPage, pushHostPointer, takePage } from './look-aside.ts'
import { op } from './opcodes.ts'
import { BLOCK_RIP, NO_REGISTER, OP_ADDR32 } from './operations.ts'
import type { Position } from './position.ts'

/** Where bytes of the guest's memory lie: a host pointer in a local, and what is to be added to it. */
export interface Place {
  readonly local: number
  readonly offset: number
}

const LOADS: Readonly<Record<number, number>> = {
  1: op.i32_load8_u,
  2: op.i32_load16_u,
  4: op.i32_load,
  8: op.i64_load,
}
const STORES: Readonly<Record<number, number>> = {
  1: op.i32_store8,
  2: op.i32_store16,
  4: op.i32_store,
  8: op.i64_store,
}
const VECTOR_LOADS: Readonly<Record<number, number>> = {
  4: op.v128_load32_zero,
  8: op.v128_load64_zero,
  16: op.v128_load,
}

export class MemoryAccess {
  readonly #frame: Frame
  readonly #position: Position
  readonly #exits: Exits
  readonly #user: boolean
  /** Pointers of groups: those that are in use, those that are over with this operation, free ones. */
  readonly #groups = new Map<Group, number>()
  readonly #over: Group[] = []
  readonly #freePointers: number[] = []

  constructor(frame: Frame, position: Position, exits: Exits, user: boolean) {
    this.#frame = frame
    this.#position = position
    this.#exits = exits
    this.#user = user
  }

  beginOperation(): void {
    for (const group of this.#over.splice(0)) {
      this.#freePointers.push(this.#groups.get(group)!)
      this.#groups.delete(group)
    }
  }

  /** Where the current operation's memory operand lies; leaves the region when there is no fast way. */
  operandPlace(bytes: number, kind: 'read' | 'write'): Place {
    return this.#place(this.#position.accesses.operand, () => this.address(), bytes, kind)
  }

  /** Likewise of 8 bytes at a distance from RSP or RBP. */
  stackPlace(register: number, distance: number, kind: 'read' | 'write'): Place {
    const frame = this.#frame
    const { code } = frame
    const address = (): number => {
      if (distance === 0) return frame.register(register)
      const local = frame.temporary(I64)
      code.get(frame.register(register))
      code.i64(distance)
      code.op(op.i64_add)
      code.set(local)
      return local
    }
    return this.#place(this.#position.accesses.stack, address, 8, kind)
  }

  /** Pushes the 1 to 8 bytes at a place, zero-extended. */
  pushLoad({ local, offset }: Place, bytes: number): void {
    const { code } = this.#frame
    code.get(local)
    code.memory(LOADS[bytes]!, offset)
  }

  /** Pushes the pointer to a place, for a value that comes on top of it and is then stored. */
  pushPointer({ local }: Place): void {
    this.#frame.code.get(local)
  }

  /** Stores the value on the stack, 1 to 8 bytes, through the pointer below it. */
  store({ offset }: Place, bytes: number): void {
    this.#frame.code.memory(STORES[bytes]!, offset)
  }

  /** Pushes a vector of the 4, 8 or 16 bytes at a place, and zeros. */
  pushVectorLoad({ local, offset }: Place, bytes: number): void {
    const { code } = this.#frame
    code.get(local)
    code.memory(VECTOR_LOADS[bytes]!, offset)
  }

  /** Stores the low 4, 8 or 16 bytes of the vector on the stack through the pointer below it. */
  storeVector({ offset }: Place, bytes: number): void {
    const { code } = this.#frame
    if (bytes === 16) code.memory(op.v128_store, offset)
    else code.memoryLane(bytes === 8 ? op.v128_store64_lane : op.v128_store32_lane, offset, 0)
  }

  /** Local with the operand's effective address; `segment`: with the segment's base, as accesses want it and LEA does not. */
  address(segment = true): number {
    const frame = this.#frame
    const { code } = frame
    const { operation, node } = this.#position
    const { base, index, scale, displacement, flags } = operation
    const withSegment = segment && operation.segment !== NO_REGISTER
    const plain = index === NO_REGISTER && !withSegment && !(flags & OP_ADDR32)
    if (plain && displacement === 0 && base !== NO_REGISTER && base !== BLOCK_RIP) return frame.register(base)
    let pushed = false
    const add = (): void => {
      if (pushed) code.op(op.i64_add)
      pushed = true
    }
    if (base === BLOCK_RIP) {
      frame.pushLinear(node.delta + Number(displacement))
      pushed = true
    } else if (base !== NO_REGISTER) {
      code.get(frame.register(base))
      pushed = true
    }
    if (index !== NO_REGISTER) {
      code.get(frame.register(index))
      if (scale > 0) {
        code.i64(scale)
        code.op(op.i64_shl)
      }
      add()
    }
    if (base !== BLOCK_RIP && (displacement !== 0 || !pushed)) {
      code.i64(displacement)
      add()
    }
    if (flags & OP_ADDR32) {
      code.i64(0xffffffff)
      code.op(op.i64_and)
    }
    if (withSegment) {
      code.i32(0)
      code.memory(op.i64_load, REGS + operation.segment)
      add()
    }
    const local = frame.temporary(I64)
    code.set(local)
    return local
  }

  #place(member: Member | undefined, address: () => number, bytes: number, kind: 'read' | 'write'): Place {
    if (!member) {
      const local = this.#frame.temporary(I32)
      this.#look(address(), 0, bytes, kind, local)
      return { local, offset: 0 }
    }
    const { group, offset } = member
    if (member.last) this.#over.push(group)
    let local = this.#groups.get(group)
    if (local === undefined) {
      if (!member.first) throw new Error('an access of a group before its first one')
      local = this.#freePointers.pop() ?? this.#frame.local(I32)
      this.#look(address(), group.start, group.span, group.writes ? 'write' : 'read', local)
      this.#groups.set(group, local)
    }
    return { local, offset }
  }

  /** Sets a local to the host pointer to `bytes` bytes at `start` behind the linear address; leaves when there is no fast way. */
  #look(address: number, start: number, bytes: number, kind: 'read' | 'write', pointer: number): void {
    const { code } = this.#frame
    const entry = this.#frame.temporary(I32)
    const tlb = tlbOf(this.#user, kind)
    code.get(address)
    code.op(op.i32_wrap_i64)
    if (start !== 0) {
      code.i32(start)
      code.op(op.i32_add)
    }
    code.tee(pointer)
    pushEntryPage(code, tlb, entry)
    code.get(address)
    if (start + bytes !== 1) {
      // The page of the last byte: an access that crosses into the next page never matches.
      code.i64(start + bytes - 1)
      code.op(op.i64_add)
    }
    takePage(code)
    code.op(op.i64_ne)
    this.#exits.leaveWhen()
    pushHostPointer(code, tlb, entry, () => code.get(pointer))
    code.set(pointer)
  }
}
