// Segment registers, descriptors and far transfers, as far as 64-bit mode has them. SDM volume 3 chapter 3 and 5.
//
// In 64-bit mode only FS and GS have a base, and no segment has a limit, so no descriptor cache is kept: what
// counts of CS is its selector and CPL. A code descriptor must have L = 1; compatibility mode is left out (the
// kernel has no 32-bit emulation), so far transfers to 32-bit segments give #GP.

import {
  CPL, FAULT, FS_BASE, GDT_BASE, GDT_LIMIT, GP_VECTOR, GS_BASE, JUMP, LDT_BASE, LDT_LIMIT, LDT_SELECTOR, LEAVE, NEXT, NP_VECTOR, RIP,
  RSP, SELECTORS, SEL_CS, SEL_SS, SS_VECTOR, TR_BASE, TR_LIMIT, TR_SELECTOR, UD_VECTOR, ZF, getReg, raise, reg64, setReg, setReg64,
  INHIBIT, AF, CF, OF, PF, SF,
} from './state'
import { readRflags, setExplicit } from './flags'
import { beginSystemAccess, commit, endSystemAccess, modeChanged, readPtr, storePtr, writePtr } from './mmu'
import { SCRATCH_END } from './layout'
import { opE, opG, opImm, opOpcode } from './operation'
import { addressE, pushValue } from './transfer'
import { nextRip } from './control'
import { checkInterrupts } from './interrupts'

const ES: u32 = 0
const CS: u32 = 1
const SS: u32 = 2
const FS: u32 = 4
const GS: u32 = 5

/** Linear address of a selector's descriptor, or all ones when it lies outside of its table. */
function descriptorAddress(selector: u32, size: u32): u64 {
  const local = (selector & 4) != 0
  const limit = local ? load<u32>(LDT_LIMIT) : load<u32>(GDT_LIMIT)
  const offset = selector & 0xfff8
  if (offset + size - 1 > limit) return ~0
  return load<u64>(local ? LDT_BASE : GDT_BASE) + offset
}

let descriptorHigh: u64 = 0

/** Reads a descriptor with supervisor rights. 0 is never a valid one: a fault is pending then. */
function readDescriptor(selector: u32, size: u32, vector: u32): u64 {
  const address = descriptorAddress(selector, size)
  if (address == ~0) {
    raise(vector, selector & 0xfffc)
    return 0
  }
  const view = beginSystemAccess()
  const p = readPtr(address, size)
  endSystemAccess(view)
  if (!p) return 0
  const descriptor = load<u64>(p)
  if (size == 16) descriptorHigh = load<u64>(p, 8)
  if (descriptor == 0) raise(vector, selector & 0xfffc)
  return descriptor
}

function baseOf(descriptor: u64): u64 {
  return ((descriptor >> 16) & 0xffffff) | ((descriptor >> 32) & 0xff000000)
}
function limitOf(descriptor: u64): u32 {
  const limit = <u32>(descriptor & 0xffff) | (<u32>(descriptor >> 32) & 0xf0000)
  return (descriptor >> 55) & 1 ? (limit << 12) | 0xfff : limit
}

/** Checks a selector for CS at privilege `wanted`. @returns the new CPL, or -1 with a fault pending */
export function codeSegmentFor(selector: u32, wanted: u32): i32 {
  if ((selector & 0xfffc) == 0) {
    raise(GP_VECTOR, 0)
    return -1
  }
  const descriptor = readDescriptor(selector, 8, GP_VECTOR)
  if (descriptor == 0) return -1
  const type = <u32>(descriptor >> 40) & 0x1f
  const dpl = <u32>(descriptor >> 45) & 3
  const conforming = (type & 4) != 0
  // Code (type 11xxx), long mode (L = 1, D = 0), and no more privileged than allowed.
  if ((type & 0x18) != 0x18 || ((descriptor >> 53) & 3) != 1 || dpl > wanted) {
    raise(GP_VECTOR, selector & 0xfffc)
    return -1
  }
  if (!((descriptor >> 47) & 1)) {
    raise(NP_VECTOR, selector & 0xfffc)
    return -1
  }
  return conforming ? <i32>wanted : <i32>dpl
}

/** Checks a selector for SS (or a data register) at privilege `cpl`. @returns false with a fault pending */
export function dataSegmentFor(selector: u32, cpl: u32, stack: bool): bool {
  if ((selector & 0xfffc) == 0) {
    if (!stack || (cpl != 3 && (selector & 3) == cpl)) return true
    raise(GP_VECTOR, 0)
    return false
  }
  const descriptor = readDescriptor(selector, 8, GP_VECTOR)
  if (descriptor == 0) return false
  const type = <u32>(descriptor >> 40) & 0x1f
  const dpl = <u32>(descriptor >> 45) & 3
  const rpl = selector & 3
  let good: bool
  if (stack) good = (type & 0x1a) == 0x12 && dpl == cpl && rpl == cpl
  else good = ((type & 0x18) == 0x10 || (type & 0x1a) == 0x1a) && ((type & 0x1c) == 0x1c || (dpl >= cpl && dpl >= rpl))
  if (!good) {
    raise(GP_VECTOR, selector & 0xfffc)
    return false
  }
  if (!((descriptor >> 47) & 1)) {
    raise(stack ? SS_VECTOR : NP_VECTOR, selector & 0xfffc)
    return false
  }
  return true
}

/** On a return to an outer ring, data segments that it may not use become null (SDM volume 2, IRET). */
export function clearUserSegments(cpl: u32): void {
  for (let i: u32 = 0; i < 6; i++) {
    if (i == CS || i == SS) continue
    const selector = load<u32>(SELECTORS + (<usize>i << 2))
    if ((selector & 0xfffc) == 0) continue
    const address = descriptorAddress(selector, 8)
    if (address == ~0) continue
    const view = beginSystemAccess()
    const p = readPtr(address, 8)
    endSystemAccess(view)
    if (!p) continue
    const descriptor = load<u64>(p)
    const type = <u32>(descriptor >> 40) & 0x1f
    const conforming = (type & 0x1c) == 0x1c
    if (!conforming && (<u32>(descriptor >> 45) & 3) < cpl) store<u32>(SELECTORS + (<usize>i << 2), 0)
  }
}

function loadSegment(register: u32, selector: u32): i32 {
  const cpl = load<u32>(CPL)
  if (register == SS) {
    if (!dataSegmentFor(selector, cpl, true)) return FAULT
    store<u32>(SEL_SS, selector)
    store<u32>(INHIBIT, 1)
    checkInterrupts()
    return LEAVE
  }
  if (!dataSegmentFor(selector, cpl, false)) return FAULT
  let base: u64 = 0
  if (selector & 0xfffc) {
    const descriptor = readDescriptor(selector, 8, GP_VECTOR)
    if (descriptor == 0) return FAULT
    base = baseOf(descriptor)
  }
  store<u32>(SELECTORS + (<usize>register << 2), selector)
  if (register == FS) setReg64(FS_BASE, base)
  else if (register == GS) setReg64(GS_BASE, base)
  return LEAVE
}

export function movFromSegment<T>(op: usize, form: i32): i32 {
  const register = opG(op) & 7
  if (register > GS) return raise(UD_VECTOR, 0)
  const selector = load<u32>(SELECTORS + (<usize>register << 2))
  if (form == 0) {
    setReg<T>(opE(op), <T>selector)
    return NEXT
  }
  const p = storePtr(addressE(op, form), 2)
  if (!p) return FAULT
  store<u16>(p, <u16>selector)
  if (p < SCRATCH_END) commit()
  return NEXT
}
export function movToSegment<T>(op: usize, form: i32): i32 {
  const register = opG(op) & 7
  if (register > GS || register == CS) return raise(UD_VECTOR, 0)
  let selector: u32
  if (form == 0) {
    selector = getReg<u16>(opE(op))
  } else {
    const p = readPtr(addressE(op, form), 2)
    if (!p) return FAULT
    selector = load<u16>(p)
  }
  return loadSegment(register, selector)
}

/** 0F A0 and A8 are FS and GS. */
export function pushSegment<T>(op: usize): i32 {
  const register = opOpcode(op) == 0xa0 ? FS : GS
  return pushValue<T>(<T>load<u32>(SELECTORS + (<usize>register << 2))) ? NEXT : FAULT
}
export function popSegment<T>(op: usize): i32 {
  const p = readPtr(reg64(RSP), sizeof<T>())
  if (!p) return FAULT
  const result = loadSegment(opOpcode(op) == 0xa1 ? FS : GS, <u32>load<T>(p) & 0xffff)
  if (result != FAULT) setReg64(RSP, reg64(RSP) + sizeof<T>())
  return result
}
/** LSS, LFS, LGS: offset of the operand size, then a selector. */
export function loadFar<T>(op: usize, form: i32): i32 {
  const address = addressE(op, form)
  let p = readPtr(address, sizeof<T>())
  if (!p) return FAULT
  const offset = load<T>(p)
  p = readPtr(address + sizeof<T>(), 2)
  if (!p) return FAULT
  const opcode = opOpcode(op)
  const result = loadSegment(opcode == 0xb2 ? SS : opcode == 0xb4 ? FS : GS, load<u16>(p))
  if (result != FAULT) setReg<T>(opG(op), offset)
  return result
}

/** The far pointer in memory: sets `farOffset`. @returns the selector, or -1 with a fault pending */
let farOffset: u64 = 0
function farPointer<T>(op: usize, form: i32): i32 {
  const address = addressE(op, form)
  let p = readPtr(address, sizeof<T>())
  if (!p) return -1
  farOffset = <u64>load<T>(p)
  p = readPtr(address + sizeof<T>(), 2)
  if (!p) return -1
  return <i32>load<u16>(p)
}

/** Within the same privilege only: call gates are not supported and give #GP. */
export function jmpFar<T>(op: usize, form: i32): i32 {
  const selector = farPointer<T>(op, form)
  if (selector < 0) return FAULT
  const cpl = codeSegmentFor(<u32>selector, load<u32>(CPL))
  if (cpl < 0) return FAULT
  if (<u32>cpl != load<u32>(CPL)) return raise(GP_VECTOR, <u32>selector & 0xfffc)
  store<u32>(SEL_CS, (<u32>selector & 0xfffc) | <u32>cpl)
  store<u64>(RIP, farOffset)
  return JUMP
}
export function callFar<T>(op: usize, form: i32): i32 {
  const selector = farPointer<T>(op, form)
  if (selector < 0) return FAULT
  const target = farOffset
  const cpl = codeSegmentFor(<u32>selector, load<u32>(CPL))
  if (cpl < 0) return FAULT
  if (<u32>cpl != load<u32>(CPL)) return raise(GP_VECTOR, <u32>selector & 0xfffc)
  const top = reg64(RSP)
  if (!pushValue<T>(<T>load<u32>(SEL_CS))) return FAULT
  if (!pushValue<T>(<T>nextRip(op))) {
    setReg64(RSP, top)
    return FAULT
  }
  store<u32>(SEL_CS, (<u32>selector & 0xfffc) | <u32>cpl)
  store<u64>(RIP, target)
  return JUMP
}
export function retFar<T>(op: usize): i32 {
  const size = <u32>sizeof<T>()
  const extra = <u64>opImm(op)
  let top = reg64(RSP)
  let p = readPtr(top, size)
  if (!p) return FAULT
  const rip = <u64>load<T>(p)
  p = readPtr(top + size, size)
  if (!p) return FAULT
  const cs = <u32>load<T>(p) & 0xffff
  const rpl = cs & 3
  const cpl = load<u32>(CPL)
  if (rpl < cpl) return raise(GP_VECTOR, cs & 0xfffc)
  if (codeSegmentFor(cs, rpl) < 0) return FAULT
  top += 2 * size + extra
  if (rpl > cpl) {
    p = readPtr(top, size)
    if (!p) return FAULT
    const rsp = <u64>load<T>(p)
    p = readPtr(top + size, size)
    if (!p) return FAULT
    const ss = <u32>load<T>(p) & 0xffff
    if (!dataSegmentFor(ss, rpl, true)) return FAULT
    store<u32>(SEL_SS, ss)
    top = rsp + extra
  }
  setReg64(RSP, top)
  store<u64>(RIP, rip)
  store<u32>(SEL_CS, cs)
  store<u32>(CPL, rpl)
  if (rpl > cpl) clearUserSegments(rpl)
  modeChanged()
  return JUMP
}

// Descriptor-table registers.

export function sgdt<T>(op: usize, form: i32): i32 {
  return storeTable(op, form, GDT_BASE, GDT_LIMIT)
}
export function sidt<T>(op: usize, form: i32): i32 {
  return storeTable(op, form, GDT_BASE + 0x10, GDT_LIMIT + 0x10)
}
function storeTable(op: usize, form: i32, base: usize, limit: usize): i32 {
  const address = addressE(op, form)
  let p = storePtr(address + 2, 8)
  if (!p) return FAULT
  store<u64>(p, load<u64>(base))
  if (p < SCRATCH_END) commit()
  p = storePtr(address, 2)
  if (!p) return FAULT
  store<u16>(p, <u16>load<u32>(limit))
  if (p < SCRATCH_END) commit()
  return NEXT
}
export function lgdt<T>(op: usize, form: i32): i32 {
  return loadTable(op, form, GDT_BASE, GDT_LIMIT)
}
export function lidt<T>(op: usize, form: i32): i32 {
  return loadTable(op, form, GDT_BASE + 0x10, GDT_LIMIT + 0x10)
}
function loadTable(op: usize, form: i32, base: usize, limit: usize): i32 {
  const address = addressE(op, form)
  let p = readPtr(address, 2)
  if (!p) return FAULT
  const bytes = <u32>load<u16>(p)
  p = readPtr(address + 2, 8)
  if (!p) return FAULT
  const where = load<u64>(p)
  if (<u64>((<i64>where << 16) >> 16) != where) return raise(GP_VECTOR, 0)
  store<u64>(base, where)
  store<u32>(limit, bytes)
  return NEXT
}

function storeSelector<T>(op: usize, form: i32, selector: u32): i32 {
  if (form == 0) {
    setReg<T>(opE(op), <T>selector)
    return NEXT
  }
  const p = storePtr(addressE(op, form), 2)
  if (!p) return FAULT
  store<u16>(p, <u16>selector)
  if (p < SCRATCH_END) commit()
  return NEXT
}
export function sldt<T>(op: usize, form: i32): i32 {
  return storeSelector<T>(op, form, load<u32>(LDT_SELECTOR))
}
export function str<T>(op: usize, form: i32): i32 {
  return storeSelector<T>(op, form, load<u32>(TR_SELECTOR))
}

let selectorRead: u32 = 0
function readSelector(op: usize, form: i32): bool {
  if (form == 0) {
    selectorRead = getReg<u16>(opE(op))
    return true
  }
  const p = readPtr(addressE(op, form), 2)
  if (!p) return false
  selectorRead = load<u16>(p)
  return true
}
export function lldt(op: usize, form: i32): i32 {
  if (!readSelector(op, form)) return FAULT
  const selector = selectorRead
  if ((selector & 0xfffc) == 0) {
    store<u32>(LDT_SELECTOR, selector)
    store<u32>(LDT_LIMIT, 0)
    store<u64>(LDT_BASE, 0)
    return NEXT
  }
  if (selector & 4) return raise(GP_VECTOR, selector & 0xfffc)
  const descriptor = readDescriptor(selector, 16, GP_VECTOR)
  if (descriptor == 0) return FAULT
  if ((<u32>(descriptor >> 40) & 0x1f) != 2) return raise(GP_VECTOR, selector & 0xfffc)
  if (!((descriptor >> 47) & 1)) return raise(NP_VECTOR, selector & 0xfffc)
  store<u32>(LDT_SELECTOR, selector)
  store<u64>(LDT_BASE, baseOf(descriptor) | (descriptorHigh << 32))
  store<u32>(LDT_LIMIT, limitOf(descriptor))
  return NEXT
}
export function ltr(op: usize, form: i32): i32 {
  if (!readSelector(op, form)) return FAULT
  const selector = selectorRead
  if ((selector & 0xfffc) == 0 || selector & 4) return raise(GP_VECTOR, selector & 0xfffc)
  const descriptor = readDescriptor(selector, 16, GP_VECTOR)
  if (descriptor == 0) return FAULT
  if ((<u32>(descriptor >> 40) & 0x1f) != 9) return raise(GP_VECTOR, selector & 0xfffc)
  if (!((descriptor >> 47) & 1)) return raise(NP_VECTOR, selector & 0xfffc)
  store<u64>(TR_BASE, baseOf(descriptor) | (descriptorHigh << 32))
  store<u32>(TR_LIMIT, limitOf(descriptor))
  store<u32>(TR_SELECTOR, selector)
  // Mark it busy.
  const view = beginSystemAccess()
  const p = writePtr(load<u64>(GDT_BASE) + (selector & 0xfff8) + 5, 1)
  endSystemAccess(view)
  if (!p) return FAULT
  store<u8>(p, load<u8>(p) | 2)
  if (p < SCRATCH_END) commit()
  return NEXT
}

/** The descriptor for LAR, LSL, VERR, VERW: these clear ZF instead of faulting. 0: not usable. */
function lookDescriptor(selector: u32): u64 {
  if ((selector & 0xfffc) == 0) return 0
  const address = descriptorAddress(selector, 8)
  if (address == ~0) return 0
  const view = beginSystemAccess()
  const p = readPtr(address, 8)
  endSystemAccess(view)
  return p ? load<u64>(p) : 0
}
function setZero(zero: bool): void {
  setExplicit((readRflags() & (CF | PF | AF | SF | OF)) | (zero ? ZF : 0))
}
/** Visible at this privilege: conforming code, or DPL not below CPL and RPL. */
function visible(descriptor: u64, selector: u32): bool {
  const type = <u32>(descriptor >> 40) & 0x1f
  const dpl = <u32>(descriptor >> 45) & 3
  return (type & 0x1c) == 0x1c || (dpl >= load<u32>(CPL) && dpl >= (selector & 3))
}
export function lar<T>(op: usize, form: i32): i32 {
  if (!readSelector(op, form)) return FAULT
  const descriptor = lookDescriptor(selectorRead)
  const type = <u32>(descriptor >> 40) & 0x1f
  // System types that LAR knows in 64-bit mode: LDT, TSS available and busy, call gate.
  const known = (type & 0x10) != 0 || type == 2 || type == 9 || type == 11 || type == 12
  const good = descriptor != 0 && known && visible(descriptor, selectorRead)
  if (good) setReg<T>(opG(op), <T>(<u32>(descriptor >> 32) & 0x00ffff00))
  setZero(good)
  return NEXT
}
export function lsl<T>(op: usize, form: i32): i32 {
  if (!readSelector(op, form)) return FAULT
  const descriptor = lookDescriptor(selectorRead)
  const type = <u32>(descriptor >> 40) & 0x1f
  const known = (type & 0x10) != 0 || type == 2 || type == 9 || type == 11
  const good = descriptor != 0 && known && visible(descriptor, selectorRead)
  if (good) setReg<T>(opG(op), <T>limitOf(descriptor))
  setZero(good)
  return NEXT
}
export function verr(op: usize, form: i32): i32 {
  if (!readSelector(op, form)) return FAULT
  const descriptor = lookDescriptor(selectorRead)
  const type = <u32>(descriptor >> 40) & 0x1f
  const readable = (type & 0x18) == 0x10 || (type & 0x1a) == 0x1a
  setZero(descriptor != 0 && readable && visible(descriptor, selectorRead))
  return NEXT
}
export function verw(op: usize, form: i32): i32 {
  if (!readSelector(op, form)) return FAULT
  const descriptor = lookDescriptor(selectorRead)
  const type = <u32>(descriptor >> 40) & 0x1f
  setZero(descriptor != 0 && (type & 0x1a) == 0x12 && visible(descriptor, selectorRead))
  return NEXT
}
