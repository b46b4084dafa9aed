// Which code is translated together: from a hot block along its branches, calls and returns to the blocks that the
// interpreter has run, within a few pages, up to a limit. A region becomes one WebAssembly function.
//
// A region knows no virtual address: its nodes lie at distances ("deltas") from the page of its first block, wherever
// that page is mapped. So one translation of a shared library serves every process.

import type { BlockReader, DecodedBlock, Operation } from './operations.ts'

const PAGE = 0x1000
/** Physical pages of one region. */
const PAGE_LIMIT = 16
/** Return sites that a return is compared with before it leaves the region. */
const RETURN_SITES = 6

/** How far a region grows. */
export interface Extent {
  /** Instructions of the region. */
  readonly instructions: number
  /** Only blocks that the interpreter has run as often. */
  readonly minimumRuns: number
  /** Takes blocks in that are the entries of other regions. */
  readonly overlapping: boolean
}

/** How a node ends. Deltas are those of the targets. */
export type Ending =
  | { readonly kind: 'next'; readonly next: number }
  | { readonly kind: 'jump'; readonly target: number }
  /** Jcc, LOOP and JRCXZ. */
  | { readonly kind: 'condition'; readonly target: number; readonly next: number }
  | { readonly kind: 'call'; readonly target: number; readonly next: number }
  /** `guess`: where it led the last time. */
  | { readonly kind: 'indirect-call'; readonly next: number; readonly guess: number | undefined }
  | { readonly kind: 'indirect-jump'; readonly guess: number | undefined }
  | { readonly kind: 'return' }
  /** The last operation is left to the interpreter. */
  | { readonly kind: 'leave' }

export interface RegionNode {
  readonly block: DecodedBlock
  /** Distance of the first byte from the region's origin. */
  readonly delta: number
  readonly ending: Ending
  /** Nodes that this one can go to without leaving the region. */
  readonly successors: RegionNode[]
  /** May be entered from outside, or through a return: position among the region's entries, or -1. */
  entry: number
}

export interface Region {
  readonly user: boolean
  readonly nodes: readonly RegionNode[]
  readonly entries: readonly RegionNode[]
  readonly byDelta: ReadonlyMap<number, RegionNode>
  /** Physical page of each page by delta. */
  readonly pages: ReadonlyMap<number, number>
  readonly instructions: number
}

/** What region formation asks of the running machine. */
export interface CodeView {
  readonly reader: BlockReader
  /** Address of the decoded block at this physical address, or 0. */
  findBlock(physical: number): number
  /** How often the interpreter has run the block. */
  runs(block: number): number
  /** Can a region be entered at this block already? */
  translated(block: number): boolean
  /** Addresses of the decoded blocks of a physical page. */
  blocksOf(page: number): number[]
  /** Physical page that code at this linear address runs from now, or -1 when that is not known. */
  pageAt(linear: bigint): number
}

export interface Request {
  readonly block: number
  /** Linear address at which the block ran. */
  readonly rip: bigint
  readonly user: boolean
  /** The region that is entered here is entered so often that a larger one pays. */
  readonly promote: boolean
  /** What the store has does not fit. */
  readonly anew?: boolean
  /** Nothing is to be formed: the instruction at this physical address (`block`) stays out of groups (accesses.ts). */
  readonly alone?: boolean
}

const CONDITIONAL = new Set(['jcc', 'loop', 'loope', 'loopne', 'jrcxz'])

/** @returns undefined when the block has been forgotten or cannot be translated */
export function formRegion(
  view: CodeView,
  { block, rip, user }: Request,
  extent: Extent,
): Region | undefined {
  const first = view.reader.read(block)
  if (first?.secondPage !== 0 || first.operations.length === 0) return undefined
  const origin = rip & ~0xfffn
  const offset = Number(rip & 0xfffn)
  if (offset !== (first.physical & 0xfff)) return undefined
  const pages = new Map<number, number>([[0, first.physical & ~0xfff]])
  const deltas = new Map<number, number>([[first.physical & ~0xfff, 0]])
  const byDelta = new Map<number, RegionNode>()
  const entries = new Set<RegionNode>()
  let instructions = 0
  const indirect: number[] = []
  const waiting: { delta: number; entry: boolean }[] = [{ delta: offset, entry: true }]
  // Bounded: every turn takes one from the list, and only new nodes, limited in number, add to it.
  for (let i = 0; i < waiting.length; i++) {
    const { delta, entry } = waiting[i]!
    let node = byDelta.get(delta)
    if (!node) {
      const physical = locate(delta)
      if (physical < 0) continue
      const at = view.findBlock(physical)
      if (at === 0 || (i > 0 && !wanted(at))) continue
      const found = view.reader.read(at)
      if (found?.secondPage !== 0 || found.operations.length === 0) continue
      if (i > 0 && instructions + found.operations.length > extent.instructions) continue
      const ending = endingOf(found, delta, origin)
      instructions += found.operations.length
      node = { block: found, delta, ending, successors: [], entry: -1 }
      byDelta.set(delta, node)
      for (const next of leadsTo(node.ending)) waiting.push(next)
      if (ending.kind === 'indirect-jump' && extent.overlapping) indirect.push(delta)
    }
    if (entry) entries.add(node)
    // Last, where the cases of a switch may be: hot code of its page.
    if (i === waiting.length - 1) for (const from of indirect.splice(0)) addCases(from)
  }
  if (byDelta.size === 0) return undefined
  for (const node of byDelta.values()) {
    for (const delta of directTargets(node.ending)) {
      const next = byDelta.get(delta)
      if (next) node.successors.push(next)
    }
  }
  const nodes = [...byDelta.values()]
  connectReturns(nodes, byDelta)
  for (const node of loopHeads(nodes)) entries.add(node)
  const list = [...entries]
  for (const [i, node] of list.entries()) node.entry = i
  return { user, nodes, entries: list, byDelta, pages, instructions }

  function wanted(at: number): boolean {
    return view.runs(at) >= extent.minimumRuns && (extent.overlapping || !view.translated(at))
  }

  function addCases(from: number): void {
    const page = Math.floor(from / PAGE) * PAGE
    const physical = pages.get(page)!
    for (const at of view.blocksOf(physical)) {
      const found = view.reader.physical(at)
      const delta = page + (found - physical)
      if (delta < page || delta >= page + PAGE || byDelta.has(delta) || !wanted(at)) continue
      waiting.push({ delta, entry: true })
    }
  }

  function locate(delta: number): number {
    const page = Math.floor(delta / PAGE) * PAGE
    let physical = pages.get(page)
    if (physical === undefined) {
      if (pages.size >= PAGE_LIMIT) return -1
      physical = view.pageAt(BigInt.asUintN(64, origin + BigInt(page)))
      // One physical page at two places would make its blocks' deltas ambiguous.
      if (physical < 0 || deltas.has(physical)) return -1
      pages.set(page, physical)
      deltas.set(physical, page)
    }
    return physical + (delta - page)
  }
}

export function endingOf(block: DecodedBlock, delta: number, origin: bigint): Ending {
  const last = block.operations.at(-1)!
  const name = last.handler?.row.name
  const next = delta + last.end
  if (name === undefined) return { kind: 'leave' }
  if (CONDITIONAL.has(name)) return { kind: 'condition', target: next + Number(last.immediate), next }
  if (name === 'jmp') return { kind: 'jump', target: next + Number(last.immediate) }
  if (name === 'call') return { kind: 'call', target: next + Number(last.immediate), next }
  if (name === 'callE') return { kind: 'indirect-call', next, guess: guessOf(block, origin) }
  if (name === 'jmpE') return { kind: 'indirect-jump', guess: guessOf(block, origin) }
  if (name === 'ret') return { kind: 'return' }
  return last.handler!.row.attributes.has('end')
    ? { kind: 'leave' }
    : { kind: 'next', next: delta + block.bytes }
}

function guessOf({ lastTarget }: DecodedBlock, origin: bigint): number | undefined {
  const delta = BigInt.asIntN(64, lastTarget - origin)
  return lastTarget !== 0n && delta === BigInt.asIntN(32, delta) ? Number(delta) : undefined
}

/** Where the region grows to, and which of these are entries: what a call returns to, and what a call calls. */
function leadsTo(ending: Ending): { delta: number; entry: boolean }[] {
  switch (ending.kind) {
    case 'next':
      return [{ delta: ending.next, entry: false }]
    case 'jump':
      return [{ delta: ending.target, entry: false }]
    case 'condition':
      return [
        { delta: ending.next, entry: false },
        { delta: ending.target, entry: false },
      ]
    case 'call':
      return [
        { delta: ending.next, entry: true },
        { delta: ending.target, entry: true },
      ]
    case 'indirect-call':
      return [
        { delta: ending.next, entry: true },
        ...(ending.guess === undefined ? [] : [{ delta: ending.guess, entry: true }]),
      ]
    case 'indirect-jump':
      return ending.guess === undefined ? [] : [{ delta: ending.guess, entry: true }]
    default:
      return []
  }
}

function directTargets(ending: Ending): number[] {
  switch (ending.kind) {
    case 'next':
      return [ending.next]
    case 'jump':
    case 'call':
      return [ending.target]
    case 'condition':
      return ending.target === ending.next ? [ending.next] : [ending.target, ending.next]
    case 'indirect-call':
    case 'indirect-jump':
      return ending.guess === undefined ? [] : [ending.guess]
    default:
      return []
  }
}

/** A return goes to where the calls of its function come from, as far as they are in the region. */
function connectReturns(nodes: readonly RegionNode[], byDelta: ReadonlyMap<number, RegionNode>): void {
  for (const call of nodes) {
    if (call.ending.kind !== 'call' && call.ending.kind !== 'indirect-call') continue
    const called = call.ending.kind === 'call' ? call.ending.target : call.ending.guess
    const target = called === undefined ? undefined : byDelta.get(called)
    const site = byDelta.get(call.ending.next)
    if (!target || !site) continue
    // Through the called function, past what it calls.
    const seen = new Set([target])
    for (const node of seen) {
      if (node.ending.kind === 'return') {
        if (node.successors.length < RETURN_SITES && !node.successors.includes(site))
          node.successors.push(site)
        continue
      }
      const inner =
        node.ending.kind === 'call' || node.ending.kind === 'indirect-call' ? node.ending.next : undefined
      const behind = inner === undefined ? node.successors : [byDelta.get(inner)]
      for (const next of behind) if (next) seen.add(next)
    }
  }
}

/** Targets of edges that go back in a depth-first walk. */
function loopHeads(nodes: readonly RegionNode[]): Set<RegionNode> {
  const heads = new Set<RegionNode>()
  const state = new Map<RegionNode, 'open' | 'done'>()
  for (const root of nodes) {
    if (state.has(root)) continue
    const stack: { node: RegionNode; next: number }[] = [{ node: root, next: 0 }]
    state.set(root, 'open')
    // Bounded: each node is opened once.
    while (stack.length > 0) {
      const top = stack.at(-1)!
      const successor = top.node.successors[top.next++]
      if (!successor) {
        state.set(top.node, 'done')
        stack.pop()
      } else if (!state.has(successor)) {
        state.set(successor, 'open')
        stack.push({ node: successor, next: 0 })
      } else if (state.get(successor) === 'open') {
        heads.add(successor)
      }
    }
  }
  return heads
}

/** The operations of a node that are translated as such; the last one of some endings is not among them. */
export function straightOperations(node: RegionNode): readonly Operation[] {
  return node.ending.kind === 'next' ? node.block.operations : node.block.operations.slice(0, -1)
}
