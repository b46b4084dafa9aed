// Virtual memory: page walks, translation look-aside buffers, and the pointers that handlers read and write
// through. SDM volume 3 chapter 4 (4-level paging).
//
// A handler asks for a pointer: `readPtr`, `writePtr` (read-modify-write) or `storePtr` (write only). 0 means
// that a fault is pending. Most of the time it points straight into guest RAM. When the bytes cross a page,
// belong to a device or lie on a page that holds decoded code, it points to SCRATCH instead, and whoever wrote
// there calls `commit()`; handlers test `pointer < SCRATCH_END` for that.
//
// Six direct-mapped TLBs: kernel and user views, each for read, write and execute. An entry is
//     0 u64 tag: linear page address (all ones: empty)
//     8 u32 addend: host pointer = low 32 bits of the linear address + addend
//    12 u32 flags below
// so that switching between kernel and user mode flushes nothing. Non-global entries are remembered in a list;
// writing CR3 empties just those.

import { SCRATCH, TLB, GUEST_BASE, PAGES } from './layout'
import { breakChains, breakUserChains } from './chains'
import {
  CR0, CR2, CR3, CR4, CPL, EFER, STATISTICS, CR0_PG, CR0_WP, CR4_PGE, EFER_NXE, GP_VECTOR, PF_VECTOR, raise,
} from './state'
import { invalidateCode } from './blocks'
import { physicalRead, physicalWrite } from './physical'
import { watching, noteWatch, pageIsWatched } from './debug'

const KIND_SIZE: usize = 0x10000 // 4096 entries of 16 bytes
const VIEW_SIZE: usize = 0x30000 // three kinds
const LIST: usize = TLB + 0x60000

const TLB_LISTED: u32 = 1
const TLB_GLOBAL: u32 = 2
const TLB_LARGE: u32 = 4

const READ: u32 = 0
const WRITE: u32 = 1
const EXECUTE: u32 = 2

// Page-table entry bits.
const P: u64 = 1
const RW: u64 = 2
const US: u64 = 4
const A: u64 = 0x20
const D: u64 = 0x40
const PS: u64 = 0x80
const G: u64 = 0x100
const NX: u64 = 1 << 63
const FRAME: u64 = 0x000ffffffffff000
/** Physical address bits above our 40 are reserved (CPUID 8000_0008). */
const RESERVED: u64 = 0x000fff0000000000

const NO_ADDRESS: u64 = 0xffffffffffffffff

/** Bytes of guest RAM. */
export let ramSize: u64 = 0
let tlb: usize = TLB
let user: bool = false
let listed: u32 = 0
/** One bit for each (2 MiB region number mod 4096) of which a large page's part is in a TLB. */
const LARGE_BITS: usize = TLB + 0x80000

export function setRamSize(bytes: u64): void {
  ramSize = bytes
}

/** Call whenever CPL changed. */
export function modeChanged(): void {
  user = load<u32>(CPL) == 3
  tlb = user ? TLB + VIEW_SIZE : TLB
}

/**
 * System tables (GDT, IDT, TSS) are read and written with supervisor rights whatever CPL is.
 * @returns what `endSystemAccess` must be given; the pairs nest
 */
export function beginSystemAccess(): bool {
  const before = user
  user = false
  tlb = TLB
  return before
}
export function endSystemAccess(before: bool): void {
  user = before
  tlb = before ? TLB + VIEW_SIZE : TLB
}

// @ts-ignore: decorator
@inline export function readPtr(address: u64, size: u32): usize {
  const entry = tlb + (<usize>(address >> 8) & 0xfff0)
  // A tag compare of the LAST byte's page also catches accesses that cross into the next page.
  if (load<u64>(entry) == ((address + (size - 1)) & ~0xfff)) return <usize>load<u32>(entry, 8) + <usize>(<u32>address)
  return readSlow(address, size)
}

/** For read-modify-write: the pointer holds the present bytes. */
// @ts-ignore: decorator
@inline export function writePtr(address: u64, size: u32): usize {
  const entry = tlb + KIND_SIZE + (<usize>(address >> 8) & 0xfff0)
  if (load<u64>(entry) == ((address + (size - 1)) & ~0xfff)) return <usize>load<u32>(entry, 8) + <usize>(<u32>address)
  return writeSlow(address, size, true)
}

/** For plain stores: what the pointer holds is undefined until written. */
// @ts-ignore: decorator
@inline export function storePtr(address: u64, size: u32): usize {
  const entry = tlb + KIND_SIZE + (<usize>(address >> 8) & 0xfff0)
  if (load<u64>(entry) == ((address + (size - 1)) & ~0xfff)) return <usize>load<u32>(entry, 8) + <usize>(<u32>address)
  return writeSlow(address, size, false)
}

function readSlow(address: u64, size: u32): usize {
  if (watching) noteWatch(address, size, false)
  const inPage: u32 = 0x1000 - <u32>(address & 0xfff)
  if (size > inPage) {
    const first = translate(address, READ)
    if (first == NO_ADDRESS) return 0
    const second = translate((address + size) & ~0xfff, READ)
    if (second == NO_ADDRESS) return 0
    copyOut(first, SCRATCH, inPage)
    copyOut(second, SCRATCH + inPage, size - inPage)
    return SCRATCH
  }
  const physical = translate(address, READ)
  if (physical == NO_ADDRESS) return 0
  if (physical + size <= ramSize) return GUEST_BASE + <usize>physical
  copyOut(physical, SCRATCH, size)
  return SCRATCH
}

// Where the scratch bytes go at commit: up to two pieces.
let commitFirst: u64 = 0
let commitFirstSize: u32 = 0
let commitSecond: u64 = 0
let commitSecondSize: u32 = 0

function writeSlow(address: u64, size: u32, preload: bool): usize {
  if (watching) noteWatch(address, size, true)
  const inPage: u32 = 0x1000 - <u32>(address & 0xfff)
  const crosses = size > inPage
  const first = translate(address, WRITE)
  if (first == NO_ADDRESS) return 0
  commitSecondSize = 0
  if (crosses) {
    const second = translate((address + size) & ~0xfff, WRITE)
    if (second == NO_ADDRESS) return 0
    commitSecond = second
    commitSecondSize = size - inPage
    if (preload) copyOut(second, SCRATCH + inPage, size - inPage)
  } else if (first + size <= ramSize && load<u32>(PAGES + (<usize>(first >> 12) << 3)) == 0) {
    return GUEST_BASE + <usize>first
  }
  commitFirst = first
  commitFirstSize = crosses ? inPage : size
  if (preload) copyOut(first, SCRATCH, commitFirstSize)
  return SCRATCH
}

/** Writes the scratch bytes of the last `writePtr` or `storePtr` to where they belong. Cannot fault. */
export function commit(): void {
  copyIn(commitFirst, SCRATCH, commitFirstSize)
  if (commitSecondSize != 0) copyIn(commitSecond, SCRATCH + commitFirstSize, commitSecondSize)
}

function copyOut(physical: u64, to: usize, size: u32): void {
  if (physical + size <= ramSize) {
    memory.copy(to, GUEST_BASE + <usize>physical, size)
    return
  }
  if (size == 1 || size == 2 || size == 4 || size == 8) {
    store<u64>(to, physicalRead(physical, size))
    return
  }
  for (let i: u32 = 0; i < size; i++) store<u8>(to + i, <u8>physicalRead(physical + i, 1))
}

function copyIn(physical: u64, from: usize, size: u32): void {
  if (physical + size <= ramSize) {
    memory.copy(GUEST_BASE + <usize>physical, from, size)
    invalidateCode(<u32>physical, size)
    return
  }
  if (size == 1) physicalWrite(physical, 1, load<u8>(from))
  else if (size == 2) physicalWrite(physical, 2, load<u16>(from))
  else if (size == 4) physicalWrite(physical, 4, load<u32>(from))
  else if (size == 8) physicalWrite(physical, 8, load<u64>(from))
  else for (let i: u32 = 0; i < size; i++) physicalWrite(physical + i, 1, load<u8>(from + i))
}

/** Physical address of an instruction's first byte, or all ones with a fault pending. */
// @ts-ignore: decorator
@inline export function fetchAddress(address: u64): u64 {
  const entry = tlb + 2 * KIND_SIZE + (<usize>(address >> 8) & 0xfff0)
  if (load<u64>(entry) == (address & ~0xfff)) {
    // In a variable of its own: inside a u64 expression, asc would load and add in 64 bits.
    const host: u32 = load<u32>(entry, 8) + <u32>address
    return <u64>(host - <u32>GUEST_BASE)
  }
  return translate(address, EXECUTE)
}

/** Is code at this address, which was fetched just now, in a page that writing CR3 leaves alone? */
// @ts-ignore: decorator
@inline export function pageIsGlobal(address: u64): bool {
  return (load<u32>(tlb + 2 * KIND_SIZE + (<usize>(address >> 8) & 0xfff0), 12) & TLB_GLOBAL) != 0
}

export const NO_PHYSICAL: u64 = NO_ADDRESS

/** The pending #GP is from an address that is not canonical; see stack-fault.ts. */
let notCanonical: bool = false
export function takeNotCanonical(): bool {
  const was = notCanonical
  notCanonical = false
  return was
}

/** Walks the page tables and fills a TLB entry when the page is plain RAM. All ones: a fault is pending. */
function translate(address: u64, access: u32): u64 {
  store<u64>(STATISTICS + 8, load<u64>(STATISTICS + 8) + 1)
  if (<u64>((<i64>address << 16) >> 16) != address) {
    notCanonical = true
    raise(GP_VECTOR, 0)
    return NO_ADDRESS
  }
  let entryFlags: u32 = 0
  let physical: u64
  if (!(load<u64>(CR0) & CR0_PG)) {
    physical = address & 0xffffffffff
    entryFlags = TLB_GLOBAL
  } else {
    const nxe = (load<u64>(EFER) & EFER_NXE) != 0
    const reserved = nxe ? RESERVED : RESERVED | NX
    let table = load<u64>(CR3) & FRAME
    let rights: u64 = RW | US
    let noExecute = false
    let shift: u32 = 39
    let slot: usize = 0
    let entry: u64 = 0
    for (;;) {
      const where = table + (((address >> shift) & 0x1ff) << 3)
      if (where + 8 > ramSize) return pageFault(address, access, 0)
      slot = GUEST_BASE + <usize>where
      entry = load<u64>(slot)
      if (!(entry & P)) return pageFault(address, access, 0)
      if (entry & reserved) return pageFault(address, access, 9)
      rights &= entry
      if (entry & NX) noExecute = true
      if (shift == 12) break
      if (entry & PS) {
        if (shift == 39) return pageFault(address, access, 9)
        // Bits between the frame and PAT (bit 12) are reserved in large entries.
        const low = (<u64>1 << shift) - 1
        if (entry & FRAME & low & ~0x1000) return pageFault(address, access, 9)
        break
      }
      if (!(entry & A)) store<u64>(slot, entry | A)
      table = entry & FRAME
      shift -= 9
    }
    if (user) {
      if (!(rights & US)) return pageFault(address, access, 1)
      if (access == WRITE && !(rights & RW)) return pageFault(address, access, 1)
    } else if (access == WRITE && !(rights & RW) && load<u64>(CR0) & CR0_WP) {
      return pageFault(address, access, 1)
    }
    if (access == EXECUTE && noExecute) return pageFault(address, access, 1)
    const wanted: u64 = access == WRITE ? A | D : A
    if ((entry & wanted) != wanted) store<u64>(slot, entry | wanted)
    const low = (<u64>1 << shift) - 1
    physical = (entry & FRAME & ~low) | (address & low)
    if (entry & G && load<u64>(CR4) & CR4_PGE) entryFlags |= TLB_GLOBAL
    if (shift != 12) {
      entryFlags |= TLB_LARGE
      const region = <usize>(address >> 21) & 0xfff
      store<u8>(LARGE_BITS + (region >> 3), load<u8>(LARGE_BITS + (region >> 3)) | <u8>(<u32>1 << (<u32>region & 7)))
    }
  }
  const page = physical & ~0xfff
  if (page + 0x1000 > ramSize) return physical
  if (access == WRITE && load<u32>(PAGES + (<usize>(page >> 12) << 3)) != 0) return physical
  if (watching && access != EXECUTE && pageIsWatched(address)) return physical
  const slotInTlb = tlb + <usize>access * KIND_SIZE + (<usize>(address >> 8) & 0xfff0)
  let flags = load<u32>(slotInTlb, 12) & TLB_LISTED
  if (!flags && !(entryFlags & TLB_GLOBAL)) {
    store<u32>(LIST + (<usize>listed << 2), <u32>slotInTlb)
    listed++
    flags = TLB_LISTED
  }
  store<u64>(slotInTlb, address & ~0xfff)
  store<u32>(slotInTlb, <u32>GUEST_BASE + <u32>page - (<u32>address & 0xfffff000), 8)
  store<u32>(slotInTlb, flags | entryFlags, 12)
  return physical
}

/** `bits`: 1 for a protection violation, 8 for a reserved bit; the others follow from the access. */
function pageFault(address: u64, access: u32, bits: u32): u64 {
  let error = bits
  if (access == WRITE) error |= 2
  if (user) error |= 4
  if (access == EXECUTE && load<u64>(EFER) & EFER_NXE) error |= 0x10
  store<u64>(CR2, address)
  raise(PF_VECTOR, error)
  return NO_ADDRESS
}

/** Writing CR3: all but global entries go. */
export function flushNonGlobal(): void {
  store<u64>(STATISTICS + 16, load<u64>(STATISTICS + 16) + 1)
  breakUserChains()
  for (let i: u32 = 0; i < listed; i++) {
    const entry = <usize>load<u32>(LIST + (<usize>i << 2))
    const flags = load<u32>(entry, 12)
    if (flags & TLB_GLOBAL) {
      store<u32>(entry, flags & ~TLB_LISTED, 12)
    } else {
      store<u64>(entry, NO_ADDRESS)
      store<u32>(entry, 0, 12)
    }
  }
  listed = 0
}

export function flushAll(): void {
  breakChains()
  for (let entry = TLB; entry < TLB + 2 * VIEW_SIZE; entry += 16) {
    store<u64>(entry, NO_ADDRESS)
    store<u32>(entry, 0, 12)
  }
  memory.fill(LARGE_BITS, 0, 512)
  listed = 0
}

/** INVLPG: the page that holds `address`, however large it is. */
export function flushPage(address: u64): void {
  breakChains()
  const region = <usize>(address >> 21) & 0xfff
  if (load<u8>(LARGE_BITS + (region >> 3)) & <u8>(<u32>1 << (<u32>region & 7))) {
    for (let entry = TLB; entry < TLB + 2 * VIEW_SIZE; entry += 16) {
      if (load<u64>(entry) >> 21 == address >> 21) store<u64>(entry, NO_ADDRESS)
    }
    return
  }
  for (let kind: usize = 0; kind < 6; kind++) {
    const entry = TLB + kind * KIND_SIZE + (<usize>(address >> 8) & 0xfff0)
    if (load<u64>(entry) == (address & ~0xfff)) store<u64>(entry, NO_ADDRESS)
  }
}

/** The page now holds decoded code: from here on writes to it take the slow path. */
export function forbidFastWrites(page: u32): void {
  const host = <u32>GUEST_BASE + page
  for (let view: usize = 0; view < 2; view++) {
    const start = TLB + view * VIEW_SIZE + KIND_SIZE
    for (let entry = start; entry < start + KIND_SIZE; entry += 16) {
      const tag = load<u64>(entry)
      if (tag != NO_ADDRESS && <u32>tag + load<u32>(entry, 8) == host) store<u64>(entry, NO_ADDRESS)
    }
  }
}
