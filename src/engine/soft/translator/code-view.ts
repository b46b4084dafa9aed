// What region formation sees of a machine: decoded blocks and look-aside buffers, in memory that the vCPU goes on changing.

import { BLOCK_HASH, BLOCK_HASH_MASK, GUEST_BASE, PAGES, TLB_INDEX, tlbOf } from './addresses.ts'
import { BlockReader } from './operations.ts'
import type { CodeView } from './region.ts'

/**
 * @param handlerNumbers where the core keeps what an operation holds for each handler number
 * @param copies see BlockReader
 */
export function codeView(buffer: ArrayBufferLike, handlerNumbers: number, copies?: boolean): CodeView {
  const view = new DataView(buffer)
  const reader = new BlockReader(buffer, handlerNumbers, copies)
  return {
    reader,
    findBlock: (physical) => findBlock(view, physical),
    translated: (block) => view.getUint32(block + 36, true) !== 0,
    blocksOf: (page) => blocksOf(view, page),
    runs: (block) => runsOf(view, block),
    pageAt: (linear) => pageAt(view, linear),
  }
}

/** Instructions that the interpreter has executed in a block; nonsense if it has been forgotten. */
export const interpretedIn = (view: DataView, block: number): number =>
  runsOf(view, block) * view.getUint32(block + 4, true)

const runsOf = (view: DataView, block: number): number => view.getUint32(block + 32, true)

/** Physical page that code at this linear address runs from now, as the look-aside buffer says, or -1 when that is not known. */
export function executedPage(view: DataView, linear: bigint, user: boolean): number {
  const low = Number(linear & 0xffffffffn)
  const entry = tlbOf(user, 'execute') + ((low >>> 8) & TLB_INDEX)
  if (view.getBigUint64(entry, true) !== (linear & ~0xfffn)) return -1
  return ((view.getUint32(entry + 8, true) + (low & ~0xfff)) >>> 0) - GUEST_BASE
}

/** As `findBlock` in core/blocks.ts. */
function findBlock(view: DataView, physical: number): number {
  const bucket = (physical ^ (physical >>> 16)) & BLOCK_HASH_MASK
  let block = view.getUint32(BLOCK_HASH + bucket * 4, true)
  // Bounded by hand: the vCPU may be changing the list just now.
  for (let i = 0; i < 1000 && block !== 0; i++) {
    if (view.getUint32(block, true) === physical) return block
    block = view.getUint32(block + 24, true)
  }
  return 0
}

/** The list of a page's blocks, as core/blocks.ts keeps it. */
function blocksOf(view: DataView, page: number): number[] {
  const blocks: number[] = []
  let block = view.getUint32(PAGES + (page >>> 12) * 8, true)
  // Bounded by hand: the vCPU may be changing the list just now.
  for (let i = 0; i < 2000 && block !== 0; i++) {
    const start = view.getUint32(block + 28, true)
    const isSecond = start >>> 12 !== page >>> 12
    if (!isSecond && view.getUint32(block, true) === start) blocks.push(block)
    block = view.getUint32(block + (isSecond ? 20 : 8), true)
  }
  return blocks
}

/** A hint, from what the TLBs hold: translated code looks again before it relies on it. */
function pageAt(view: DataView, linear: bigint): number {
  for (const user of [true, false]) {
    const page = executedPage(view, linear, user)
    if (page >= 0) return page
  }
  return -1
}
