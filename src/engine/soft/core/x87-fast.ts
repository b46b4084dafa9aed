// The short way through the x87: what nearly all instructions of a program are, done in one piece.
//
// x87.ts, x87-memory.ts and float80.ts follow the manual step by step and leave what they find in module variables
// between the steps. A compiled `long double` program hardly ever needs those steps: every exception is masked and
// none is pending, rounding is to nearest with 64 bits, the registers hold normal numbers or zero. The functions here
// check just that, then calculate in locals and write each part of the state once. Whatever else they meet (an empty or
// full stack, denormals, infinities, NaNs, overflow, underflow, another control word) they leave to the long way,
// having changed nothing. So there is one meaning of everything rare, and these results must equal the long way's.
//
// Left out: FCMOVcc, comparisons that answer in the status word, FISTTP, BCD and all functions beyond the six
// operations.

import { BIAS, EXPONENT_MAX, f80IsNormal, PE, SIGN } from './float80'
import { C1 } from './float80-parts'
import { divide128by64, multiplyHigh64, wideLow } from './float80-wide'
import { x87Place, x87SetPointers, x87SetValid, x87SetWords, x87Valid, x87Words } from './x87-state'

/** Not for the short way; nothing was changed. A bit that no status word has. */
export const X87_SLOW: u32 = 0x10000
/** x87FastRegister compared: ZF, PF and CF are in bits 6, 2 and 0 of the answer. */
export const X87_COMPARED: u32 = 0x100

const INTEGER_BIT: u64 = 0x8000000000000000
/** In the words of CW (low) and SW (high): RC, PC and the masks; ES. */
const READY_MASK: u32 = 0x00800f3f
/** To nearest, 64 bits, all masked; no exception pending. */
const READY: u32 = 0x0000033f
const WORDS_C1: u32 = C1 << 16
const WORDS_TOP: u32 = 0x38000000
const ONE_TOP: u32 = 0x08000000

// @ts-ignore: decorator
@inline function isReady(words: u32): bool {
  return (words & READY_MASK) == READY
}

// @ts-ignore: decorator
@inline function topOf(words: u32): u32 {
  return (words >> 27) & 7
}

// @ts-ignore: decorator
@inline function moveTop(words: u32, by: u32): u32 {
  return (words & ~WORDS_TOP) | ((words + by) & WORDS_TOP)
}

/** CW and SW with the flags and the C1 of a result. */
// @ts-ignore: decorator
@inline function withFlags(words: u32, flags: u32): u32 {
  return (words & ~WORDS_C1) | (flags << 16)
}

// @ts-ignore: decorator
@inline function isZero(sig: u64, se: u32): bool {
  return (sig | <u64>(se & EXPONENT_MAX)) == 0
}

// @ts-ignore: decorator
@inline function put(at: usize, sig: u64, se: u32): void {
  store<u64>(at, sig)
  store<u16>(at, se, 8)
}

/** Is one added? `rest` is what lies below the last place, its bit 63 is worth one half; ties go to even. */
// @ts-ignore: decorator
@inline function roundsUp(value: u64, rest: u64): u64 {
  return (rest >> 63) & (u64((rest << 1) != 0) | value)
}

/** A register form: 0 when done, X87_SLOW, or X87_COMPARED with flags. `fip` and `fop` are for the pointers. */
export function x87FastRegister(opcode: u32, modrm: u32, fip: u64, fop: u32): u32 {
  const words = x87Words()
  if (!isReady(words)) return X87_SLOW
  const operation = (modrm >> 3) & 7
  const top = topOf(words)
  const other = (top + modrm) & 7
  const at = x87Place(top)
  const from = x87Place(other)
  const valid = x87Valid()
  const both = (valid >> top) & (valid >> other) & 1
  switch (opcode) {
    case 0: // D8, DC, DE: the six operations
    case 4:
    case 6: {
      if (!both || (operation & 6) == 2) return X87_SLOW
      const target = opcode == 0 ? at : from
      const flags = operate(operation, target, load<u64>(at), load<u16>(at, 8), load<u64>(from), load<u16>(from, 8))
      if (flags == X87_SLOW) return X87_SLOW
      if (opcode == 6) {
        x87SetValid(valid & ~(1 << top))
        x87SetWords(moveTop(withFlags(words, flags), ONE_TOP))
      } else x87SetWords(withFlags(words, flags))
      break
    }
    case 1: // D9
      if (operation == 0) {
        // FLD ST(i)
        const next = (top - 1) & 7
        if (((valid >> other) & ~(valid >> next) & 1) == 0) return X87_SLOW
        put(x87Place(next), load<u64>(from), load<u16>(from, 8))
        x87SetValid(valid | (1 << next))
        x87SetWords(moveTop(withFlags(words, 0), 0 - ONE_TOP))
      } else if (operation == 1) {
        // FXCH
        if (!both) return X87_SLOW
        const sig = load<u64>(at)
        const se = load<u16>(at, 8)
        put(at, load<u64>(from), load<u16>(from, 8))
        put(from, sig, se)
        x87SetWords(withFlags(words, 0))
      } else if ((modrm & 0xfe) == 0xe0) {
        // FCHS, FABS
        if (((valid >> top) & 1) == 0) return X87_SLOW
        const se = <u32>load<u16>(at, 8)
        store<u16>(at, modrm == 0xe0 ? se ^ SIGN : se & EXPONENT_MAX, 8)
        x87SetWords(withFlags(words, 0))
      } else if (modrm == 0xe8 || modrm == 0xee) {
        // FLD1, FLDZ
        const next = (top - 1) & 7
        if ((valid >> next) & 1) return X87_SLOW
        if (modrm == 0xe8) put(x87Place(next), INTEGER_BIT, BIAS)
        else put(x87Place(next), 0, 0)
        x87SetValid(valid | (1 << next))
        x87SetWords(moveTop(withFlags(words, 0), 0 - ONE_TOP))
      } else return X87_SLOW
      break
    case 5: // DD: FST ST(i), FSTP ST(i)
      if ((operation & 6) != 2 || ((valid >> top) & 1) == 0) return X87_SLOW
      put(from, load<u64>(at), load<u16>(at, 8))
      storeAndPop(words, valid | (1 << other), top, 0, operation == 3)
      break
    case 3: // DB, DF: FUCOMI, FCOMI, and with a pop
    case 7: {
      if (!both || (operation != 5 && operation != 6)) return X87_SLOW
      const flags = compare(load<u64>(at), load<u16>(at, 8), load<u64>(from), load<u16>(from, 8))
      if (flags == X87_SLOW) return X87_SLOW
      // C1 keeps its value.
      if (opcode == 7) {
        x87SetValid(valid & ~(1 << top))
        x87SetWords(moveTop(words, ONE_TOP))
      }
      x87SetPointers(fip, 0, fop, false)
      return flags
    }
    default:
      return X87_SLOW
  }
  x87SetPointers(fip, 0, fop, false)
  return 0
}

// @ts-ignore: decorator
@inline function storeAndPop(words: u32, valid: u32, top: u32, flags: u32, pops: bool): void {
  if (pops) {
    x87SetValid(valid & ~(1 << top))
    x87SetWords(moveTop(withFlags(words, flags), ONE_TOP))
  } else {
    x87SetValid(valid)
    x87SetWords(withFlags(words, flags))
  }
}

/** A form that reads `low` and `high` from memory; `which` is the row of x87-memory.ts. True when done. */
export function x87FastRead(which: u32, low: u64, high: u32, fip: u64, fdp: u64, fop: u32): bool {
  const words = x87Words()
  if (!isReady(words)) return false
  const top = topOf(words)
  const valid = x87Valid()
  let sig: u64
  let se: u32
  if ((which & 8) == 0 || (which & 7) == 0) {
    switch (which >> 4) {
      case 0: {
        const exponent = (<u32>low >> 23) & 0xff
        if (exponent == 0xff || (exponent == 0 && <u32>low << 1 != 0)) return false
        sig = exponent == 0 ? 0 : INTEGER_BIT | (low << 40)
        se = ((<u32>low >> 16) & SIGN) | (exponent == 0 ? 0 : exponent + (BIAS - 0x7f))
        break
      }
      case 2: {
        const exponent = <u32>(low >> 52) & 0x7ff
        if (exponent == 0x7ff || (exponent == 0 && low << 1 != 0)) return false
        sig = exponent == 0 ? 0 : INTEGER_BIT | (low << 11)
        se = (<u32>(low >> 48) & SIGN) | (exponent == 0 ? 0 : exponent + (BIAS - 0x3ff))
        break
      }
      default: {
        const value = which >> 4 == 1 ? <i64><i32>low : <i64><i16>low
        sig = integerSig(value)
        se = integerSe(value)
      }
    }
  } else if (which == 0x1d) {
    sig = low
    se = high
  } else if (which == 0x3d) {
    sig = integerSig(low)
    se = integerSe(low)
  } else return false
  if (which & 8) {
    const next = (top - 1) & 7
    if ((valid >> next) & 1) return false
    put(x87Place(next), sig, se)
    x87SetValid(valid | (1 << next))
    x87SetWords(moveTop(withFlags(words, 0), 0 - ONE_TOP))
  } else {
    const operation = which & 7
    if (((valid >> top) & 1) == 0 || (operation & 6) == 2) return false
    const at = x87Place(top)
    const flags = operate(operation, at, load<u64>(at), load<u16>(at, 8), sig, se)
    if (flags == X87_SLOW) return false
    x87SetWords(withFlags(words, flags))
  }
  x87SetPointers(fip, fdp, fop, true)
  return true
}

// @ts-ignore: decorator
@inline function integerSig(value: i64): u64 {
  const magnitude = <u64>(value < 0 ? 0 - value : value)
  return magnitude << clz<u64>(magnitude)
}
// @ts-ignore: decorator
@inline function integerSe(value: i64): u32 {
  const magnitude = <u64>(value < 0 ? 0 - value : value)
  return value == 0 ? 0 : (<u32>(value >> 63) & SIGN) | (<u32>(BIAS + 63) - <u32>clz<u64>(magnitude))
}

/** A form that writes to memory, at `p`: the bytes are stored and the register popped. True when done. */
export function x87FastStore(which: u32, p: usize, fip: u64, fdp: u64, fop: u32): bool {
  const words = x87Words()
  if (!isReady(words)) return false
  const top = topOf(words)
  const valid = x87Valid()
  if (((valid >> top) & 1) == 0) return false
  const at = x87Place(top)
  const sig = load<u64>(at)
  const se = <u32>load<u16>(at, 8)
  let flags: u32 = 0
  switch (which) {
    case 0x1f: // FSTP m80 writes the bits as they are
      store<u64>(p, sig)
      store<u16>(p, se, 8)
      break
    case 0x0a: // FST, FSTP m32
    case 0x0b: {
      const exponent = <i32>(se & EXPONENT_MAX) - (BIAS - 0x7f)
      if (f80IsNormal(sig, se) && <u32>(exponent - 1) < 0xfd) {
        const value = sig >> 40
        const rest = sig << 24
        const up = roundsUp(value & 1, rest)
        // The integer bit, and a carry with it, counts the exponent up by itself.
        store<u32>(p, ((se & SIGN) << 16) | (<u32>(exponent - 1) << 23) + <u32>(value + up))
        flags = flagsOf(rest, up)
      } else if (isZero(sig, se)) store<u32>(p, se << 16)
      else return false
      break
    }
    case 0x2a: // FST, FSTP m64
    case 0x2b: {
      const exponent = <i32>(se & EXPONENT_MAX) - (BIAS - 0x3ff)
      if (f80IsNormal(sig, se) && <u32>(exponent - 1) < 0x7fd) {
        const value = sig >> 11
        const rest = sig << 53
        const up = roundsUp(value & 1, rest)
        store<u64>(p, (<u64>(se & SIGN) << 48) | (<u64>(exponent - 1) << 52) + value + up)
        flags = flagsOf(rest, up)
      } else if (isZero(sig, se)) store<u64>(p, <u64>se << 48)
      else return false
      break
    }
    case 0x1a: // FIST, FISTP
    case 0x1b:
    case 0x3a:
    case 0x3b:
    case 0x3f: {
      const normal = f80IsNormal(sig, se)
      if (!normal && !isZero(sig, se)) return false
      const cut = normal ? BIAS + 63 - <i32>(se & EXPONENT_MAX) : 64
      if (cut <= 0) return false
      const whole = cut < 64 ? sig >> cut : 0
      const rest = cut <= 64 ? sig << (64 - cut) : 1
      const up = roundsUp(whole & 1, rest)
      const magnitude = whole + up
      const value = se & SIGN ? 0 - magnitude : magnitude
      if (which == 0x3f) {
        if (magnitude >> 63) return false
        store<u64>(p, value)
      } else if (which < 0x20) {
        if (magnitude >> 31) return false
        store<u32>(p, <u32>value)
      } else {
        if (magnitude >> 15) return false
        store<u16>(p, <u16>value)
      }
      flags = flagsOf(rest, up)
      break
    }
    default:
      return false
  }
  storeAndPop(words, valid, top, flags, (which & 7) != 2)
  x87SetPointers(fip, fdp, fop, true)
  return true
}

/** What rounding says in the status word: PE when something was cut off, C1 when one was added. */
// @ts-ignore: decorator
@inline function flagsOf(rest: u64, up: u64): u32 {
  return (rest != 0 ? PE : 0) | (<u32>up << 9)
}

/** Like f80Compare, for normal numbers and zeros: as EFLAGS has it. */
function compare(aSig: u64, aSe: u32, bSig: u64, bSe: u32): u32 {
  if (!(f80IsNormal(aSig, aSe) || isZero(aSig, aSe)) || !(f80IsNormal(bSig, bSe) || isZero(bSig, bSe))) return X87_SLOW
  if (((aSe ^ bSe) & SIGN) != 0) {
    if ((aSig | bSig) == 0) return X87_COMPARED | 0x40
    return X87_COMPARED | (aSe >> 15)
  }
  if (aSe == bSe && aSig == bSig) return X87_COMPARED | 0x40
  const less = aSe < bSe || (aSe == bSe && aSig < bSig)
  return X87_COMPARED | (u32(less) ^ (aSe >> 15))
}

/** The value at `target` = a op b for the operations of the D8 map: PE and C1, or X87_SLOW. */
function operate(operation: u32, target: usize, aSig: u64, aSe: u32, bSig: u64, bSe: u32): u32 {
  if (operation == 1) return multiply(target, aSig, aSe, bSig, bSe)
  if (operation == 6) return divide(target, aSig, aSe, bSig, bSe)
  if (operation == 7) return divide(target, bSig, bSe, aSig, aSe)
  // a − b and b − a are sums with one sign changed.
  return add(target, aSig, operation == 5 ? aSe ^ SIGN : aSe, bSig, operation == 4 ? bSe ^ SIGN : bSe)
}

/** Rounds high.low (bit 63 of `high` set) × 2^(exponent − bias) to nearest even. */
// @ts-ignore: decorator
@inline function finish(target: usize, sign: u32, exponent: i32, high: u64, low: u64): u32 {
  // A carry may add one to the exponent; at the range's ends the long way decides.
  if (<u32>(exponent - 1) >= 0x7ffd) return X87_SLOW
  const up = roundsUp(high & 1, low)
  const sum = high + up
  const carry = u32(sum < up)
  put(target, sum | (<u64>carry << 63), sign | (<u32>exponent + carry))
  return flagsOf(low, up)
}

function add(target: usize, aSig: u64, aSe: u32, bSig: u64, bSe: u32): u32 {
  if (!(f80IsNormal(aSig, aSe) && f80IsNormal(bSig, bSe))) {
    if (f80IsNormal(aSig, aSe) && isZero(bSig, bSe)) put(target, aSig, aSe)
    else if (f80IsNormal(bSig, bSe) && isZero(aSig, aSe)) put(target, bSig, bSe)
    else return X87_SLOW
    return 0
  }
  let exponent = <i32>(aSe & EXPONENT_MAX)
  let distance = exponent - <i32>(bSe & EXPONENT_MAX)
  let sign = aSe & SIGN
  const differ = (aSe ^ bSe) & SIGN
  // a is the greater one from here on.
  if (distance < 0 || (distance == 0 && aSig < bSig)) {
    const sig = aSig
    aSig = bSig
    bSig = sig
    exponent -= distance
    distance = 0 - distance
    sign = bSe & SIGN
  }
  let high: u64
  let low: u64
  if (distance < 64) {
    high = bSig >> distance
    low = distance == 0 ? 0 : bSig << (64 - distance)
  } else {
    high = 0
    // From two places below the half on, only that there is something matters.
    low = distance == 64 ? bSig : distance == 65 ? (bSig >> 1) | (bSig & 1) : 1
  }
  if (differ == 0) {
    high += aSig
    if (high < aSig) {
      low = (low >> 1) | (low & 1) | (high << 63)
      high = (high >> 1) | INTEGER_BIT
      exponent++
    }
  } else {
    high = aSig - high - u64(low != 0)
    low = 0 - low
    if (<i64>high >= 0) {
      if (high == 0) {
        if (low == 0) {
          put(target, 0, 0)
          return 0
        }
        high = low
        low = 0
        exponent -= 64
      }
      const shift = clz<u64>(high)
      if (shift != 0) {
        high = (high << shift) | (low >> (64 - shift))
        low <<= shift
        exponent -= <i32>shift
      }
    }
  }
  return finish(target, sign, exponent, high, low)
}

function multiply(target: usize, aSig: u64, aSe: u32, bSig: u64, bSe: u32): u32 {
  const sign = (aSe ^ bSe) & SIGN
  if (!(f80IsNormal(aSig, aSe) && f80IsNormal(bSig, bSe))) {
    const zeroA = isZero(aSig, aSe)
    const zeroB = isZero(bSig, bSe)
    if (!(zeroA || f80IsNormal(aSig, aSe)) || !(zeroB || f80IsNormal(bSig, bSe))) return X87_SLOW
    put(target, 0, sign)
    return 0
  }
  let exponent = <i32>(aSe & EXPONENT_MAX) + <i32>(bSe & EXPONENT_MAX) - BIAS + 1
  let high = multiplyHigh64(aSig, bSig)
  let low = aSig * bSig
  if (<i64>high >= 0) {
    high = (high << 1) | (low >> 63)
    low <<= 1
    exponent--
  }
  return finish(target, sign, exponent, high, low)
}

function divide(target: usize, aSig: u64, aSe: u32, bSig: u64, bSe: u32): u32 {
  const sign = (aSe ^ bSe) & SIGN
  if (!f80IsNormal(bSig, bSe)) return X87_SLOW
  if (!f80IsNormal(aSig, aSe)) {
    if (!isZero(aSig, aSe)) return X87_SLOW
    put(target, 0, sign)
    return 0
  }
  let exponent = <i32>(aSe & EXPONENT_MAX) - <i32>(bSe & EXPONENT_MAX) + BIAS
  let quotient: u64
  if (aSig >= bSig) quotient = divide128by64(aSig >> 1, aSig << 63, bSig)
  else {
    quotient = divide128by64(aSig, 0, bSig)
    exponent--
  }
  const remainder = wideLow
  let rest: u64 = 0
  if (remainder != 0) {
    // Of the infinite rest only its order against one half matters.
    const other = bSig - remainder
    rest = remainder > other ? 0xc000000000000000 : remainder == other ? INTEGER_BIT : 1
  }
  return finish(target, sign, exponent, quotient, rest)
}
