// Meanings of SSE floating-point comparison: CMP, COMI, UCOMI, MIN, MAX. SDM volume 1, 10.4.1 and 11.4.1; the
// predicates are in volume 2 at CMPPD. Of normal numbers, zeros and infinities WebAssembly's comparison says all;
// NaNs and denormals raise flags and take the slow way.

import { CF, PF, ZF } from './state'
import { setExplicit } from './flags'
import { settle } from './sse-mxcsr'
import { EQUAL, GREATER, LESS, UNORDERED, flushed, softCompare } from './sse-softfloat'
import { gather32, gather64, plain, plainPd, plainPs } from './sse-float'

// The smaller or larger one; the second operand when they are equal or one is a NaN.

// @ts-ignore: decorator
@inline function smaller<F, T>(a: T, b: T): T {
  const x = reinterpret<F>(a)
  const y = reinterpret<F>(b)
  if (plain<F>(x) && plain<F>(y)) return x < y ? a : b
  return chosen<T>(LESS, a, b)
}
// @ts-ignore: decorator
@inline function larger<F, T>(a: T, b: T): T {
  const x = reinterpret<F>(a)
  const y = reinterpret<F>(b)
  if (plain<F>(x) && plain<F>(y)) return x > y ? a : b
  return chosen<T>(GREATER, a, b)
}
function chosen<T>(order: i32, a: T, b: T): T {
  return <T>flushed<T>(softCompare<T>(a, b, false) == order ? a : b)
}

export function minss(a: u32, b: u32): u32 {
  const result = smaller<f32, u32>(a, b)
  settle()
  return result
}
export function minsd(a: u64, b: u64): u64 {
  const result = smaller<f64, u64>(a, b)
  settle()
  return result
}
export function maxss(a: u32, b: u32): u32 {
  const result = larger<f32, u32>(a, b)
  settle()
  return result
}
export function maxsd(a: u64, b: u64): u64 {
  const result = larger<f64, u64>(a, b)
  settle()
  return result
}
export function minps(a: v128, b: v128): v128 {
  // WebAssembly's pmin(x, y) is y < x ? y : x.
  if (i32x4.all_true(v128.and(plainPs(a), plainPs(b)))) return f32x4.pmin(b, a)
  return chosenPs(LESS, a, b)
}
export function maxps(a: v128, b: v128): v128 {
  if (i32x4.all_true(v128.and(plainPs(a), plainPs(b)))) return f32x4.pmax(b, a)
  return chosenPs(GREATER, a, b)
}
export function minpd(a: v128, b: v128): v128 {
  if (i64x2.all_true(v128.and(plainPd(a), plainPd(b)))) return f64x2.pmin(b, a)
  return chosenPd(LESS, a, b)
}
export function maxpd(a: v128, b: v128): v128 {
  if (i64x2.all_true(v128.and(plainPd(a), plainPd(b)))) return f64x2.pmax(b, a)
  return chosenPd(GREATER, a, b)
}
function chosenPs(order: i32, a: v128, b: v128): v128 {
  const r0 = chosen<u32>(order, i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0))
  const r1 = chosen<u32>(order, i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1))
  const r2 = chosen<u32>(order, i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2))
  const r3 = chosen<u32>(order, i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3))
  settle()
  return gather32(r0, r1, r2, r3)
}
function chosenPd(order: i32, a: v128, b: v128): v128 {
  const r0 = chosen<u64>(order, i64x2.extract_lane(a, 0), i64x2.extract_lane(b, 0))
  const r1 = chosen<u64>(order, i64x2.extract_lane(a, 1), i64x2.extract_lane(b, 1))
  settle()
  return gather64(r0, r1)
}

// CMP: a mask of ones where the predicate holds.
//   0 EQ  1 LT  2 LE  3 UNORD  4 NEQ  5 NLT  6 NLE  7 ORD; LT, LE and their opposites raise IE for quiet NaNs too

function holds<T>(a: T, b: T, predicate: u32): bool {
  const order = softCompare<T>(a, b, (predicate & 3) == 0 || (predicate & 3) == 3)
  let yes: bool
  switch (predicate & 3) {
    case 0:
      yes = order == EQUAL
      break
    case 1:
      yes = order == LESS
      break
    case 2:
      yes = order == LESS || order == EQUAL
      break
    default:
      yes = order == UNORDERED
  }
  return yes != ((predicate & 4) != 0)
}
export function cmpss(a: u32, b: u32, predicate: u8): u32 {
  const result: u32 = holds<u32>(a, b, predicate) ? 0xffffffff : 0
  settle()
  return result
}
export function cmpsd(a: u64, b: u64, predicate: u8): u64 {
  const result: u64 = holds<u64>(a, b, predicate) ? 0xffffffffffffffff : 0
  settle()
  return result
}
export function cmpps(a: v128, b: v128, predicate: u8): v128 {
  if (i32x4.all_true(v128.and(plainPs(a), plainPs(b)))) {
    let mask: v128
    switch (predicate & 3) {
      case 0:
        mask = f32x4.eq(a, b)
        break
      case 1:
        mask = f32x4.lt(a, b)
        break
      case 2:
        mask = f32x4.le(a, b)
        break
      default:
        mask = i64x2.splat(0)
    }
    return predicate & 4 ? v128.not(mask) : mask
  }
  const r0: u32 = holds<u32>(i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0), predicate) ? 0xffffffff : 0
  const r1: u32 = holds<u32>(i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1), predicate) ? 0xffffffff : 0
  const r2: u32 = holds<u32>(i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2), predicate) ? 0xffffffff : 0
  const r3: u32 = holds<u32>(i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3), predicate) ? 0xffffffff : 0
  settle()
  return gather32(r0, r1, r2, r3)
}
export function cmppd(a: v128, b: v128, predicate: u8): v128 {
  if (i64x2.all_true(v128.and(plainPd(a), plainPd(b)))) {
    let mask: v128
    switch (predicate & 3) {
      case 0:
        mask = f64x2.eq(a, b)
        break
      case 1:
        mask = f64x2.lt(a, b)
        break
      case 2:
        mask = f64x2.le(a, b)
        break
      default:
        mask = i64x2.splat(0)
    }
    return predicate & 4 ? v128.not(mask) : mask
  }
  const r0: u64 = holds<u64>(i64x2.extract_lane(a, 0), i64x2.extract_lane(b, 0), predicate) ? 0xffffffffffffffff : 0
  const r1: u64 = holds<u64>(i64x2.extract_lane(a, 1), i64x2.extract_lane(b, 1), predicate) ? 0xffffffffffffffff : 0
  settle()
  return gather64(r0, r1)
}

// COMI and UCOMI: the answer is in ZF, PF and CF.

// @ts-ignore: decorator
@inline function compareScalar<F, T>(a: T, b: T, quiet: bool): void {
  const x = reinterpret<F>(a)
  const y = reinterpret<F>(b)
  if (plain<F>(x) && plain<F>(y)) setExplicit(x == y ? ZF : x < y ? CF : 0)
  else compareSlowly<T>(a, b, quiet)
}
function compareSlowly<T>(a: T, b: T, quiet: bool): void {
  const order = softCompare<T>(a, b, quiet)
  // A fault leaves the flags alone.
  if (settle()) return
  setExplicit(order == UNORDERED ? ZF | PF | CF : order == EQUAL ? ZF : order == LESS ? CF : 0)
}
export function ucomiss(a: u32, b: u32): void {
  compareScalar<f32, u32>(a, b, true)
}
export function ucomisd(a: u64, b: u64): void {
  compareScalar<f64, u64>(a, b, true)
}
export function comiss(a: u32, b: u32): void {
  compareScalar<f32, u32>(a, b, false)
}
export function comisd(a: u64, b: u64): void {
  compareScalar<f64, u64>(a, b, false)
}
