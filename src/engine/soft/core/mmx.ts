// Meanings of MMX instructions where the XMM form of the same name does not do: halves, order of elements, counts.
// SDM volume 1, chapter 9. An MMX operand comes as a vector whose lower half is the register; whatever is in the
// upper half of a result is ignored, so that most meanings are those of sse-integer.ts.

import { MMX } from './usable'
import { x87EnterMmx, x87LeaveMmx } from './x87-state'
import { opE, opG } from './operation'
import { packssdw, packsswb, packuswb, punpcklbw, punpckldq, punpcklwd } from './sse-shuffle'
import { phaddd, phaddsw, phaddw, phsubd, phsubsw, phsubw } from './sse-integer'
import { storeMasked } from './sse-move'

/** Writing an MMX register sets the exponent part of the x87 register above it. */
// @ts-ignore: decorator
@inline export function setMmx(offset: u32, value: v128): void {
  const at = MMX + <usize>offset
  v128.store64_lane(at, value, 0)
  store<u16>(at, 0xffff, 8)
}

export function emms(): void {
  x87LeaveMmx()
}

export function movqMmx(a: v128): v128 {
  return a
}
export function movqMmxStore(a: v128): u64 {
  return i64x2.extract_lane(a, 0)
}
export function movdMmxStore<T>(a: v128): T {
  return <T>i64x2.extract_lane(a, 0)
}

/** The lower halves of a and b as one vector. */
// @ts-ignore: decorator
@inline function both(a: v128, b: v128): v128 {
  return i64x2.shuffle(a, b, 0, 2)
}
// @ts-ignore: decorator
@inline function upper(a: v128): v128 {
  return i64x2.shuffle(a, a, 1, 1)
}

export function packsswbMmx(a: v128, b: v128): v128 {
  return packsswb(both(a, b), a)
}
export function packuswbMmx(a: v128, b: v128): v128 {
  return packuswb(both(a, b), a)
}
export function packssdwMmx(a: v128, b: v128): v128 {
  return packssdw(both(a, b), a)
}
// The lower halves interleaved give sixteen bytes; the "high" forms want the upper eight of them.
export function punpckhbwMmx(a: v128, b: v128): v128 {
  return upper(punpcklbw(a, b))
}
export function punpckhwdMmx(a: v128, b: v128): v128 {
  return upper(punpcklwd(a, b))
}
export function punpckhdqMmx(a: v128, b: v128): v128 {
  return upper(punpckldq(a, b))
}
export function pshufbMmx(a: v128, b: v128): v128 {
  return i8x16.swizzle(a, v128.and(b, i8x16.splat(<i8>0x87)))
}
export function palignrMmx(a: v128, b: v128, count: u8): v128 {
  if (count > 15) return i64x2.splat(0)
  // b below a; 16 + 15 bytes from here are never needed.
  store<v128>(0x1200, both(b, a))
  store<v128>(0x1210, i64x2.splat(0))
  return v128.load64_zero(0x1200 + <usize>count)
}
export function pinsrwMmx(a: v128, b: u32, place: u8): v128 {
  store<v128>(0x1200, a)
  store<u16>(0x1200 + (<usize>(place & 3) << 1), <u16>b)
  return load<v128>(0x1200)
}
export function pextrwMmx(a: v128, place: u8): u32 {
  store<v128>(0x1200, a)
  return load<u16>(0x1200 + (<usize>(place & 3) << 1))
}
export function pmovmskbMmx(a: v128): u32 {
  return i8x16.bitmask(a) & 0xff
}
export function phaddwMmx(a: v128, b: v128): v128 {
  return phaddw(both(a, b), a)
}
export function phadddMmx(a: v128, b: v128): v128 {
  return phaddd(both(a, b), a)
}
export function phaddswMmx(a: v128, b: v128): v128 {
  return phaddsw(both(a, b), a)
}
export function phsubwMmx(a: v128, b: v128): v128 {
  return phsubw(both(a, b), a)
}
export function phsubdMmx(a: v128, b: v128): v128 {
  return phsubd(both(a, b), a)
}
export function phsubswMmx(a: v128, b: v128): v128 {
  return phsubsw(both(a, b), a)
}

export function movq2dq(b: v128): v128 {
  return i64x2.replace_lane(b, 1, 0)
}
export function movdq2q(b: u64): v128 {
  return i64x2.splat(b)
}

export function maskmovq(op: usize): i32 {
  x87EnterMmx()
  return storeMasked(op, MMX + <usize>opG(op), MMX + <usize>opE(op), 8)
}
