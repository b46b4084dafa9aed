// A region becomes one WebAssembly function: what is known of the flags at every place (flag-plan.ts), then the nodes' code
// in structured control flow (structure.ts), with their jumps, calls and returns.

import { type GroupedAccesses, groupAccesses, NO_GROUPS } from './accesses.ts'
import { CR0, CR4, INTERPRET } from './addresses.ts'
import { countAccesses, effectsOf } from './effects.ts'
import { type Code, I64, type ValueType } from './encoder.ts'
import { distinctStates, type NodePlan, type Plan, planFlags } from './flag-plan.ts'
import { type FlagState, MEMORY } from './flag-states.ts'
import { type FrameUse, noUse } from './frame.ts'
import { FunctionWriter } from './function-writer.ts'
import { translateInline } from './instructions.ts'
import { op } from './opcodes.ts'
import type { Operation } from './operations.ts'
import type { Places } from './places.ts'
import type { Region, RegionNode } from './region.ts'
import { RCX, RSP } from './registers.ts'
import { Structure } from './structure.ts'

export interface TranslationOptions {
  /** Is the first access of this instruction, by its physical address, to stay out of groups (accesses.ts)? */
  readonly alone?: (physical: number) => boolean
  /** The module's function that goes on in the next region (chain-function.ts); without it, each region returns. */
  readonly chain?: number | undefined
  /** Keeps flags that no instruction reads, so that every exit shows them as the interpreter would. For tests. */
  readonly exactFlags?: boolean
}

export interface RegionFunction {
  readonly locals: readonly ValueType[]
  readonly code: Uint8Array
  /** Offsets in it of the `if`s that are hardly ever taken. */
  readonly unlikely: readonly number[]
}

/** These look at the count of instructions, which is not up to date inside of a region. */
const NEEDS_TIME = new Set(['rdtsc', 'rdtscp', 'rdmsr', 'wrmsr'])

/**
 * @param pointerOf where the operations lie that the function hands to the interpreter's handlers
 */
export function translateRegion(
  region: Region,
  places: Places,
  pointerOf: (operation: Operation) => number,
  options: TranslationOptions = {},
): RegionFunction {
  const plans = planFlags(region, options.exactFlags === true)
  const { alone = () => false } = options
  const accesses = new Map(
    [...plans].map(([node, { operations }]) => [node, accessesOf(node, operations, alone)]),
  )
  const states = distinctStates(plans)
  const once = (use: FrameUse): FunctionWriter => {
    const writer = new FunctionWriter({ region, places, states, use })
    new RegionWriter(writer, plans, accesses, pointer).write()
    return writer
  }
  const pointers = new Map<Operation, number>()
  const pointer = (operation: Operation): number => {
    let at = pointers.get(operation)
    if (at === undefined) {
      at = pointerOf(operation)
      pointers.set(operation, at)
    }
    return at
  }
  const use = noUse()
  let writer = once(use)
  // A call saves what has changed anywhere in the region: known after a first pass only.
  if (use.calls) writer = once({ ...use, calls: false })
  const vectors = usesVectors(plans)
  return writer.finish((code) => vectors && checkVectorUnit(code), options.chain)
}

function usesVectors(plans: ReadonlyMap<RegionNode, NodePlan>): boolean {
  return [...plans.values()].some(({ operations }) =>
    operations.some(({ operation, way }) => way === 'inline' && operation.handler!.row.attributes.has('sse')),
  )
}

/** Goes to the interpreter when SSE instructions would fault (core/usable.ts). */
function checkVectorUnit(code: Code): void {
  const EM_TS = 0xc
  const OSFXSR = 0x200
  code.i32(0)
  code.memory(op.i32_load, CR0)
  code.i32(EM_TS)
  code.op(op.i32_and)
  code.i32(0)
  code.memory(op.i32_load, CR4)
  code.i32(-1)
  code.op(op.i32_xor)
  code.i32(OSFXSR)
  code.op(op.i32_and)
  code.op(op.i32_or)
  code.whenUnlikely()
  code.i32(INTERPRET)
  code.op(op.return)
  code.end()
}

function accessesOf(
  { block, ending }: RegionNode,
  plans: readonly Plan[],
  alone: (physical: number) => boolean,
): ReadonlyMap<Operation, GroupedAccesses> {
  const { operations } = block
  if (countAccesses(operations) < 2) return NO_GROUPS
  const end = ending.kind === 'next' ? -1 : operations.length - 1
  return groupAccesses(
    operations,
    (operation, i) => (i === end || plans[i]!.way === 'inline' ? effectsOf(operation, i === end) : undefined),
    ({ end, length }) => alone(block.physical + end - length),
  )
}

class RegionWriter {
  readonly #writer: FunctionWriter
  readonly #plans: ReadonlyMap<RegionNode, NodePlan>
  readonly #accesses: ReadonlyMap<RegionNode, ReadonlyMap<Operation, GroupedAccesses>>
  readonly #pointerOf: (operation: Operation) => number
  readonly #structure: Structure<RegionNode>
  readonly #numbers = new Map<RegionNode, number>()

  constructor(
    writer: FunctionWriter,
    plans: ReadonlyMap<RegionNode, NodePlan>,
    accesses: ReadonlyMap<RegionNode, ReadonlyMap<Operation, GroupedAccesses>>,
    pointerOf: (operation: Operation) => number,
  ) {
    this.#writer = writer
    this.#plans = plans
    this.#accesses = accesses
    this.#pointerOf = pointerOf
    // Entries have the numbers by which the jump table knows them; the others follow as they are needed.
    for (const node of writer.region.entries) this.#numbers.set(node, node.entry)
    this.#structure = new Structure<RegionNode>({
      code: writer.code,
      selector: writer.selector,
      numberOf: (node) => {
        let number = this.#numbers.get(node)
        if (number === undefined) {
          number = this.#numbers.size
          this.#numbers.set(node, number)
        }
        return number
      },
      write: (node) => this.#node(node),
    })
  }

  write(): void {
    this.#structure.write(reachable(this.#writer.region), this.#writer.region.entries)
  }

  #node(node: RegionNode): void {
    const { operations, endState } = this.#plans.get(node)!
    const writer = this.#writer
    writer.beginNode(node, this.#accesses.get(node)!)
    for (const [i, plan] of operations.entries()) {
      const { operation, way, before, after, exit } = plan
      writer.beginOperation(operation, i, exit)
      if (i === operations.length - 1 && node.ending.kind !== 'next') {
        this.#ending(node, plan)
        return
      }
      if (way === 'inline') translateInline({ writer, operation, before, after })
      else if (way === 'call') this.#call(operation, before)
      else {
        writer.exits.leaveHere()
        return
      }
    }
    this.#goTo((node.ending as { next: number }).next, endState, node)
  }

  #call(operation: Operation, before: FlagState): void {
    const writer = this.#writer
    writer.flags.flush(before)
    const { row } = operation.handler!
    const pointer = this.#pointerOf(operation)
    if (row.name === 'x87Memory' || row.name === 'x87Register') {
      // x87 instructions look at the address's registers, and one form of FNSTSW writes AX.
      const parts = [operation.base, operation.index]
        .filter((offset) => offset < 0x80)
        .map((offset) => offset >> 3)
      const reads = row.name === 'x87Memory' ? parts : [0]
      writer.calls.callHandler(pointer, {
        reads,
        writes: row.name === 'x87Memory' ? [] : [0],
        vectors: false,
      })
      return
    }
    writer.calls.callHandler(pointer, { vectors: row.attributes.has('sse') })
  }

  #ending(node: RegionNode, plan: Plan): void {
    const writer = this.#writer
    const { code, flags } = writer
    const { ending } = node
    const { operation, before } = plan
    switch (ending.kind) {
      case 'jump':
        this.#goTo(ending.target, before, node)
        return
      case 'condition': {
        this.#pushCondition(operation, before)
        code.when()
        this.#goTo(ending.target, before, node)
        code.end()
        this.#goTo(ending.next, before, node)
        return
      }
      case 'call':
        if (!writer.region.byDelta.has(ending.target)) this.#refuseTarget(ending.target)
        this.#pushReturn(ending.next)
        this.#goTo(ending.target, before, node)
        return
      case 'indirect-call': {
        const target = this.#targetE(operation)
        writer.exits.pushNotCanonical(target)
        writer.exits.leaveWhen()
        this.#pushReturn(ending.next)
        this.#tryGuess(target, before, node)
        writer.exits.leaveToLocal(target, before)
        return
      }
      case 'indirect-jump': {
        const target = this.#targetE(operation)
        this.#tryGuess(target, before, node)
        this.#dispatch(target, before, () => writer.exits.leaveHere())
        return
      }
      case 'return': {
        const target = writer.temporary(I64)
        const place = writer.memory.stackPlace(RSP, 0, 'read')
        const size = 8 + Number(operation.immediate)
        writer.memory.pushLoad(place, 8)
        code.set(target)
        writer.moveStack(size)
        this.#tryGuess(target, before, node)
        writer.exits.pushNotCanonical(target)
        code.whenUnlikely()
        writer.moveStack(-size)
        writer.exits.leaveHere()
        code.end()
        writer.exits.leaveToLocal(target, before)
        return
      }
      default:
        if (!operation.handler || NEEDS_TIME.has(operation.handler.row.name)) {
          writer.exits.leaveHere()
          return
        }
        flags.flush(before)
        writer.calls.callAndLeave(this.#pointerOf(operation))
    }
  }

  #dispatch(target: number, before: FlagState, refuse: () => void): void {
    const writer = this.#writer
    // Inside of the region the flags come in memory, as from outside.
    if (writer.region.entries.length > 1) {
      writer.flags.flush(before)
      writer.exits.dispatch(target, MEMORY, refuse)
      return
    }
    writer.exits.pushNotCanonical(target)
    writer.code.whenUnlikely()
    refuse()
    writer.code.end()
    writer.exits.leaveToLocal(target, before)
  }

  /** Goes to the successor whose address is in the local, if it is one's. */
  #tryGuess(target: number, state: FlagState, node: RegionNode): void {
    const writer = this.#writer
    const { code } = writer
    for (const { delta } of node.successors) {
      code.get(target)
      writer.pushLinear(delta)
      code.op(op.i64_eq)
      code.when()
      this.#goTo(delta, state, node)
      code.end()
    }
  }

  #refuseTarget(delta: number): void {
    const writer = this.#writer
    const target = writer.temporary(I64)
    writer.pushLinear(delta)
    writer.code.set(target)
    writer.exits.pushNotCanonical(target)
    writer.exits.leaveWhen()
  }

  #targetE(operation: Operation): number {
    const writer = this.#writer
    const { code } = writer
    if (operation.handler!.form === 'r') {
      // A copy: a call moves RSP, and that may be the register.
      const target = writer.temporary(I64)
      code.get(writer.register(operation.e))
      code.set(target)
      return target
    }
    const place = writer.memory.operandPlace(8, 'read')
    const target = writer.temporary(I64)
    writer.memory.pushLoad(place, 8)
    code.set(target)
    return target
  }

  #pushReturn(delta: number): void {
    const writer = this.#writer
    const place = writer.memory.stackPlace(RSP, -8, 'write')
    writer.memory.pushPointer(place)
    writer.pushLinear(delta)
    writer.memory.store(place, 8)
    writer.moveStack(-8)
  }

  /** Pushes whether Jcc, LOOP or JRCXZ jumps; LOOP counts. */
  #pushCondition(operation: Operation, before: FlagState): void {
    const writer = this.#writer
    const { code, flags } = writer
    const { row } = operation.handler!
    if (row.name === 'jcc') {
      flags.condition(before, row.opcode & 15)
      return
    }
    const bytes = (operation.flags & 8) !== 0 ? 4 : 8
    const count = writer.registerValue(RCX, bytes)
    const isZero = bytes === 8 ? op.i64_eqz : op.i32_eqz
    if (row.name === 'jrcxz') {
      writer.push(count)
      code.op(isZero)
      return
    }
    writer.push(count)
    if (bytes === 8) code.i64(1)
    else code.i32(1)
    code.op(bytes === 8 ? op.i64_sub : op.i32_sub)
    writer.setRegister(RCX, bytes)
    writer.push(writer.registerValue(RCX, bytes))
    code.op(isZero)
    code.op(op.i32_eqz)
    if (row.name === 'loop') return
    flags.condition(before, row.name === 'loope' ? 4 : 5)
    code.op(op.i32_and)
  }

  /** Goes on at a delta: a node of the region, or outside. */
  #goTo(delta: number, state: FlagState, from: RegionNode): void {
    const writer = this.#writer
    const { code } = writer
    const node = writer.region.byDelta.get(delta)
    if (!node) {
      writer.exits.leaveTo(delta, state)
      return
    }
    const page = Math.floor(delta / 0x1000) * 0x1000
    if (page !== Math.floor(from.delta / 0x1000) * 0x1000)
      writer.exits.guardPage(page, writer.region.pages.get(page)!, delta, state)
    if (this.#structure.goesBack(node)) {
      writer.exits.pushBudgetSpent()
      code.whenUnlikely()
      writer.exits.leaveTo(delta, state)
      code.end()
    }
    // At a place where several states meet, the flags are in memory.
    if (this.#plans.get(node)!.entryState.kind === 'memory') writer.flags.flush(state)
    this.#structure.jump(node)
  }
}

/** Nodes that some entry leads to. */
function reachable(region: Region): RegionNode[] {
  const seen = new Set<RegionNode>(region.entries)
  for (const node of seen) for (const successor of node.successors) seen.add(successor)
  return [...seen]
}
