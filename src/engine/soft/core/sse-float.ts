// Meanings of SSE floating-point arithmetic: add, subtract, multiply, divide, square root, horizontal forms, dot
// products, approximations. SDM volume 1, 10.4.1, 11.4.1, 12.3 and 12.10.
//
// Three ways to a result, tried in this order:
//   1. WebAssembly's operation, when operands and result are normal numbers (or zero) and PE is set and masked
//      already, as in any program that ever rounded: no flag can change. A few compares around one instruction.
//   2. The same result, and a proof that it is exact or not, while PE is not set yet.
//   3. Integer arithmetic (sse-softfloat.ts): NaNs, infinities, denormals, overflow, underflow, other modes.
//
// `a` is the destination. Scalars are raw bits.

import { NEAREST, PE, RC, mxcsr, note, ordinaryMode, settle, simdFault } from './sse-mxcsr'
import { ADD, DIV, MUL, SUB, softArithmetic, softSquareRoot } from './sse-softfloat'

// What a fast path asks of numbers. NaN answers no to everything.

// @ts-ignore: decorator
@inline function SMALLEST<F>(): F {
  return sizeof<F>() == 8 ? <F>f64.MIN_NORMAL_VALUE : <F>f32.MIN_NORMAL_VALUE
}
// @ts-ignore: decorator
@inline function LARGEST<F>(): F {
  return sizeof<F>() == 8 ? <F>f64.MAX_VALUE : <F>f32.MAX_VALUE
}
/** Zero, normal or infinite. */
// @ts-ignore: decorator
@inline export function plain<F>(x: F): bool {
  return abs<F>(x) >= SMALLEST<F>() || x == 0
}
/** Finite and safely normal: a result that is just the smallest normal number may have been rounded up to it. */
// @ts-ignore: decorator
@inline export function safe<F>(r: F): bool {
  return abs<F>(r) > SMALLEST<F>() && abs<F>(r) <= LARGEST<F>()
}
// @ts-ignore: decorator
@inline export function plainPs(x: v128): v128 {
  return v128.or(f32x4.ge(f32x4.abs(x), f32x4.splat(f32.MIN_NORMAL_VALUE)), f32x4.eq(x, f32x4.splat(0)))
}
// @ts-ignore: decorator
@inline export function plainPd(x: v128): v128 {
  return v128.or(f64x2.ge(f64x2.abs(x), f64x2.splat(f64.MIN_NORMAL_VALUE)), f64x2.eq(x, f64x2.splat(0)))
}
// @ts-ignore: decorator
@inline function safePs(r: v128): v128 {
  const m = f32x4.abs(r)
  return v128.and(f32x4.gt(m, f32x4.splat(f32.MIN_NORMAL_VALUE)), f32x4.le(m, f32x4.splat(f32.MAX_VALUE)))
}
// @ts-ignore: decorator
@inline function safePd(r: v128): v128 {
  const m = f64x2.abs(r)
  return v128.and(f64x2.gt(m, f64x2.splat(f64.MIN_NORMAL_VALUE)), f64x2.le(m, f64x2.splat(f64.MAX_VALUE)))
}

// Scalars.

// @ts-ignore: decorator
@inline function addScalar<F, T>(a: T, b: T): T {
  const x = reinterpret<F>(a)
  const y = reinterpret<F>(b)
  const r = x + y
  if (ordinaryMode() && plain<F>(x) && plain<F>(y) && (safe<F>(r) || r == 0)) return reinterpret<T>(r)
  return settled<F, T>(ADD, a, b)
}
// @ts-ignore: decorator
@inline function subtractScalar<F, T>(a: T, b: T): T {
  const x = reinterpret<F>(a)
  const y = reinterpret<F>(b)
  const r = x - y
  if (ordinaryMode() && plain<F>(x) && plain<F>(y) && (safe<F>(r) || r == 0)) return reinterpret<T>(r)
  return settled<F, T>(SUB, a, b)
}
// @ts-ignore: decorator
@inline function multiplyScalar<F, T>(a: T, b: T): T {
  const x = reinterpret<F>(a)
  const y = reinterpret<F>(b)
  const r = x * y
  if (ordinaryMode() && plain<F>(x) && plain<F>(y) && (safe<F>(r) || (r == 0 && (x == 0 || y == 0)))) return reinterpret<T>(r)
  return settled<F, T>(MUL, a, b)
}
// @ts-ignore: decorator
@inline function divideScalar<F, T>(a: T, b: T): T {
  const x = reinterpret<F>(a)
  const y = reinterpret<F>(b)
  const r = x / y
  if (ordinaryMode() && plain<F>(x) && plain<F>(y) && (safe<F>(r) || (r == 0 && x == 0))) return reinterpret<T>(r)
  return settled<F, T>(DIV, a, b)
}
function settled<F, T>(operation: u32, a: T, b: T): T {
  const result = element<F, T>(operation, a, b)
  settle()
  return result
}

export function addss(a: u32, b: u32): u32 {
  return addScalar<f32, u32>(a, b)
}
export function addsd(a: u64, b: u64): u64 {
  return addScalar<f64, u64>(a, b)
}
export function subss(a: u32, b: u32): u32 {
  return subtractScalar<f32, u32>(a, b)
}
export function subsd(a: u64, b: u64): u64 {
  return subtractScalar<f64, u64>(a, b)
}
export function mulss(a: u32, b: u32): u32 {
  return multiplyScalar<f32, u32>(a, b)
}
export function mulsd(a: u64, b: u64): u64 {
  return multiplyScalar<f64, u64>(a, b)
}
export function divss(a: u32, b: u32): u32 {
  return divideScalar<f32, u32>(a, b)
}
export function divsd(a: u64, b: u64): u64 {
  return divideScalar<f64, u64>(a, b)
}
export function sqrtss(b: u32): u32 {
  const x = reinterpret<f32>(b)
  if (ordinaryMode() && ((x >= f32.MIN_NORMAL_VALUE && x <= f32.MAX_VALUE) || x == 0)) return reinterpret<u32>(sqrt<f32>(x))
  const result = elementRoot<f32, u32>(b)
  settle()
  return result
}
export function sqrtsd(b: u64): u64 {
  const x = reinterpret<f64>(b)
  if (ordinaryMode() && ((x >= f64.MIN_NORMAL_VALUE && x <= f64.MAX_VALUE) || x == 0)) return reinterpret<u64>(sqrt<f64>(x))
  const result = elementRoot<f64, u64>(b)
  settle()
  return result
}

// The second and the third way, for one element.

/** a `operation` b with its flags noted. */
function element<F, T>(operation: u32, a: T, b: T): T {
  const x = reinterpret<F>(a)
  const y = reinterpret<F>(b)
  if ((mxcsr() & RC) == NEAREST && plain<F>(x) && plain<F>(y)) {
    if (operation == ADD || operation == SUB) {
      const r = operation == ADD ? x + y : x - y
      if (safe<F>(r) || r == 0) {
        if (sumError<F>(x, operation == ADD ? y : -y, r) != 0) note(PE)
        return reinterpret<T>(r)
      }
    } else {
      const r = operation == MUL ? x * y : x / y
      // A product whose factors are short is exact: x × y, or quotient × divisor.
      if (safe<F>(r) && bitsUsed<T>(operation == MUL ? a : reinterpret<T>(r)) + bitsUsed<T>(b) <= PRECISION<T>()) {
        if (operation == MUL || r * y == x) return reinterpret<T>(r)
      }
    }
  }
  return <T>softArithmetic<T>(operation, a, b)
}
/** The square root of b with its flags noted. */
function elementRoot<F, T>(b: T): T {
  const x = reinterpret<F>(b)
  if ((mxcsr() & RC) == NEAREST && x >= SMALLEST<F>() && x <= LARGEST<F>()) {
    const r = sqrt<F>(x)
    if (bitsUsed<T>(reinterpret<T>(r)) * 2 <= PRECISION<T>() && r * r == x) return reinterpret<T>(r)
  }
  return <T>softSquareRoot<T>(b)
}
/** What rounding took from the sum r of x and y: Knuth's TwoSum, exact where nothing overflows. */
// @ts-ignore: decorator
@inline function sumError<F>(x: F, y: F, r: F): F {
  const part = r - x
  return x - (r - part) + (y - part)
}
// @ts-ignore: decorator
@inline function PRECISION<T>(): i32 {
  return sizeof<T>() == 8 ? 53 : 24
}
/** Length of a normal number's significand without its trailing zeros. */
// @ts-ignore: decorator
@inline function bitsUsed<T>(x: T): i32 {
  return PRECISION<T>() - min<i32>(<i32>ctz<T>(x), PRECISION<T>() - 1)
}

// Vectors.

export function addps(a: v128, b: v128): v128 {
  const r = f32x4.add(a, b)
  return ordinaryMode() && sumsArePlainPs(a, b, r) ? r : elementsPs(ADD, ADD, a, b)
}
export function subps(a: v128, b: v128): v128 {
  const r = f32x4.sub(a, b)
  return ordinaryMode() && sumsArePlainPs(a, b, r) ? r : elementsPs(SUB, SUB, a, b)
}
/** Subtracts the even elements, adds the odd ones. */
export function addsubps(a: v128, b: v128): v128 {
  const r = i32x4.shuffle(f32x4.sub(a, b), f32x4.add(a, b), 0, 5, 2, 7)
  return ordinaryMode() && sumsArePlainPs(a, b, r) ? r : elementsPs(SUB, ADD, a, b)
}
export function mulps(a: v128, b: v128): v128 {
  const r = f32x4.mul(a, b)
  const zero = f32x4.splat(0)
  const fine = v128.or(safePs(r), v128.or(f32x4.eq(a, zero), f32x4.eq(b, zero)))
  return ordinaryMode() && all(v128.and(fine, arePlainFinitePs(a, b))) ? r : elementsPs(MUL, MUL, a, b)
}
export function divps(a: v128, b: v128): v128 {
  const r = f32x4.div(a, b)
  const zero = f32x4.splat(0)
  const fine = v128.or(safePs(r), v128.and(f32x4.eq(a, zero), f32x4.eq(r, zero)))
  return ordinaryMode() && all(v128.and(fine, v128.and(plainPs(a), plainPs(b)))) ? r : elementsPs(DIV, DIV, a, b)
}
export function addpd(a: v128, b: v128): v128 {
  const r = f64x2.add(a, b)
  return ordinaryMode() && sumsArePlainPd(a, b, r) ? r : elementsPd(ADD, ADD, a, b)
}
export function subpd(a: v128, b: v128): v128 {
  const r = f64x2.sub(a, b)
  return ordinaryMode() && sumsArePlainPd(a, b, r) ? r : elementsPd(SUB, SUB, a, b)
}
export function addsubpd(a: v128, b: v128): v128 {
  const r = i64x2.shuffle(f64x2.sub(a, b), f64x2.add(a, b), 0, 3)
  return ordinaryMode() && sumsArePlainPd(a, b, r) ? r : elementsPd(SUB, ADD, a, b)
}
export function mulpd(a: v128, b: v128): v128 {
  const r = f64x2.mul(a, b)
  const zero = f64x2.splat(0)
  const fine = v128.or(safePd(r), v128.or(f64x2.eq(a, zero), f64x2.eq(b, zero)))
  return ordinaryMode() && all(v128.and(fine, arePlainFinitePd(a, b))) ? r : elementsPd(MUL, MUL, a, b)
}
export function divpd(a: v128, b: v128): v128 {
  const r = f64x2.div(a, b)
  const zero = f64x2.splat(0)
  const fine = v128.or(safePd(r), v128.and(f64x2.eq(a, zero), f64x2.eq(r, zero)))
  return ordinaryMode() && all(v128.and(fine, v128.and(plainPd(a), plainPd(b)))) ? r : elementsPd(DIV, DIV, a, b)
}
// @ts-ignore: decorator
@inline function all(mask: v128): bool {
  return i8x16.all_true(mask)
}
// @ts-ignore: decorator
@inline function sumsArePlainPs(a: v128, b: v128, r: v128): bool {
  return all(v128.and(v128.and(plainPs(a), plainPs(b)), v128.or(safePs(r), f32x4.eq(r, f32x4.splat(0)))))
}
// @ts-ignore: decorator
@inline function sumsArePlainPd(a: v128, b: v128, r: v128): bool {
  return all(v128.and(v128.and(plainPd(a), plainPd(b)), v128.or(safePd(r), f64x2.eq(r, f64x2.splat(0)))))
}
// @ts-ignore: decorator
@inline function arePlainFinitePs(a: v128, b: v128): v128 {
  const finite = f32x4.le(f32x4.max(f32x4.abs(a), f32x4.abs(b)), f32x4.splat(f32.MAX_VALUE))
  return v128.and(finite, v128.and(plainPs(a), plainPs(b)))
}
// @ts-ignore: decorator
@inline function arePlainFinitePd(a: v128, b: v128): v128 {
  const finite = f64x2.le(f64x2.max(f64x2.abs(a), f64x2.abs(b)), f64x2.splat(f64.MAX_VALUE))
  return v128.and(finite, v128.and(plainPd(a), plainPd(b)))
}

/** Element by element; `even` and `odd` are the operations of the elements with such numbers. */
function elementsPs(even: u32, odd: u32, a: v128, b: v128): v128 {
  const r0 = element<f32, u32>(even, i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0))
  const r1 = element<f32, u32>(odd, i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1))
  const r2 = element<f32, u32>(even, i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2))
  const r3 = element<f32, u32>(odd, i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3))
  settle()
  return gather32(r0, r1, r2, r3)
}
function elementsPd(even: u32, odd: u32, a: v128, b: v128): v128 {
  const r0 = element<f64, u64>(even, i64x2.extract_lane(a, 0), i64x2.extract_lane(b, 0))
  const r1 = element<f64, u64>(odd, i64x2.extract_lane(a, 1), i64x2.extract_lane(b, 1))
  settle()
  return gather64(r0, r1)
}
// @ts-ignore: decorator
@inline export function gather32(a: u32, b: u32, c: u32, d: u32): v128 {
  return i32x4.replace_lane(i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(a), 1, b), 2, c), 3, d)
}
// @ts-ignore: decorator
@inline export function gather64(a: u64, b: u64): v128 {
  return i64x2.replace_lane(i64x2.splat(a), 1, b)
}

export function sqrtps(b: v128): v128 {
  const fine = v128.and(f32x4.ge(b, f32x4.splat(f32.MIN_NORMAL_VALUE)), f32x4.le(b, f32x4.splat(f32.MAX_VALUE)))
  if (ordinaryMode() && all(v128.or(fine, f32x4.eq(b, f32x4.splat(0))))) return f32x4.sqrt(b)
  const r0 = elementRoot<f32, u32>(i32x4.extract_lane(b, 0))
  const r1 = elementRoot<f32, u32>(i32x4.extract_lane(b, 1))
  const r2 = elementRoot<f32, u32>(i32x4.extract_lane(b, 2))
  const r3 = elementRoot<f32, u32>(i32x4.extract_lane(b, 3))
  settle()
  return gather32(r0, r1, r2, r3)
}
export function sqrtpd(b: v128): v128 {
  const fine = v128.and(f64x2.ge(b, f64x2.splat(f64.MIN_NORMAL_VALUE)), f64x2.le(b, f64x2.splat(f64.MAX_VALUE)))
  if (ordinaryMode() && all(v128.or(fine, f64x2.eq(b, f64x2.splat(0))))) return f64x2.sqrt(b)
  const r0 = elementRoot<f64, u64>(i64x2.extract_lane(b, 0))
  const r1 = elementRoot<f64, u64>(i64x2.extract_lane(b, 1))
  settle()
  return gather64(r0, r1)
}

// Horizontal forms: neighbours of a, then neighbours of b.

export function haddps(a: v128, b: v128): v128 {
  return addps(i32x4.shuffle(a, b, 0, 2, 4, 6), i32x4.shuffle(a, b, 1, 3, 5, 7))
}
export function haddpd(a: v128, b: v128): v128 {
  return addpd(i64x2.shuffle(a, b, 0, 2), i64x2.shuffle(a, b, 1, 3))
}
export function hsubps(a: v128, b: v128): v128 {
  return subps(i32x4.shuffle(a, b, 0, 2, 4, 6), i32x4.shuffle(a, b, 1, 3, 5, 7))
}
export function hsubpd(a: v128, b: v128): v128 {
  return subpd(i64x2.shuffle(a, b, 0, 2), i64x2.shuffle(a, b, 1, 3))
}

/** Dot products: bits 7 to 4 choose the products, 3 to 0 the places of the sum. Each step may fault by itself. */
export function dpps(a: v128, b: v128, control: u8): v128 {
  const chosen = lanes32(control >> 4)
  const products = mulps(v128.and(a, chosen), v128.and(b, chosen))
  if (simdFault) return a
  const zero = i64x2.splat(0)
  const pairs = addps(i32x4.shuffle(products, zero, 0, 2, 4, 4), i32x4.shuffle(products, zero, 1, 3, 4, 4))
  if (simdFault) return a
  const sum = addss(i32x4.extract_lane(pairs, 0), i32x4.extract_lane(pairs, 1))
  return v128.and(i32x4.splat(sum), lanes32(control))
}
export function dppd(a: v128, b: v128, control: u8): v128 {
  const chosen = lanes64(control >> 4)
  const products = mulpd(v128.and(a, chosen), v128.and(b, chosen))
  if (simdFault) return a
  const sum = addsd(i64x2.extract_lane(products, 0), i64x2.extract_lane(products, 1))
  return v128.and(i64x2.splat(sum), lanes64(control))
}
/** All ones in the elements whose bits are set. */
function lanes32(bits: u32): v128 {
  const places = i32x4(1, 2, 4, 8)
  return i32x4.eq(v128.and(i32x4.splat(bits), places), places)
}
function lanes64(bits: u64): v128 {
  const places = i64x2(1, 2)
  return i64x2.eq(v128.and(i64x2.splat(bits), places), places)
}

// Approximations. The architecture bounds their relative error by 1.5 × 2⁻¹² and lets every processor choose;
// ours are the true values cut to 12 bits. They raise nothing; denormals count as zero, going in and coming out.

export function rcpss(b: u32): u32 {
  const sign = b & 0x80000000
  const size = b & 0x7fffffff
  if (size > 0x7f800000) return b | 0x00400000
  if (size < 0x00800000) return sign | 0x7f800000
  return approximate(sign, 1 / <f64>reinterpret<f32>(size))
}
export function rsqrtss(b: u32): u32 {
  const size = b & 0x7fffffff
  if (size > 0x7f800000) return b | 0x00400000
  if (size < 0x00800000) return (b & 0x80000000) | 0x7f800000
  if (b & 0x80000000) return 0xffc00000
  return approximate(0, 1 / sqrt<f64>(<f64>reinterpret<f32>(size)))
}
function approximate(sign: u32, value: f64): u32 {
  if (value < <f64>f32.MIN_NORMAL_VALUE) return sign
  return sign | ((reinterpret<u32>(<f32>value) + 0x400) & 0x7ffff800)
}
export function rcpps(b: v128): v128 {
  return gather32(
    rcpss(i32x4.extract_lane(b, 0)), rcpss(i32x4.extract_lane(b, 1)), rcpss(i32x4.extract_lane(b, 2)), rcpss(i32x4.extract_lane(b, 3)),
  )
}
export function rsqrtps(b: v128): v128 {
  return gather32(
    rsqrtss(i32x4.extract_lane(b, 0)), rsqrtss(i32x4.extract_lane(b, 1)), rsqrtss(i32x4.extract_lane(b, 2)),
    rsqrtss(i32x4.extract_lane(b, 3)),
  )
}
