// Translated code, as the core sees it: which places of guest code have a WebAssembly function, and which functions
// go when code is overwritten. The translator (../translator/) fills these tables while the core does not run.
//
// JUMPS is a direct-mapped table for each view, user and kernel: 16 bytes
//     0 u32 physical address of the code (all ones: empty)
//     4 u32 index of the region's function in the function table
//     8 u32 which of the region's entries this is (12 bits), and how far the code's page is from the region's first one
//           (in bytes, a multiple of 4096, signed)
//    12 u32 how often the region was entered through this slot
// Code within 4 bytes shares a slot, so that a page of code has its slots in four pages of the table, not in sixteen.
// gcc has some 40,000 places where regions are entered.
//
// The slots in use lie far apart, so that looking for what is not translated would mostly miss the host's caches. JUMP_BITS
// has a bit for each slot, set when the slot is filled and left so: without it there is no need to look.
//
// A record describes a region:
//     0 u32 index of its function (0: dropped)
//     4 u32 bit 0: user view; number of entries << 1
//     8 u32 number of pages
//    12 u32 next record in the list of dropped ones
//    16 …   entries: u32 physical address, u32 number, i32 distance, u32 unused
//       …   pages: u32 physical page number, u32 next record of that page's list (address of that record, or 0)
//       …   what only the region's function reads (../translator/places.ts)
//
// PAGE_REGIONS has four bytes for each physical page: the first record of its list. Code that is overwritten drops all
// regions of its page: their entries leave JUMPS at once, and the translator takes the records back later.

import { JUMPS, JUMP_BITS, PAGE_REGIONS, REQUESTS } from './layout'
import { DROPPED } from './state'
import { findBlock } from './blocks'
import { breakChains } from './chains'

const JUMPS_VIEW: usize = 0x200000
const JUMPS_MASK: u32 = 0x1ffff
const JUMP_BITS_VIEW: usize = 0x4000
const NOWHERE: u32 = 0xffffffff

/** Runs of a block by the interpreter before its translation is asked for; the host sets it. 0: never. */
let threshold: u32 = 0
/** And earlier: whether somebody has translated it before. 0: never. */
let early: u32 = 0
/** `run` returns in front of a block whose translation it has asked for, so that the host can translate it first. */
let atOnce: bool = false
export function setThreshold(runs: u32, returning: bool, earlyRuns: u32): void {
  threshold = runs
  early = earlyRuns
  atOnce = returning
}

// @ts-ignore: decorator
@inline function jumpIndex(physical: u32): usize {
  return <usize>(((physical >> 2) ^ (physical >> 14)) & JUMPS_MASK)
}
// @ts-ignore: decorator
@inline function jumpSlot(physical: u32, user: bool): usize {
  return JUMPS + (user ? JUMPS_VIEW : 0) + (jumpIndex(physical) << 4)
}
/** The byte that has the slot's bit; which one of the eight is in `jumpBit`. */
// @ts-ignore: decorator
@inline function jumpByte(physical: u32, user: bool): usize {
  return JUMP_BITS + (user ? JUMP_BITS_VIEW : 0) + (jumpIndex(physical) >> 3)
}
// @ts-ignore: decorator
@inline function jumpBit(physical: u32): u32 {
  return 1 << (<u32>jumpIndex(physical) & 7)
}

/** JUMPS may hold anything where JUMP_BITS says that no slot was ever filled: most machines never touch most of it. */
export function clearRegions(ramBytes: u64): void {
  memory.fill(JUMP_BITS, 0, JUMP_BITS_VIEW * 2)
  memory.fill(PAGE_REGIONS, 0, <usize>(ramBytes >> 12) << 2)
  breakChains()
}

/** First record of the list of dropped ones. */
let dropped: u32 = 0
/** The translator takes the list. */
export function takeDropped(): u32 {
  const first = dropped
  dropped = 0
  return first
}

// Requests to translate: a ring is not needed, for the host empties the list whenever `run` comes back.
//     0 u32 how many
//    16 …   entries: u32 block (of a promotion: physical address), u32 view (bit 0: user, bit 1: promotion), u64 RIP
const REQUEST_LIMIT: u32 = 255

/** @returns whether the host shall see to the block before it runs */
// @ts-ignore: decorator
@inline export function countRun(block: usize, rip: u64, user: bool): bool {
  const runs = load<u32>(block, 32) + 1
  store<u32>(block, runs, 32)
  return (runs == threshold || runs == early) && request(block, rip, user)
}

function request(block: usize, rip: u64, user: bool): bool {
  // When the list is full, again at its next run.
  if (!enterRequest(<u32>block, user ? 1 : 0, rip)) store<u32>(block, load<u32>(block, 32) - 1, 32)
  return atOnce
}

function enterRequest(what: u32, how: u32, rip: u64): bool {
  const count = load<u32>(REQUESTS)
  if (count >= REQUEST_LIMIT) return false
  const entry = REQUESTS + 16 + (<usize>count << 4)
  store<u32>(entry, what)
  store<u32>(entry, how, 4)
  store<u64>(entry, rip, 8)
  store<u32>(REQUESTS, count + 1)
  return true
}

/**
 * Entries through one slot before a larger region is asked for. A larger one costs V8's optimizing compiler tens of
 * milliseconds: at a third of this number, 20,000 rounds of ping-pong over a pipe took a fifth more CPU time, and small
 * loops were no faster.
 */
const PROMOTION: u32 = 60000

/** A region is entered through this slot; it was as often since the last call. */
// @ts-ignore: decorator
@inline export function countEntry(slot: usize, rip: u64, times: u32): void {
  const before = load<u32>(slot, 12)
  store<u32>(slot, before + times, 12)
  if (before < PROMOTION && before + times >= PROMOTION) requestPromotion(slot, rip)
}

function requestPromotion(slot: usize, rip: u64): void {
  const user: u32 = slot >= JUMPS + JUMPS_VIEW ? 1 : 0
  enterRequest(load<u32>(slot), user | 2, rip)
}

/** Times that a region gives up in front of an instruction for no good reason, before it is made again without one. */
const GIVE_UP_LIMIT: u32 = 200

/**
 * A region that was entered through the slot left in front of this block, and the interpreter found no miss of the
 * look-aside buffers. Mostly a group of accesses (translator/accesses.ts) that lies in two pages: the region goes, and is
 * to come back without that group.
 */
export function countGivenUp(block: usize, slot: usize, user: bool): void {
  const times = load<u32>(block, 60) + 1
  store<u32>(block, times, 60)
  // Again when that did not help: the region was one of several, or had gone already.
  if (times != GIVE_UP_LIMIT && times != GIVE_UP_LIMIT * 20 && times != GIVE_UP_LIMIT * 400) return
  if (!enterRequest(load<u32>(block), user ? 5 : 4, 0)) return
  const entered = findBlock(load<u32>(slot))
  const record = entered != 0 ? <usize>load<u32>(entered, 36) : 0
  if (record != 0 && load<u32>(record) != 0 && load<u32>(record) == load<u32>(slot, 4)) dropRegion(record)
}

/** Another place has taken the slot, but the block remembers its region: fills the slot again. @returns false: it is gone */
export function refillSlot(block: usize, physical: u32, user: bool): bool {
  const record = <usize>load<u32>(block, 36)
  const entry = record + 16 + (<usize>load<u32>(block, 40) << 4)
  // Records are used again: what the record says now decides.
  if (load<u32>(record) == 0 || load<u32>(entry) != physical || (load<u32>(record, 4) & 1) != <u32>user || load<u32>(block, 40) >= load<u32>(record, 4) >> 1) {
    store<u32>(block, 0, 36)
    return false
  }
  const slot = jumpSlot(physical, user)
  store<u32>(slot, physical)
  store<u32>(slot, load<u32>(record), 4)
  store<u32>(slot, load<u32>(entry, 4) | load<u32>(entry, 8), 8)
  store<u32>(slot, 0, 12)
  const byte = jumpByte(physical, user)
  store<u8>(byte, <u8>(<u32>load<u8>(byte) | jumpBit(physical)))
  return true
}

/** The slot through which translated code at this place is entered, or 0. */
// @ts-ignore: decorator
@inline export function translatedAt(physical: u32, user: bool): usize {
  if (!(<u32>load<u8>(jumpByte(physical, user)) & jumpBit(physical))) return 0
  const slot = jumpSlot(physical, user)
  return load<u32>(slot) == physical ? slot : 0
}

/** Code of this page was overwritten. */
export function dropRegionsOfPage(page: u32): void {
  const head = PAGE_REGIONS + (<usize>page << 2)
  let record = <usize>load<u32>(head)
  store<u32>(head, 0)
  // Bounded: a record is in a page's list once.
  while (record != 0) {
    const next = nextOfPage(record, page)
    if (load<u32>(record) != 0) dropRegion(record)
    record = next
  }
}

function nextOfPage(record: usize, page: u32): usize {
  const pages = record + 16 + (<usize>(load<u32>(record, 4) >> 1) << 4)
  const count = load<u32>(record, 8)
  for (let i: u32 = 0; i < count; i++) {
    const at = pages + (<usize>i << 3)
    if (load<u32>(at) == page) return <usize>load<u32>(at, 4)
  }
  return 0
}

function dropRegion(record: usize): void {
  const func = load<u32>(record)
  const user = (load<u32>(record, 4) & 1) != 0
  const entries = load<u32>(record, 4) >> 1
  for (let i: u32 = 0; i < entries; i++) {
    const physical = load<u32>(record + 16 + (<usize>i << 4))
    const slot = jumpSlot(physical, user)
    if (load<u32>(slot, 4) == func) store<u32>(slot, NOWHERE)
    // What is left of it may get hot again.
    const block = findBlock(physical)
    if (block != 0 && load<u32>(block, 36) == <u32>record) {
      store<u32>(block, threshold >> 1, 32)
      store<u32>(block, 0, 36)
    }
  }
  store<u32>(record, 0)
  store<u32>(record, dropped, 12)
  dropped = <u32>record
  store<u32>(DROPPED, 1)
  breakChains()
}

/** All regions, of all pages. */
export function dropAllRegions(ramBytes: u64): void {
  const pages = <u32>(ramBytes >> 12)
  for (let page: u32 = 0; page < pages; page++) {
    if (load<u32>(PAGE_REGIONS + (<usize>page << 2)) != 0) dropRegionsOfPage(page)
  }
  memory.fill(JUMP_BITS, 0, JUMP_BITS_VIEW * 2)
}

