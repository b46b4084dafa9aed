// 128-bit integer arithmetic for the 80-bit floats: products, quotients, shifts.
//
// WebAssembly has no multiplication wider than 64 bits, so the products are put together from 32-bit halves.
// AssemblyScript returns one value, so a 128-bit result comes back in `wideHigh` and `wideLow`; a caller copies
// both into locals before the next call. The second half of the file is a "wide float" used only by the
// transcendental functions: (high:low) / 2^128 × 2^wideExponent with bit 127 set, that is a value in [½, 1) × 2^e.

export let wideHigh: u64 = 0
export let wideLow: u64 = 0
export let wideExponent: i32 = 0

/** The upper 64 bits of a × b. */
export function multiplyHigh64(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff
  const a1 = a >> 32
  const b0 = b & 0xffffffff
  const b1 = b >> 32
  const p01 = a0 * b1
  const p10 = a1 * b0
  const middle = ((a0 * b0) >> 32) + (p01 & 0xffffffff) + (p10 & 0xffffffff)
  return a1 * b1 + (p01 >> 32) + (p10 >> 32) + (middle >> 32)
}

/** wide = a × b, exact. */
export function multiply64(a: u64, b: u64): void {
  wideHigh = multiplyHigh64(a, b)
  wideLow = a * b
}

/** wide = the upper 128 bits of the 256-bit product; what is cut off is less than one unit of `wideLow`. */
export function multiply128(aHigh: u64, aLow: u64, bHigh: u64, bLow: u64): void {
  const bottom = multiplyHigh64(aLow, bLow)
  const crossLow1 = aHigh * bLow
  const crossLow2 = aLow * bHigh
  const crossHigh1 = multiplyHigh64(aHigh, bLow)
  const crossHigh2 = multiplyHigh64(aLow, bHigh)
  let sum = crossLow1 + crossLow2
  let carry: u64 = u64(sum < crossLow1)
  sum += bottom
  carry += u64(sum < bottom)
  let low = aHigh * bHigh
  let high = multiplyHigh64(aHigh, bHigh)
  low += crossHigh1
  high += u64(low < crossHigh1)
  low += crossHigh2
  high += u64(low < crossHigh2)
  low += carry
  high += u64(low < carry)
  wideHigh = high
  wideLow = low
}

/** floor((high:low) / divisor), the remainder in `wideLow`. Needs high < divisor and bit 63 of the divisor set. */
export function divide128by64(high: u64, low: u64, divisor: u64): u64 {
  const d1 = divisor >> 32
  const d0 = divisor & 0xffffffff
  let q1 = high / d1
  let rest = high - q1 * d1
  // Knuth 4.3.1 D with two digits of 32 bits: an estimated digit is at most 2 too large.
  while (q1 >> 32 != 0 || q1 * d0 > ((rest << 32) | (low >> 32))) {
    q1--
    rest += d1
    if (rest >> 32 != 0) break
  }
  const middle = ((high << 32) | (low >> 32)) - q1 * divisor
  let q0 = middle / d1
  rest = middle - q0 * d1
  while (q0 >> 32 != 0 || q0 * d0 > ((rest << 32) | (low & 0xffffffff))) {
    q0--
    rest += d1
    if (rest >> 32 != 0) break
  }
  wideLow = ((middle << 32) | (low & 0xffffffff)) - q0 * divisor
  return (q1 << 32) + q0
}

/** wide = floor((n × 2^128) / d) for n < d: one bit a turn, 128 turns. */
export function divideFraction(nHigh: u64, nLow: u64, dHigh: u64, dLow: u64): void {
  let qHigh: u64 = 0
  let qLow: u64 = 0
  for (let i = 0; i < 128; i++) {
    const carry = nHigh >> 63
    nHigh = (nHigh << 1) | (nLow >> 63)
    nLow <<= 1
    qHigh = (qHigh << 1) | (qLow >> 63)
    qLow <<= 1
    if (carry != 0 || nHigh > dHigh || (nHigh == dHigh && nLow >= dLow)) {
      nHigh = nHigh - dHigh - u64(nLow < dLow)
      nLow -= dLow
      qLow |= 1
    }
  }
  wideHigh = qHigh
  wideLow = qLow
}

/** wide = (high:low) >> count for any count ≥ 0; the bits shifted out are lost. */
export function shiftRight128(high: u64, low: u64, count: i32): void {
  if (count == 0) {
    wideHigh = high
    wideLow = low
  } else if (count < 64) {
    wideHigh = high >> count
    wideLow = (low >> count) | (high << (64 - count))
  } else {
    wideHigh = 0
    wideLow = count < 128 ? high >> (count - 64) : 0
  }
}

/** Like shiftRight128, but bit 0 remembers that a one was shifted out ("sticky"), so that rounding stays exact. */
export function shiftRightJam128(high: u64, low: u64, count: i32): void {
  if (count == 0) {
    wideHigh = high
    wideLow = low
  } else if (count < 64) {
    wideHigh = high >> count
    wideLow = (low >> count) | (high << (64 - count)) | u64(low << (64 - count) != 0)
  } else if (count == 64) {
    wideHigh = 0
    wideLow = high | u64(low != 0)
  } else if (count < 128) {
    wideHigh = 0
    wideLow = (high >> (count - 64)) | u64(((high << (128 - count)) | low) != 0)
  } else {
    wideHigh = 0
    wideLow = u64((high | low) != 0)
  }
}

/** wide float = (high:low) / 2^128 × 2^exponent, normalized. Zero stays zero. */
export function normalizeWide(high: u64, low: u64, exponent: i32): void {
  if (high == 0) {
    high = low
    low = 0
    exponent -= 64
  }
  const shift = <i32>clz<u64>(high)
  if (shift != 0 && shift < 64) {
    high = (high << shift) | (low >> (64 - shift))
    low <<= shift
    exponent -= shift
  }
  wideHigh = high
  wideLow = low
  wideExponent = exponent
}

/** wide float = a × b for normalized a, b. */
export function multiplyWide(aHigh: u64, aLow: u64, aExponent: i32, bHigh: u64, bLow: u64, bExponent: i32): void {
  multiply128(aHigh, aLow, bHigh, bLow)
  normalizeWide(wideHigh, wideLow, aExponent + bExponent)
}

/** wide float = a / b for normalized a, b. */
export function divideWide(aHigh: u64, aLow: u64, aExponent: i32, bHigh: u64, bLow: u64, bExponent: i32): void {
  // Half of a is below b, as both have bit 127 set.
  divideFraction(aHigh >> 1, (aHigh << 63) | (aLow >> 1), bHigh, bLow)
  normalizeWide(wideHigh, wideLow, aExponent - bExponent + 1)
}

/**
 * wide = c[0] ± y·(c[1] ± y·(… c[count])), the coefficients in a table of (low, high) pairs with 127 fraction
 * bits, y with 128 fraction bits. `alternate` subtracts at every step, as the series of sin, cos and atan want.
 */
export function polynomial(table: usize, count: i32, yHigh: u64, yLow: u64, alternate: bool): void {
  let at = table + (<usize>count << 4)
  let low = load<u64>(at)
  let high = load<u64>(at, 8)
  while (at != table) {
    at -= 16
    multiply128(high, low, yHigh, yLow)
    const cLow = load<u64>(at)
    const cHigh = load<u64>(at, 8)
    if (alternate) {
      high = cHigh - wideHigh - u64(cLow < wideLow)
      low = cLow - wideLow
    } else {
      low = cLow + wideLow
      high = cHigh + wideHigh + u64(low < cLow)
    }
  }
  wideHigh = high
  wideLow = low
}
