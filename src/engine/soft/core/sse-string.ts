// PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM: SSE4.2's comparison of two strings in registers.
// SDM volume 1, 12.13 and volume 2, 4.1 "Imm8 control byte operation".
//
//   control   7  6 mask/last   5 4 polarity   3 2 aggregation   1 signed   0 words
//
// E: the lengths are in RAX and RDX; I: a string ends at its first zero element. The first operand (G) is the set,
// the ranges or the pattern; the second is searched, and there is a result bit for each of its elements.

import { CF, FAULT, NEXT, OF, RAX, RCX, RDX, SF, XMM, ZF, getReg, setReg } from './state'
import { setExplicit } from './flags'
import { readPtr } from './mmu'
import { OP_REXW, opE, opFlags, opG, opImm } from './operation'
import { addressE } from './transfer'

/** Copies of the two operands. */
const FIRST: usize = 0x1200
const SECOND: usize = 0x1210

// Aggregation, control bits 3 and 2.
const EQUAL_ANY: u32 = 0
const RANGES: u32 = 1
const EQUAL_EACH: u32 = 2

/** Value of an element, so that signed and unsigned ones compare as i32. */
// @ts-ignore: decorator
@inline function element(string: usize, i: u32, control: u32): i32 {
  switch (control & 3) {
    case 0:
      return <i32>load<u8>(string + i)
    case 1:
      return <i32>load<u16>(string + (i << 1))
    case 2:
      return <i32>load<i8>(string + i)
    default:
      return <i32>load<i16>(string + (i << 1))
  }
}

function implicitLength(string: usize, control: u32, count: u32): u32 {
  let length: u32 = 0
  while (length < count && element(string, length, control) != 0) length++
  return length
}
function explicitLength(op: usize, register: u32, count: u32): u32 {
  const value: i64 = opFlags(op) & OP_REXW ? getReg<i64>(register) : <i64>getReg<i32>(register)
  // The smallest integer has no positive counterpart, but is large as an unsigned number.
  return <u32>min<u64>(<u64>(value < 0 ? -value : value), count)
}

/** One bit for each element of the second string (IntRes1). */
function aggregate(control: u32, count: u32, firstLength: u32, secondLength: u32): u32 {
  const kind = (control >> 2) & 3
  let bits: u32 = 0
  for (let j: u32 = 0; j < count; j++) {
    let bit = false
    if (kind == EQUAL_ANY) {
      if (j < secondLength) {
        const wanted = element(SECOND, j, control)
        for (let i: u32 = 0; i < firstLength; i++) if (element(FIRST, i, control) == wanted) bit = true
      }
    } else if (kind == RANGES) {
      if (j < secondLength) {
        const wanted = element(SECOND, j, control)
        // A lower bound without an upper one is no range.
        for (let i: u32 = 0; i + 1 < firstLength; i += 2) {
          if (element(FIRST, i, control) <= wanted && wanted <= element(FIRST, i + 1, control)) bit = true
        }
      }
    } else if (kind == EQUAL_EACH) {
      // Past both ends is equal, past one end is not.
      if (j < firstLength && j < secondLength) bit = element(FIRST, j, control) == element(SECOND, j, control)
      else bit = j >= firstLength && j >= secondLength
    } else {
      // Does the first string begin here? What lies beyond the register counts as found.
      bit = true
      for (let i: u32 = 0; i < firstLength && i + j < count; i++) {
        if (i + j >= secondLength || element(FIRST, i, control) != element(SECOND, i + j, control)) bit = false
      }
    }
    if (bit) bits |= <u32>1 << j
  }
  return bits
}

/** Does everything but the output; sets the flags. @returns IntRes2, or -1 with a fault pending */
function compare(op: usize, form: i32, explicit: bool): i32 {
  store<v128>(FIRST, load<v128>(XMM + <usize>opG(op)))
  if (form == 0) {
    store<v128>(SECOND, load<v128>(XMM + <usize>opE(op)))
  } else {
    // No alignment is asked of these.
    const p = readPtr(addressE(op, form), 16)
    if (!p) return -1
    store<v128>(SECOND, load<v128>(p))
  }
  const control = <u32>opImm(op)
  const count: u32 = control & 1 ? 8 : 16
  const firstLength = explicit ? explicitLength(op, RAX, count) : implicitLength(FIRST, control, count)
  const secondLength = explicit ? explicitLength(op, RDX, count) : implicitLength(SECOND, control, count)
  let bits = aggregate(control, count, firstLength, secondLength)
  // Polarity: bit 4 negates; with bit 5 only what lies inside the second string.
  if (control & 0x10) bits ^= control & 0x20 ? ((<u32>1 << secondLength) - 1) : ((<u32>1 << count) - 1)
  setExplicit(
    (bits != 0 ? CF : 0) | (secondLength < count ? ZF : 0) | (firstLength < count ? SF : 0) | (bits & 1 ? OF : 0),
  )
  return <i32>bits
}

function index(op: usize, form: i32, explicit: bool): i32 {
  const bits = compare(op, form, explicit)
  if (bits < 0) return FAULT
  const control = <u32>opImm(op)
  let at: u32
  if (bits == 0) at = control & 1 ? 8 : 16
  else at = control & 0x40 ? 31 - clz<u32>(<u32>bits) : ctz<u32>(<u32>bits)
  setReg<u32>(RCX, at)
  return NEXT
}
function mask(op: usize, form: i32, explicit: bool): i32 {
  const bits = compare(op, form, explicit)
  if (bits < 0) return FAULT
  const control = <u32>opImm(op)
  let result = i32x4.replace_lane(i64x2.splat(0), 0, bits)
  if (control & 0x40) {
    const places = control & 1 ? i16x8(1, 2, 4, 8, 16, 32, 64, 128) : i64x2.splat(0x8040201008040201)
    if (control & 1) {
      result = i16x8.eq(v128.and(i16x8.splat(<i16>bits), places), places)
    } else {
      const spread = i8x16.shuffle(result, result, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1)
      result = i8x16.eq(v128.and(spread, places), places)
    }
  }
  store<v128>(XMM, result)
  return NEXT
}

export function pcmpestrm(op: usize, form: i32): i32 {
  return mask(op, form, true)
}
export function pcmpestri(op: usize, form: i32): i32 {
  return index(op, form, true)
}
export function pcmpistrm(op: usize, form: i32): i32 {
  return mask(op, form, false)
}
export function pcmpistri(op: usize, form: i32): i32 {
  return index(op, form, false)
}
