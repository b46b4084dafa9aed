// What is known of the flags at every place of a region, before any code is written: which may still be read, and in
// which state (flag-states.ts) they are. It also decides which operations are translated inline: some are not, where
// certain flags of theirs are read.

import { ALL_FLAGS, flagFacts, READS_ALL } from './flag-effects.ts'
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
  /** The state that it leaves, if any of its flags are needed; undefined: the one before it. */
  readonly state: FlagState | undefined
}

function stepsOf({ block, ending }: RegionNode): FlagStep[] {
  const { operations } = block
  const straight = ending.kind === 'next' ? operations.length : operations.length - 1
  const steps: FlagStep[] = []
  for (const operation of operations) {
    const last = steps.length === straight
    const way = last ? 'leave' : wayOf(operation)
    if (way === 'inline') {
      const { reads, kills, inTheWay, state } = flagFacts(operation)
      steps.push({ operation, way, reads, kills, inTheWay, state })
      continue
    }
    // What ends a node is not left to others, most of the time.
    const { reads, kills } = last && ending.kind !== 'leave' ? flagFacts(operation) : READS_ALL
    steps.push({ operation, way, reads, kills: last ? 0 : kills, inTheWay: 0, state: undefined })
  }
  return steps
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
    const next = stateAfter(step, way, state, after[i]!)
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

function stateAfter(step: FlagStep, way: Way, state: FlagState, live: number): FlagState {
  if (way === 'leave') return state
  if (way === 'call') return MEMORY
  if (step.state === undefined) return state
  return live === 0 ? DEAD : step.state
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
  let last: FlagState | undefined
  const add = (state: FlagState): void => {
    // Most are the one before them, and the same object.
    if (state === last) return
    last = state
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
