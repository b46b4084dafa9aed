// The 80-bit extended-precision number of the x87 unit, as data: classes, NaN rules, rounding.
//
// Intel SDM vol. 1, 4.2 (formats), 4.8 (NaNs, rounding), 4.9 and 8.5 (exceptions). A value is a pair:
//   significand u64   bit 63 is the explicit integer bit J
//   sign+exponent     bit 15 sign, bits 0–14 exponent with bias 16383
// Every operation leaves its result in `f80sig` and `f80se`, the exceptions it met in `f80flags` (SW bits 0–5)
// and "the magnitude was rounded up" in `f80up` (C1). `f80Begin(cw)` must come before each instruction: it takes
// rounding, precision and masks from the control word. A masked exception has its default response already in
// the result; for an unmasked overflow or underflow the result has the wrapped exponent (±24576). Whether a
// result is stored at all after an unmasked IE, DE or ZE is decided in x87.ts.

import { shiftRightJam128, wideHigh, wideLow } from './float80-wide'

export const IE: u32 = 0x01
export const DE: u32 = 0x02
export const ZE: u32 = 0x04
export const OE: u32 = 0x08
export const UE: u32 = 0x10
export const PE: u32 = 0x20

export const RC_NEAREST: u32 = 0
export const RC_DOWN: u32 = 1
export const RC_UP: u32 = 2
export const RC_ZERO: u32 = 3

export const SIGN: u32 = 0x8000
export const EXPONENT_MAX: u32 = 0x7fff
export const BIAS: i32 = 16383
/** Added to (subtracted from) the exponent after an unmasked underflow (overflow). */
const WRAP: i32 = 24576
const INTEGER_BIT: u64 = 0x8000000000000000
const QUIET_BIT: u64 = 0x4000000000000000
const INDEFINITE_SIG: u64 = 0xc000000000000000

/** Classes, as f80Class returns them. Everything from QNAN on needs no arithmetic. */
export const CLASS_ZERO: u32 = 0
export const CLASS_DENORMAL: u32 = 1
export const CLASS_NORMAL: u32 = 2
export const CLASS_INFINITY: u32 = 3
export const CLASS_QNAN: u32 = 4
export const CLASS_SNAN: u32 = 5
export const CLASS_UNSUPPORTED: u32 = 6

export let f80sig: u64 = 0
export let f80se: u32 = 0
export let f80flags: u32 = 0
export let f80up: u32 = 0

export let f80rc: u32 = 0
/** Precision of add, sub, mul, div and sqrt in bits: 24, 53 or 64. */
export let f80pc: i32 = 64
/** SW bits whose exceptions are masked. */
export let f80masks: u32 = 0x3f

export function f80Begin(cw: u32): void {
  f80rc = (cw >> 10) & 3
  const pc = (cw >> 8) & 3
  // 01 is reserved; AMD and Intel treat it as full precision.
  f80pc = pc == 0 ? 24 : pc == 2 ? 53 : 64
  f80masks = cw & 0x3f
  f80flags = 0
  f80up = 0
}

@inline export function f80Set(sig: u64, se: u32): void {
  f80sig = sig
  f80se = se
}

@inline export function f80Raise(flags: u32): void {
  f80flags |= flags
}

@inline export function f80Forget(flags: u32): void {
  f80flags &= ~flags
}

@inline export function f80SetUp(up: u32): void {
  f80up = up
}

/** The QNaN floating-point indefinite, the masked response to an invalid operation. */
export function f80Indefinite(): void {
  f80sig = INDEFINITE_SIG
  f80se = 0xffff
}

export function f80Invalid(): void {
  f80flags |= IE
  f80Indefinite()
}

@inline export function f80Zero(sign: u32): void {
  f80sig = 0
  f80se = sign
}

@inline export function f80Infinity(sign: u32): void {
  f80sig = INTEGER_BIT
  f80se = sign | EXPONENT_MAX
}

/** True for the common case: a normal number, no special treatment anywhere. */
@inline export function f80IsNormal(sig: u64, se: u32): bool {
  return ((se + 1) & 0x7fff) > 1 && <i64>sig < 0
}

export function f80Class(sig: u64, se: u32): u32 {
  const exponent = se & EXPONENT_MAX
  // A pseudo-denormal (exponent 0, J set) is a denormal by class; the arithmetic takes its value as it stands.
  if (exponent == 0) return sig == 0 ? CLASS_ZERO : CLASS_DENORMAL
  // J clear with a nonzero exponent: unnormal, pseudo-infinity, pseudo-NaN.
  if (<i64>sig >= 0) return CLASS_UNSUPPORTED
  if (exponent != EXPONENT_MAX) return CLASS_NORMAL
  if (sig == INTEGER_BIT) return CLASS_INFINITY
  return sig & QUIET_BIT ? CLASS_QNAN : CLASS_SNAN
}

/** One operand: true when it was a NaN or unsupported, then the result is set. */
export function f80Special1(sig: u64, se: u32): bool {
  const kind = f80Class(sig, se)
  if (kind < CLASS_QNAN) return false
  if (kind == CLASS_UNSUPPORTED) {
    f80Invalid()
    return true
  }
  if (kind == CLASS_SNAN) f80flags |= IE
  f80sig = sig | QUIET_BIT
  f80se = se
  return true
}

/** Two operands: true when one was a NaN or unsupported, then the result is set (SDM vol. 1, table 4-7). */
export function f80Special2(aSig: u64, aSe: u32, bSig: u64, bSe: u32): bool {
  if (f80IsNormal(aSig, aSe) && f80IsNormal(bSig, bSe)) return false
  const a = f80Class(aSig, aSe)
  const b = f80Class(bSig, bSe)
  if (a < CLASS_QNAN && b < CLASS_QNAN) return false
  if (a == CLASS_UNSUPPORTED || b == CLASS_UNSUPPORTED) {
    f80Invalid()
    return true
  }
  if (a == CLASS_SNAN || b == CLASS_SNAN) f80flags |= IE
  let takeA: bool
  if (b < CLASS_QNAN) takeA = true
  else if (a < CLASS_QNAN) takeA = false
  else if (a != b) takeA = a == CLASS_QNAN // of an SNaN and a QNaN the x87 gives the QNaN
  else if (aSig != bSig) takeA = aSig > bSig
  else takeA = (aSe & SIGN) <= (bSe & SIGN)
  f80sig = (takeA ? aSig : bSig) | QUIET_BIT
  f80se = takeA ? aSe : bSe
  return true
}

/** Does the rounding rule add one unit? `rest` holds the bits below the unit, its bit 63 is worth one half. */
@inline function roundsUp(sign: u32, odd: bool, rest: u64): bool {
  if (f80rc == RC_NEAREST) return rest > INTEGER_BIT || (rest == INTEGER_BIT && odd)
  if (rest == 0 || f80rc == RC_ZERO) return false
  return (f80rc == RC_UP) == (sign == 0)
}

/** Overflow: OE, and infinity or the greatest number of this precision. */
function overflowed(sign: u32, unit: u64): void {
  f80flags |= OE | PE
  const toInfinity = f80rc == RC_NEAREST || (f80rc != RC_ZERO && (f80rc == RC_UP) == (sign == 0))
  if (toInfinity) {
    f80up = 1
    f80Infinity(sign)
  } else {
    f80up = 0
    f80sig = 0 - unit
    f80se = sign | 0x7ffe
  }
}

/**
 * Result = ± sig.extra × 2^(exponent − bias), rounded to `precision` bits. Bit 63 of `sig` is set; `extra`
 * continues it downwards and its bit 0 may be sticky. Tininess is detected after rounding, as x86 does.
 */
export function f80RoundTo(sign: u32, exponent: i32, sig: u64, extra: u64, precision: i32): void {
  const cut = 64 - precision
  const unit: u64 = (<u64>1) << cut
  let value = sig
  let rest = extra
  if (cut != 0) {
    rest = (sig << precision) | u64(extra != 0)
    value = sig & (0 - unit)
  }
  let up = roundsUp(sign, (value & unit) != 0, rest)
  if (exponent <= 0) {
    const tiny = exponent < 0 || !up || value + unit != 0
    if (f80masks & UE) {
      shiftRightJam128(sig, extra, 1 - exponent)
      value = wideHigh & (0 - unit)
      rest = cut != 0 ? (wideHigh << precision) | u64(wideLow != 0) : wideLow
      up = roundsUp(sign, (value & unit) != 0, rest)
      if (up) value += unit
      f80up = u32(up)
      if (rest != 0) f80flags |= tiny ? UE | PE : PE
      f80sig = value
      f80se = sign | u32(value >> 63)
      return
    }
    if (tiny) {
      f80flags |= UE
      exponent += WRAP
      // A scaling far below even the wrapped range has no representation: zero.
      if (exponent <= 0) {
        f80flags |= PE
        f80Zero(sign)
        return
      }
    }
  }
  if (rest != 0) f80flags |= PE
  f80up = u32(up)
  if (up) {
    value += unit
    if (value == 0) {
      value = INTEGER_BIT
      exponent++
    }
  }
  if (exponent >= 0x7fff) {
    if (f80masks & OE) {
      overflowed(sign, unit)
      return
    }
    f80flags |= OE
    exponent -= WRAP
    if (exponent >= 0x7fff) {
      // A scaling far above even the wrapped range: infinity in every rounding mode.
      f80flags |= PE
      f80up = 1
      f80Infinity(sign)
      return
    }
  }
  f80sig = value
  f80se = sign | u32(exponent)
}
