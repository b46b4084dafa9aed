// Meanings of SSE data movement: whole registers, parts of them, to and from general registers, masked stores.
// SDM volume 1, 10.4.1 and 11.4.1. Single-precision, double-precision and integer forms of a move have one meaning.
//
// An operand of 4 or 8 bytes is a plain u32 or u64; storing one into a register keeps the bytes above it.

import { FAULT, NEXT, RDI, XMM, reg64 } from './state'
import { SCRATCH_END } from './layout'
import { commit, writePtr } from './mmu'
import { OP_ADDR32, opE, opFlags, opG } from './operation'

/** MOVAPS, MOVAPD, MOVDQA and their non-temporal forms: the memory operand is aligned. */
export function movaps(a: v128): v128 {
  return a
}
/** MOVUPS, MOVUPD, MOVDQU, LDDQU. */
export function movups(a: v128): v128 {
  return a
}
export function movss(a: u32): u32 {
  return a
}
/** MOVSS from memory clears the rest of the register. */
export function movssLoad(a: u32): v128 {
  return i32x4.replace_lane(i64x2.splat(0), 0, a)
}
/** MOVSD between registers or to memory; MOVLPS, MOVLPD. */
export function movlps(a: u64): u64 {
  return a
}
/** MOVQ and MOVSD from memory clear the upper half. */
export function movq(a: u64): v128 {
  return i64x2.replace_lane(i64x2.splat(0), 0, a)
}
export function movd<T>(a: T): v128 {
  return movq(<u64>a)
}
export function movdStore<T>(a: u64): T {
  return <T>a
}
export function movhlps(a: v128): u64 {
  return i64x2.extract_lane(a, 1)
}
/** MOVHPS and MOVHPD from memory, MOVLHPS. */
export function movhps(a: v128, b: u64): v128 {
  return i64x2.replace_lane(a, 1, b)
}
export function movddup(b: u64): v128 {
  return i64x2.splat(b)
}
export function movsldup(b: v128): v128 {
  return i32x4.shuffle(b, b, 0, 0, 2, 2)
}
export function movshdup(b: v128): v128 {
  return i32x4.shuffle(b, b, 1, 1, 3, 3)
}

export function movmskps(a: v128): u32 {
  return i32x4.bitmask(a)
}
export function movmskpd(a: v128): u32 {
  return i64x2.bitmask(a)
}
export function pmovmskb(a: v128): u32 {
  return i8x16.bitmask(a)
}

/** MASKMOVDQU and MASKMOVQ: stores those of `size` bytes at [RDI] whose mask byte is negative; all must be writable. */
export function storeMasked(op: usize, value: usize, mask: usize, size: u32): i32 {
  let offset = reg64(RDI)
  if (opFlags(op) & OP_ADDR32) offset = <u64>(<u32>offset)
  const address = offset + reg64(load<u8>(op, 7))
  const p = writePtr(address, size)
  if (!p) return FAULT
  for (let i: u32 = 0; i < size; i++) if (load<u8>(mask + i) & 0x80) store<u8>(p + i, load<u8>(value + i))
  if (p < SCRATCH_END) commit()
  return NEXT
}
export function maskmovdqu(op: usize): i32 {
  return storeMasked(op, XMM + <usize>opG(op), XMM + <usize>opE(op), 16)
}
