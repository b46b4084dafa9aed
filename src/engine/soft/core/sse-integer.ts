// Meanings of SSE integer arithmetic, logic, comparison and shifts, element by element. SDM volume 1, 11.4.2
// and chapter 12. `a` is the destination. The MMX forms use the same meanings and ignore the upper half.

import { CF, XMM, ZF } from './state'
import { setExplicit } from './flags'

// Logic, also of floating-point registers.

export function pand(a: v128, b: v128): v128 {
  return v128.and(a, b)
}
export function pandn(a: v128, b: v128): v128 {
  return v128.andnot(b, a)
}
export function por(a: v128, b: v128): v128 {
  return v128.or(a, b)
}
export function pxor(a: v128, b: v128): v128 {
  return v128.xor(a, b)
}
export function ptest(a: v128, b: v128): void {
  setExplicit((v128.any_true(v128.and(a, b)) ? 0 : ZF) | (v128.any_true(v128.andnot(b, a)) ? 0 : CF))
}
export function pblendvb(a: v128, b: v128): v128 {
  return v128.bitselect(b, a, i8x16.shr_s(load<v128>(XMM), 7))
}
export function blendvps(a: v128, b: v128): v128 {
  return v128.bitselect(b, a, i32x4.shr_s(load<v128>(XMM), 31))
}
export function blendvpd(a: v128, b: v128): v128 {
  return v128.bitselect(b, a, i64x2.shr_s(load<v128>(XMM), 63))
}

// Addition and subtraction.

export function paddb(a: v128, b: v128): v128 {
  return i8x16.add(a, b)
}
export function paddw(a: v128, b: v128): v128 {
  return i16x8.add(a, b)
}
export function paddd(a: v128, b: v128): v128 {
  return i32x4.add(a, b)
}
export function paddq(a: v128, b: v128): v128 {
  return i64x2.add(a, b)
}
export function psubb(a: v128, b: v128): v128 {
  return i8x16.sub(a, b)
}
export function psubw(a: v128, b: v128): v128 {
  return i16x8.sub(a, b)
}
export function psubd(a: v128, b: v128): v128 {
  return i32x4.sub(a, b)
}
export function psubq(a: v128, b: v128): v128 {
  return i64x2.sub(a, b)
}
export function paddsb(a: v128, b: v128): v128 {
  return i8x16.add_sat_s(a, b)
}
export function paddsw(a: v128, b: v128): v128 {
  return i16x8.add_sat_s(a, b)
}
export function paddusb(a: v128, b: v128): v128 {
  return i8x16.add_sat_u(a, b)
}
export function paddusw(a: v128, b: v128): v128 {
  return i16x8.add_sat_u(a, b)
}
export function psubsb(a: v128, b: v128): v128 {
  return i8x16.sub_sat_s(a, b)
}
export function psubsw(a: v128, b: v128): v128 {
  return i16x8.sub_sat_s(a, b)
}
export function psubusb(a: v128, b: v128): v128 {
  return i8x16.sub_sat_u(a, b)
}
export function psubusw(a: v128, b: v128): v128 {
  return i16x8.sub_sat_u(a, b)
}
export function pavgb(a: v128, b: v128): v128 {
  return i8x16.avgr_u(a, b)
}
export function pavgw(a: v128, b: v128): v128 {
  return i16x8.avgr_u(a, b)
}
export function pabsb(b: v128): v128 {
  return i8x16.abs(b)
}
export function pabsw(b: v128): v128 {
  return i16x8.abs(b)
}
export function pabsd(b: v128): v128 {
  return i32x4.abs(b)
}
export function psignb(a: v128, b: v128): v128 {
  const zero = i64x2.splat(0)
  return v128.andnot(v128.bitselect(i8x16.neg(a), a, i8x16.lt_s(b, zero)), i8x16.eq(b, zero))
}
export function psignw(a: v128, b: v128): v128 {
  const zero = i64x2.splat(0)
  return v128.andnot(v128.bitselect(i16x8.neg(a), a, i16x8.lt_s(b, zero)), i16x8.eq(b, zero))
}
export function psignd(a: v128, b: v128): v128 {
  const zero = i64x2.splat(0)
  return v128.andnot(v128.bitselect(i32x4.neg(a), a, i32x4.lt_s(b, zero)), i32x4.eq(b, zero))
}
export function psadbw(a: v128, b: v128): v128 {
  const difference = v128.or(i8x16.sub_sat_u(a, b), i8x16.sub_sat_u(b, a))
  const sums = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(difference))
  return i64x2.add(v128.and(sums, i64x2.splat(0xffffffff)), i64x2.shr_u(sums, 32))
}
// The horizontal ones: sums of neighbours, first those of a, then those of b.
export function phaddw(a: v128, b: v128): v128 {
  return i16x8.add(i16x8.shuffle(a, b, 0, 2, 4, 6, 8, 10, 12, 14), i16x8.shuffle(a, b, 1, 3, 5, 7, 9, 11, 13, 15))
}
export function phaddd(a: v128, b: v128): v128 {
  return i32x4.add(i32x4.shuffle(a, b, 0, 2, 4, 6), i32x4.shuffle(a, b, 1, 3, 5, 7))
}
export function phaddsw(a: v128, b: v128): v128 {
  return i16x8.add_sat_s(i16x8.shuffle(a, b, 0, 2, 4, 6, 8, 10, 12, 14), i16x8.shuffle(a, b, 1, 3, 5, 7, 9, 11, 13, 15))
}
export function phsubw(a: v128, b: v128): v128 {
  return i16x8.sub(i16x8.shuffle(a, b, 0, 2, 4, 6, 8, 10, 12, 14), i16x8.shuffle(a, b, 1, 3, 5, 7, 9, 11, 13, 15))
}
export function phsubd(a: v128, b: v128): v128 {
  return i32x4.sub(i32x4.shuffle(a, b, 0, 2, 4, 6), i32x4.shuffle(a, b, 1, 3, 5, 7))
}
export function phsubsw(a: v128, b: v128): v128 {
  return i16x8.sub_sat_s(i16x8.shuffle(a, b, 0, 2, 4, 6, 8, 10, 12, 14), i16x8.shuffle(a, b, 1, 3, 5, 7, 9, 11, 13, 15))
}
/** Eight sums of four absolute differences: b's four bytes stay, a's window of four moves. */
export function mpsadbw(a: v128, b: v128, select: u8): v128 {
  const at: usize = 0x1200
  store<v128>(at, a)
  store<v128>(at, b, 16)
  const window = at + <usize>(select & 4)
  const block = at + 16 + (<usize>(select & 3) << 2)
  for (let i: usize = 0; i < 8; i++) {
    let sum: i32 = 0
    for (let j: usize = 0; j < 4; j++) sum += abs<i32>(<i32>load<u8>(window + i + j) - <i32>load<u8>(block + j))
    store<u16>(at + (i << 1), <u16>sum, 32)
  }
  return load<v128>(at, 32)
}

// Multiplication.

export function pmullw(a: v128, b: v128): v128 {
  return i16x8.mul(a, b)
}
export function pmulld(a: v128, b: v128): v128 {
  return i32x4.mul(a, b)
}
export function pmulhw(a: v128, b: v128): v128 {
  return highWords(i32x4.extmul_low_i16x8_s(a, b), i32x4.extmul_high_i16x8_s(a, b))
}
export function pmulhuw(a: v128, b: v128): v128 {
  return highWords(i32x4.extmul_low_i16x8_u(a, b), i32x4.extmul_high_i16x8_u(a, b))
}
function highWords(low: v128, high: v128): v128 {
  return i16x8.shuffle(low, high, 1, 3, 5, 7, 9, 11, 13, 15)
}
export function pmulhrsw(a: v128, b: v128): v128 {
  // WebAssembly saturates the one product that does not fit, −1 × −1; the processor wraps to −1.
  const smallest = i16x8.splat(-0x8000)
  return v128.xor(i16x8.q15mulr_sat_s(a, b), v128.and(i16x8.eq(a, smallest), i16x8.eq(b, smallest)))
}
export function pmuludq(a: v128, b: v128): v128 {
  const low = i64x2.splat(0xffffffff)
  return i64x2.mul(v128.and(a, low), v128.and(b, low))
}
export function pmuldq(a: v128, b: v128): v128 {
  return i64x2.mul(i64x2.shr_s(i64x2.shl(a, 32), 32), i64x2.shr_s(i64x2.shl(b, 32), 32))
}
export function pmaddwd(a: v128, b: v128): v128 {
  return i32x4.dot_i16x8_s(a, b)
}
/** Unsigned bytes of a times signed bytes of b, neighbours added with saturation. */
export function pmaddubsw(a: v128, b: v128): v128 {
  const even = i16x8.mul(v128.and(a, i16x8.splat(0xff)), i16x8.shr_s(i16x8.shl(b, 8), 8))
  return i16x8.add_sat_s(even, i16x8.mul(i16x8.shr_u(a, 8), i16x8.shr_s(b, 8)))
}

// Comparison.

export function pcmpeqb(a: v128, b: v128): v128 {
  return i8x16.eq(a, b)
}
export function pcmpeqw(a: v128, b: v128): v128 {
  return i16x8.eq(a, b)
}
export function pcmpeqd(a: v128, b: v128): v128 {
  return i32x4.eq(a, b)
}
export function pcmpeqq(a: v128, b: v128): v128 {
  return i64x2.eq(a, b)
}
export function pcmpgtb(a: v128, b: v128): v128 {
  return i8x16.gt_s(a, b)
}
export function pcmpgtw(a: v128, b: v128): v128 {
  return i16x8.gt_s(a, b)
}
export function pcmpgtd(a: v128, b: v128): v128 {
  return i32x4.gt_s(a, b)
}
export function pcmpgtq(a: v128, b: v128): v128 {
  return i64x2.gt_s(a, b)
}
export function pminsb(a: v128, b: v128): v128 {
  return i8x16.min_s(a, b)
}
export function pminub(a: v128, b: v128): v128 {
  return i8x16.min_u(a, b)
}
export function pminsw(a: v128, b: v128): v128 {
  return i16x8.min_s(a, b)
}
export function pminuw(a: v128, b: v128): v128 {
  return i16x8.min_u(a, b)
}
export function pminsd(a: v128, b: v128): v128 {
  return i32x4.min_s(a, b)
}
export function pminud(a: v128, b: v128): v128 {
  return i32x4.min_u(a, b)
}
export function pmaxsb(a: v128, b: v128): v128 {
  return i8x16.max_s(a, b)
}
export function pmaxub(a: v128, b: v128): v128 {
  return i8x16.max_u(a, b)
}
export function pmaxsw(a: v128, b: v128): v128 {
  return i16x8.max_s(a, b)
}
export function pmaxuw(a: v128, b: v128): v128 {
  return i16x8.max_u(a, b)
}
export function pmaxsd(a: v128, b: v128): v128 {
  return i32x4.max_s(a, b)
}
export function pmaxud(a: v128, b: v128): v128 {
  return i32x4.max_u(a, b)
}
/** The smallest of eight words, and the first place where it is. */
export function phminposuw(b: v128): v128 {
  let smallest: u32 = 0xffff
  let place: u32 = 0
  const at: usize = 0x1200
  store<v128>(at, b)
  for (let i: u32 = 0; i < 8; i++) {
    const word = <u32>load<u16>(at + (i << 1))
    if (word < smallest) {
      smallest = word
      place = i
    }
  }
  return i32x4.replace_lane(i64x2.splat(0), 0, smallest | (place << 16))
}

// Shifts. A count of the element's width or more shifts everything out; WebAssembly would take it modulo the width.

export function psllw(a: v128, count: v128): v128 {
  return psllwImm(a, i64x2.extract_lane(count, 0))
}
export function pslld(a: v128, count: v128): v128 {
  return pslldImm(a, i64x2.extract_lane(count, 0))
}
export function psllq(a: v128, count: v128): v128 {
  return psllqImm(a, i64x2.extract_lane(count, 0))
}
export function psrlw(a: v128, count: v128): v128 {
  return psrlwImm(a, i64x2.extract_lane(count, 0))
}
export function psrld(a: v128, count: v128): v128 {
  return psrldImm(a, i64x2.extract_lane(count, 0))
}
export function psrlq(a: v128, count: v128): v128 {
  return psrlqImm(a, i64x2.extract_lane(count, 0))
}
export function psraw(a: v128, count: v128): v128 {
  return psrawImm(a, i64x2.extract_lane(count, 0))
}
export function psrad(a: v128, count: v128): v128 {
  return psradImm(a, i64x2.extract_lane(count, 0))
}
export function psllwImm(a: v128, count: u64): v128 {
  return count > 15 ? i64x2.splat(0) : i16x8.shl(a, <i32>count)
}
export function pslldImm(a: v128, count: u64): v128 {
  return count > 31 ? i64x2.splat(0) : i32x4.shl(a, <i32>count)
}
export function psllqImm(a: v128, count: u64): v128 {
  return count > 63 ? i64x2.splat(0) : i64x2.shl(a, <i32>count)
}
export function psrlwImm(a: v128, count: u64): v128 {
  return count > 15 ? i64x2.splat(0) : i16x8.shr_u(a, <i32>count)
}
export function psrldImm(a: v128, count: u64): v128 {
  return count > 31 ? i64x2.splat(0) : i32x4.shr_u(a, <i32>count)
}
export function psrlqImm(a: v128, count: u64): v128 {
  return count > 63 ? i64x2.splat(0) : i64x2.shr_u(a, <i32>count)
}
export function psrawImm(a: v128, count: u64): v128 {
  return i16x8.shr_s(a, <i32>min<u64>(count, 15))
}
export function psradImm(a: v128, count: u64): v128 {
  return i32x4.shr_s(a, <i32>min<u64>(count, 31))
}
export function psrldq(a: v128, count: u64): v128 {
  return i8x16.swizzle(a, i8x16.add(ASCENDING(), i8x16.splat(<i8>min<u64>(count, 16))))
}
export function pslldq(a: v128, count: u64): v128 {
  // Indices below zero are above 15 as unsigned numbers: swizzle gives 0 there.
  return i8x16.swizzle(a, i8x16.sub(ASCENDING(), i8x16.splat(<i8>min<u64>(count, 16))))
}

// @ts-ignore: decorator
@inline function ASCENDING(): v128 {
  return i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
}
