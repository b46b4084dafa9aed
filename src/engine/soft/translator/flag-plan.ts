// What is known of the flags at every place of a region, before any code is written: which may still be read, and in
// which state (flag-states.ts) they are. It also decides which operations are translated inline: some are not, where
// certain flags of theirs are read.

import { bytesOf } from '../table/handlers.ts'
import { ALL_FLAGS, flagEffect, flagKind, flagsInTheWay } from './flag-effects.ts'
import { DEAD, type FlagState, MEMORY, sameState } from './flag-states.ts'
import { type Way, wayOf } from './instructions.ts'
import type { Operation } from './operations.ts'
import type { Region, RegionNode } from './region.ts'

/** What is known at an operation before any code is written. */
export interface Plan {
  readonly operation: Operation
  readonly way: Way
  readonly before: FlagState
  readonly after: FlagState
  /** As an exit in front of it sees the flags. */
  readonly exit: FlagState
}

export interface NodePlan {
  readonly operations: readonly Plan[]
  readonly entryState: FlagState
  readonly endState: FlagState
}

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

/** @param exact no flag counts as dead, so that every exit shows all of them */
export function planFlags(region: Region, exact: boolean): Map<RegionNode, NodePlan> {
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

/** All states that an exit may find. */
export function distinctStates(plans: ReadonlyMap<RegionNode, NodePlan>): FlagState[] {
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
