// Operations on 80-bit floats that take a number apart: compare, partial remainder, scale, extract, round to
// integer. None of them obeys precision control.
//
// SDM vol. 2, FPREM, FPREM1, FSCALE, FXTRACT, FRNDINT, FCOM. Condition codes come back in SW's bit positions.

import {
  BIAS, CLASS_DENORMAL, CLASS_INFINITY, CLASS_NORMAL, CLASS_QNAN, CLASS_ZERO, DE, EXPONENT_MAX,
  f80Class, f80Infinity, f80Invalid, f80IsNormal, f80Raise, f80rc, f80RoundTo, f80Set, f80SetUp, f80Special1,
  f80Special2, f80Zero, IE, PE, RC_NEAREST, RC_UP, RC_ZERO, SIGN, ZE,
} from './float80'

export const C0: u32 = 0x0100
export const C1: u32 = 0x0200
export const C2: u32 = 0x0400
export const C3: u32 = 0x4000

const INTEGER_BIT: u64 = 0x8000000000000000
/** Greatest exponent difference that FPREM reduces completely. */
const COMPLETE: i32 = 64

/** ST(0) ? source as C3, C2, C0: 0 greater, C0 less, C3 equal, all three unordered. `quiet`: QNaNs raise nothing. */
export function f80Compare(aSig: u64, aSe: u32, bSig: u64, bSe: u32, quiet: bool): u32 {
  if (!(f80IsNormal(aSig, aSe) && f80IsNormal(bSig, bSe))) {
    const a = f80Class(aSig, aSe)
    const b = f80Class(bSig, bSe)
    if (a >= CLASS_QNAN || b >= CLASS_QNAN) {
      if (!quiet || a > CLASS_QNAN || b > CLASS_QNAN) f80Raise(IE)
      return C3 | C2 | C0
    }
    if (a == CLASS_DENORMAL || b == CLASS_DENORMAL) f80Raise(DE)
    if (a == CLASS_ZERO && b == CLASS_ZERO) return C3
  }
  if ((aSe ^ bSe) & SIGN) return aSe & SIGN ? C0 : 0
  // Exponent 0 has the weight of exponent 1, which makes a pseudo-denormal equal to its normal twin.
  const aExponent = max<u32>(aSe & EXPONENT_MAX, 1)
  const bExponent = max<u32>(bSe & EXPONENT_MAX, 1)
  // A denormal's significand is below any normal one, so the pair compares like a number.
  if (aExponent == bExponent && aSig == bSig) return C3
  const less = aExponent < bExponent || (aExponent == bExponent && aSig < bSig)
  return less != ((aSe & SIGN) != 0) ? C0 : 0
}

/** f80Remainder met a NaN or an invalid operation: there is no quotient. */
export const REMAINDER_NONE: u32 = 1

/**
 * FPREM (nearest = false) and FPREM1 (true). Returns C0, C3, C1 = quotient bits 2, 1, 0 after a complete
 * reduction, or C2 after a partial one. The partial step takes 32 to 63 off the exponent difference.
 */
export function f80Remainder(aSig: u64, aSe: u32, bSig: u64, bSe: u32, nearest: bool): u32 {
  if (f80Special2(aSig, aSe, bSig, bSe)) return REMAINDER_NONE
  const a = f80Class(aSig, aSe)
  const b = f80Class(bSig, bSe)
  if (a == CLASS_INFINITY || b == CLASS_ZERO) {
    f80Invalid()
    return REMAINDER_NONE
  }
  if (a == CLASS_DENORMAL || b == CLASS_DENORMAL) f80Raise(DE)
  if (a == CLASS_ZERO) {
    f80Set(aSig, aSe)
    return 0
  }
  const sign = aSe & SIGN
  let exponent = aSe & EXPONENT_MAX ? <i32>(aSe & EXPONENT_MAX) : 1 - <i32>clz<u64>(aSig)
  aSig <<= clz<u64>(aSig)
  if (b == CLASS_INFINITY) {
    f80RoundTo(sign, exponent, aSig, 0, 64)
    return 0
  }
  const bExponent = bSe & EXPONENT_MAX ? <i32>(bSe & EXPONENT_MAX) : 1 - <i32>clz<u64>(bSig)
  bSig <<= clz<u64>(bSig)
  const difference = exponent - bExponent
  const least = nearest ? -1 : 0
  if (difference < least) {
    f80RoundTo(sign, exponent, aSig, 0, 64)
    return 0
  }
  let steps = difference
  let partial = false
  if (difference >= COMPLETE) {
    steps = (difference & 31) | 32
    partial = true
  }
  // Long division, one quotient bit a turn, at most 64 turns; `rest` < b after each.
  let rest = aSig
  let quotient: u32 = 0
  let result = sign
  if (steps >= 0) {
    if (rest >= bSig) {
      rest -= bSig
      quotient = 1
    }
    for (let i = 0; i < steps; i++) {
      const carry = rest >> 63
      rest <<= 1
      quotient <<= 1
      if (carry != 0 || rest >= bSig) {
        rest -= bSig
        quotient |= 1
      }
    }
    exponent -= steps
    if (nearest && !partial) {
      const other = bSig - rest
      if (rest > other || (rest == other && quotient & 1)) {
        rest = other
        result ^= SIGN
        quotient++
      }
    }
  } else if (rest > bSig) {
    // Exponent one below b's: |a| lies between ½b and b. The quotient rounds to 1 unless a is exactly ½b.
    // b − a in units of a's last place: 2·b − a fits 64 bits because a > b here.
    rest = (bSig - rest) + bSig
    result ^= SIGN
    quotient = 1
  }
  if (rest == 0) f80Zero(sign)
  else {
    const shift = clz<u64>(rest)
    f80RoundTo(result, exponent - <i32>shift, rest << shift, 0, 64)
  }
  if (partial) return C2
  return (quotient & 4 ? C0 : 0) | (quotient & 2 ? C3 : 0) | (quotient & 1 ? C1 : 0)
}

/** FSCALE: a × 2^trunc(b). */
export function f80Scale(aSig: u64, aSe: u32, bSig: u64, bSe: u32): void {
  if (f80Special2(aSig, aSe, bSig, bSe)) return
  const a = f80Class(aSig, aSe)
  const b = f80Class(bSig, bSe)
  const sign = aSe & SIGN
  if (b == CLASS_INFINITY) {
    if (bSe & SIGN) {
      if (a == CLASS_INFINITY) f80Invalid()
      else {
        if (a == CLASS_DENORMAL) f80Raise(DE)
        f80Zero(sign)
      }
    } else if (a == CLASS_ZERO) f80Invalid()
    else {
      if (a == CLASS_DENORMAL) f80Raise(DE)
      f80Infinity(sign)
    }
    return
  }
  if (a == CLASS_DENORMAL || b == CLASS_DENORMAL) f80Raise(DE)
  if (a == CLASS_INFINITY || a == CLASS_ZERO) {
    f80Set(aSig, aSe)
    return
  }
  const exponent = aSe & EXPONENT_MAX ? <i32>(aSe & EXPONENT_MAX) : 1 - <i32>clz<u64>(aSig)
  aSig <<= clz<u64>(aSig)
  const power = <i32>(bSe & EXPONENT_MAX) - BIAS
  let count = 0
  if (b == CLASS_NORMAL && power >= 0) {
    // Beyond 2^16 every number leaves the range, wrapped or not.
    count = power > 16 ? 0x20000 : <i32>(bSig >> (63 - power))
    if (bSe & SIGN) count = -count
  }
  f80RoundTo(sign, exponent + count, aSig, 0, 64)
}

/** FXTRACT, first half: the exponent of a as a float (the new ST(1)). False when a NaN decides both results. */
export function f80ExtractExponent(sig: u64, se: u32): bool {
  if (f80Special1(sig, se)) return false
  const kind = f80Class(sig, se)
  if (kind == CLASS_ZERO) {
    f80Raise(ZE)
    f80Infinity(SIGN)
    return true
  }
  if (kind == CLASS_INFINITY) {
    f80Infinity(0)
    return true
  }
  if (kind == CLASS_DENORMAL) f80Raise(DE)
  const exponent = (se & EXPONENT_MAX ? <i32>(se & EXPONENT_MAX) : 1 - <i32>clz<u64>(sig)) - BIAS
  f80FromInteger(exponent)
  return true
}

/** FXTRACT, second half: the significand of a in [1, 2) with its sign (the new ST(0)). */
export function f80ExtractSignificand(sig: u64, se: u32): void {
  const kind = f80Class(sig, se)
  if (kind == CLASS_ZERO || kind == CLASS_INFINITY) f80Set(sig, se)
  else f80Set(sig << clz<u64>(sig), (se & SIGN) | <u32>BIAS)
}

/** The float of a 64-bit integer, always exact (FILD). */
export function f80FromInteger(value: i64): void {
  if (value == 0) {
    f80Zero(0)
    return
  }
  const sign = value < 0 ? SIGN : 0
  const magnitude = value < 0 ? 0 - <u64>value : <u64>value
  const shift = clz<u64>(magnitude)
  f80Set(magnitude << shift, sign | (<u32>(BIAS + 63) - <u32>shift))
}

/** FRNDINT. */
export function f80RoundToInteger(sig: u64, se: u32): void {
  if (f80Special1(sig, se)) return
  const exponent = <i32>(se & EXPONENT_MAX)
  const sign = se & SIGN
  if (sig == 0 || exponent >= BIAS + 63) {
    f80Set(sig, se)
    return
  }
  if (exponent == 0) f80Raise(DE)
  const rounded = f80RoundMagnitude(sig, exponent, sign)
  if (rounded == 0) f80Zero(sign)
  else {
    const shift = clz<u64>(rounded)
    f80Set(rounded << shift, sign | (<u32>(BIAS + 63) - <u32>shift))
  }
}

/** |a| rounded to an integer by RC; raises PE and C1. Needs a biased exponent ≤ BIAS + 63. */
export function f80RoundMagnitude(sig: u64, exponent: i32, sign: u32): u64 {
  const cut = BIAS + 63 - exponent
  if (cut == 0) return sig
  let whole: u64 = 0
  let rest: u64
  if (cut < 64) {
    whole = sig >> cut
    rest = sig << (64 - cut)
  } else rest = cut == 64 ? sig : u64(sig != 0)
  if (rest == 0) return whole
  f80Raise(PE)
  let up: bool
  if (f80rc == RC_NEAREST) up = rest > INTEGER_BIT || (rest == INTEGER_BIT && (whole & 1) != 0)
  else up = f80rc != RC_ZERO && (f80rc == RC_UP) == (sign == 0)
  f80SetUp(u32(up))
  return whole + u64(up)
}
