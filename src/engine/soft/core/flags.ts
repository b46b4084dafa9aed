// The six status flags, kept lazily: an instruction stores its operands and result, and a flag is computed
// only when something asks. SDM volume 1, 3.4.3.1.
//
// Operands and results are stored sign-extended to 64 bits. Sign extension keeps the unsigned order and the
// sign, so one formula serves all four operand sizes.

import { RFLAGS, CC_OP, CC_CARRY, CC_RES, CC_A, CC_B, CF, PF, AF, ZF, SF, OF, STATUS_FLAGS } from './state'

/** The flags lie in RFLAGS itself. */
export const CC_EXPLICIT: u32 = 0
export const CC_ADD: u32 = 1
export const CC_SUB: u32 = 2
/** AND, OR, XOR, TEST: carry and overflow are 0. */
export const CC_LOGIC: u32 = 3
export const CC_ADC: u32 = 4
export const CC_SBB: u32 = 5
/** As ADD and SUB of 1, with the carry flag kept from before in CC_CARRY. */
export const CC_INC: u32 = 6
export const CC_DEC: u32 = 7
/** Set by translated code only: CF and OF are bits 0 and 1 of CC_CARRY, AF is 0, the others follow from the result. */
export const CC_COOKED: u32 = 8

// @ts-ignore: decorator
@inline export function setLazy(op: u32, a: i64, b: i64, result: i64): void {
  store<u32>(CC_OP, op)
  store<i64>(CC_A, a)
  store<i64>(CC_B, b)
  store<i64>(CC_RES, result)
}

// @ts-ignore: decorator
@inline export function setLogic(result: i64): void {
  store<u32>(CC_OP, CC_LOGIC)
  store<i64>(CC_RES, result)
}

/** Sets all six flags at once, from RFLAGS bits. */
// @ts-ignore: decorator
@inline export function setExplicit(bits: u64): void {
  store<u64>(RFLAGS, (load<u64>(RFLAGS) & ~STATUS_FLAGS) | bits)
  store<u32>(CC_OP, CC_EXPLICIT)
}

export function getCf(): bool {
  switch (load<u32>(CC_OP)) {
    case CC_EXPLICIT:
      return (load<u64>(RFLAGS) & CF) != 0
    case CC_ADD:
      return load<u64>(CC_RES) < load<u64>(CC_A)
    case CC_SUB:
      return load<u64>(CC_A) < load<u64>(CC_B)
    case CC_LOGIC:
      return false
    case CC_ADC: {
      const a = load<i64>(CC_A)
      const b = load<i64>(CC_B)
      return ((a & b) | ((a | b) & ~load<i64>(CC_RES))) < 0
    }
    case CC_SBB: {
      const a = load<i64>(CC_A)
      const b = load<i64>(CC_B)
      return ((~a & b) | ((~a | b) & load<i64>(CC_RES))) < 0
    }
    default:
      return (load<u32>(CC_CARRY) & 1) != 0 // INC, DEC, cooked
  }
}

// @ts-ignore: decorator
@inline export function getZf(): bool {
  return load<u32>(CC_OP) == CC_EXPLICIT ? (load<u64>(RFLAGS) & ZF) != 0 : load<i64>(CC_RES) == 0
}

// @ts-ignore: decorator
@inline export function getSf(): bool {
  return load<u32>(CC_OP) == CC_EXPLICIT ? (load<u64>(RFLAGS) & SF) != 0 : load<i64>(CC_RES) < 0
}

export function getOf(): bool {
  switch (load<u32>(CC_OP)) {
    case CC_EXPLICIT:
      return (load<u64>(RFLAGS) & OF) != 0
    case CC_LOGIC:
      return false
    case CC_COOKED:
      return (load<u32>(CC_CARRY) & 2) != 0
    case CC_ADD:
    case CC_ADC:
    case CC_INC: {
      const result = load<i64>(CC_RES)
      return ((load<i64>(CC_A) ^ result) & (load<i64>(CC_B) ^ result)) < 0
    }
    default: {
      const a = load<i64>(CC_A)
      return ((a ^ load<i64>(CC_B)) & (a ^ load<i64>(CC_RES))) < 0
    }
  }
}

/** PF: the low byte of the result has an even number of ones. */
export function getPf(): bool {
  if (load<u32>(CC_OP) == CC_EXPLICIT) return (load<u64>(RFLAGS) & PF) != 0
  return evenParity(load<u8>(CC_RES))
}

// @ts-ignore: decorator
@inline export function evenParity(byte: u8): bool {
  return (popcnt<u32>(<u32>byte) & 1) == 0
}

function getAf(): bool {
  const op = load<u32>(CC_OP)
  if (op == CC_EXPLICIT) return (load<u64>(RFLAGS) & AF) != 0
  if (op == CC_LOGIC || op == CC_COOKED) return false
  return ((load<i64>(CC_A) ^ load<i64>(CC_B) ^ load<i64>(CC_RES)) & 0x10) != 0
}

/** The whole of RFLAGS, with the status flags computed; they are explicit from then on. */
export function readRflags(): u64 {
  if (load<u32>(CC_OP) != CC_EXPLICIT) {
    let bits: u64 = 0
    if (getCf()) bits |= CF
    if (getPf()) bits |= PF
    if (getAf()) bits |= AF
    if (getZf()) bits |= ZF
    if (getSf()) bits |= SF
    if (getOf()) bits |= OF
    setExplicit(bits)
  }
  return load<u64>(RFLAGS) | 2
}

/** Replaces all of RFLAGS; the caller has masked what may not change. */
export function writeRflags(value: u64): void {
  store<u64>(RFLAGS, value | 2)
  store<u32>(CC_OP, CC_EXPLICIT)
}

/** SF, ZF, PF of a sign-extended result as RFLAGS bits; for instructions that set flags eagerly. */
// @ts-ignore: decorator
@inline export function szp(result: i64): u64 {
  let bits: u64 = 0
  if (result == 0) bits |= ZF
  if (result < 0) bits |= SF
  if (evenParity(<u8>result)) bits |= PF
  return bits
}

/** One of the sixteen conditions, SDM volume 1 appendix B; `code` is a constant wherever speed matters. */
// @ts-ignore: decorator
@inline export function condition(code: u32): bool {
  switch (code) {
    case 0:
      return getOf()
    case 1:
      return !getOf()
    case 2:
      return below()
    case 3:
      return !below()
    case 4:
      return getZf()
    case 5:
      return !getZf()
    case 6:
      return belowOrEqual()
    case 7:
      return !belowOrEqual()
    case 8:
      return getSf()
    case 9:
      return !getSf()
    case 10:
      return getPf()
    case 11:
      return !getPf()
    case 12:
      return less()
    case 13:
      return !less()
    case 14:
      return lessOrEqual()
    default:
      return !lessOrEqual()
  }
}

// The comparisons that follow a CMP most of the time: answered from its operands.
// @ts-ignore: decorator
@inline function below(): bool {
  return load<u32>(CC_OP) == CC_SUB ? load<u64>(CC_A) < load<u64>(CC_B) : getCf()
}
// @ts-ignore: decorator
@inline function belowOrEqual(): bool {
  return load<u32>(CC_OP) == CC_SUB ? load<u64>(CC_A) <= load<u64>(CC_B) : getCf() || getZf()
}
// @ts-ignore: decorator
@inline function less(): bool {
  return load<u32>(CC_OP) == CC_SUB ? load<i64>(CC_A) < load<i64>(CC_B) : getSf() != getOf()
}
// @ts-ignore: decorator
@inline function lessOrEqual(): bool {
  return load<u32>(CC_OP) == CC_SUB ? load<i64>(CC_A) <= load<i64>(CC_B) : getZf() || getSf() != getOf()
}
