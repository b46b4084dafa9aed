// Meanings of data movement: MOV and its relatives, exchanges, conditional moves, stack, flags. SDM volume 2.

import {
  AF, CF, CPL, FAULT, GP_VECTOR, IF, IOPL, LEAVE, NEXT, PF, RAX, RBP, RBX, RDX, RSP, SF, TF, ZF, AC, DF, ID,
  NT, OF, RF, RCX, RFLAGS, getReg, raise, reg64, setReg, setReg64,
} from './state'
import { condition, readRflags, setExplicit, writeRflags } from './flags'
import { add, cmp, extend } from './arithmetic'
import { SCRATCH_END } from './layout'
import { commit, readPtr, storePtr, writePtr } from './mmu'
import { fullAddress, opE, opFlags, opG, opImm, OP_ADDR32, OP_REXW, simpleAddress } from './operation'
import { checkInterrupts } from './interrupts'

// @ts-ignore: decorator
@inline export function mov<T>(a: T): T {
  return a
}
// @ts-ignore: decorator
@inline export function movzx<T, S>(a: S): T {
  return <T>a
}
// @ts-ignore: decorator
@inline export function movsx<T, S>(a: S): T {
  return <T>extend<S>(a)
}
// @ts-ignore: decorator
@inline export function movsxd<T, S>(a: S): T {
  return <T>extend<S>(a)
}
// @ts-ignore: decorator
@inline export function lea<T>(address: u64): T {
  return <T>address
}
// @ts-ignore: decorator
@inline export function cmov<T>(a: T, b: T, code: u32): T {
  return condition(code) ? b : a
}
// @ts-ignore: decorator
@inline export function setcc(code: u32): u8 {
  return <u8>condition(code)
}
export function bswap<T>(a: T): T {
  if (sizeof<T>() == 2) return 0 // Undefined; current processors give 0.
  // AssemblyScript's bswap works on any width.
  return <T>swapBytes<T>(a)
}
function swapBytes<T>(a: T): T {
  if (sizeof<T>() == 4) {
    const x = <u32>a
    return <T>((x << 24) | ((x & 0xff00) << 8) | ((x >> 8) & 0xff00) | (x >> 24))
  }
  let x = <u64>a
  x = ((x & 0x00ff00ff00ff00ff) << 8) | ((x >> 8) & 0x00ff00ff00ff00ff)
  x = ((x & 0x0000ffff0000ffff) << 16) | ((x >> 16) & 0x0000ffff0000ffff)
  return <T>((x << 32) | (x >> 32))
}

// @ts-ignore: decorator
@inline export function addressE(op: usize, form: i32): u64 {
  return form == 1 ? fullAddress(op) : simpleAddress(op)
}

export function xchg<T>(op: usize, form: i32): i32 {
  const g = getReg<T>(opG(op))
  if (form == 0) {
    const e = getReg<T>(opE(op))
    setReg<T>(opE(op), g)
    setReg<T>(opG(op), e)
    return NEXT
  }
  const p = writePtr(addressE(op, form), sizeof<T>())
  if (!p) return FAULT
  const e = load<T>(p)
  store<T>(p, g)
  if (p < SCRATCH_END) commit()
  setReg<T>(opG(op), e)
  return NEXT
}
/** NOP (90) and PAUSE (F3 90) are XCHG of RAX with itself that leaves RAX whole; with REX.B all three exchange R8. */
export function xchgA<T>(op: usize): i32 {
  if (opE(op) == RAX) return NEXT
  const a = getReg<T>(RAX)
  const z = getReg<T>(opE(op))
  setReg<T>(opE(op), a)
  setReg<T>(RAX, z)
  return NEXT
}

export function xadd<T>(op: usize, form: i32): i32 {
  const g = getReg<T>(opG(op))
  if (form == 0) {
    const e = getReg<T>(opE(op))
    const sum = add<T>(e, g)
    setReg<T>(opG(op), e)
    setReg<T>(opE(op), sum)
    return NEXT
  }
  const p = writePtr(addressE(op, form), sizeof<T>())
  if (!p) return FAULT
  const e = load<T>(p)
  store<T>(p, add<T>(e, g))
  if (p < SCRATCH_END) commit()
  setReg<T>(opG(op), e)
  return NEXT
}

export function cmpxchg<T>(op: usize, form: i32): i32 {
  const a = getReg<T>(RAX)
  const g = getReg<T>(opG(op))
  if (form == 0) {
    const e = getReg<T>(opE(op))
    cmp<T>(a, e)
    if (a == e) setReg<T>(opE(op), g)
    else setReg<T>(RAX, e)
    return NEXT
  }
  // The destination is written in either case, so it must be writable.
  const p = writePtr(addressE(op, form), sizeof<T>())
  if (!p) return FAULT
  const e = load<T>(p)
  cmp<T>(a, e)
  if (a == e) store<T>(p, g)
  else setReg<T>(RAX, e)
  if (p < SCRATCH_END) commit()
  return NEXT
}

/** CMPXCHG8B, and CMPXCHG16B with REX.W. */
export function cmpxchg8b<T>(op: usize, form: i32): i32 {
  const address = addressE(op, form)
  let equal: bool
  if (opFlags(op) & OP_REXW) {
    if (address & 15) return raise(GP_VECTOR, 0)
    const p = writePtr(address, 16)
    if (!p) return FAULT
    const low = load<u64>(p)
    const high = load<u64>(p, 8)
    equal = low == reg64(RAX) && high == reg64(RDX)
    if (equal) {
      store<u64>(p, reg64(RBX))
      store<u64>(p, reg64(RCX), 8)
    } else {
      setReg64(RAX, low)
      setReg64(RDX, high)
    }
    if (p < SCRATCH_END) commit()
  } else {
    const p = writePtr(address, 8)
    if (!p) return FAULT
    const value = load<u64>(p)
    equal = value == ((reg64(RDX) << 32) | <u64>getReg<u32>(RAX))
    if (equal) {
      store<u64>(p, (reg64(RCX) << 32) | <u64>getReg<u32>(RBX))
    } else {
      setReg<u32>(RAX, <u32>value)
      setReg<u32>(RDX, <u32>(value >> 32))
    }
    if (p < SCRATCH_END) commit()
  }
  setExplicit((readRflags() & (CF | PF | AF | SF | OF)) | (equal ? ZF : 0))
  return NEXT
}

// The stack. RSP changes only after the access has succeeded.

// @ts-ignore: decorator
@inline export function pushValue<T>(value: T): bool {
  const top = reg64(RSP) - sizeof<T>()
  const p = storePtr(top, sizeof<T>())
  if (!p) return false
  store<T>(p, value)
  if (p < SCRATCH_END) commit()
  setReg64(RSP, top)
  return true
}

export function push<T>(op: usize): i32 {
  return pushValue<T>(getReg<T>(opE(op))) ? NEXT : FAULT
}
export function pushImm<T>(op: usize): i32 {
  return pushValue<T>(<T>opImm(op)) ? NEXT : FAULT
}
export function pushE<T>(op: usize, form: i32): i32 {
  if (form == 0) return pushValue<T>(getReg<T>(opE(op))) ? NEXT : FAULT
  const p = readPtr(addressE(op, form), sizeof<T>())
  if (!p) return FAULT
  return pushValue<T>(load<T>(p)) ? NEXT : FAULT
}
export function pop<T>(op: usize): i32 {
  const p = readPtr(reg64(RSP), sizeof<T>())
  if (!p) return FAULT
  const value = load<T>(p)
  setReg64(RSP, reg64(RSP) + sizeof<T>())
  setReg<T>(opE(op), value)
  return NEXT
}
export function popE<T>(op: usize, form: i32): i32 {
  if (form == 0) return pop<T>(op)
  const top = reg64(RSP)
  const p = readPtr(top, sizeof<T>())
  if (!p) return FAULT
  const value = load<T>(p)
  // An address that uses RSP uses it as it is after the pop.
  setReg64(RSP, top + sizeof<T>())
  const q = storePtr(addressE(op, form), sizeof<T>())
  if (!q) {
    setReg64(RSP, top)
    return FAULT
  }
  store<T>(q, value)
  if (q < SCRATCH_END) commit()
  return NEXT
}
export function enter<T>(op: usize): i32 {
  const size = <u64>(opImm(op) & 0xffff)
  const level = <u32>(opImm(op) >> 16) & 31
  const saved = reg64(RSP)
  const frameBefore = reg64(RBP)
  if (!pushValue<T>(<T>frameBefore)) return FAULT
  const frame = reg64(RSP)
  let from = frameBefore
  for (let i: u32 = 1; i < level; i++) {
    from -= sizeof<T>()
    const p = readPtr(from, sizeof<T>())
    if (!p || !pushValue<T>(load<T>(p))) {
      setReg64(RSP, saved)
      return FAULT
    }
  }
  if (level > 0 && !pushValue<T>(<T>frame)) {
    setReg64(RSP, saved)
    return FAULT
  }
  const top = reg64(RSP) - size
  // The new stack top must be writable, though nothing is written.
  if (!writePtr(top, 1)) {
    setReg64(RSP, saved)
    return FAULT
  }
  setReg64(RSP, top)
  setReg<T>(RBP, <T>frame)
  return NEXT
}
export function leave<T>(op: usize): i32 {
  const p = readPtr(reg64(RBP), sizeof<T>())
  if (!p) return FAULT
  setReg64(RSP, reg64(RBP) + sizeof<T>())
  setReg<T>(RBP, load<T>(p))
  return NEXT
}

// Flags.

export function pushf<T>(op: usize): i32 {
  return pushValue<T>(<T>(readRflags() & ~(RF | 0x20000))) ? NEXT : FAULT
}
export function popf<T>(op: usize): i32 {
  const p = readPtr(reg64(RSP), sizeof<T>())
  if (!p) return FAULT
  const value = <u64>load<T>(p)
  setReg64(RSP, reg64(RSP) + sizeof<T>())
  const cpl = load<u32>(CPL)
  const old = readRflags()
  let mask: u64 = CF | PF | AF | ZF | SF | TF | DF | OF | NT | AC | ID
  if (cpl == 0) mask |= IOPL
  if (cpl <= <u32>((old & IOPL) >> 12)) mask |= IF
  if (sizeof<T>() == 2) mask &= 0xffff
  writeRflags(((old & ~mask) | (value & mask)) & ~RF)
  checkInterrupts()
  return LEAVE
}
export function sahf(): void {
  const ah = <u64>getReg<u8>(RAX + 1)
  setExplicit((readRflags() & OF) | (ah & (SF | ZF | AF | PF | CF)))
}
export function lahf(): void {
  setReg<u8>(RAX + 1, <u8>((readRflags() & (SF | ZF | AF | PF | CF)) | 2))
}
export function cld(): void {
  store<u64>(RFLAGS, load<u64>(RFLAGS) & ~DF)
}
export function std(): void {
  store<u64>(RFLAGS, load<u64>(RFLAGS) | DF)
}

// Widening.

export function cbw<T>(op: usize): i32 {
  if (sizeof<T>() == 2) setReg<u16>(RAX, <u16>(<i16>(<i8>getReg<u8>(RAX))))
  else if (sizeof<T>() == 4) setReg<u32>(RAX, <u32>(<i32>(<i16>getReg<u16>(RAX))))
  else setReg<u64>(RAX, <u64>(<i64>(<i32>getReg<u32>(RAX))))
  return NEXT
}
export function cwd<T>(op: usize): i32 {
  setReg<T>(RDX, <T>(extend<T>(getReg<T>(RAX)) >> 63))
  return NEXT
}
export function xlat(op: usize): i32 {
  let offset = reg64(RBX) + <u64>getReg<u8>(RAX)
  if (opFlags(op) & OP_ADDR32) offset = <u64>(<u32>offset)
  const p = readPtr(offset + reg64(load<u8>(op, 7)), 1)
  if (!p) return FAULT
  setReg<u8>(RAX, load<u8>(p))
  return NEXT
}

/** NOP, PREFETCH, fences: nothing to do, and no access either. */
export function nopE<T>(op: usize, form: i32): i32 {
  return NEXT
}
