// Conversions between 80-bit floats and the formats in memory: single, double, 16/32/64-bit integers, packed BCD.
//
// SDM vol. 1, 4.2 and 8.2; vol. 2, FLD, FST, FIST, FISTTP, FBLD, FBSTP. Loads widen exactly; stores round by RC
// and raise OE, UE, PE of the narrow format. A store's result is left in `f80bits` (and `f80bitsHigh` for BCD).
// A store returns false when an unmasked exception forbids it.

import {
  BIAS, CLASS_INFINITY, CLASS_QNAN, CLASS_SNAN, CLASS_UNSUPPORTED, DE, EXPONENT_MAX, f80Class, f80Forget, f80masks, f80Raise, f80rc,
  f80se, f80Set, f80SetUp, f80sig, IE, OE, PE, RC_NEAREST, RC_UP, RC_ZERO, SIGN, UE,
} from './float80'
import { f80FromInteger, f80RoundMagnitude } from './float80-parts'
import { shiftRightJam128, wideHigh, wideLow } from './float80-wide'

const INTEGER_BIT: u64 = 0x8000000000000000
const QUIET_BIT: u64 = 0x4000000000000000
/** 10^18: the first integer that packed BCD cannot hold. */
const BCD_LIMIT: u64 = 1000000000000000000

export let f80bits: u64 = 0
export let f80bitsHigh: u32 = 0
/** The operand widened last was a denormal of its narrow format (as a float80 it is normal). */
export let f80widenedDenormal: bool = false

/** The float of an IEEE number with `fraction` fraction bits (23 or 52), of `width` bits, an SNaN left as it is. */
function widen(bits: u64, fraction: i32, width: i32): void {
  const top: u64 = width == 32 ? 0xff : 0x7ff
  f80widenedDenormal = false
  const sign: u32 = (bits >> (width - 1)) & 1 ? SIGN : 0
  const exponent = (bits >> fraction) & top
  const sig = bits << (63 - fraction) & 0x7fffffffffffffff
  if (exponent == top) {
    f80Set(sig | INTEGER_BIT, sign | EXPONENT_MAX)
  } else if (exponent != 0) {
    f80Set(sig | INTEGER_BIT, sign | (<u32>exponent + <u32>BIAS - <u32>(top >> 1)))
  } else if (sig == 0) f80Set(0, sign)
  else {
    f80widenedDenormal = true
    const shift = clz<u64>(sig)
    f80Set(sig << shift, sign | (<u32>(BIAS + 1) - <u32>(top >> 1) - <u32>shift))
  }
}

export function f80FromF32(bits: u32): void {
  widen(bits, 23, 32)
}

export function f80FromF64(bits: u64): void {
  widen(bits, 52, 64)
}

/** What a load adds to the widening: DE for a denormal, IE for an SNaN, which becomes quiet. */
export function f80FinishLoad(): void {
  if (f80widenedDenormal) f80Raise(DE)
  if (f80Class(f80sig, f80se) == CLASS_SNAN) {
    f80Raise(IE)
    f80Set(f80sig | QUIET_BIT, f80se)
  }
}

/** Store as an IEEE number; false when an unmasked IE, OE or UE suppresses the store. */
function narrow(sig: u64, se: u32, fraction: i32, width: i32): bool {
  const top: i32 = width == 32 ? 0xff : 0x7ff
  const sign = <u64>((se >> 15) & 1) << (width - 1)
  const kind = f80Class(sig, se)
  const infinity = <u64>top << fraction
  if (kind >= CLASS_QNAN) {
    if (kind == CLASS_UNSUPPORTED) {
      f80Raise(IE)
      f80bits = (<u64>1 << (width - 1)) | infinity | (<u64>1 << (fraction - 1))
    } else {
      if (kind != CLASS_QNAN) f80Raise(IE)
      f80bits = sign | infinity | (((sig | QUIET_BIT) << 1) >> (64 - fraction))
    }
    return kind == CLASS_QNAN || (f80masks & IE) != 0
  }
  if (kind == CLASS_INFINITY || sig == 0) {
    f80bits = sig == 0 ? sign : sign | infinity
    return true
  }
  let exponent = (se & EXPONENT_MAX ? <i32>(se & EXPONENT_MAX) : 1 - <i32>clz<u64>(sig)) - BIAS + (top >> 1)
  sig <<= clz<u64>(sig)
  const cut = 63 - fraction
  let value = sig >> cut
  let rest = sig << (64 - cut)
  let up = roundsUp(se, value, rest)
  if (exponent <= 0) {
    const tiny = exponent < 0 || !up || value + 1 != (<u64>2 << fraction)
    if (tiny && (f80masks & UE) == 0) {
      f80Raise(UE)
      return false
    }
    shiftRightJam128(sig, 0, 1 - exponent)
    value = wideHigh >> cut
    rest = (wideHigh << (64 - cut)) | u64(wideLow != 0)
    up = roundsUp(se, value, rest)
    if (rest != 0) f80Raise(tiny ? UE | PE : PE)
    // A carry into the hidden bit makes the least normal number by itself.
    f80SetUp(u32(up))
    f80bits = sign | (value + u64(up))
    return true
  }
  value += u64(up)
  if (value >> fraction > 1) {
    value >>= 1
    exponent++
  }
  if (exponent >= top) {
    const toInfinity = f80rc == RC_NEAREST || (f80rc != RC_ZERO && (f80rc == RC_UP) == (sign == 0))
    if ((f80masks & OE) == 0) {
      f80Raise(OE)
      return false
    }
    f80SetUp(u32(toInfinity))
    f80Raise(OE | PE)
    f80bits = sign | (toInfinity ? infinity : infinity - 1)
    return true
  }
  if (rest != 0) f80Raise(PE)
  f80SetUp(u32(up))
  f80bits = sign | (<u64>exponent << fraction) | (value & ((<u64>1 << fraction) - 1))
  return true
}

@inline function roundsUp(se: u32, value: u64, rest: u64): bool {
  if (f80rc == RC_NEAREST) return rest > INTEGER_BIT || (rest == INTEGER_BIT && (value & 1) != 0)
  if (rest == 0 || f80rc == RC_ZERO) return false
  return (f80rc == RC_UP) == ((se & SIGN) == 0)
}

export function f80ToF32(sig: u64, se: u32): bool {
  return narrow(sig, se, 23, 32)
}

export function f80ToF64(sig: u64, se: u32): bool {
  return narrow(sig, se, 52, 64)
}

/** Store as a signed integer of `width` bits, rounded by RC; the integer indefinite when it does not fit. */
export function f80ToInteger(sig: u64, se: u32, width: i32): bool {
  const exponent = <i32>(se & EXPONENT_MAX)
  const sign = se & SIGN
  const limit: u64 = <u64>1 << (width - 1)
  if (f80Class(sig, se) < CLASS_INFINITY && exponent <= BIAS + 63) {
    const magnitude = f80RoundMagnitude(sig, exponent, sign)
    if (magnitude < limit || (magnitude == limit && sign != 0)) {
      f80bits = sign ? 0 - magnitude : magnitude
      return true
    }
  }
  return invalidStore(limit, 0)
}

/** An invalid store raises IE alone: the rounding that was tried on the way leaves no trace. */
function invalidStore(bits: u64, high: u32): bool {
  f80Forget(PE)
  f80Raise(IE)
  f80SetUp(0)
  f80bits = bits
  f80bitsHigh = high
  return (f80masks & IE) != 0
}

/** FBLD: 18 digits, the sign in bit 79. Digits above 9 are undefined; they count with their value here. */
export function f80FromBcd(low: u64, high: u32): void {
  let value: u64 = 0
  for (let shift = 4; shift >= 0; shift -= 4) value = value * 10 + ((high >> shift) & 15)
  for (let shift = 60; shift >= 0; shift -= 4) value = value * 10 + ((low >> shift) & 15)
  const sign = high & 0x8000
  f80FromInteger(value)
  f80Set(f80sig, f80se | sign)
}

/** FBSTP. */
export function f80ToBcd(sig: u64, se: u32): bool {
  const exponent = <i32>(se & EXPONENT_MAX)
  const sign = se & SIGN
  if (f80Class(sig, se) >= CLASS_INFINITY || exponent > BIAS + 63) return invalidStore(0xc000000000000000, 0xffff)
  let magnitude = f80RoundMagnitude(sig, exponent, sign)
  if (magnitude >= BCD_LIMIT) return invalidStore(0xc000000000000000, 0xffff)
  let low: u64 = 0
  for (let shift = 0; shift < 64; shift += 4) {
    low |= (magnitude % 10) << shift
    magnitude /= 10
  }
  f80bits = low
  f80bitsHigh = sign | <u32>(magnitude % 10) | <u32>(magnitude / 10) << 4
  return true
}
