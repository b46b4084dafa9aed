// IEEE 754 arithmetic in integers: whatever WebAssembly's own cannot do, which is rounding modes, exception flags,
// flushing to zero and the processor's choice of NaN. SDM volume 1, 4.8, 4.9 and 11.5.
//
// One set of functions for both formats: T is u32 (single) or u64 (double). A finite number that is not zero is
// taken apart into sign, exponent and a significand whose leading one is bit 62, computed there with a sticky
// lowest bit (it stands for everything shifted out), and put together again by `roundPack`.
//
//   bit 63   62    61 ............ 10 (double) or 39 (single)   ........ 0
//   room     one   the fraction that the format holds           rounded away
//
// sse-float.ts comes here only when its fast paths cannot vouch for a result.

import { DAZ, DE, DOWN, FZ, IE, NEAREST, OE, OM, PE, RC, UE, UM, UP, ZE, mxcsr, note } from './sse-mxcsr'
import { multiplyHigh64 } from './float80-wide'

export const ADD: u32 = 0
export const SUB: u32 = 1
export const MUL: u32 = 2
export const DIV: u32 = 3

const LEADING: u64 = 1 << 62

// @ts-ignore: decorator
@inline function FRACTION_BITS<T>(): i32 {
  return sizeof<T>() == 8 ? 52 : 23
}
// @ts-ignore: decorator
@inline function BIAS<T>(): i32 {
  return sizeof<T>() == 8 ? 1023 : 127
}
// @ts-ignore: decorator
@inline function SIGN<T>(): u64 {
  return sizeof<T>() == 8 ? 0x8000000000000000 : 0x80000000
}
// @ts-ignore: decorator
@inline function INFINITY<T>(): u64 {
  return sizeof<T>() == 8 ? 0x7ff0000000000000 : 0x7f800000
}
// @ts-ignore: decorator
@inline function QUIET<T>(): u64 {
  return sizeof<T>() == 8 ? 0x0008000000000000 : 0x00400000
}
/** The NaN of invalid operations: negative. */
// @ts-ignore: decorator
@inline function INDEFINITE<T>(): u64 {
  return sizeof<T>() == 8 ? 0xfff8000000000000 : 0xffc00000
}
// @ts-ignore: decorator
@inline function magnitude<T>(x: u64): u64 {
  return x & (SIGN<T>() - 1)
}
// @ts-ignore: decorator
@inline export function isNan<T>(x: u64): bool {
  return magnitude<T>(x) > INFINITY<T>()
}
// @ts-ignore: decorator
@inline export function isSignaling<T>(x: u64): bool {
  return isNan<T>(x) && (x & QUIET<T>()) == 0
}
// @ts-ignore: decorator
@inline export function isDenormal<T>(x: u64): bool {
  return magnitude<T>(x) - 1 < ((<u64>1 << FRACTION_BITS<T>()) - 1)
}
/** Denormals-are-zeros. */
// @ts-ignore: decorator
@inline export function flushed<T>(x: u64): u64 {
  return mxcsr() & DAZ && isDenormal<T>(x) ? x & SIGN<T>() : x
}

/** The NaN that an operation of `a` and `b`, one of them a NaN, returns: the first operand's goes first. */
export function chooseNan<T>(a: u64, b: u64): u64 {
  if (isSignaling<T>(a) || isSignaling<T>(b)) note(IE)
  return (isNan<T>(a) ? a : b) | QUIET<T>()
}
function invalid<T>(): u64 {
  note(IE)
  return INDEFINITE<T>()
}

// What `unpack` found.
let exponent: i32 = 0
let significand: u64 = 0

/** Takes a finite number, not zero, apart: |x| = significand × 2^(exponent − 62). */
function unpack<T>(x: u64): void {
  const fraction = x & ((<u64>1 << FRACTION_BITS<T>()) - 1)
  const biased = <i32>(magnitude<T>(x) >> FRACTION_BITS<T>())
  if (biased == 0) {
    const shift = <i32>clz<u64>(fraction) - 1
    significand = fraction << shift
    exponent = 1 - BIAS<T>() + (62 - FRACTION_BITS<T>()) - shift
  } else {
    significand = LEADING | (fraction << (62 - FRACTION_BITS<T>()))
    exponent = biased - BIAS<T>()
  }
}

/** Is the magnitude `kept` to be incremented, when `rest` of `half`×2 was cut off? */
// @ts-ignore: decorator
@inline function roundsUp(mode: u32, negative: bool, kept: u64, rest: u64, half: u64): bool {
  if (mode == NEAREST) return rest > half || (rest == half && (kept & 1) != 0)
  if (mode == UP) return !negative && rest != 0
  if (mode == DOWN) return negative && rest != 0
  return false
}

// @ts-ignore: decorator
@inline function shiftRightSticky(x: u64, count: i32): u64 {
  if (count == 0) return x
  if (count > 63) return 1
  return (x >> count) | <u64>((x << (64 - count)) != 0)
}

/** The nearest number in RC's sense to sig × 2^(exp − 62), where bit 62 is the leading one; notes OE, UE and PE. */
export function roundPack<T>(sign: u64, exp: i32, sig: u64): u64 {
  const cut = 62 - FRACTION_BITS<T>()
  const restMask = (<u64>1 << cut) - 1
  const half = <u64>1 << (cut - 1)
  const control = mxcsr()
  const mode = control & RC
  const negative = sign != 0
  let biased = exp + BIAS<T>()
  let kept = sig >> cut
  let rest = sig & restMask
  const carry: u64 = kept + <u64>roundsUp(mode, negative, kept, rest, half)
  if (biased >= 1) {
    kept = carry
    if (kept >> (FRACTION_BITS<T>() + 1)) {
      kept >>= 1
      biased++
    }
    if (biased > 2 * BIAS<T>()) {
      // Unmasked, the handler's result would keep its exponent: then only the fraction counts as inexact.
      note(control & OM || rest ? OE | PE : OE)
      const toInfinity = mode == NEAREST || mode == (negative ? DOWN : UP)
      return sign | (toInfinity ? INFINITY<T>() : INFINITY<T>() - 1)
    }
    if (rest) note(PE)
    return sign | (((<u64>biased - 1) << FRACTION_BITS<T>()) + kept)
  }
  // Tininess is detected after rounding as if the exponent had no limit.
  const tiny = biased < 0 || !(carry >> (FRACTION_BITS<T>() + 1))
  if (tiny && !(control & UM)) {
    note(rest ? UE | PE : UE)
    return sign
  }
  if (tiny && control & FZ) {
    note(UE | PE)
    return sign
  }
  const shifted = shiftRightSticky(sig, 1 - biased)
  kept = shifted >> cut
  rest = shifted & restMask
  if (rest) note(tiny ? UE | PE : PE)
  return sign | (kept + <u64>roundsUp(mode, negative, kept, rest, half))
}

// Arithmetic.

/** a + b, a − b, a × b, a ÷ b as the instructions do it; flags are noted. */
export function softArithmetic<T>(operation: u32, first: u64, second: u64): u64 {
  const a = flushed<T>(first)
  const b = flushed<T>(second)
  if (isNan<T>(a) || isNan<T>(b)) return chooseNan<T>(a, b)
  if (operation == MUL) return softMultiply<T>(a, b)
  if (operation == DIV) return softDivide<T>(a, b)
  return softAdd<T>(a, operation == SUB ? b ^ SIGN<T>() : b)
}

// @ts-ignore: decorator
@inline function noteDenormals<T>(a: u64, b: u64): void {
  if (isDenormal<T>(a) || isDenormal<T>(b)) note(DE)
}

function softAdd<T>(a: u64, b: u64): u64 {
  const infinite = magnitude<T>(a) == INFINITY<T>()
  if (infinite && magnitude<T>(b) == INFINITY<T>()) return a == b ? a : invalid<T>()
  noteDenormals<T>(a, b)
  if (infinite) return a
  if (magnitude<T>(b) == INFINITY<T>()) return b
  const zero = (mxcsr() & RC) == DOWN ? SIGN<T>() : 0
  if (magnitude<T>(a) == 0 && magnitude<T>(b) == 0) return a == b ? a : zero
  // The one with the larger magnitude first.
  const swap = magnitude<T>(a) < magnitude<T>(b)
  const large = swap ? b : a
  const small = swap ? a : b
  const sign = large & SIGN<T>()
  unpack<T>(large)
  let exp = exponent
  let sig = significand
  if (magnitude<T>(small) != 0) {
    unpack<T>(small)
    const other = shiftRightSticky(significand, exp - exponent)
    if ((a ^ b) & SIGN<T>()) {
      sig -= other
      if (sig == 0) return zero
      const shift = <i32>clz<u64>(sig) - 1
      sig <<= shift
      exp -= shift
    } else {
      sig += other
      if (sig >> 63) {
        sig = (sig >> 1) | (sig & 1)
        exp++
      }
    }
  }
  return roundPack<T>(sign, exp, sig)
}

function softMultiply<T>(a: u64, b: u64): u64 {
  const sign = (a ^ b) & SIGN<T>()
  if (magnitude<T>(a) == INFINITY<T>() || magnitude<T>(b) == INFINITY<T>()) {
    if (magnitude<T>(a) == 0 || magnitude<T>(b) == 0) return invalid<T>()
    noteDenormals<T>(a, b)
    return sign | INFINITY<T>()
  }
  noteDenormals<T>(a, b)
  if (magnitude<T>(a) == 0 || magnitude<T>(b) == 0) return sign
  unpack<T>(a)
  let exp = exponent
  const sigA = significand
  unpack<T>(b)
  exp += exponent
  // 1.x × 1.x with the ones at bits 63 and 63: the product's leading one is bit 127 or 126.
  const low = (sigA << 1) * (significand << 1)
  const high = multiplyHigh64(sigA << 1, significand << 1)
  const sticky = <u64>(low != 0)
  if (high >> 63) return roundPack<T>(sign, exp + 1, (high >> 1) | (high & 1) | sticky)
  return roundPack<T>(sign, exp, high | sticky)
}

function softDivide<T>(a: u64, b: u64): u64 {
  const sign = (a ^ b) & SIGN<T>()
  const infinite = magnitude<T>(a) == INFINITY<T>()
  if (magnitude<T>(b) == INFINITY<T>()) {
    if (infinite) return invalid<T>()
    noteDenormals<T>(a, b)
    return sign
  }
  if (magnitude<T>(b) == 0) {
    if (magnitude<T>(a) == 0) return invalid<T>()
    if (!infinite) note(ZE)
    return sign | INFINITY<T>()
  }
  noteDenormals<T>(a, b)
  if (infinite) return sign | INFINITY<T>()
  if (magnitude<T>(a) == 0) return sign
  unpack<T>(a)
  let exp = exponent
  let rest = significand
  unpack<T>(b)
  exp -= exponent
  const divisor = significand
  if (rest < divisor) {
    rest <<= 1
    exp--
  }
  // One bit a step, from bit 62 down to one below the last that rounding looks at. Bounded: at most 56 steps.
  const last = 62 - FRACTION_BITS<T>() - 2
  let quotient: u64 = 0
  for (let bit: i32 = 62; bit >= last; bit--) {
    if (rest >= divisor) {
      rest -= divisor
      quotient |= <u64>1 << bit
    }
    rest <<= 1
  }
  return roundPack<T>(sign, exp, quotient | <u64>(rest != 0))
}

export function softSquareRoot<T>(operand: u64): u64 {
  const a = flushed<T>(operand)
  if (isNan<T>(a)) return chooseNan<T>(a, a)
  if (magnitude<T>(a) == 0) return a
  if (a & SIGN<T>()) return invalid<T>()
  if (a == INFINITY<T>()) return a
  noteDenormals<T>(a, a)
  unpack<T>(a)
  // An even exponent; then the root's digits, one a step: two bits of the radicand come down, as on paper.
  const odd = exponent & 1
  let exp = (exponent - odd) >> 1
  let radicand = significand << odd // 1 ≤ r < 4, its units at bit 62
  let root: u64 = 0
  let rest: u64 = 0
  const steps = FRACTION_BITS<T>() + 3
  for (let i = 0; i < steps; i++) {
    rest = (rest << 2) | (radicand >> 62)
    radicand <<= 2
    root <<= 1
    const trial = (root << 1) | 1
    if (rest >= trial) {
      rest -= trial
      root |= 1
    }
  }
  return roundPack<T>(0, exp, (root << (63 - steps)) | <u64>((rest | radicand) != 0))
}

// Comparison.

/** Unordered, or how a stands to b. */
export const LESS: i32 = -1
export const EQUAL: i32 = 0
export const GREATER: i32 = 1
export const UNORDERED: i32 = 2

/** Compares; `quiet` compares take QNaNs without IE. */
export function softCompare<T>(first: u64, second: u64, quiet: bool): i32 {
  const a = flushed<T>(first)
  const b = flushed<T>(second)
  if (isNan<T>(a) || isNan<T>(b)) {
    if (!quiet || isSignaling<T>(a) || isSignaling<T>(b)) note(IE)
    return UNORDERED
  }
  noteDenormals<T>(a, b)
  if (a == b || (magnitude<T>(a) | magnitude<T>(b)) == 0) return EQUAL
  if ((a ^ b) & SIGN<T>()) return a & SIGN<T>() ? LESS : GREATER
  return a < b == ((a & SIGN<T>()) == 0) ? LESS : GREATER
}

// Conversion.

/** To a signed integer of `bits` bits, in RC's sense or toward zero; the smallest integer when it does not fit. */
export function softToInteger<T>(operand: u64, bits: u32, mode: u32): i64 {
  const a = flushed<T>(operand)
  const indefinite: i64 = <i64>-1 << (bits - 1)
  if (magnitude<T>(a) == 0) return 0
  const negative = (a & SIGN<T>()) != 0
  if (magnitude<T>(a) >= INFINITY<T>()) {
    note(IE)
    return indefinite
  }
  unpack<T>(a)
  if (exponent > 63) {
    note(IE)
    return indefinite
  }
  let kept: u64
  let rest: u64 = 0
  if (exponent > 60) {
    // Neither format's fraction reaches below the units.
    kept = exponent == 61 ? significand >> 1 : significand << (exponent - 62)
  } else {
    // Two bits below the units: the half, and the sticky rest.
    const fixed = shiftRightSticky(significand, 60 - exponent)
    kept = fixed >> 2
    rest = fixed & 3
    kept += <u64>roundsUp(mode, negative, kept, rest, 2)
  }
  const limit = <u64>1 << (bits - 1)
  if (negative ? kept > limit : kept >= limit) {
    note(IE)
    return indefinite
  }
  if (rest) note(PE)
  return negative ? -(<i64>kept) : <i64>kept
}

export function softFromInteger<T>(value: i64): u64 {
  if (value == 0) return 0
  const sign = value < 0 ? SIGN<T>() : 0
  const sig = value < 0 ? <u64>-value : <u64>value
  const shift = <i32>clz<u64>(sig) - 1
  if (shift < 0) return roundPack<T>(sign, 63, (sig >> 1) | (sig & 1))
  return roundPack<T>(sign, 62 - shift, sig << shift)
}

/** Between the two formats. */
export function softConvert<S, T>(operand: u64): u64 {
  const a = flushed<S>(operand)
  const sign = a & SIGN<S>() ? SIGN<T>() : 0
  if (isNan<S>(a)) {
    if (isSignaling<S>(a)) note(IE)
    // The fraction's upper bits stay.
    const fraction = sizeof<S>() == 8 ? magnitude<S>(a) >> 29 : magnitude<S>(a) << 29
    return sign | INFINITY<T>() | QUIET<T>() | (fraction & (QUIET<T>() - 1))
  }
  if (magnitude<S>(a) == 0) return sign
  if (magnitude<S>(a) == INFINITY<S>()) return sign | INFINITY<T>()
  noteDenormals<S>(a, a)
  unpack<S>(a)
  return roundPack<T>(sign, exponent, significand)
}
