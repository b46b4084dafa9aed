// Meanings of integer arithmetic, logic, shifts and multiplication. SDM volume 2.
//
// Each is a function of the operands' values; T is u8, u16, u32 or u64. The generated handler fetches the
// operands and stores the result. Flags that the SDM leaves undefined get what is cheapest.

import { AF, CF, DE_VECTOR, NEXT, FAULT, OF, RAX, RDX, getReg, raise, setReg } from './state'
import {
  CC_ADC, CC_ADD, CC_DEC, CC_INC, CC_SBB, CC_SUB, getCf, readRflags, setExplicit, setLazy, setLogic, szp,
} from './flags'
import { CC_CARRY } from './state'
import { fullAddress, opE, simpleAddress } from './operation'
import { readPtr } from './mmu'

/** Sign-extends a value of T to 64 bits. */
// @ts-ignore: decorator
@inline export function extend<T>(value: T): i64 {
  if (sizeof<T>() == 1) return <i64>(<i8>value)
  if (sizeof<T>() == 2) return <i64>(<i16>value)
  if (sizeof<T>() == 4) return <i64>(<i32>value)
  return <i64>value
}

// @ts-ignore: decorator
@inline export function add<T>(a: T, b: T): T {
  const result = <T>(a + b)
  setLazy(CC_ADD, extend<T>(a), extend<T>(b), extend<T>(result))
  return result
}
// @ts-ignore: decorator
@inline export function sub<T>(a: T, b: T): T {
  const result = <T>(a - b)
  setLazy(CC_SUB, extend<T>(a), extend<T>(b), extend<T>(result))
  return result
}
// @ts-ignore: decorator
@inline export function cmp<T>(a: T, b: T): void {
  setLazy(CC_SUB, extend<T>(a), extend<T>(b), extend<T>(<T>(a - b)))
}
export function adc<T>(a: T, b: T): T {
  const result = <T>(a + b + <T>getCf())
  setLazy(CC_ADC, extend<T>(a), extend<T>(b), extend<T>(result))
  return result
}
export function sbb<T>(a: T, b: T): T {
  const result = <T>(a - b - <T>getCf())
  setLazy(CC_SBB, extend<T>(a), extend<T>(b), extend<T>(result))
  return result
}
// @ts-ignore: decorator
@inline export function and<T>(a: T, b: T): T {
  const result = <T>(a & b)
  setLogic(extend<T>(result))
  return result
}
// @ts-ignore: decorator
@inline export function or<T>(a: T, b: T): T {
  const result = <T>(a | b)
  setLogic(extend<T>(result))
  return result
}
// @ts-ignore: decorator
@inline export function xor<T>(a: T, b: T): T {
  const result = <T>(a ^ b)
  setLogic(extend<T>(result))
  return result
}
// @ts-ignore: decorator
@inline export function test<T>(a: T, b: T): void {
  setLogic(extend<T>(<T>(a & b)))
}
// @ts-ignore: decorator
@inline export function not<T>(a: T): T {
  return <T>~a
}
export function neg<T>(a: T): T {
  const result = <T>(0 - a)
  setLazy(CC_SUB, 0, extend<T>(a), extend<T>(result))
  return result
}
export function inc<T>(a: T): T {
  const carry = getCf()
  const result = <T>(a + 1)
  setLazy(CC_INC, extend<T>(a), 1, extend<T>(result))
  store<u32>(CC_CARRY, <u32>carry)
  return result
}
export function dec<T>(a: T): T {
  const carry = getCf()
  const result = <T>(a - 1)
  setLazy(CC_DEC, extend<T>(a), 1, extend<T>(result))
  store<u32>(CC_CARRY, <u32>carry)
  return result
}

// Shifts. Counts are taken modulo 32, or 64 for 64-bit operands; a count of 0 leaves all flags alone.
// OF is defined for a count of 1 only; for others this gives what the formula for 1 gives.

// @ts-ignore: decorator
@inline function bits<T>(): u32 {
  return <u32>(sizeof<T>() << 3)
}
// @ts-ignore: decorator
@inline function masked<T>(count: u8): u32 {
  return <u32>count & (sizeof<T>() == 8 ? 63 : 31)
}

export function shl<T>(a: T, count: u8): T {
  const n = masked<T>(count)
  if (n == 0) return a
  const result = n >= bits<T>() ? <T>0 : <T>(a << <T>n)
  const carry = n > bits<T>() ? <u64>0 : (<u64>a >> (bits<T>() - n)) & 1
  const sign = <u64>(extend<T>(result) < 0)
  setExplicit(szp(extend<T>(result)) | (carry ? CF : 0) | (sign ^ carry ? OF : 0))
  return result
}
export function shr<T>(a: T, count: u8): T {
  const n = masked<T>(count)
  if (n == 0) return a
  const result = n >= bits<T>() ? <T>0 : <T>(a >> <T>n)
  const carry = n > bits<T>() ? <u64>0 : (<u64>a >> (n - 1)) & 1
  setExplicit(szp(extend<T>(result)) | (carry ? CF : 0) | (extend<T>(a) < 0 ? OF : 0))
  return result
}
export function sar<T>(a: T, count: u8): T {
  const n = masked<T>(count)
  if (n == 0) return a
  const wide = extend<T>(a)
  const result = <T>(wide >> <i64>n)
  const carry = (wide >> <i64>(n - 1)) & 1
  setExplicit(szp(extend<T>(result)) | (carry ? CF : 0))
  return result
}

/** Sets CF and OF and leaves the other four as they are. */
function setCfOf(carry: bool, overflow: bool): void {
  setExplicit((readRflags() & 0xd4) | (carry ? CF : 0) | (overflow ? OF : 0))
}

export function rol<T>(a: T, count: u8): T {
  const n = masked<T>(count)
  if (n == 0) return a
  const m = n & (bits<T>() - 1)
  const result = m == 0 ? a : <T>((a << <T>m) | (a >> <T>(bits<T>() - m)))
  const carry = (<u64>result & 1) != 0
  setCfOf(carry, extend<T>(result) < 0 != carry)
  return result
}
export function ror<T>(a: T, count: u8): T {
  const n = masked<T>(count)
  if (n == 0) return a
  const m = n & (bits<T>() - 1)
  const result = m == 0 ? a : <T>((a >> <T>m) | (a << <T>(bits<T>() - m)))
  const top = extend<T>(result) < 0
  setCfOf(top, top != (extend<T>(<T>(result << 1)) < 0))
  return result
}
export function rcl<T>(a: T, count: u8): T {
  let n = masked<T>(count)
  if (sizeof<T>() < 4) n %= bits<T>() + 1
  const carryIn = <u64>getCf()
  if (n == 0) return a
  // The operand with the carry flag as one more bit above it, rotated left by n.
  const w = bits<T>()
  const wide = <u64>a
  const high = n >= w ? 0 : wide << n
  const low = n == 1 ? 0 : wide >> (w + 1 - n)
  const result = <T>(high | (carryIn << (n - 1)) | low)
  const carry = ((wide >> (w - n)) & 1) != 0
  setCfOf(carry, extend<T>(result) < 0 != carry)
  return result
}
export function rcr<T>(a: T, count: u8): T {
  let n = masked<T>(count)
  if (sizeof<T>() < 4) n %= bits<T>() + 1
  const carryIn = <u64>getCf()
  if (n == 0) return a
  const w = bits<T>()
  const wide = <u64>a
  const low = n >= w ? 0 : wide >> n
  const high = n == 1 ? 0 : wide << (w + 1 - n)
  const result = <T>(high | (carryIn << (w - n)) | low)
  const carry = ((wide >> (n - 1)) & 1) != 0
  setCfOf(carry, extend<T>(result) < 0 != extend<T>(<T>(result << 1)) < 0)
  return result
}

/** For 16-bit operands a count above 16 is undefined; this shifts the pair on, as current processors do. */
export function shld<T>(a: T, b: T, count: u8): T {
  const n = masked<T>(count)
  if (n == 0) return a
  const w = bits<T>()
  let result: T
  let carry: bool
  if (sizeof<T>() == 2) {
    const chain = (<u64>a << 32) | (<u64>b << 16) | <u64>a
    const shifted = chain << n
    result = <T>(shifted >> 32)
    carry = ((shifted >> 48) & 1) != 0
  } else {
    result = <T>((a << <T>n) | (b >> <T>(w - n)))
    carry = ((<u64>a >> (w - n)) & 1) != 0
  }
  setExplicit(szp(extend<T>(result)) | (carry ? CF : 0) | (extend<T>(<T>(result ^ a)) < 0 ? OF : 0))
  return result
}
export function shrd<T>(a: T, b: T, count: u8): T {
  const n = masked<T>(count)
  if (n == 0) return a
  const w = bits<T>()
  let result: T
  let carry: bool
  if (sizeof<T>() == 2) {
    const chain = (<u64>a << 32) | (<u64>b << 16) | <u64>a
    result = <T>(chain >> n)
    carry = ((chain >> (n - 1)) & 1) != 0
  } else {
    result = <T>((a >> <T>n) | (b << <T>(w - n)))
    carry = ((<u64>a >> (n - 1)) & 1) != 0
  }
  setExplicit(szp(extend<T>(result)) | (carry ? CF : 0) | (extend<T>(<T>(result ^ a)) < 0 ? OF : 0))
  return result
}

// Multiplication and division.

/** High half of the unsigned 128-bit product. */
export function mulHigh(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff
  const aHigh = a >> 32
  const bLow = b & 0xffffffff
  const bHigh = b >> 32
  const middle = aHigh * bLow + ((aLow * bLow) >> 32)
  const other = aLow * bHigh + (middle & 0xffffffff)
  return aHigh * bHigh + (middle >> 32) + (other >> 32)
}
/** High half of the signed 128-bit product. */
export function mulHighSigned(a: i64, b: i64): i64 {
  return <i64>mulHigh(<u64>a, <u64>b) - (a < 0 ? b : 0) - (b < 0 ? a : 0)
}

/** SF, ZF, AF, PF are undefined after a multiplication: they follow the low half's result here. */
function setMultiplied(result: i64, overflow: bool): void {
  setExplicit(szp(result) | (overflow ? CF | OF : 0))
}

export function imul2<T>(a: T, b: T): T {
  const x = extend<T>(a)
  const y = extend<T>(b)
  const product = x * y
  const result = <T>product
  const overflow = sizeof<T>() == 8 ? mulHighSigned(x, y) != product >> 63 : extend<T>(result) != product
  setMultiplied(extend<T>(result), overflow)
  return result
}
export function imul3<T>(a: T, b: T): T {
  return imul2<T>(a, b)
}

/** Pointer to the operand in memory, or 0; the register form reads inside the register file. */
// @ts-ignore: decorator
@inline function operandE<T>(op: usize, form: i32): T {
  if (form == 0) return getReg<T>(opE(op))
  const p = readPtr(form == 1 ? fullAddress(op) : simpleAddress(op), sizeof<T>())
  if (!p) {
    failed = true
    return 0
  }
  return load<T>(p)
}
let failed: bool = false

// @ts-ignore: decorator
@inline function takeFailure(): bool {
  const was = failed
  failed = false
  return was
}

export function mul<T>(op: usize, form: i32): i32 {
  const b = operandE<T>(op, form)
  if (takeFailure()) return FAULT
  const a = getReg<T>(RAX)
  if (sizeof<T>() == 1) {
    const product = <u32>a * <u32>b
    setReg<u16>(RAX, <u16>product)
    setMultiplied(extend<u8>(<u8>product), product > 0xff)
  } else if (sizeof<T>() == 8) {
    const high = mulHigh(<u64>a, <u64>b)
    const low = <u64>a * <u64>b
    setReg<u64>(RAX, low)
    setReg<u64>(RDX, high)
    setMultiplied(<i64>low, high != 0)
  } else {
    const product = <u64>a * <u64>b
    setReg<T>(RAX, <T>product)
    setReg<T>(RDX, <T>(product >> bits<T>()))
    setMultiplied(extend<T>(<T>product), product >> bits<T>() != 0)
  }
  return NEXT
}

export function imul1<T>(op: usize, form: i32): i32 {
  const b = operandE<T>(op, form)
  if (takeFailure()) return FAULT
  const a = getReg<T>(RAX)
  const product = extend<T>(a) * extend<T>(b)
  if (sizeof<T>() == 1) {
    setReg<u16>(RAX, <u16>product)
    setMultiplied(<i64>(<i8>product), <i64>(<i8>product) != product)
  } else if (sizeof<T>() == 8) {
    const high = mulHighSigned(<i64>a, <i64>b)
    setReg<u64>(RAX, <u64>product)
    setReg<u64>(RDX, <u64>high)
    setMultiplied(product, high != product >> 63)
  } else {
    setReg<T>(RAX, <T>product)
    setReg<T>(RDX, <T>(product >> <i64>bits<T>()))
    setMultiplied(extend<T>(<T>product), extend<T>(<T>product) != product)
  }
  return NEXT
}

let remainder: u64 = 0

/** Divides the 128-bit `high:low` by `divisor` (> high), two digits of 32 bits at a time; sets `remainder`. */
export function divide128(high: u64, low: u64, divisor: u64): u64 {
  if (high == 0) {
    remainder = low % divisor
    return low / divisor
  }
  const shift = clz<u64>(divisor)
  const d = divisor << shift
  const dHigh = d >> 32
  const dLow = d & 0xffffffff
  const top = shift == 0 ? high : (high << shift) | (low >> (64 - shift))
  const rest = low << shift
  let q1 = top / dHigh
  let r = top - q1 * dHigh
  // Each correction loop runs at most twice (Knuth, volume 2, 4.3.1, theorem B).
  while (q1 >> 32 != 0 || q1 * dLow > ((r << 32) | (rest >> 32))) {
    q1--
    r += dHigh
    if (r >> 32 != 0) break
  }
  const middle = ((top << 32) | (rest >> 32)) - q1 * d
  let q0 = middle / dHigh
  r = middle - q0 * dHigh
  while (q0 >> 32 != 0 || q0 * dLow > ((r << 32) | (rest & 0xffffffff))) {
    q0--
    r += dHigh
    if (r >> 32 != 0) break
  }
  remainder = (((middle << 32) | (rest & 0xffffffff)) - q0 * d) >> shift
  return (q1 << 32) + q0
}

export function div<T>(op: usize, form: i32): i32 {
  const divisor = operandE<T>(op, form)
  if (takeFailure()) return FAULT
  if (divisor == 0) return raise(DE_VECTOR, 0)
  if (sizeof<T>() == 8) {
    const high = getReg<u64>(RDX)
    if (high >= <u64>divisor) return raise(DE_VECTOR, 0)
    const quotient = divide128(high, getReg<u64>(RAX), <u64>divisor)
    setReg<u64>(RAX, quotient)
    setReg<u64>(RDX, remainder)
    return NEXT
  }
  const dividend =
    sizeof<T>() == 1 ? <u64>getReg<u16>(RAX) : (<u64>getReg<T>(RDX) << bits<T>()) | <u64>getReg<T>(RAX)
  const quotient = dividend / <u64>divisor
  if (quotient >> bits<T>() != 0) return raise(DE_VECTOR, 0)
  const left = dividend % <u64>divisor
  if (sizeof<T>() == 1) {
    setReg<u16>(RAX, <u16>(quotient | (left << 8)))
  } else {
    setReg<T>(RAX, <T>quotient)
    setReg<T>(RDX, <T>left)
  }
  return NEXT
}

export function idiv<T>(op: usize, form: i32): i32 {
  const divisor = operandE<T>(op, form)
  if (takeFailure()) return FAULT
  if (divisor == 0) return raise(DE_VECTOR, 0)
  if (sizeof<T>() == 8) {
    let high = getReg<u64>(RDX)
    let low = getReg<u64>(RAX)
    const negative = <i64>high < 0
    if (negative) {
      low = 0 - low
      high = ~high + <u64>(low == 0)
    }
    const negativeDivisor = <i64>divisor < 0
    const size = negativeDivisor ? 0 - <u64>divisor : <u64>divisor
    if (high >= size) return raise(DE_VECTOR, 0)
    const quotient = divide128(high, low, size)
    const left = remainder
    if (negative != negativeDivisor) {
      if (quotient > 0x8000000000000000) return raise(DE_VECTOR, 0)
      setReg<u64>(RAX, 0 - quotient)
    } else {
      if (quotient > 0x7fffffffffffffff) return raise(DE_VECTOR, 0)
      setReg<u64>(RAX, quotient)
    }
    setReg<u64>(RDX, negative ? 0 - left : left)
    return NEXT
  }
  const dividend =
    sizeof<T>() == 1
      ? <i64>(<i16>getReg<u16>(RAX))
      : sizeof<T>() == 2
        ? <i64>(<i32>((<u32>getReg<u16>(RDX) << 16) | <u32>getReg<u16>(RAX)))
        : <i64>((<u64>getReg<u32>(RDX) << 32) | <u64>getReg<u32>(RAX))
  const by = extend<T>(divisor)
  // The only quotient that does not fit in 64 bits, and a trap in WebAssembly.
  if (by == -1 && dividend == i64.MIN_VALUE) return raise(DE_VECTOR, 0)
  const quotient = dividend / by
  if (extend<T>(<T>quotient) != quotient) return raise(DE_VECTOR, 0)
  const left = dividend % by
  if (sizeof<T>() == 1) {
    setReg<u16>(RAX, <u16>((quotient & 0xff) | (left << 8)))
  } else {
    setReg<T>(RAX, <T>quotient)
    setReg<T>(RDX, <T>left)
  }
  return NEXT
}

export function cmc(): void {
  setCarry(!getCf())
}
export function clc(): void {
  setCarry(false)
}
export function stc(): void {
  setCarry(true)
}
function setCarry(carry: bool): void {
  setExplicit((readRflags() & 0x8d4) | (carry ? CF : 0))
}
