// Meanings of the string instructions and their repeat prefixes. SDM volume 2, REP.
//
// MOVS and STOS run in bulk while source and destination stay inside a page of RAM. A repetition stops after
// REPEAT_LIMIT bytes and starts again at the same instruction, so that interrupts are seen; every iteration
// that was finished shows in the registers, also when the next one faults.

import { AGAIN, DF, FAULT, NEXT, RAX, RCX, RDI, RFLAGS, RSI, getReg, reg64, setReg, setReg64 } from './state'
import { getZf } from './flags'
import { cmp } from './arithmetic'
import { stepping } from './debug'
import { SCRATCH_END } from './layout'
import { commit, readPtr, storePtr } from './mmu'
import { OP_ADDR32, OP_REPE, OP_REPNE, opFlags } from './operation'

const REPEAT_LIMIT: u64 = 0x10000

// @ts-ignore: decorator
@inline function narrow(op: usize, value: u64): u64 {
  return opFlags(op) & OP_ADDR32 ? <u64>(<u32>value) : value
}
/** Address of the source: a segment override applies to it. */
// @ts-ignore: decorator
@inline function source(op: usize): u64 {
  return narrow(op, reg64(RSI)) + reg64(load<u8>(op, 7))
}
// @ts-ignore: decorator
@inline function destination(op: usize): u64 {
  return narrow(op, reg64(RDI))
}
// @ts-ignore: decorator
@inline function advance(op: usize, register: u32, by: i64): void {
  setReg64(register, narrow(op, reg64(register) + <u64>by))
}
// @ts-ignore: decorator
@inline function step<T>(): i64 {
  return load<u64>(RFLAGS) & DF ? -(<i64>sizeof<T>()) : <i64>sizeof<T>()
}
// @ts-ignore: decorator
@inline function repeats(op: usize): bool {
  return (opFlags(op) & (OP_REPE | OP_REPNE)) != 0
}

// @ts-ignore: decorator
@inline function moveOne<T>(op: usize, by: i64): bool {
  const p = readPtr(source(op), sizeof<T>())
  if (!p) return false
  const value = load<T>(p)
  const q = storePtr(destination(op), sizeof<T>())
  if (!q) return false
  store<T>(q, value)
  if (q < SCRATCH_END) commit()
  advance(op, RSI, by)
  advance(op, RDI, by)
  return true
}

export function movs<T>(op: usize): i32 {
  const by = step<T>()
  if (!repeats(op)) return moveOne<T>(op, by) ? NEXT : FAULT
  let left: u64 = stepping ? 1 : REPEAT_LIMIT
  let count = narrow(op, reg64(RCX))
  while (count != 0) {
    if (left == 0) return AGAIN
    const bulk = by > 0 ? moveBulk<T>(op, min<u64>(count, left)) : 0
    if (bulk != 0) {
      count -= bulk
      left -= bulk
    } else {
      if (!moveOne<T>(op, by)) return FAULT
      count--
      left--
    }
    setReg64(RCX, count)
  }
  return NEXT
}

/** Moves as many whole elements as lie in one page on both sides. @returns how many, 0: take the slow way */
function moveBulk<T>(op: usize, count: u64): u64 {
  const from = source(op)
  const to = destination(op)
  const room = min<u64>(0x1000 - (from & 0xfff), 0x1000 - (to & 0xfff)) / sizeof<T>()
  const n = min<u64>(count, room)
  if (n < 2) return 0
  const bytes = n * sizeof<T>()
  const p = readPtr(from, sizeof<T>())
  if (!p || p < SCRATCH_END) return 0
  const q = storePtr(to, sizeof<T>())
  if (!q || q < SCRATCH_END) return 0
  // A destination just above its source repeats a pattern: bulk copying would not.
  if (q > p && q - p < <usize>bytes) return 0
  memory.copy(q, p, <usize>bytes)
  advance(op, RSI, bytes)
  advance(op, RDI, bytes)
  return n
}

// @ts-ignore: decorator
@inline function storeOne<T>(op: usize, by: i64): bool {
  const q = storePtr(destination(op), sizeof<T>())
  if (!q) return false
  store<T>(q, getReg<T>(RAX))
  if (q < SCRATCH_END) commit()
  advance(op, RDI, by)
  return true
}

export function stos<T>(op: usize): i32 {
  const by = step<T>()
  if (!repeats(op)) return storeOne<T>(op, by) ? NEXT : FAULT
  let left: u64 = stepping ? 1 : REPEAT_LIMIT
  let count = narrow(op, reg64(RCX))
  while (count != 0) {
    if (left == 0) return AGAIN
    const bulk = by > 0 ? fillBulk<T>(op, min<u64>(count, left)) : 0
    if (bulk != 0) {
      count -= bulk
      left -= bulk
    } else {
      if (!storeOne<T>(op, by)) return FAULT
      count--
      left--
    }
    setReg64(RCX, count)
  }
  return NEXT
}

function fillBulk<T>(op: usize, count: u64): u64 {
  const to = destination(op)
  const n = min<u64>(count, (0x1000 - (to & 0xfff)) / sizeof<T>())
  if (n < 2) return 0
  const q = storePtr(to, sizeof<T>())
  if (!q || q < SCRATCH_END) return 0
  const bytes = <usize>(n * sizeof<T>())
  const value = getReg<T>(RAX)
  const low = <u8>value
  let uniform = true
  if (sizeof<T>() == 2) uniform = <u16>value == <u16>low * 0x0101
  else if (sizeof<T>() == 4) uniform = <u32>value == <u32>low * 0x01010101
  else if (sizeof<T>() == 8) uniform = <u64>value == <u64>low * 0x0101010101010101
  if (uniform) memory.fill(q, low, bytes)
  else for (let at = q; at < q + bytes; at += sizeof<T>()) store<T>(at, value)
  advance(op, RDI, bytes)
  return n
}

// @ts-ignore: decorator
@inline function loadOne<T>(op: usize, by: i64): bool {
  const p = readPtr(source(op), sizeof<T>())
  if (!p) return false
  setReg<T>(RAX, load<T>(p))
  advance(op, RSI, by)
  return true
}
export function lods<T>(op: usize): i32 {
  const by = step<T>()
  if (!repeats(op)) return loadOne<T>(op, by) ? NEXT : FAULT
  let left: u64 = stepping ? 1 : REPEAT_LIMIT
  let count = narrow(op, reg64(RCX))
  while (count != 0) {
    if (left-- == 0) return AGAIN
    if (!loadOne<T>(op, by)) return FAULT
    setReg64(RCX, --count)
  }
  return NEXT
}

// @ts-ignore: decorator
@inline function scanOne<T>(op: usize, by: i64): bool {
  const p = readPtr(destination(op), sizeof<T>())
  if (!p) return false
  cmp<T>(getReg<T>(RAX), load<T>(p))
  advance(op, RDI, by)
  return true
}
export function scas<T>(op: usize): i32 {
  const by = step<T>()
  if (!repeats(op)) return scanOne<T>(op, by) ? NEXT : FAULT
  const wanted = (opFlags(op) & OP_REPE) != 0
  let left: u64 = stepping ? 1 : REPEAT_LIMIT
  let count = narrow(op, reg64(RCX))
  while (count != 0) {
    if (left-- == 0) return AGAIN
    if (!scanOne<T>(op, by)) return FAULT
    setReg64(RCX, --count)
    if (getZf() != wanted) break
  }
  return NEXT
}

// @ts-ignore: decorator
@inline function compareOne<T>(op: usize, by: i64): bool {
  // When both fault, it is the destination's fault that is seen.
  const q = readPtr(destination(op), sizeof<T>())
  if (!q) return false
  const b = load<T>(q)
  const p = readPtr(source(op), sizeof<T>())
  if (!p) return false
  cmp<T>(load<T>(p), b)
  advance(op, RSI, by)
  advance(op, RDI, by)
  return true
}
export function cmps<T>(op: usize): i32 {
  const by = step<T>()
  if (!repeats(op)) return compareOne<T>(op, by) ? NEXT : FAULT
  const wanted = (opFlags(op) & OP_REPE) != 0
  let left: u64 = stepping ? 1 : REPEAT_LIMIT
  let count = narrow(op, reg64(RCX))
  while (count != 0) {
    if (left-- == 0) return AGAIN
    if (!compareOne<T>(op, by)) return FAULT
    setReg64(RCX, --count)
    if (getZf() != wanted) break
  }
  return NEXT
}
