// The frame of a region's function, and the vocabulary in which the instructions are written: guest registers in locals,
// memory through the TLBs, exits.
//
//     load the guest registers that the region uses
//     block common
//       block state…                 one for each state of the flags that an exit may find
//         loop dispatch              returns within the region come back here
//           (structured code)
//         end
//       end
//       write that state's flags to memory; br common
//     end
//     write the changed registers, RIP and the budget to memory; return the result
//
// No instruction faults in here. Whatever is not the simple case (a TLB miss, a page boundary, a device, an unusual
// divisor) leaves the region in front of the instruction, with everything in memory as the interpreter wants it, and
// the interpreter executes it, faults included. So there are no calls in hot code, and V8 keeps registers in registers.
//
// Only for what WebAssembly cannot do well (x87, REP, …) the interpreter's handler is called from inside.

import type { Group, GroupedAccesses, Member } from './accesses.ts'
import {
  BUDGET,
  CALLED,
  CALLED_OPERATION,
  CALLED_RESULT,
  CONTINUE,
  DROPPED,
  GUEST_BASE,
  INTERPRET,
  JUMPS,
  JUMPS_MASK,
  JUMPS_VIEW,
  REGS,
  RIP,
  TLB_INDEX,
  tlbOf,
  XMM,
} from './addresses.ts'
import { Code, F64, I32, I64, type Label, V128, type ValueType } from './encoder.ts'
import { type FlagState, Flags, MEMORY, sameState } from './flags.ts'
import { op } from './opcodes.ts'
import { BLOCK_RIP, NO_REGISTER, OP_ADDR32, type Operation } from './operations.ts'
import type { Places } from './places.ts'
import type { Region, RegionNode } from './region.ts'
import { KnownNumbers } from './vector-known.ts'
import { pushOrdinaryMode } from './vector-mode.ts'

const RSP = 0x20
const STATE_BLOCK_RIP = REGS + BLOCK_RIP

/** An operand's value: pushed as often as it is wanted. Narrow values are zero-extended in an i32. */
export type Value =
  | { readonly kind: 'local'; readonly local: number; readonly bytes: number }
  | { readonly kind: 'register'; readonly local: number; readonly bytes: number }
  | { readonly kind: 'constant'; readonly value: number | bigint; readonly bytes: number }

/** Where bytes of the guest's memory lie: a host pointer in a local, and what is to be added to it. */
export interface Place {
  readonly local: number
  readonly offset: number
}

/** Functions that every module imports: of the core, and those of chain-function.ts. By index. */
export const IMPORTS = { holds: 0, perform: 1, chainKernel: 2, chainUser: 3 } as const

/** What one pass over a region finds out for the next. */
export interface RegisterUse {
  readonly used: Set<number>
  readonly changed: Set<number>
  readonly usedXmm: Set<number>
  readonly changedXmm: Set<number>
  calls: boolean
  /** Floating-point instructions ask for MXCSR. */
  mxcsr: boolean
}

export const noUse = (): RegisterUse => ({
  used: new Set(),
  changed: new Set(),
  usedXmm: new Set(),
  changedXmm: new Set(),
  calls: false,
  mxcsr: false,
})

export interface FunctionWriterOptions {
  readonly region: Region
  readonly places: Places
  /** All states of the flags that an exit may find. */
  readonly states: readonly FlagState[]
  /** Registers known to be used and changed, from an earlier pass. */
  readonly use: RegisterUse
}

export class FunctionWriter {
  readonly code: Code = new Code()
  readonly region: Region
  readonly flags: Flags
  readonly use: RegisterUse
  readonly known: KnownNumbers = new KnownNumbers()
  /** Local: which entry or node is meant (structure.ts). */
  readonly selector: number
  readonly #places: Places
  readonly #states: readonly FlagState[]
  readonly #locals: ValueType[] = []
  readonly #registers = new Map<number, number>()
  readonly #xmm = new Map<number, number>()
  readonly #flagLocals = new Map<string, number>()
  #ordinaryMode: number | undefined
  readonly #temporaries = new Map<ValueType, { all: number[]; taken: number }>()
  /** Linear address of the region's first page. */
  readonly #origin: number
  readonly #budget: number
  /** Where an exit goes, counted from the origin. */
  readonly #target: number
  readonly #result: number
  readonly #common: Label = 1
  readonly #dispatch: Label

  // What is being written.
  #node!: RegionNode
  #accesses!: ReadonlyMap<Operation, GroupedAccesses>
  /** Pointers of groups (accesses.ts): those that are in use, those that are over with this operation, free ones. */
  readonly #groups = new Map<Group, number>()
  readonly #over: Group[] = []
  readonly #freePointers: number[] = []
  #operation!: Operation
  #executed = 0
  /** State of the flags in front of the current operation, as an exit there sees it. */
  #exitState: FlagState = MEMORY

  constructor({ region, places, states, use }: FunctionWriterOptions) {
    this.region = region
    this.use = use
    this.#places = places
    this.#states = states.filter(({ kind }) => kind !== 'memory' && kind !== 'dead')
    this.selector = this.local(I32)
    this.#origin = this.local(I64)
    this.#budget = this.local(I32)
    this.#target = this.local(I64)
    this.#result = this.local(I32)
    this.#dispatch = this.#states.length + 2
    const named = (name: string, type: ValueType) => (): number => {
      let local = this.#flagLocals.get(name)
      if (local === undefined) {
        local = this.local(type)
        this.#flagLocals.set(name, local)
      }
      return local
    }
    this.flags = new Flags(
      this.code,
      {
        a32: named('a32', I32),
        b32: named('b32', I32),
        r32: named('r32', I32),
        a64: named('a64', I64),
        b64: named('b64', I64),
        r64: named('r64', I64),
        carry: named('carry', I32),
        x: named('x', F64),
        y: named('y', F64),
      },
      IMPORTS.holds,
    )
    // Written into a buffer of its own, inside of the structures that `finish` puts around it.
    this.code.assumeOpen(this.#dispatch)
  }

  /** A local of its own. Parameter 0 is the jump-table slot through which the region is entered. */
  local(type: ValueType): number {
    this.#locals.push(type)
    return this.#locals.length
  }

  /** A local that is free again at the next operation. */
  temporary(type: ValueType): number {
    let pool = this.#temporaries.get(type)
    if (!pool) {
      pool = { all: [], taken: 0 }
      this.#temporaries.set(type, pool)
    }
    if (pool.taken === pool.all.length) pool.all.push(this.local(type))
    return pool.all[pool.taken++]!
  }

  // Position.

  beginNode(node: RegionNode, accesses: ReadonlyMap<Operation, GroupedAccesses>): void {
    this.#node = node
    this.#accesses = accesses
    this.#executed = 0
    this.known.clear()
    const { code } = this
    code.get(this.#budget)
    code.i32(node.block.operations.length)
    code.op(op.i32_sub)
    code.set(this.#budget)
  }

  /** @param position among the node's operations */
  beginOperation(operation: Operation, position: number, exitState: FlagState): void {
    this.#operation = operation
    this.#exitState = exitState
    this.#executed = position
    for (const pool of this.#temporaries.values()) pool.taken = 0
    for (const group of this.#over.splice(0)) {
      this.#freePointers.push(this.#groups.get(group)!)
      this.#groups.delete(group)
    }
  }

  get node(): RegionNode {
    return this.#node
  }

  /** Delta of the current operation's first byte. */
  get here(): number {
    return this.#node.delta + this.#operation.end - this.#operation.length
  }

  /** Delta of the byte behind the current operation. */
  get behind(): number {
    return this.#node.delta + this.#operation.end
  }

  // Registers.

  /** Local of the general register at this offset from REGS (of a byte register: of the whole one). */
  register(offset: number): number {
    const number = offset >> 3
    let local = this.#registers.get(number)
    if (local === undefined) {
      local = this.local(I64)
      this.#registers.set(number, local)
      this.use.used.add(number)
    }
    return local
  }

  registerValue(offset: number, bytes: number): Value {
    const local = this.register(offset)
    if (bytes >= 4) return { kind: 'register', local, bytes }
    const { code } = this
    const narrow = this.temporary(I32)
    code.get(local)
    code.op(op.i32_wrap_i64)
    if (bytes === 1 && (offset & 1) === 1) {
      code.i32(8)
      code.op(op.i32_shr_u)
    }
    code.i32(bytes === 1 ? 0xff : 0xffff)
    code.op(op.i32_and)
    code.set(narrow)
    return { kind: 'local', local: narrow, bytes }
  }

  /** Takes the value on the stack (i64 for 8 bytes, else i32) into a register, as the processor does for its size. */
  setRegister(offset: number, bytes: number): void {
    const { code } = this
    const local = this.register(offset)
    this.use.changed.add(offset >> 3)
    if (bytes === 8) {
      code.set(local)
      return
    }
    code.op(op.i64_extend_i32_u)
    if (bytes === 4) {
      code.set(local)
      return
    }
    const high = bytes === 1 && (offset & 1) === 1
    const mask = bytes === 2 ? 0xffff : 0xff
    code.i64(mask)
    code.op(op.i64_and)
    if (high) {
      code.i64(8)
      code.op(op.i64_shl)
    }
    code.get(local)
    code.i64(bytes === 2 ? -0x10000 : high ? -0xff01 : -0x100)
    code.op(op.i64_and)
    code.op(op.i64_or)
    code.set(local)
  }

  /** Local of the XMM register at this offset from XMM. */
  xmm(offset: number): number {
    const number = offset >> 4
    let local = this.#xmm.get(number)
    if (local === undefined) {
      local = this.local(V128)
      this.#xmm.set(number, local)
      this.use.usedXmm.add(number)
    }
    return local
  }

  setXmm(offset: number): void {
    const local = this.xmm(offset)
    this.use.changedXmm.add(offset >> 4)
    this.code.set(local)
    this.known.written(local)
  }

  /** Local: is MXCSR as floating-point code wants it (vector-mode.ts)? */
  get ordinaryMode(): number {
    this.use.mxcsr = true
    this.#ordinaryMode ??= this.local(I32)
    return this.#ordinaryMode
  }

  push(value: Value): void {
    const { code } = this
    switch (value.kind) {
      case 'local':
        code.get(value.local)
        break
      case 'register':
        code.get(value.local)
        if (value.bytes === 4) code.op(op.i32_wrap_i64)
        break
      default:
        if (value.bytes === 8) code.i64(value.value)
        else code.i32(Number(value.bytes === 4 ? BigInt.asIntN(32, BigInt(value.value)) : value.value))
    }
  }

  /** A value in a temporary local, from the stack. */
  keep(type: ValueType, bytes: number): Value {
    const local = this.temporary(type)
    this.code.set(local)
    return { kind: 'local', local, bytes }
  }

  // Addresses and memory.

  /** Pushes the linear address of the byte `delta` bytes behind the region's origin. */
  pushLinear(delta: number): void {
    const { code } = this
    code.get(this.#origin)
    if (delta !== 0) {
      code.i64(delta)
      code.op(op.i64_add)
    }
  }

  /** Local with the effective address; `segment`: with the segment's base, as accesses want it and LEA does not. */
  address(operation: Operation, segment = true): number {
    const { code } = this
    const { base, index, scale, displacement, flags } = operation
    const withSegment = segment && operation.segment !== NO_REGISTER
    const plain = index === NO_REGISTER && !withSegment && !(flags & OP_ADDR32)
    if (plain && displacement === 0 && base !== NO_REGISTER && base !== BLOCK_RIP) return this.register(base)
    let pushed = false
    const add = (): void => {
      if (pushed) code.op(op.i64_add)
      pushed = true
    }
    if (base === BLOCK_RIP) {
      this.pushLinear(this.#node.delta + Number(displacement))
      pushed = true
    } else if (base !== NO_REGISTER) {
      code.get(this.register(base))
      pushed = true
    }
    if (index !== NO_REGISTER) {
      code.get(this.register(index))
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
    const local = this.temporary(I64)
    code.set(local)
    return local
  }

  /** Where the current operation's memory operand lies; leaves the region when there is no fast way. */
  operandPlace(operation: Operation, bytes: number, kind: 'read' | 'write'): Place {
    const member = this.#accesses.get(operation)?.operand
    return this.#place(member, () => this.address(operation), bytes, kind)
  }

  /** Likewise of 8 bytes at a distance from RSP or RBP. */
  stackPlace(register: number, distance: number, kind: 'read' | 'write'): Place {
    const { code } = this
    const address = (): number => {
      if (distance === 0) return this.register(register)
      const local = this.temporary(I64)
      code.get(this.register(register))
      code.i64(distance)
      code.op(op.i64_add)
      code.set(local)
      return local
    }
    return this.#place(this.#accesses.get(this.#operation)?.stack, address, 8, kind)
  }

  #place(member: Member | undefined, address: () => number, bytes: number, kind: 'read' | 'write'): Place {
    if (!member) {
      const local = this.temporary(I32)
      this.#look(address(), 0, bytes, kind, local)
      return { local, offset: 0 }
    }
    const { group, offset } = member
    if (member.last) this.#over.push(group)
    let local = this.#groups.get(group)
    if (local === undefined) {
      if (!member.first) throw new Error('an access of a group before its first one')
      local = this.#freePointers.pop() ?? this.local(I32)
      this.#look(address(), group.start, group.span, group.writes ? 'write' : 'read', local)
      this.#groups.set(group, local)
    }
    return { local, offset }
  }

  /** Sets a local to the host pointer to `bytes` bytes at `start` behind the linear address; leaves when there is no fast way. */
  #look(address: number, start: number, bytes: number, kind: 'read' | 'write', pointer: number): void {
    const { code } = this
    const entry = this.temporary(I32)
    const tlb = tlbOf(this.region.user, kind)
    code.get(address)
    code.op(op.i32_wrap_i64)
    if (start !== 0) {
      code.i32(start)
      code.op(op.i32_add)
    }
    code.tee(pointer)
    code.i32(8)
    code.op(op.i32_shr_u)
    code.i32(TLB_INDEX)
    code.op(op.i32_and)
    code.tee(entry)
    code.memory(op.i64_load, tlb)
    code.get(address)
    if (start + bytes !== 1) {
      // The page of the last byte: an access that crosses into the next page never matches.
      code.i64(start + bytes - 1)
      code.op(op.i64_add)
    }
    code.i64(-0x1000)
    code.op(op.i64_and)
    code.op(op.i64_ne)
    this.leaveWhen()
    code.get(entry)
    code.memory(op.i32_load, tlb + 8)
    code.get(pointer)
    code.op(op.i32_add)
    code.set(pointer)
  }

  /** Leaves in front of the current operation, to the interpreter, when the i32 on the stack is not 0. */
  leaveWhen(): void {
    this.code.whenUnlikely()
    this.leaveHere()
    this.code.end()
  }

  /** Leaves in front of the current operation, to the interpreter. */
  leaveHere(): void {
    const { code } = this
    const open = this.#node.block.operations.length - this.#executed
    if (open > 0) {
      code.get(this.#budget)
      code.i32(open)
      code.op(op.i32_add)
      code.set(this.#budget)
    }
    code.i64(this.here)
    code.set(this.#target)
    this.#exit(INTERPRET, this.#exitState)
  }

  /** Leaves to the linear address `delta` from the origin. */
  leaveTo(delta: number, state: FlagState): void {
    const { code } = this
    code.i64(delta)
    code.set(this.#target)
    this.#exit(CONTINUE, state)
  }

  /** Leaves to the linear address in a local. */
  leaveToLocal(address: number, state: FlagState): void {
    const { code } = this
    code.get(address)
    code.get(this.#origin)
    code.op(op.i64_sub)
    code.set(this.#target)
    this.#exit(CONTINUE, state)
  }

  #exit(result: number, state: FlagState): void {
    const { code } = this
    code.i32(result)
    code.set(this.#result)
    const i = this.#states.findIndex((one) => sameState(one, state))
    if (i < 0 && state.kind !== 'memory' && state.kind !== 'dead')
      throw new Error(`no exit for flags ${state.kind}`)
    code.branch(i < 0 ? this.#common : 2 + i)
  }

  /** Pushes whether the budget is used up. */
  pushBudgetSpent(): void {
    const { code } = this
    code.get(this.#budget)
    code.i32(0)
    code.op(op.i32_lt_s)
  }

  /**
   * Goes to the linear address in a local: to an entry of this region if it is one, else out.
   * @param refuse writes the way back for an address that is not canonical, up to leaving in front of the operation
   */
  dispatch(address: number, state: FlagState, refuse: () => void): void {
    const { code } = this
    const execute = tlbOf(this.region.user, 'execute')
    const slot = this.temporary(I32)
    const physical = this.temporary(I32)
    code.get(address)
    code.op(op.i32_wrap_i64)
    code.i32(8)
    code.op(op.i32_shr_u)
    code.i32(TLB_INDEX)
    code.op(op.i32_and)
    code.tee(slot)
    code.memory(op.i64_load, execute)
    code.get(address)
    code.i64(-0x1000)
    code.op(op.i64_and)
    code.op(op.i64_eq)
    code.when()
    code.get(slot)
    code.memory(op.i32_load, execute + 8)
    code.get(address)
    code.op(op.i32_wrap_i64)
    code.op(op.i32_add)
    code.i32(-GUEST_BASE)
    code.op(op.i32_add)
    code.tee(physical)
    code.i32(2)
    code.op(op.i32_shr_u)
    code.get(physical)
    code.i32(14)
    code.op(op.i32_shr_u)
    code.op(op.i32_xor)
    code.i32(JUMPS_MASK)
    code.op(op.i32_and)
    code.i32(4)
    code.op(op.i32_shl)
    code.tee(slot)
    const jumps = JUMPS + (this.region.user ? JUMPS_VIEW : 0)
    code.memory(op.i32_load, jumps)
    code.get(physical)
    code.op(op.i32_eq)
    code.get(slot)
    code.memory(op.i32_load, jumps + 4)
    this.#places.functionIndex(code)
    code.op(op.i32_eq)
    code.op(op.i32_and)
    code.get(this.#budget)
    code.i32(0)
    code.op(op.i32_ge_s)
    code.op(op.i32_and)
    code.when()
    code.get(slot)
    code.memory(op.i32_load, jumps + 8)
    code.i32(0xfff)
    code.op(op.i32_and)
    code.set(this.selector)
    code.get(address)
    code.i64(-0x1000)
    code.op(op.i64_and)
    code.get(slot)
    code.memory(op.i64_load32_s, jumps + 8)
    code.i64(-0x1000)
    code.op(op.i64_and)
    code.op(op.i64_sub)
    code.set(this.#origin)
    code.branch(this.#dispatch)
    code.end()
    code.otherwise()
    this.pushNotCanonical(address)
    code.whenUnlikely()
    refuse()
    code.end()
    code.end()
    this.leaveToLocal(address, state)
  }

  pushNotCanonical(address: number): void {
    const { code } = this
    code.get(address)
    code.i64(16)
    code.op(op.i64_shl)
    code.i64(16)
    code.op(op.i64_shr_s)
    code.get(address)
    code.op(op.i64_ne)
  }

  /** Is the page at this distance from the origin still the physical page that the region was made from? If not, leaves. */
  guardPage(page: number, physical: number, target: number, state: FlagState): void {
    const { code } = this
    const execute = tlbOf(this.region.user, 'execute')
    const address = this.temporary(I64)
    const entry = this.temporary(I32)
    this.pushLinear(page)
    code.tee(address)
    code.op(op.i32_wrap_i64)
    code.i32(8)
    code.op(op.i32_shr_u)
    code.i32(TLB_INDEX)
    code.op(op.i32_and)
    code.tee(entry)
    code.memory(op.i64_load, execute)
    code.get(address)
    code.op(op.i64_ne)
    code.get(entry)
    code.memory(op.i32_load, execute + 8)
    code.get(address)
    code.op(op.i32_wrap_i64)
    code.op(op.i32_add)
    this.#places.page(code, page, physical)
    code.op(op.i32_ne)
    code.op(op.i32_or)
    code.whenUnlikely()
    this.leaveTo(target, state)
    code.end()
  }

  // Calls of the interpreter.

  /**
   * Calls the interpreter's handler of the current operation. The flags must have been flushed.
   * @param reads registers that it reads; all when not given
   * @param writes registers that it may change
   */
  callHandler(
    pointer: number,
    { reads, writes, vectors }: { reads?: readonly number[]; writes?: readonly number[]; vectors: boolean },
  ): void {
    const { code, use } = this
    use.calls = true
    code.i32(0)
    this.pushLinear(this.#node.delta)
    code.memory(op.i64_store, STATE_BLOCK_RIP)
    for (const number of reads ?? use.changed) if (use.changed.has(number)) this.#store(number)
    if (vectors) for (const number of use.changedXmm) this.#storeXmm(number)
    const result = this.temporary(I32)
    this.#places.operation(code, pointer)
    code.call(IMPORTS.perform)
    code.tee(result)
    code.i32(0)
    code.memory(op.i32_load, DROPPED)
    code.op(op.i32_or)
    code.whenUnlikely()
    if (reads) for (const number of use.changed) if (!reads.includes(number)) this.#store(number)
    if (!vectors) for (const number of use.changedXmm) this.#storeXmm(number)
    code.i32(0)
    code.get(result)
    code.memory(op.i32_store, CALLED_RESULT)
    code.i32(0)
    this.#places.operation(code, pointer)
    code.memory(op.i32_store, CALLED_OPERATION)
    const open = this.#node.block.operations.length - this.#executed - 1
    code.i32(0)
    code.get(this.#budget)
    code.i32(open)
    code.op(op.i32_add)
    code.memory(op.i32_store, BUDGET)
    code.i32(0)
    this.pushLinear(this.here)
    code.memory(op.i64_store, RIP)
    code.i32(CALLED)
    code.op(op.return)
    code.end()
    for (const number of writes ?? use.used) if (use.used.has(number)) this.#load(number)
    if (vectors) for (const number of use.usedXmm) this.#loadXmm(number)
    this.known.clear()
    if (use.mxcsr) {
      pushOrdinaryMode(code)
      code.set(this.ordinaryMode)
    }
  }

  /**
   * Ends the region with the interpreter's handler of the current operation: for what changes privilege, address space
   * or control flow, so that nothing here could go on.
   */
  callAndLeave(pointer: number): void {
    const { code, use } = this
    use.calls = true
    code.i32(0)
    this.pushLinear(this.#node.delta)
    code.memory(op.i64_store, STATE_BLOCK_RIP)
    code.i32(0)
    this.pushLinear(this.here)
    code.memory(op.i64_store, RIP)
    for (const number of use.changed) this.#store(number)
    for (const number of use.changedXmm) this.#storeXmm(number)
    code.i32(0)
    code.get(this.#budget)
    code.memory(op.i32_store, BUDGET)
    code.i32(0)
    this.#places.operation(code, pointer)
    code.memory(op.i32_store, CALLED_OPERATION)
    code.i32(0)
    this.#places.operation(code, pointer)
    code.call(IMPORTS.perform)
    code.memory(op.i32_store, CALLED_RESULT)
    code.i32(CALLED)
    code.op(op.return)
  }

  #store(number: number): void {
    const { code } = this
    code.i32(0)
    code.get(this.register(number << 3))
    code.memory(op.i64_store, REGS + number * 8)
  }
  #load(number: number): void {
    const { code } = this
    code.i32(0)
    code.memory(op.i64_load, REGS + number * 8)
    code.set(this.register(number << 3))
  }
  #storeXmm(number: number): void {
    const { code } = this
    code.i32(0)
    code.get(this.xmm(number << 4))
    code.memory(op.v128_store, XMM + number * 16)
  }
  #loadXmm(number: number): void {
    const { code } = this
    code.i32(0)
    code.memory(op.v128_load, XMM + number * 16)
    code.set(this.xmm(number << 4))
  }

  /** Pushes the stack pointer's local. */
  get stackPointer(): number {
    return this.register(RSP)
  }

  /**
   * The whole function around what has been written.
   * @param units writes a check in front, for units that it needs
   * @param chain the module's function that goes on in the next region (chain-function.ts)
   */
  finish(
    units: (code: Code) => void,
    chain: number | undefined,
  ): {
    locals: readonly ValueType[]
    code: Uint8Array
    unlikely: readonly number[]
  } {
    const whole = new Code()
    const { use } = this
    units(whole)
    whole.get(0)
    whole.memory(op.i32_load, 8)
    whole.i32(0xfff)
    whole.op(op.i32_and)
    whole.set(this.selector)
    whole.i32(0)
    whole.memory(op.i64_load, RIP)
    whole.i64(-0x1000)
    whole.op(op.i64_and)
    whole.get(0)
    whole.memory(op.i64_load32_s, 8)
    whole.i64(-0x1000)
    whole.op(op.i64_and)
    whole.op(op.i64_sub)
    whole.set(this.#origin)
    whole.i32(0)
    whole.memory(op.i32_load, BUDGET)
    whole.set(this.#budget)
    for (const [number, local] of this.#registers) {
      whole.i32(0)
      whole.memory(op.i64_load, REGS + number * 8)
      whole.set(local)
    }
    for (const [number, local] of this.#xmm) {
      whole.i32(0)
      whole.memory(op.v128_load, XMM + number * 16)
      whole.set(local)
    }
    if (this.#ordinaryMode !== undefined) {
      pushOrdinaryMode(whole)
      whole.set(this.#ordinaryMode)
    }
    for (let i = 0; i < this.#states.length + 1; i++) whole.block()
    whole.loop()
    whole.appendCode(this.code)
    whole.end()
    whole.op(op.unreachable)
    const tail = new Code()
    tail.assumeOpen(this.#states.length + 1)
    const flags = this.flags.in(tail)
    for (let i = this.#states.length - 1; i >= 0; i--) {
      tail.end()
      flags.flush(this.#states[i]!)
      if (i > 0) tail.branch(this.#common)
    }
    tail.end()
    whole.appendCode(tail)
    for (const [number, local] of this.#registers) {
      if (!use.changed.has(number)) continue
      whole.i32(0)
      whole.get(local)
      whole.memory(op.i64_store, REGS + number * 8)
    }
    for (const [number, local] of this.#xmm) {
      if (!use.changedXmm.has(number)) continue
      whole.i32(0)
      whole.get(local)
      whole.memory(op.v128_store, XMM + number * 16)
    }
    whole.i32(0)
    whole.get(this.#budget)
    whole.memory(op.i32_store, BUDGET)
    whole.i32(0)
    whole.get(this.#origin)
    whole.get(this.#target)
    whole.op(op.i64_add)
    whole.memory(op.i64_store, RIP)
    if (chain !== undefined) {
      whole.get(this.#result)
      whole.op(op.i32_eqz)
      whole.get(this.#budget)
      whole.i32(0)
      whole.op(op.i32_ge_s)
      whole.op(op.i32_and)
      whole.when()
      whole.i32(0)
      whole.tailCall(chain)
      whole.end()
    }
    whole.get(this.#result)
    return { locals: this.#locals, code: whole.written(), unlikely: whole.unlikely }
  }
}
