// 2^x − 1, y·log2 x and y·log2(x + 1) of 80-bit floats, for F2XM1, FYL2X and FYL2XP1.
//
// As in float80-trigonometry.ts: series with 128-bit terms, one rounding at the end, error before it below 2^-100.
//   2^x − 1: x = i/32 + f, |f| ≤ 1/64; 2^(i/32) from a table, e^(f·ln 2) − 1 by its series.
//   log2 m:  2/ln 2 · atanh(s), s = (m − 1)/(m + 1), for m in [√½, √2].

import { BIAS, EXPONENT_MAX, f80Raise, f80RoundTo, f80se, f80Set, PE, SIGN, UE } from './float80'
import { EXPONENTIAL, LN2_HIGH, LN2_LOW, ODD_RECIPROCALS, POWERS, TWO_LOG2E_HIGH, TWO_LOG2E_LOW } from './float80-tables'
import { f80FromWide } from './float80-trigonometry'
import {
  divideWide, multiply128, multiplyWide, normalizeWide, polynomial, shiftRight128, wideExponent, wideHigh, wideLow,
} from './float80-wide'

/** √2 in units of 2^-63. */
const SQRT2: u64 = 0xb504f333f9de6484

/** 2^x − 1 for finite nonzero |x| ≤ 1. */
export function f80PowerMinusOne(sig: u64, se: u32): void {
  const sign = se & SIGN
  const shift = <i32>clz<u64>(sig)
  const exponent = <i32>max<u32>(se & EXPONENT_MAX, 1) - shift - BIAS
  sig <<= shift
  if (exponent >= 0) {
    // ±1, the only exact results: 1 and −½. Processors report PE all the same.
    f80Raise(PE)
    f80Set(0x8000000000000000, sign ? 0xbffe : 0x3fff)
    return
  }
  let i: i32 = 0
  let negative = sign != 0
  let fHigh = sig
  let fLow: u64 = 0
  let fExponent = exponent + 1
  if (exponent >= -6) {
    shiftRight128(sig, 0, -1 - exponent)
    i = <i32>(((wideHigh >> 58) + 1) >> 1)
    // For i = 32 the shift leaves nothing, and x itself, read as signed, is x − 1.
    let high = wideHigh - (<u64>i << 59)
    let low = wideLow
    if (<i64>high < 0) {
      high = 0 - high - u64(low != 0)
      low = 0 - low
      negative = !negative
    }
    normalizeWide(high, low, 0)
    fHigh = wideHigh
    fLow = wideLow
    fExponent = wideExponent
  }
  // wide float = |e^u − 1|, u = ± f·ln 2.
  if ((fHigh | fLow) != 0) {
    multiplyWide(fHigh, fLow, fExponent, LN2_HIGH, LN2_LOW, 0)
    const uHigh = wideHigh
    const uLow = wideLow
    const uExponent = wideExponent
    shiftRight128(uHigh, uLow, -uExponent)
    polynomial(EXPONENTIAL, 13, wideHigh, wideLow, negative)
    normalizeWide(wideHigh, wideLow, 1)
    multiplyWide(uHigh, uLow, uExponent, wideHigh, wideLow, wideExponent)
  }
  if (i == 0) {
    f80FromWide(sign, wideHigh, wideLow, wideExponent)
    return
  }
  shiftRight128(wideHigh, wideLow, -wideExponent)
  const entry = POWERS + (<usize>(sign ? 32 - i : i) << 4)
  let low = load<u64>(entry)
  let high = load<u64>(entry, 8)
  if (sign) {
    low = (low >> 1) | (high << 63)
    high >>= 1
  }
  multiply128(high, low, wideHigh, wideLow)
  // 2^x = power ± product, then minus one; 126 fraction bits.
  if (negative) {
    high = high - wideHigh - u64(low < wideLow)
    low -= wideLow
  } else {
    low += wideLow
    high = high + wideHigh + u64(low < wideLow)
  }
  high -= 0x4000000000000000
  if (sign) {
    high = 0 - high - u64(low != 0)
    low = 0 - low
  }
  normalizeWide(high, low, 2)
  f80FromWide(sign, wideHigh, wideLow, wideExponent)
}

/** wide float = |log2((1 + s) / (1 − s))|, s = n / d, both normalized. */
function logarithmOfRatio(nHigh: u64, nLow: u64, nExponent: i32, dHigh: u64, dLow: u64, dExponent: i32): void {
  divideWide(nHigh, nLow, nExponent, dHigh, dLow, dExponent)
  const sHigh = wideHigh
  const sLow = wideLow
  const sExponent = wideExponent
  multiply128(sHigh, sLow, sHigh, sLow)
  shiftRight128(wideHigh, wideLow, -2 * sExponent)
  polynomial(ODD_RECIPROCALS, 24, wideHigh, wideLow, false)
  normalizeWide(wideHigh, wideLow, 1)
  multiplyWide(wideHigh, wideLow, wideExponent, sHigh, sLow, sExponent)
  multiplyWide(wideHigh, wideLow, wideExponent, TWO_LOG2E_HIGH, TWO_LOG2E_LOW, 2)
}

/** y · (wide float with `sign`). */
function timesY(ySig: u64, ySe: u32, sign: u32, exact: bool): void {
  const shift = <i32>clz<u64>(ySig)
  const exponent = <i32>max<u32>(ySe & EXPONENT_MAX, 1) - shift - BIAS + 1
  multiplyWide(wideHigh, wideLow, wideExponent, ySig << shift, 0, exponent)
  f80RoundTo(sign ^ (ySe & SIGN), wideExponent - 1 + BIAS, wideHigh, exact ? wideLow : wideLow | 1, 64)
  // Processors report an integer logarithm as inexact too, a denormal result therefore as an underflow.
  f80Raise((f80se & EXPONENT_MAX) == 0 ? UE | PE : PE)
}

/** The last logarithm was of a power of two, hence an integer. */
let logarithmExact: bool = false

/** wide float = |log2 x| for x = sigHigh.sigLow × 2^exponent with bit 127 worth one, x ≠ 1. Returns the sign. */
function logarithm(sigHigh: u64, sigLow: u64, exponent: i32): u32 {
  let high: u64 = 0
  let low: u64 = 0
  let negative = false
  // m = sig / 2^127 in [1, 2), or its half when that is nearer to one.
  const half = sigHigh > SQRT2
  logarithmExact = sigHigh == 0x8000000000000000 && sigLow == 0
  if (!logarithmExact) {
    if (half) {
      exponent++
      negative = true
      normalizeWide(0 - sigHigh - u64(sigLow != 0), 0 - sigLow, 0)
      logarithmOfRatio(
        wideHigh, wideLow, wideExponent, (sigHigh >> 1) | 0x8000000000000000, (sigLow >> 1) | (sigHigh << 63), 1,
      )
    } else {
      normalizeWide(sigHigh - 0x8000000000000000, sigLow, 1)
      logarithmOfRatio(
        wideHigh, wideLow, wideExponent, (sigHigh >> 1) + 0x4000000000000000, (sigLow >> 1) | (sigHigh << 63), 2,
      )
    }
    if (exponent == 0) return negative ? SIGN : 0
    // Join with the integer part, 112 fraction bits.
    shiftRight128(wideHigh, wideLow, 16 - wideExponent)
    high = wideHigh
    low = wideLow
  }
  const whole = <u64>abs(exponent) << 48
  if (negative != exponent < 0) {
    high = whole - high - u64(low != 0)
    low = 0 - low
  } else high += whole
  normalizeWide(high, low, 16)
  return exponent < 0 ? SIGN : 0
}

/** y · log2 x for finite nonzero y, positive finite x ≠ 1. */
export function f80Logarithm(ySig: u64, ySe: u32, xSig: u64, xSe: u32): void {
  const shift = <i32>clz<u64>(xSig)
  const exponent = <i32>max<u32>(xSe & EXPONENT_MAX, 1) - shift - BIAS
  const sign = logarithm(xSig << shift, 0, exponent)
  timesY(ySig, ySe, sign, logarithmExact)
}

/** y · log2(x + 1) for finite nonzero y and x, x > −1. The instruction is defined for |x| < 1 − √½ only. */
export function f80LogarithmPlusOne(ySig: u64, ySe: u32, xSig: u64, xSe: u32): void {
  const shift = <i32>clz<u64>(xSig)
  const exponent = <i32>max<u32>(xSe & EXPONENT_MAX, 1) - shift - BIAS
  const sign = xSe & SIGN
  xSig <<= shift
  if (exponent >= -1) {
    // Outside the defined range: 1 + x, then as FYL2X.
    if (sign) {
      normalizeWide(0 - xSig, 0, 0)
      timesY(ySig, ySe, logarithm(wideHigh, wideLow, wideExponent - 1), false)
    } else {
      outOfRangePlusOne(xSig, exponent)
      timesY(ySig, ySe, logarithm(wideHigh, wideLow, wideExponent - 1), false)
    }
    return
  }
  // s = x / (2 + x), both exact but for bits below 2^-126.
  shiftRight128(xSig, 0, 1 - exponent)
  let low = wideLow
  let high = wideHigh
  if (sign) {
    high = 0x8000000000000000 - high - u64(low != 0)
    low = 0 - low
  } else high += 0x8000000000000000
  normalizeWide(high, low, 2)
  logarithmOfRatio(xSig, 0, exponent + 1, wideHigh, wideLow, wideExponent)
  timesY(ySig, ySe, sign, false)
}

/** wide float = 1 + x for x ≥ ½; from 2^126 on the one is lost. */
function outOfRangePlusOne(sig: u64, exponent: i32): void {
  if (exponent < 0) {
    // x in [½, 1): the sum lies in [1½, 2).
    normalizeWide((sig >> 1) + 0x8000000000000000, sig << 63, 1)
    return
  }
  shiftRight128(0x8000000000000000, 0, exponent + 1)
  const oneHigh = wideHigh
  const oneLow = wideLow
  // Halved first, so that the sum cannot overflow.
  const low = (sig << 63) + oneLow
  normalizeWide((sig >> 1) + oneHigh + u64(low < oneLow), low, exponent + 2)
}
