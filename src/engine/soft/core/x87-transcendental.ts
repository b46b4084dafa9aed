// FSIN, FCOS, FSINCOS, FPTAN, FPATAN, F2XM1, FYL2X, FYL2XP1: operand classes, stack and condition codes; the
// numbers come from float80-trigonometry.ts and float80-logarithm.ts.
//
// SDM vol. 2, the tables of each instruction. Where the SDM leaves a result undefined (F2XM1 beyond ±1, FYL2XP1
// beyond ±(1 − √½)) the host CPU was followed as far as it is regular, the mathematics otherwise. Precision
// control does not apply.

import {
  CLASS_DENORMAL, CLASS_INFINITY, CLASS_ZERO, DE, f80Class, f80Infinity, f80Invalid, f80Raise, f80Set,
  f80Special1, f80Special2, f80Zero, f80se, f80sig, PE, SIGN, ZE,
} from './float80'
import { f80Logarithm, f80LogarithmPlusOne, f80PowerMinusOne } from './float80-logarithm'
import { C1, C2 } from './float80-parts'
import { f80Arctangent, f80Cosine, f80QuarterPi, f80Reduce, f80Sine, f80Tangent } from './float80-trigonometry'
import { x87Answer, x87PairFault, x87Underflow } from './x87-answer'
import { x87Empty, x87Pop, x87Rotate, x87Se, x87SetStatus, x87Sig, x87Status, x87Write } from './x87-state'

const ONE: u64 = 0x8000000000000000
const ONE_SE: u32 = 0x3fff

/** D9 F0–F3, F9, FB, FE, FF; stack and pending exceptions of the general kind were looked at before. */
export function x87Transcendental(modrm: u32): void {
  switch (modrm) {
    case 0xf0:
      if (x87Empty(0)) x87Underflow(0)
      else {
        powerMinusOne(x87Sig(0), x87Se(0))
        x87Answer(0)
      }
      break
    case 0xf2:
    case 0xfb:
      pair(modrm == 0xfb)
      break
    case 0xfe:
    case 0xff:
      sineOrCosine(modrm == 0xfe)
      break
    default: // F1 FYL2X, F3 FPATAN, F9 FYL2XP1: ST(1) = f(ST(1), ST(0)), pop
      if (x87Empty(0) || x87Empty(1)) {
        if (x87Underflow(1)) x87Pop()
        break
      }
      if (modrm == 0xf1) logarithm(x87Sig(1), x87Se(1), x87Sig(0), x87Se(0))
      else if (modrm == 0xf3) arctangent(x87Sig(1), x87Se(1), x87Sig(0), x87Se(0))
      else logarithmPlusOne(x87Sig(1), x87Se(1), x87Sig(0), x87Se(0))
      if (x87Answer(1)) x87Pop()
  }
}

/** C2 tells that the argument of a trigonometric function was out of range and nothing was done. */
function setOutOfRange(outside: bool): void {
  const sw = x87Status() & ~C2
  x87SetStatus(outside ? (sw | C2) & ~C1 : sw)
}

/** Infinity and NaN; true when the result is set. Raises DE. */
function trigonometricSpecial(sig: u64, se: u32): bool {
  if (f80Special1(sig, se)) return true
  const kind = f80Class(sig, se)
  if (kind == CLASS_INFINITY) {
    f80Invalid()
    return true
  }
  if (kind == CLASS_DENORMAL) f80Raise(DE)
  return false
}

function sineOrCosine(sine: bool): void {
  if (x87Empty(0)) {
    x87Underflow(0)
    setOutOfRange(false)
    return
  }
  const sig = x87Sig(0)
  const se = x87Se(0)
  if (!trigonometricSpecial(sig, se)) {
    if (sig == 0) {
      if (sine) f80Zero(se & SIGN)
      else f80Set(ONE, ONE_SE)
    } else if (!f80Reduce(sig, se)) {
      setOutOfRange(true)
      return
    } else if (sine) f80Sine(se)
    else f80Cosine()
  }
  x87Answer(0)
  setOutOfRange(false)
}

/** FSINCOS: ST(0) = sin, push cos. FPTAN: ST(0) = tan, push 1. A NaN comes twice. */
function pair(both: bool): void {
  if (x87PairFault()) {
    setOutOfRange(false)
    return
  }
  const sig = x87Sig(0)
  const se = x87Se(0)
  let secondSig: u64
  let secondSe: u32
  if (trigonometricSpecial(sig, se)) {
    secondSig = f80sig
    secondSe = f80se
  } else {
    secondSig = ONE
    secondSe = ONE_SE
    if (sig == 0) f80Zero(se & SIGN)
    else if (!f80Reduce(sig, se)) {
      setOutOfRange(true)
      return
    } else if (both) {
      f80Cosine()
      secondSig = f80sig
      secondSe = f80se
      f80Sine(se)
    } else f80Tangent(se)
  }
  setOutOfRange(false)
  if (!x87Answer(0)) return
  x87Rotate(7)
  x87Write(0, secondSig, secondSe)
}

/** SDM vol. 2, table 3-30 (FPATAN): atan2(y, x). */
function arctangent(ySig: u64, ySe: u32, xSig: u64, xSe: u32): void {
  if (f80Special2(ySig, ySe, xSig, xSe)) return
  const y = f80Class(ySig, ySe)
  const x = f80Class(xSig, xSe)
  if (y == CLASS_DENORMAL || x == CLASS_DENORMAL) f80Raise(DE)
  const sign = ySe & SIGN
  const left = (xSe & SIGN) != 0
  if (y == CLASS_INFINITY) f80QuarterPi(x == CLASS_INFINITY ? (left ? 3 : 1) : 2, sign)
  else if (x == CLASS_INFINITY || y == CLASS_ZERO) {
    if (left) f80QuarterPi(4, sign)
    else f80Zero(sign)
  } else if (x == CLASS_ZERO) f80QuarterPi(2, sign)
  else f80Arctangent(ySig, ySe, xSig, xSe)
}

/** SDM vol. 2, table 3-17 (F2XM1). */
function powerMinusOne(sig: u64, se: u32): void {
  if (f80Special1(sig, se)) return
  const kind = f80Class(sig, se)
  if (kind == CLASS_DENORMAL) f80Raise(DE)
  if (kind == CLASS_ZERO) f80Set(sig, se)
  else if (kind == CLASS_INFINITY) {
    if (se & SIGN) f80Set(ONE, SIGN | ONE_SE)
    else f80Infinity(0)
  } else if ((se & 0x7fff) > ONE_SE || ((se & 0x7fff) == ONE_SE && sig != ONE)) {
    // Undefined by the SDM. The host CPU returns the operand, "inexact".
    f80Raise(PE)
    f80Set(sig, se)
  } else f80PowerMinusOne(sig, se)
}

/** SDM vol. 2, table 3-58 (FYL2X): y · log2 x. */
function logarithm(ySig: u64, ySe: u32, xSig: u64, xSe: u32): void {
  if (f80Special2(ySig, ySe, xSig, xSe)) return
  const y = f80Class(ySig, ySe)
  const x = f80Class(xSig, xSe)
  const sign = ySe & SIGN
  if (x == CLASS_ZERO) {
    if (y == CLASS_ZERO) f80Invalid()
    else {
      if (y != CLASS_INFINITY) f80Raise(ZE)
      f80Infinity(sign ^ SIGN)
    }
    return
  }
  if (xSe & SIGN) {
    f80Invalid()
    return
  }
  const isOne = xSe == ONE_SE && xSig == ONE
  const below = (xSe & 0x7fff) < ONE_SE
  if ((x == CLASS_INFINITY && y == CLASS_ZERO) || (y == CLASS_INFINITY && isOne)) {
    f80Invalid()
    return
  }
  if (y == CLASS_DENORMAL || x == CLASS_DENORMAL) f80Raise(DE)
  if (y == CLASS_INFINITY || x == CLASS_INFINITY) f80Infinity(below ? sign ^ SIGN : sign)
  else if (y == CLASS_ZERO || isOne) f80Zero(below ? sign ^ SIGN : sign)
  else f80Logarithm(ySig, ySe, xSig, xSe)
}

/** SDM vol. 2, table 3-59 (FYL2XP1): y · log2(x + 1). */
function logarithmPlusOne(ySig: u64, ySe: u32, xSig: u64, xSe: u32): void {
  if (f80Special2(ySig, ySe, xSig, xSe)) return
  const y = f80Class(ySig, ySe)
  const x = f80Class(xSig, xSe)
  const sign = (ySe ^ xSe) & SIGN
  if ((x == CLASS_ZERO && y == CLASS_INFINITY) || (x == CLASS_INFINITY && (y == CLASS_ZERO || xSe & SIGN))) {
    f80Invalid()
    return
  }
  if (y == CLASS_DENORMAL || x == CLASS_DENORMAL) f80Raise(DE)
  if (x == CLASS_INFINITY || y == CLASS_INFINITY) f80Infinity(sign)
  else if (x == CLASS_ZERO || y == CLASS_ZERO) f80Zero(sign)
  else if (xSe & SIGN && (xSe & 0x7fff) >= ONE_SE) {
    // No logarithm exists; undefined by the SDM, the host CPU returns x, "inexact".
    f80Raise(PE)
    f80Set(xSig, xSe)
  } else f80LogarithmPlusOne(ySig, ySe, xSig, xSe)
}
