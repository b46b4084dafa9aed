// Sine, cosine, tangent and arctangent of 80-bit floats, for FSIN, FCOS, FSINCOS, FPTAN and FPATAN.
//
// Argument reduction is exact, with the 66-bit π that x87 units have always used (SDM vol. 1, 8.3.8): far from
// zero the results are those of the hardware, not those of the true π. Then a Taylor series with 128-bit
// fixed-point terms; the error before the one rounding at the end is below 2^-100 of the result, so results are
// correctly rounded but for about one in 2^35 cases. Processors differ from that by at most one unit in the last
// place, and from each other.

import { BIAS, EXPONENT_MAX, f80RoundTo, SIGN } from './float80'
import { ARCTANGENTS, COSINE, ODD_RECIPROCALS, PI_HIGH, PI_LOW, SINE } from './float80-tables'
import {
  divideWide, multiply128, multiply64, multiplyWide, normalizeWide, polynomial, shiftRight128, wideExponent, wideHigh,
  wideLow,
} from './float80-wide'

/** The 66-bit π, halved: 0x3243f6a8885a308d3 × 2^-65. */
const HALF_PI_HIGH: u64 = 3
const HALF_PI_LOW: u64 = 0x243f6a8885a308d3

/** Below 2^-50 the square of an argument is beyond the 64 bits of a result, and tan x is x but for the rounding. */
const TINY: i32 = -50

// The reduced argument r, |r| ≤ π/4, as a wide float with its sign; |x| = quadrant · π/2 + r.
let rHigh: u64 = 0
let rLow: u64 = 0
let rExponent: i32 = 0
let rNegative: bool = false
let quadrant: u32 = 0

/** Rounds ± the wide float, which is known to be no exact value. */
export function f80FromWide(sign: u32, high: u64, low: u64, exponent: i32): void {
  f80RoundTo(sign, exponent - 1 + BIAS, high, low | 1, 64)
}

/** Reduces a finite nonzero |x|; false when |x| ≥ 2^63. */
export function f80Reduce(sig: u64, se: u32): bool {
  const shift = <i32>clz<u64>(sig)
  const exponent = <i32>max<u32>(se & EXPONENT_MAX, 1) - shift - BIAS
  sig <<= shift
  if (exponent >= 63) return false
  quadrant = 0
  rNegative = false
  if (exponent < -1) {
    rHigh = sig
    rLow = 0
    rExponent = exponent + 1
    return true
  }
  // Long division by π/2 in units of 2^-65, at most 64 turns.
  let high = sig >> 63
  let low = sig << 1
  for (let i = 0; ; i++) {
    if (high > HALF_PI_HIGH || (high == HALF_PI_HIGH && low >= HALF_PI_LOW)) {
      high = high - HALF_PI_HIGH - u64(low < HALF_PI_LOW)
      low -= HALF_PI_LOW
      quadrant++
    }
    if (i > exponent) break
    high = (high << 1) | (low >> 63)
    low <<= 1
    quadrant <<= 1
  }
  // Into −π/4…π/4.
  const doubleHigh = (high << 1) | (low >> 63)
  if (doubleHigh > HALF_PI_HIGH || (doubleHigh == HALF_PI_HIGH && low << 1 > HALF_PI_LOW)) {
    high = HALF_PI_HIGH - high - u64(HALF_PI_LOW < low)
    low = HALF_PI_LOW - low
    quadrant++
    rNegative = true
  }
  normalizeWide(high, low, 63)
  rHigh = wideHigh
  rLow = wideLow
  rExponent = wideExponent
  return true
}

/** wide = a², for |a| < 1, with 128 fraction bits. */
function squareFraction(high: u64, low: u64, exponent: i32): void {
  multiply128(high, low, high, low)
  shiftRight128(wideHigh, wideLow, -2 * exponent)
}

/** wide float = a · (c[0] − a²·c[1] + …), the shape of sin and atan. */
function oddSeries(table: usize, count: i32, high: u64, low: u64, exponent: i32): void {
  squareFraction(high, low, exponent)
  polynomial(table, count, wideHigh, wideLow, true)
  // The factor is below one, also where its difference from one is too small to see.
  if (wideHigh >= 0x8000000000000000) multiplyWide(high, low, exponent, 0xffffffffffffffff, 0xffffffffffffffff, 0)
  else {
    const factorHigh = (wideHigh << 1) | (wideLow >> 63)
    multiplyWide(high, low, exponent, factorHigh, wideLow << 1, 0)
  }
}

function sineOfReduced(): void {
  oddSeries(SINE, 13, rHigh, rLow, rExponent)
}

function cosineOfReduced(): void {
  squareFraction(rHigh, rLow, rExponent)
  polynomial(COSINE, 14, wideHigh, wideLow, true)
  if (wideHigh >= 0x8000000000000000) normalizeWide(0xffffffffffffffff, 0xffffffffffffffff, 0)
  else normalizeWide(wideHigh, wideLow, 1)
}

/** sin x of the argument reduced last; `se` has the sign of x. */
export function f80Sine(se: u32): void {
  let sign = se & SIGN
  if (quadrant & 2) sign ^= SIGN
  if (quadrant & 1) cosineOfReduced()
  else {
    sineOfReduced()
    if (rNegative) sign ^= SIGN
  }
  f80FromWide(sign, wideHigh, wideLow, wideExponent)
}

/** cos x of the argument reduced last. */
export function f80Cosine(): void {
  let sign: u32 = (quadrant + 1) & 2 ? SIGN : 0
  if (quadrant & 1) {
    sineOfReduced()
    if (rNegative) sign ^= SIGN
  } else cosineOfReduced()
  f80FromWide(sign, wideHigh, wideLow, wideExponent)
}

/** tan x of the argument reduced last. */
export function f80Tangent(se: u32): void {
  let sign = se & SIGN
  if (rNegative) sign ^= SIGN
  if (rExponent < TINY && (quadrant & 1) == 0) {
    // x + x³/3: just above x, which a quotient of two numbers just below would miss.
    f80FromWide(sign, rHigh, rLow, rExponent)
    return
  }
  sineOfReduced()
  const sinHigh = wideHigh
  const sinLow = wideLow
  const sinExponent = wideExponent
  cosineOfReduced()
  if (quadrant & 1) {
    sign ^= SIGN
    divideWide(wideHigh, wideLow, wideExponent, sinHigh, sinLow, sinExponent)
  } else divideWide(sinHigh, sinLow, sinExponent, wideHigh, wideLow, wideExponent)
  f80FromWide(sign, wideHigh, wideLow, wideExponent)
}

/** wide float = atan(a / b), 0 < a ≤ b, both normalized significands with their exponents. */
function arctangentOfRatio(aSig: u64, aExponent: i32, bSig: u64, bExponent: i32): void {
  const difference = bExponent - aExponent
  // The nearest sixteenth i/16 is taken off: atan z = atan(i/16) + atan t, t = (16a − ib) / (16b + ia), |t| ≤ 1/32.
  // a and b are integers here, so numerator and denominator are exact.
  let i: u64 = 0
  if (difference <= 5) i = <u64>((f64(aSig) * 16.0) / (f64(bSig) * f64(1 << difference)) + 0.5)
  if (i == 0) {
    divideWide(aSig, 0, aExponent, bSig, 0, bExponent)
    oddSeries(ODD_RECIPROCALS, 11, wideHigh, wideLow, wideExponent)
    return
  }
  multiply64(bSig, i << difference)
  const ibHigh = wideHigh
  const ibLow = wideLow
  let nHigh = (aSig >> 60) - ibHigh - u64(aSig << 4 < ibLow)
  let nLow = (aSig << 4) - ibLow
  const negative = <i64>nHigh < 0
  if (negative) {
    nHigh = 0 - nHigh - u64(nLow != 0)
    nLow = 0 - nLow
  }
  let tHigh: u64 = 0
  let tLow: u64 = 0
  if ((nHigh | nLow) != 0) {
    multiply64(aSig, i)
    const iaHigh = wideHigh
    const iaLow = wideLow
    multiply64(bSig, <u64>16 << difference)
    const dLow = wideLow + iaLow
    const dHigh = wideHigh + iaHigh + u64(dLow < iaLow)
    normalizeWide(dHigh, dLow, 0)
    const divisorHigh = wideHigh
    const divisorLow = wideLow
    const divisorExponent = wideExponent
    normalizeWide(nHigh, nLow, 0)
    divideWide(wideHigh, wideLow, wideExponent, divisorHigh, divisorLow, divisorExponent)
    oddSeries(ODD_RECIPROCALS, 11, wideHigh, wideLow, wideExponent)
    shiftRight128(wideHigh, wideLow, 2 - wideExponent)
    tHigh = wideHigh
    tLow = wideLow
  }
  const anchor = ARCTANGENTS + (<usize>i << 4)
  const low = load<u64>(anchor)
  const high = load<u64>(anchor, 8)
  if (negative) normalizeWide(high - tHigh - u64(low < tLow), low - tLow, 2)
  else normalizeWide(high + tHigh + u64(low + tLow < low), low + tLow, 2)
}

/** atan2(y, x) of finite nonzero y and x. */
export function f80Arctangent(ySig: u64, ySe: u32, xSig: u64, xSe: u32): void {
  const yShift = <i32>clz<u64>(ySig)
  const xShift = <i32>clz<u64>(xSig)
  const yExponent = <i32>max<u32>(ySe & EXPONENT_MAX, 1) - yShift
  const xExponent = <i32>max<u32>(xSe & EXPONENT_MAX, 1) - xShift
  ySig <<= yShift
  xSig <<= xShift
  const steep = yExponent > xExponent || (yExponent == xExponent && ySig > xSig)
  if (steep) arctangentOfRatio(xSig, xExponent, ySig, yExponent)
  else arctangentOfRatio(ySig, yExponent, xSig, xExponent)
  if (steep || xSe & SIGN) {
    // Measured from π/2 or from π, in fixed point with 126 fraction bits.
    shiftRight128(wideHigh, wideLow, 2 - wideExponent)
    const low = wideLow
    const high = wideHigh
    const baseHigh = steep ? PI_HIGH >> 1 : PI_HIGH
    const baseLow = steep ? (PI_LOW >> 1) | (PI_HIGH << 63) : PI_LOW
    if (steep && xSe & SIGN) normalizeWide(baseHigh + high + u64(baseLow + low < low), baseLow + low, 2)
    else normalizeWide(baseHigh - high - u64(baseLow < low), baseLow - low, 2)
  }
  f80FromWide(ySe & SIGN, wideHigh, wideLow, wideExponent)
}

/** ± quarters · π/4, the values of atan2 at zeros and infinities. */
export function f80QuarterPi(quarters: u32, sign: u32): void {
  if (quarters == 3) normalizeWide(PI_HIGH - (PI_HIGH >> 2), PI_LOW - (PI_LOW >> 2), 2)
  else normalizeWide(PI_HIGH, PI_LOW, quarters == 4 ? 2 : quarters == 2 ? 1 : 0)
  f80FromWide(sign, wideHigh, wideLow, wideExponent)
}
