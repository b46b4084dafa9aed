// Meanings of SSE conversions between single, double and integers, and of rounding to an integral value.
// SDM volume 1, 4.9.1, 10.4.3, 11.4.1.6 and 12.10.3. A number that does not fit gives the "integer indefinite", the
// smallest negative one, and IE; what is not exact gives PE. Conversions to integers know no denormals.
//
// The functions of one element note flags and do not settle them; each meaning settles once at its end.

import { DOWN, NEAREST, PE, RC, TOWARD_ZERO, UP, mxcsr, note, ordinaryMode, settle } from './sse-mxcsr'
import { chooseNan, flushed, isNan, softConvert, softFromInteger, softToInteger } from './sse-softfloat'
import { gather32, gather64, plain, safe } from './sse-float'

// One element.

/** To a signed integer of type I, in the current rounding mode. */
// @ts-ignore: decorator
@inline function rounded<F, T, I>(a: T): I {
  const r = nearest<F>(reinterpret<F>(a))
  if (ordinaryMode() && fits<F, I>(r)) return <I>r
  return <I>softToInteger<T>(a, sizeof<I>() << 3, mxcsr() & RC)
}
/** To a signed integer of type I, toward zero. */
// @ts-ignore: decorator
@inline function truncated<F, T, I>(a: T): I {
  const x = reinterpret<F>(a)
  const r = trunc<F>(x)
  if (fits<F, I>(r) && (r == x || ordinaryMode())) return <I>r
  return <I>softToInteger<T>(a, sizeof<I>() << 3, TOWARD_ZERO)
}
/** A NaN does not. */
// @ts-ignore: decorator
@inline function fits<F, I>(r: F): bool {
  const limit: F = sizeof<I>() == 8 ? <F>9223372036854775808.0 : <F>2147483648.0
  return r >= -limit && r < limit
}
// @ts-ignore: decorator
@inline function doubleOf(a: u32): u64 {
  const x = reinterpret<f32>(a)
  return plain<f32>(x) ? reinterpret<u64>(<f64>x) : softConvert<u32, u64>(a)
}
// @ts-ignore: decorator
@inline function singleOf(a: u64): u32 {
  const x = reinterpret<f64>(a)
  const r = <f32>x
  return x == 0 || (safe<f32>(r) && (<f64>r == x || ordinaryMode())) ? reinterpret<u32>(r) : <u32>softConvert<u64, u32>(a)
}
// @ts-ignore: decorator
@inline function singleOfInteger(a: i64): u32 {
  const r = <f32>a
  return ordinaryMode() || abs<i64>(a) <= 0x1000000 ? reinterpret<u32>(r) : <u32>softFromInteger<u32>(a)
}
// @ts-ignore: decorator
@inline function doubleOfInteger(a: i64): u64 {
  const r = <f64>a
  return ordinaryMode() || <u64>(a + 0x20000000000000) <= 0x40000000000000 ? reinterpret<u64>(r) : softFromInteger<u64>(a)
}

// Scalars to and from general registers.

export function cvtsi2ss<T>(b: T): u32 {
  const result = singleOfInteger(sizeof<T>() == 8 ? <i64>b : <i64>(<i32>b))
  settle()
  return result
}
export function cvtsi2sd<T>(b: T): u64 {
  const result = doubleOfInteger(sizeof<T>() == 8 ? <i64>b : <i64>(<i32>b))
  settle()
  return result
}
export function cvtss2si<T>(b: u32): T {
  const result: T = sizeof<T>() == 8 ? <T>rounded<f32, u32, i64>(b) : <T>rounded<f32, u32, i32>(b)
  settle()
  return result
}
export function cvtsd2si<T>(b: u64): T {
  const result: T = sizeof<T>() == 8 ? <T>rounded<f64, u64, i64>(b) : <T>rounded<f64, u64, i32>(b)
  settle()
  return result
}
export function cvttss2si<T>(b: u32): T {
  const result: T = sizeof<T>() == 8 ? <T>truncated<f32, u32, i64>(b) : <T>truncated<f32, u32, i32>(b)
  settle()
  return result
}
export function cvttsd2si<T>(b: u64): T {
  const result: T = sizeof<T>() == 8 ? <T>truncated<f64, u64, i64>(b) : <T>truncated<f64, u64, i32>(b)
  settle()
  return result
}

// Between the two formats.

export function cvtss2sd(b: u32): u64 {
  const result = doubleOf(b)
  settle()
  return result
}
export function cvtsd2ss(b: u64): u32 {
  const result = singleOf(b)
  settle()
  return result
}
export function cvtps2pd(b: u64): v128 {
  const r0 = doubleOf(<u32>b)
  const r1 = doubleOf(<u32>(b >> 32))
  settle()
  return gather64(r0, r1)
}
export function cvtpd2ps(b: v128): v128 {
  const r0 = singleOf(i64x2.extract_lane(b, 0))
  const r1 = singleOf(i64x2.extract_lane(b, 1))
  settle()
  return gather32(r0, r1, 0, 0)
}

// Vectors to and from integers.

export function cvtdq2pd(b: u64): v128 {
  return f64x2.convert_low_i32x4_s(i64x2.splat(b))
}
export function cvtdq2ps(b: v128): v128 {
  if (ordinaryMode()) return f32x4.convert_i32x4_s(b)
  const r0 = singleOfInteger(i32x4.extract_lane(b, 0))
  const r1 = singleOfInteger(i32x4.extract_lane(b, 1))
  const r2 = singleOfInteger(i32x4.extract_lane(b, 2))
  const r3 = singleOfInteger(i32x4.extract_lane(b, 3))
  settle()
  return gather32(r0, r1, r2, r3)
}
export function cvtps2dq(b: v128): v128 {
  const r0 = rounded<f32, u32, i32>(i32x4.extract_lane(b, 0))
  const r1 = rounded<f32, u32, i32>(i32x4.extract_lane(b, 1))
  const r2 = rounded<f32, u32, i32>(i32x4.extract_lane(b, 2))
  const r3 = rounded<f32, u32, i32>(i32x4.extract_lane(b, 3))
  settle()
  return gather32(r0, r1, r2, r3)
}
export function cvttps2dq(b: v128): v128 {
  const r0 = truncated<f32, u32, i32>(i32x4.extract_lane(b, 0))
  const r1 = truncated<f32, u32, i32>(i32x4.extract_lane(b, 1))
  const r2 = truncated<f32, u32, i32>(i32x4.extract_lane(b, 2))
  const r3 = truncated<f32, u32, i32>(i32x4.extract_lane(b, 3))
  settle()
  return gather32(r0, r1, r2, r3)
}
export function cvtpd2dq(b: v128): v128 {
  const r0 = rounded<f64, u64, i32>(i64x2.extract_lane(b, 0))
  const r1 = rounded<f64, u64, i32>(i64x2.extract_lane(b, 1))
  settle()
  return gather32(r0, r1, 0, 0)
}
export function cvttpd2dq(b: v128): v128 {
  const r0 = truncated<f64, u64, i32>(i64x2.extract_lane(b, 0))
  const r1 = truncated<f64, u64, i32>(i64x2.extract_lane(b, 1))
  settle()
  return gather32(r0, r1, 0, 0)
}

// To and from MMX registers, which hold two 32-bit integers.

export function cvtpi2pd(b: v128): v128 {
  return f64x2.convert_low_i32x4_s(b)
}
export function cvtpi2ps(b: v128): u64 {
  const r0 = singleOfInteger(i32x4.extract_lane(b, 0))
  const r1 = singleOfInteger(i32x4.extract_lane(b, 1))
  settle()
  return <u64>r0 | (<u64>r1 << 32)
}
/** From memory: no MMX register is involved. */
export function cvtpi2psLoad(b: u64): u64 {
  return cvtpi2ps(i64x2.splat(b))
}
export function cvtps2pi(b: u64): v128 {
  const r0 = rounded<f32, u32, i32>(<u32>b)
  const r1 = rounded<f32, u32, i32>(<u32>(b >> 32))
  settle()
  return gather32(r0, r1, 0, 0)
}
export function cvttps2pi(b: u64): v128 {
  const r0 = truncated<f32, u32, i32>(<u32>b)
  const r1 = truncated<f32, u32, i32>(<u32>(b >> 32))
  settle()
  return gather32(r0, r1, 0, 0)
}

// ROUND: bits 1 and 0 of the immediate are the mode unless bit 2 says RC; bit 3 suppresses PE.

function integral<F, T>(operand: T, control: u32): T {
  const a = <T>flushed<T>(operand)
  if (isNan<T>(a)) return <T>chooseNan<T>(a, a)
  const x = reinterpret<F>(a)
  const mode = control & 4 ? mxcsr() & RC : (control & 3) << 13
  let r: F
  if (mode == NEAREST) r = nearest<F>(x)
  else if (mode == DOWN) r = floor<F>(x)
  else if (mode == UP) r = ceil<F>(x)
  else r = trunc<F>(x)
  if (r != x && !(control & 8)) note(PE)
  return reinterpret<T>(r)
}
export function roundss(b: u32, control: u8): u32 {
  const result = integral<f32, u32>(b, control)
  settle()
  return result
}
export function roundsd(b: u64, control: u8): u64 {
  const result = integral<f64, u64>(b, control)
  settle()
  return result
}
export function roundps(b: v128, control: u8): v128 {
  const r0 = integral<f32, u32>(i32x4.extract_lane(b, 0), control)
  const r1 = integral<f32, u32>(i32x4.extract_lane(b, 1), control)
  const r2 = integral<f32, u32>(i32x4.extract_lane(b, 2), control)
  const r3 = integral<f32, u32>(i32x4.extract_lane(b, 3), control)
  settle()
  return gather32(r0, r1, r2, r3)
}
export function roundpd(b: v128, control: u8): v128 {
  const r0 = integral<f64, u64>(i64x2.extract_lane(b, 0), control)
  const r1 = integral<f64, u64>(i64x2.extract_lane(b, 1), control)
  settle()
  return gather64(r0, r1)
}
