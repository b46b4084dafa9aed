// A region becomes one WebAssembly function: what is known of the flags at every place, then the nodes' code in
// structured control flow.

import { bytesOf } from '../table/handlers.ts'
import { type GroupedAccesses, groupAccesses } from './accesses.ts'
import { CR0, CR4, INTERPRET } from './addresses.ts'
import { effectsOf } from './effects.ts'
import { type Code, I64, type ValueType } from './encoder.ts'
import { ALL_FLAGS, DEAD, type FlagState, flagEffect, flagKind, MEMORY, sameState } from './flags.ts'
import { FunctionWriter, noUse, type RegisterUse } from './function-writer.ts'
import { flagsInTheWay, translateInline, type Way, wayOf } from './instructions.ts'
import { op } from './opcodes.ts'
import type { Operation } from './operations.ts'
import type { Places } from './places.ts'
import type { Region, RegionNode } from './region.ts'
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

/** What is known at an operation before any code is written. */
interface Plan {
  readonly operation: Operation
  readonly way: Way
  readonly before: FlagState
  readonly after: FlagState
  /** As an exit in front of it sees the flags. */
  readonly exit: FlagState
}

interface NodePlan {
  readonly operations: readonly Plan[]
  readonly entryState: FlagState
  readonly endState: FlagState
}

const RSP = 0x20
/** These look at the count of instructions, which is not up to date inside of a region. */
const NEEDS_TIME = new Set(['rdtsc', 'rdtscp', 'rdmsr', 'wrmsr'])
const RCX = 1

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
  const once = (use: RegisterUse): FunctionWriter => {
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

// Flags.

/** What the flags' analysis needs of an operation, before liveness is known. */
interface FlagStep {
  readonly operation: Operation
  readonly way: Way
  readonly reads: number
  readonly kills: number
  /** If one of these is read behind the operation, it becomes a call, which reads all. */
  readonly inTheWay: number
}

function stepsOf(node: RegionNode): FlagStep[] {
  const { operations } = node.block
  return operations.map((operation, i) => {
    if (i === operations.length - 1 && node.ending.kind !== 'next') {
      if (node.ending.kind === 'leave')
        return { operation, way: 'leave', reads: ALL_FLAGS, kills: 0, inTheWay: 0 }
      return { operation, way: 'leave', reads: flagEffect(operation, false).reads, kills: 0, inTheWay: 0 }
    }
    const way = wayOf(operation)
    const { reads, kills } = flagEffect(operation, way !== 'inline')
    return { operation, way, reads, kills, inTheWay: way === 'inline' ? flagsInTheWay(operation) : 0 }
  })
}

/** Flags that may be read before a step, given those that may be read after it. */
function before(step: FlagStep, after: number): number {
  return (after & step.inTheWay) !== 0 ? ALL_FLAGS : (after & ~step.kills) | step.reads
}

function planFlags(region: Region, exact: boolean): Map<RegionNode, NodePlan> {
  const steps = new Map(region.nodes.map((node) => [node, stepsOf(node)]))
  const live = exact ? new Map(region.nodes.map((node) => [node, ALL_FLAGS])) : liveness(region, steps)
  const plans = new Map<RegionNode, NodePlan>()
  const entry = new Map<RegionNode, FlagState>()
  // From outside, and through a return, the flags come in memory.
  for (const node of region.entries) entry.set(node, live.get(node)! === 0 ? DEAD : MEMORY)
  const waiting = [...region.entries]
  // Bounded: a node's state goes from unknown to a kind to memory, and is looked at again only then.
  while (waiting.length > 0) {
    const node = waiting.pop()!
    const plan = planNode(node, steps.get(node)!, live, entry.get(node)!, exact)
    plans.set(node, plan)
    for (const successor of node.successors) {
      const wanted = live.get(successor)! === 0 ? DEAD : plan.endState
      const former = entry.get(successor)
      const joined = former === undefined || sameState(former, wanted) ? wanted : MEMORY
      if (former !== undefined && sameState(former, joined)) continue
      entry.set(successor, joined)
      waiting.push(successor)
    }
  }
  return plans
}

function planNode(
  node: RegionNode,
  steps: readonly FlagStep[],
  live: ReadonlyMap<RegionNode, number>,
  entryState: FlagState,
  exact: boolean,
): NodePlan {
  const after: number[] = []
  let flags = exact ? ALL_FLAGS : liveAtEnd(node, live)
  for (let i = steps.length - 1; i >= 0; i--) {
    after[i] = flags
    flags = exact ? ALL_FLAGS : before(steps[i]!, flags)
  }
  const operations: Plan[] = []
  let state = entryState
  let liveBefore = flags
  for (const [i, step] of steps.entries()) {
    const way = (after[i]! & step.inTheWay) !== 0 ? 'call' : step.way
    const next = stateAfter(step.operation, way, state, after[i]!)
    operations.push({
      operation: step.operation,
      way,
      before: state,
      after: next,
      exit: liveBefore === 0 ? DEAD : state,
    })
    state = next
    liveBefore = after[i]!
  }
  return { operations, entryState, endState: state }
}

function accessesOf(
  { block, ending }: RegionNode,
  plans: readonly Plan[],
  alone: (physical: number) => boolean,
): ReadonlyMap<Operation, GroupedAccesses> {
  const ways = new Map(plans.map(({ operation, way }) => [operation, way]))
  return groupAccesses(
    block.operations,
    (operation) => {
      const last = ending.kind !== 'next' && operation === block.operations.at(-1)
      return last || ways.get(operation) === 'inline' ? effectsOf(operation, last) : undefined
    },
    ({ end, length }) => alone(block.physical + end - length),
  )
}

function stateAfter(operation: Operation, way: Way, state: FlagState, live: number): FlagState {
  if (way === 'leave') return state
  if (way === 'call') return MEMORY
  const kind = flagKind(operation)
  if (kind === undefined) return state
  if (live === 0) return DEAD
  const { row, size } = operation.handler!
  if (kind === 'explicit' || kind === 'floats' || row.name.startsWith('bt')) return { kind, bytes: 4 }
  return { kind, bytes: bytesOf(row.operands[0]!, size) }
}

/** Outside of the region anything may read the flags, and in another page may lie other code by then. */
function liveAtEnd({ delta, ending, successors }: RegionNode, live: ReadonlyMap<RegionNode, number>): number {
  let targets = 0
  if (ending.kind === 'condition') targets = ending.target === ending.next ? 1 : 2
  else if (ending.kind === 'jump' || ending.kind === 'call' || ending.kind === 'next') targets = 1
  let flags = targets === 0 || successors.length < targets ? ALL_FLAGS : 0
  for (const successor of successors)
    flags |= samePage(successor.delta, delta) ? live.get(successor)! : ALL_FLAGS
  return flags
}

const samePage = (a: number, b: number): boolean => Math.floor(a / 0x1000) === Math.floor(b / 0x1000)

/** Flags that may be read from the start of each node on. */
function liveness(
  region: Region,
  steps: ReadonlyMap<RegionNode, readonly FlagStep[]>,
): Map<RegionNode, number> {
  const live = new Map<RegionNode, number>(region.nodes.map((node) => [node, 0]))
  // Bounded: each turn adds at least one of six bits to one of the nodes.
  for (let changed = true; changed; ) {
    changed = false
    for (let i = region.nodes.length - 1; i >= 0; i--) {
      const node = region.nodes[i]!
      const list = steps.get(node)!
      let flags = liveAtEnd(node, live)
      for (let j = list.length - 1; j >= 0; j--) flags = before(list[j]!, flags)
      if (flags === live.get(node)) continue
      live.set(node, flags | live.get(node)!)
      changed = true
    }
  }
  return live
}

function distinctStates(plans: ReadonlyMap<RegionNode, NodePlan>): FlagState[] {
  const states: FlagState[] = []
  const add = (state: FlagState): void => {
    for (const one of states) if (sameState(one, state)) return
    states.push(state)
  }
  for (const { operations, entryState, endState } of plans.values()) {
    add(entryState)
    add(endState)
    for (const { exit, before } of operations) {
      add(exit)
      add(before)
    }
  }
  return states
}

// Code.

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
        writer.leaveHere()
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
      writer.callHandler(pointer, { reads, writes: row.name === 'x87Memory' ? [] : [0], vectors: false })
      return
    }
    writer.callHandler(pointer, { vectors: row.attributes.has('sse') })
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
        writer.pushNotCanonical(target)
        writer.leaveWhen()
        this.#pushReturn(ending.next)
        this.#tryGuess(target, before, node)
        writer.leaveToLocal(target, before)
        return
      }
      case 'indirect-jump': {
        const target = this.#targetE(operation)
        this.#tryGuess(target, before, node)
        this.#dispatch(target, before, () => writer.leaveHere())
        return
      }
      case 'return': {
        const target = writer.temporary(I64)
        const place = writer.stackPlace(RSP, 0, 'read')
        const size = 8 + Number(operation.immediate)
        code.get(place.local)
        code.memory(op.i64_load, place.offset)
        code.set(target)
        this.#moveStack(size)
        this.#tryGuess(target, before, node)
        writer.pushNotCanonical(target)
        code.whenUnlikely()
        this.#moveStack(-size)
        writer.leaveHere()
        code.end()
        writer.leaveToLocal(target, before)
        return
      }
      default:
        if (!operation.handler || NEEDS_TIME.has(operation.handler.row.name)) {
          writer.leaveHere()
          return
        }
        flags.flush(before)
        writer.callAndLeave(this.#pointerOf(operation))
    }
  }

  #dispatch(target: number, before: FlagState, refuse: () => void): void {
    const writer = this.#writer
    // Inside of the region the flags come in memory, as from outside.
    if (writer.region.entries.length > 1) {
      writer.flags.flush(before)
      writer.dispatch(target, MEMORY, refuse)
      return
    }
    writer.pushNotCanonical(target)
    writer.code.whenUnlikely()
    refuse()
    writer.code.end()
    writer.leaveToLocal(target, before)
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

  #moveStack(by: number): void {
    const { code } = this.#writer
    code.get(this.#writer.stackPointer)
    code.i64(by)
    code.op(op.i64_add)
    this.#writer.setRegister(RSP, 8)
  }

  #refuseTarget(delta: number): void {
    const writer = this.#writer
    const target = writer.temporary(I64)
    writer.pushLinear(delta)
    writer.code.set(target)
    writer.pushNotCanonical(target)
    writer.leaveWhen()
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
    const place = writer.operandPlace(operation, 8, 'read')
    const target = writer.temporary(I64)
    code.get(place.local)
    code.memory(op.i64_load, place.offset)
    code.set(target)
    return target
  }

  #pushReturn(delta: number): void {
    const writer = this.#writer
    const { code } = writer
    const place = writer.stackPlace(RSP, -8, 'write')
    code.get(place.local)
    writer.pushLinear(delta)
    code.memory(op.i64_store, place.offset)
    this.#moveStack(-8)
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
    const count = writer.registerValue(RCX << 3, bytes)
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
    writer.setRegister(RCX << 3, bytes)
    writer.push(writer.registerValue(RCX << 3, bytes))
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
      writer.leaveTo(delta, state)
      return
    }
    const page = Math.floor(delta / 0x1000) * 0x1000
    if (page !== Math.floor(from.delta / 0x1000) * 0x1000)
      writer.guardPage(page, writer.region.pages.get(page)!, delta, state)
    if (this.#structure.goesBack(node)) {
      writer.pushBudgetSpent()
      code.whenUnlikely()
      writer.leaveTo(delta, state)
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
