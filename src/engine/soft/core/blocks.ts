// Decoded code: straight runs of instructions, kept by physical address, and forgotten when their bytes change.
//
// A block never crosses a page, except one that consists of a single instruction lying across the boundary.
//     0 u32 physical address of the first byte (all ones: invalidated)
//     4 u32 number of instructions
//     8 u32 next block in the list of this page
//    12 u32 bytes of code
//    16 u32 physical page of the second part, when the one instruction crosses a page; else 0
//    20 u32 next block in the list of that second page
//    24 u32 next block in the same hash bucket
//    28 u32 the physical address once more, kept when the block is invalidated
//    32 u32 how often the interpreter has run the block
//    36 u32 record of the region that can be entered here (regions.ts), or 0
//    40 u32 which of the region's entries this is
//    44 u32 as at 0
//    48 u64 where its indirect jump or call led the last time, or 0
//    56 u32 as at 16
//    60 u32 how often a region gave up in front of it
//    64 …   operations (operation.ts), then one END
//
// What the dispatcher looks at when it runs a block stands in the second half of the header, which shares a line of the
// host's caches with the first operation: blocks begin in the middle of a line.
//
// Blocks come out of an arena; when it is full everything is forgotten at once. PAGES has eight bytes for each
// physical page: the first block in its list, and one bit for each 128-byte line that holds decoded code, so
// that data beside code can be written without a search.

import { ARENA, ARENA_END, BLOCK_CACHE, BLOCK_HASH, PAGES } from './layout'
import { OP_SIZE } from './operation'
import { BLOCK_EPOCH, STATISTICS } from './state'
import { forbidFastWrites, ramSize } from './mmu'
import { dropAllRegions, dropRegionsOfPage } from './regions'
import { leaveHandler } from './generated/handlers'

export const BLOCK_HEADER: usize = 64
const INVALID: u32 = 0xffffffff
const HASH_ENTRIES: u32 = 0x40000
/** No block is longer than this many instructions. */
export const BLOCK_LIMIT: u32 = 64

/** Half a line of the host's caches. */
const HALF_LINE: usize = 32

let arenaNext: usize = ARENA + HALF_LINE

// @ts-ignore: decorator
@inline function bucket(physical: u32): usize {
  return BLOCK_HASH + (<usize>((physical ^ (physical >> 16)) & (HASH_ENTRIES - 1)) << 2)
}

// In front of the hash table, for each few bytes of code the block found last: the same memory again and again, where
// the chains of the hash lead all over the arena. u32 physical address, u32 block.
const CACHE_ENTRIES: u32 = 0x10000

// @ts-ignore: decorator
@inline function cached(physical: u32): usize {
  return BLOCK_CACHE + (<usize>(((physical >> 2) ^ (physical >> 14)) & (CACHE_ENTRIES - 1)) << 3)
}

/** The block that starts at this physical address, or 0. */
// @ts-ignore: decorator
@inline export function findBlock(physical: u32): usize {
  const slot = cached(physical)
  return load<u32>(slot) == physical ? <usize>load<u32>(slot, 4) : findInHash(physical)
}

function findInHash(physical: u32): usize {
  let block = <usize>load<u32>(bucket(physical))
  while (block != 0 && load<u32>(block) != physical) block = <usize>load<u32>(block, 24)
  if (block != 0) {
    const slot = cached(physical)
    store<u32>(slot, physical)
    store<u32>(slot, <u32>block, 4)
  }
  return block
}

/** Room for a block of the largest size; forgets everything first when the arena is full. */
export function beginBlock(): usize {
  if (arenaNext + BLOCK_HEADER + (<usize>BLOCK_LIMIT + 2) * OP_SIZE > ARENA_END) forgetAllCode()
  return arenaNext
}

/** Enters a finished block: header filled in but for links, operations and END in place. */
export function endBlock(block: usize): void {
  const physical = load<u32>(block)
  store<u32>(block, physical, 28)
  const slot = bucket(physical)
  store<u32>(block, load<u32>(slot), 24)
  store<u32>(slot, <u32>block)
  const secondPage = load<u32>(block, 16)
  const length = load<u32>(block, 12)
  const inFirst = secondPage != 0 ? 0x1000 - (physical & 0xfff) : length
  store<u64>(block, 0, 32)
  store<u32>(block, 0, 40)
  store<u32>(block, physical, 44)
  store<u64>(block, 0, 48)
  store<u64>(block, <u64>secondPage, 56)
  store<u32>(block, enter(block, physical, inFirst), 8)
  if (secondPage != 0) store<u32>(block, enter(block, secondPage, length - inFirst), 20)
  const end = block + BLOCK_HEADER + (<usize>load<u32>(block, 4) + 1) * OP_SIZE
  arenaNext = ((end + HALF_LINE - 1) & ~(2 * HALF_LINE - 1)) + HALF_LINE
  store<u64>(STATISTICS, load<u64>(STATISTICS) + 1)
}

/** Puts a block into a page's list. @returns the former first block of that list */
function enter(block: usize, physical: u32, length: u32): u32 {
  const page = PAGES + (<usize>(physical >> 12) << 3)
  const former = load<u32>(page)
  if (former == 0) forbidFastWrites(physical & 0xfffff000)
  store<u32>(page, <u32>block)
  store<u32>(page, load<u32>(page, 4) | linesOf(physical, length), 4)
  return former
}

/** Bits of the 128-byte lines that `[physical, physical + length)` touches; the range lies in one page. */
function linesOf(physical: u32, length: u32): u32 {
  const first = (physical & 0xfff) >> 7
  const last = ((physical & 0xfff) + length - 1) >> 7
  return (<u32>(<u64>1 << (last + 1)) - 1) & ~((1 << first) - 1)
}

/** RAM was written: blocks that overlap are forgotten. The range may lie in two pages. */
export function invalidateCode(physical: u32, size: u32): void {
  const inPage: u32 = 0x1000 - (physical & 0xfff)
  if (size > inPage) {
    invalidateInPage(physical, inPage)
    // Bounded: a range of at most RAM's size, page by page.
    for (let at = physical + inPage; at < physical + size; at += 0x1000) invalidateInPage(at, min<u32>(0x1000, physical + size - at))
  } else {
    invalidateInPage(physical, size)
  }
}

function invalidateInPage(physical: u32, size: u32): void {
  const page = PAGES + (<usize>(physical >> 12) << 3)
  if (load<u32>(page) == 0 || (load<u32>(page, 4) & linesOf(physical, size)) == 0) return
  const pageStart = physical & 0xfffff000
  let block = <usize>load<u32>(page)
  let kept: u32 = 0
  let lines: u32 = 0
  let changed = false
  // Bounded: each block is in the list once, and the arena holds a bounded number.
  while (block != 0) {
    const start = load<u32>(block, 28)
    const length = load<u32>(block, 12)
    const isSecond = (start & 0xfffff000) != pageStart
    const next = load<u32>(block + (isSecond ? 20 : 8))
    const inFirst = load<u32>(block, 16) != 0 ? 0x1000 - (start & 0xfff) : length
    const from = isSecond ? pageStart : start
    const bytes = isSecond ? length - inFirst : inFirst
    if (load<u32>(block) == INVALID) {
      // Forgotten through its other page: it just drops out of this list.
    } else if (from < physical + size && physical < from + bytes) {
      forget(block)
      changed = true
    } else {
      store<u32>(block + (isSecond ? 20 : 8), kept)
      kept = <u32>block
      lines |= linesOf(from, bytes)
    }
    block = <usize>next
  }
  store<u32>(page, kept)
  store<u32>(page, lines, 4)
  if (changed) dropRegionsOfPage(physical >> 12)
}

/** Forgets one block that turned out to be stale. */
export function discard(block: usize): void {
  forget(block)
}

/** Takes a block out of its bucket, and makes each of its operations leave, should it be running just now. */
function forget(block: usize): void {
  let link = bucket(load<u32>(block))
  // Bounded: a bucket holds each block once.
  while (<usize>load<u32>(link) != block) link = <usize>load<u32>(link) + 24
  store<u32>(link, load<u32>(block, 24))
  store<u32>(cached(load<u32>(block)), INVALID)
  store<u32>(block, INVALID)
  store<u32>(block, INVALID, 44)
  const count = load<u32>(block, 4)
  const leave = <u16>leaveHandler()
  for (let i: u32 = 0; i < count; i++) store<u16>(block + BLOCK_HEADER + <usize>i * OP_SIZE, leave)
}

/** Nothing is decoded, in memory that is zero: what is never touched costs the host no memory. */
export function clearBlocks(): void {
  store<u32>(cached(0), INVALID)
}

/** Forgets all decoded code. The caller must not go on running a block. */
export function forgetAllCode(): void {
  dropAllRegions(ramSize)
  store<u32>(BLOCK_EPOCH, load<u32>(BLOCK_EPOCH) + 1)
  memory.fill(BLOCK_CACHE, 0xff, <usize>CACHE_ENTRIES << 3)
  memory.fill(BLOCK_HASH, 0, <usize>HASH_ENTRIES << 2)
  memory.fill(PAGES, 0, <usize>(ramSize >> 12) << 3)
  arenaNext = ARENA + HALF_LINE
}
