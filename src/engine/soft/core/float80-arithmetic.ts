// Add, subtract, multiply, divide, square root of 80-bit floats: the five operations that obey precision control.
//
// Order of the checks follows SDM vol. 1, 4.9.2: unsupported formats and NaNs, then other invalid operations and
// division by zero, then denormal operands, then the arithmetic with a rounding that is exact by construction:
// each operation hands f80RoundTo 128 bits whose last bit is sticky.

import {
  BIAS, CLASS_DENORMAL, CLASS_INFINITY, DE, EXPONENT_MAX, f80Class, f80Infinity, f80Invalid, f80IsNormal, f80pc,
  f80Raise, f80rc, f80RoundTo, f80Set, f80Special1, f80Special2, f80Zero, RC_DOWN, SIGN, ZE,
} from './float80'
import { divide128by64, multiply64, shiftRightJam128, wideHigh, wideLow } from './float80-wide'

/** Exponent of a finite nonzero operand as if it were normalized. */
@inline function exponentOf(sig: u64, se: u32): i32 {
  const exponent = se & EXPONENT_MAX
  return exponent != 0 ? <i32>exponent : 1 - <i32>clz<u64>(sig)
}

@inline function isDenormal(sig: u64, se: u32): bool {
  return (se & EXPONENT_MAX) == 0 && sig != 0
}

@inline function isInfinity(se: u32): bool {
  return (se & EXPONENT_MAX) == EXPONENT_MAX
}

@inline function checkDenormals(aSig: u64, aSe: u32, bSig: u64, bSe: u32): void {
  if (isDenormal(aSig, aSe) || isDenormal(bSig, bSe)) f80Raise(DE)
}

/** a + b, or a − b with flip = SIGN (a NaN in b keeps its sign then). */
export function f80Add(aSig: u64, aSe: u32, bSig: u64, bSe: u32, flip: u32): void {
  if (!(f80IsNormal(aSig, aSe) && f80IsNormal(bSig, bSe))) {
    if (addSpecial(aSig, aSe, bSig, bSe, flip)) return
  }
  bSe ^= flip
  let aExponent = exponentOf(aSig, aSe)
  let bExponent = exponentOf(bSig, bSe)
  aSig <<= clz<u64>(aSig)
  bSig <<= clz<u64>(bSig)
  if (aExponent < bExponent || (aExponent == bExponent && aSig < bSig)) {
    const sig = aSig
    aSig = bSig
    bSig = sig
    const se = aSe
    aSe = bSe
    bSe = se
    const exponent = aExponent
    aExponent = bExponent
    bExponent = exponent
  }
  const sign = aSe & SIGN
  shiftRightJam128(bSig, 0, aExponent - bExponent)
  let high: u64
  let low = wideLow
  if (((aSe ^ bSe) & SIGN) == 0) {
    high = aSig + wideHigh
    if (high < aSig) {
      low = (low >> 1) | (low & 1) | (high << 63)
      high = (high >> 1) | 0x8000000000000000
      aExponent++
    }
  } else {
    high = aSig - wideHigh - u64(low != 0)
    low = 0 - low
    if ((high | low) == 0) {
      f80Zero(f80rc == RC_DOWN ? SIGN : 0)
      return
    }
    if (high == 0) {
      high = low
      low = 0
      aExponent -= 64
    }
    const shift = clz<u64>(high)
    if (shift != 0) {
      high = (high << shift) | (low >> (64 - shift))
      low <<= shift
      aExponent -= <i32>shift
    }
  }
  f80RoundTo(sign, aExponent, high, low, f80pc)
}

/** NaNs, infinities, zeros; true when the result is set. Raises DE for the general path too. */
function addSpecial(aSig: u64, aSe: u32, bSig: u64, bSe: u32, flip: u32): bool {
  if (f80Special2(aSig, aSe, bSig, bSe)) return true
  bSe ^= flip
  if (isInfinity(aSe)) {
    if (isInfinity(bSe) && ((aSe ^ bSe) & SIGN) != 0) {
      f80Invalid()
      return true
    }
    checkDenormals(aSig, aSe, bSig, bSe)
    f80Set(aSig, aSe)
    return true
  }
  checkDenormals(aSig, aSe, bSig, bSe)
  if (isInfinity(bSe)) {
    f80Set(bSig, bSe)
    return true
  }
  if (aSig == 0 && bSig == 0) {
    if (((aSe ^ bSe) & SIGN) == 0) f80Zero(aSe & SIGN)
    else f80Zero(f80rc == RC_DOWN ? SIGN : 0)
    return true
  }
  // Zero plus a number is that number, rounded to the precision in force.
  if (aSig == 0) {
    f80RoundTo(bSe & SIGN, exponentOf(bSig, bSe), bSig << clz<u64>(bSig), 0, f80pc)
    return true
  }
  if (bSig == 0) {
    f80RoundTo(aSe & SIGN, exponentOf(aSig, aSe), aSig << clz<u64>(aSig), 0, f80pc)
    return true
  }
  return false
}

export function f80Multiply(aSig: u64, aSe: u32, bSig: u64, bSe: u32): void {
  const sign = (aSe ^ bSe) & SIGN
  if (!(f80IsNormal(aSig, aSe) && f80IsNormal(bSig, bSe))) {
    if (f80Special2(aSig, aSe, bSig, bSe)) return
    if (isInfinity(aSe) || isInfinity(bSe)) {
      if (aSig == 0 || bSig == 0) {
        f80Invalid()
        return
      }
      checkDenormals(aSig, aSe, bSig, bSe)
      f80Infinity(sign)
      return
    }
    checkDenormals(aSig, aSe, bSig, bSe)
    if (aSig == 0 || bSig == 0) {
      f80Zero(sign)
      return
    }
  }
  let exponent = exponentOf(aSig, aSe) + exponentOf(bSig, bSe) - BIAS + 1
  multiply64(aSig << clz<u64>(aSig), bSig << clz<u64>(bSig))
  let high = wideHigh
  let low = wideLow
  if (<i64>high >= 0) {
    high = (high << 1) | (low >> 63)
    low <<= 1
    exponent--
  }
  f80RoundTo(sign, exponent, high, low, f80pc)
}

/** a / b. */
export function f80Divide(aSig: u64, aSe: u32, bSig: u64, bSe: u32): void {
  const sign = (aSe ^ bSe) & SIGN
  if (!(f80IsNormal(aSig, aSe) && f80IsNormal(bSig, bSe))) {
    if (divideSpecial(aSig, aSe, bSig, bSe, sign)) return
  }
  let exponent = exponentOf(aSig, aSe) - exponentOf(bSig, bSe) + BIAS
  aSig <<= clz<u64>(aSig)
  bSig <<= clz<u64>(bSig)
  let quotient: u64
  if (aSig >= bSig) quotient = divide128by64(aSig >> 1, aSig << 63, bSig)
  else {
    quotient = divide128by64(aSig, 0, bSig)
    exponent--
  }
  // Of the infinite rest only its order against one half matters.
  const remainder = wideLow
  let extra: u64 = 0
  if (remainder != 0) {
    const other = bSig - remainder
    extra = remainder > other ? 0xc000000000000000 : remainder == other ? 0x8000000000000000 : 1
  }
  f80RoundTo(sign, exponent, quotient, extra, f80pc)
}

function divideSpecial(aSig: u64, aSe: u32, bSig: u64, bSe: u32, sign: u32): bool {
  if (f80Special2(aSig, aSe, bSig, bSe)) return true
  if (isInfinity(aSe)) {
    if (isInfinity(bSe)) {
      f80Invalid()
      return true
    }
    checkDenormals(aSig, aSe, bSig, bSe)
    f80Infinity(sign)
    return true
  }
  if (isInfinity(bSe)) {
    checkDenormals(aSig, aSe, bSig, bSe)
    f80Zero(sign)
    return true
  }
  if (bSig == 0) {
    if (aSig == 0) {
      f80Invalid()
      return true
    }
    f80Raise(ZE)
    f80Infinity(sign)
    return true
  }
  checkDenormals(aSig, aSe, bSig, bSe)
  if (aSig == 0) {
    f80Zero(sign)
    return true
  }
  return false
}

export function f80SquareRoot(sig: u64, se: u32): void {
  if (!f80IsNormal(sig, se)) {
    if (f80Special1(sig, se)) return
    if (sig == 0) {
      f80Set(sig, se)
      return
    }
  }
  if (se & SIGN) {
    f80Invalid()
    return
  }
  const kind = f80Class(sig, se)
  if (kind == CLASS_INFINITY) {
    f80Set(sig, se)
    return
  }
  if (kind == CLASS_DENORMAL) f80Raise(DE)
  let exponent = exponentOf(sig, se) - BIAS
  sig <<= clz<u64>(sig)
  // n = significand as a number in [1, 4) × 2^126; its root has 64 bits.
  let high = sig
  let low: u64 = 0
  if (exponent & 1) exponent--
  else {
    low = sig << 63
    high = sig >> 1
  }
  // 52 bits from the host's square root, 64 from one Newton step, the last unit by looking at the remainder.
  const guess = sqrt<f64>(f64(high)) * 4294967296.0
  let root: u64 = guess >= 18446744073709551615.0 ? 0xffffffffffffffff : u64(guess)
  if (root <= high) root = high + 1
  if (root == 0) root = 0xffffffffffffffff
  else {
    const quotient = divide128by64(high, low, root)
    root = (root >> 1) + (quotient >> 1) + (root & quotient & 1)
  }
  let restHigh: u64 = 0
  let restLow: u64 = 0
  // The estimate is off by a unit or two; the bound only says that this loop ends.
  for (let i = 0; i < 8; i++) {
    multiply64(root, root)
    restHigh = high - wideHigh - u64(low < wideLow)
    restLow = low - wideLow
    if (<i64>restHigh < 0) {
      root--
      continue
    }
    // remainder > 2·root means that the next greater root fits.
    const doubleHigh = root >> 63
    const doubleLow = root << 1
    if (restHigh > doubleHigh || (restHigh == doubleHigh && restLow > doubleLow)) {
      root++
      continue
    }
    break
  }
  let extra: u64 = 0
  if ((restHigh | restLow) != 0) {
    // √n lies above root + ½ exactly when the remainder exceeds root.
    extra = restHigh != 0 || restLow > root ? 0xc000000000000000 : 1
  }
  f80RoundTo(0, (exponent >> 1) + BIAS, root, extra, f80pc)
}
