// Control and debug registers, SYSCALL and SYSRET, HLT, interrupt flag, time stamp. SDM volume 2 and 3.

import {
  CPL, CR0, CR0_PE, CR0_PG, CR0_TS, CR2, CR3, CR4, CR4_PAE, CR4_TSD, CR8, DR, EFER, EFER_LMA, EFER_SCE,
  FAULT, FMASK, GP_VECTOR, GS_BASE, IF, INHIBIT, IOPL, JUMP, KERNEL_GS_BASE, LEAVE, LSTAR, NEXT, R11, RAX,
  RCX, RDX, RF, RFLAGS, RIP, SEL_CS, SEL_SS, STAR, STOP, TSC_AUX, UD_VECTOR, getReg, raise, reg64, setReg,
  setReg64, CR4_DE,
} from './state'
import { readRflags, writeRflags } from './flags'
import { commit, flushAll, flushNonGlobal, flushPage, modeChanged, readPtr, storePtr } from './mmu'
import { SCRATCH_END } from './layout'
import { opE, opG } from './operation'
import { addressE } from './transfer'
import { nextRip } from './control'
import { checkInterrupts } from './interrupts'
import { readTsc } from './time'
import { debugRegistersChanged, suppressTrap } from './debug'

/** Set by HLT: `run` returns to the host, which sleeps. */
export let halted: bool = false
export function setHalted(value: bool): void {
  halted = value
}

// CR4 bits we implement: TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT. VME and PVI have no meaning in long mode
// but may be set where CPUID shows them; it does not.
const CR4_KNOWN: u64 = 0x7fc

export function movFromCr(op: usize): i32 {
  const number = opG(op)
  let value: u64
  if (number == 0) value = load<u64>(CR0)
  else if (number == 2) value = load<u64>(CR2)
  else if (number == 3) value = load<u64>(CR3)
  else if (number == 4) value = load<u64>(CR4)
  else if (number == 8) value = load<u64>(CR8)
  else return raise(UD_VECTOR, 0)
  setReg64(opE(op), value)
  return NEXT
}

export function movToCr(op: usize): i32 {
  const number = opG(op)
  const value = reg64(opE(op))
  if (number == 0) {
    if (value >> 32 != 0) return raise(GP_VECTOR, 0)
    if (value & CR0_PG && !(value & CR0_PE)) return raise(GP_VECTOR, 0)
    // Leaving long mode is not supported: the guest has no reason to.
    if (!(value & CR0_PG) && load<u64>(EFER) & EFER_LMA) return raise(GP_VECTOR, 0)
    store<u64>(CR0, value | 0x10)
    flushAll()
  } else if (number == 2) {
    store<u64>(CR2, value)
  } else if (number == 3) {
    if (value & 0xfff0000000000000) return raise(GP_VECTOR, 0)
    store<u64>(CR3, value)
    flushNonGlobal()
  } else if (number == 4) {
    if (value & ~CR4_KNOWN || !(value & CR4_PAE)) return raise(GP_VECTOR, 0)
    store<u64>(CR4, value)
    flushAll()
  } else if (number == 8) {
    if (value & ~0xf) return raise(GP_VECTOR, 0)
    store<u64>(CR8, value)
    checkInterrupts()
  } else {
    return raise(UD_VECTOR, 0)
  }
  return LEAVE
}

export function movFromDr(op: usize): i32 {
  let number = opG(op)
  if (number > 7) return raise(UD_VECTOR, 0)
  if (number == 4 || number == 5) {
    if (load<u64>(CR4) & CR4_DE) return raise(UD_VECTOR, 0)
    number += 2
  }
  setReg64(opE(op), load<u64>(DR + (<usize>number << 3)))
  return NEXT
}
export function movToDr(op: usize): i32 {
  let number = opG(op)
  if (number > 7) return raise(UD_VECTOR, 0)
  if (number == 4 || number == 5) {
    if (load<u64>(CR4) & CR4_DE) return raise(UD_VECTOR, 0)
    number += 2
  }
  let value = reg64(opE(op))
  if (number >= 6) {
    if (value >> 32 != 0) return raise(GP_VECTOR, 0)
    // Bits with fixed values, SDM volume 3, 18.2.
    value = number == 6 ? (value & 0xe00f) | 0xffff0ff0 : (value & 0xffff2bff) | 0x400
  }
  store<u64>(DR + (<usize>number << 3), value)
  if (number != 6) {
    debugRegistersChanged()
    checkInterrupts()
  }
  return LEAVE
}

export function clts(op: usize): i32 {
  store<u64>(CR0, load<u64>(CR0) & ~CR0_TS)
  return NEXT
}
export function smsw<T>(op: usize, form: i32): i32 {
  if (form == 0) {
    setReg<T>(opE(op), <T>load<u64>(CR0))
    return NEXT
  }
  const p = storePtr(addressE(op, form), 2)
  if (!p) return FAULT
  store<u16>(p, <u16>load<u64>(CR0))
  if (p < SCRATCH_END) commit()
  return NEXT
}
export function lmsw(op: usize, form: i32): i32 {
  let value: u64
  if (form == 0) {
    value = getReg<u16>(opE(op))
  } else {
    const p = readPtr(addressE(op, form), 2)
    if (!p) return FAULT
    value = load<u16>(p)
  }
  // LMSW sets but never clears PE.
  store<u64>(CR0, (load<u64>(CR0) & ~0xe) | (value & 0xf))
  return LEAVE
}
export function invlpg<T>(op: usize, form: i32): i32 {
  flushPage(addressE(op, form))
  return LEAVE
}
export function invd(op: usize): i32 {
  return NEXT
}
export function wbinvd(op: usize): i32 {
  return NEXT
}
export function swapgs(op: usize): i32 {
  const base = reg64(GS_BASE)
  setReg64(GS_BASE, load<u64>(KERNEL_GS_BASE))
  store<u64>(KERNEL_GS_BASE, base)
  return NEXT
}

export function syscall(op: usize): i32 {
  if (!(load<u64>(EFER) & EFER_SCE)) return raise(UD_VECTOR, 0)
  const flags = readRflags()
  suppressTrap()
  setReg64(RCX, nextRip(op))
  setReg64(R11, flags & ~RF)
  store<u64>(RIP, load<u64>(LSTAR))
  writeRflags(flags & ~(load<u64>(FMASK) | RF))
  const selector = <u32>(load<u64>(STAR) >> 32) & 0xfffc
  store<u32>(SEL_CS, selector)
  store<u32>(SEL_SS, selector + 8)
  store<u32>(CPL, 0)
  modeChanged()
  return JUMP
}
export function sysret<T>(op: usize): i32 {
  if (!(load<u64>(EFER) & EFER_SCE)) return raise(UD_VECTOR, 0)
  const target = reg64(RCX)
  // Without REX.W it returns to compatibility mode, which we do not have.
  if (sizeof<T>() != 8 || <u64>((<i64>target << 16) >> 16) != target) return raise(GP_VECTOR, 0)
  // RF and VM are cleared, reserved bits too: SDM volume 2, SYSRET.
  writeRflags(reg64(R11) & 0x3c7fd7)
  const selector = (<u32>(load<u64>(STAR) >> 48) + 16) | 3
  store<u32>(SEL_CS, selector & 0xffff)
  store<u32>(SEL_SS, ((<u32>(load<u64>(STAR) >> 48) + 8) | 3) & 0xffff)
  store<u32>(CPL, 3)
  store<u64>(RIP, target)
  modeChanged()
  checkInterrupts()
  return JUMP
}

// @ts-ignore: decorator
@inline function mayChangeIf(): bool {
  return load<u32>(CPL) <= <u32>((load<u64>(RFLAGS) & IOPL) >> 12)
}
export function cli(op: usize): i32 {
  if (!mayChangeIf()) return raise(GP_VECTOR, 0)
  store<u64>(RFLAGS, load<u64>(RFLAGS) & ~IF)
  return NEXT
}
export function sti(op: usize): i32 {
  if (!mayChangeIf()) return raise(GP_VECTOR, 0)
  if (!(load<u64>(RFLAGS) & IF)) {
    store<u64>(RFLAGS, load<u64>(RFLAGS) | IF)
    store<u32>(INHIBIT, 1)
    checkInterrupts()
  }
  return LEAVE
}
export function hlt(op: usize): i32 {
  halted = true
  return STOP
}

export function rdtsc(op: usize): i32 {
  if (load<u64>(CR4) & CR4_TSD && load<u32>(CPL) != 0) return raise(GP_VECTOR, 0)
  const now = readTsc()
  setReg64(RAX, now & 0xffffffff)
  setReg64(RDX, now >> 32)
  return NEXT
}
export function rdtscp(op: usize): i32 {
  if (load<u64>(CR4) & CR4_TSD && load<u32>(CPL) != 0) return raise(GP_VECTOR, 0)
  const now = readTsc()
  setReg64(RAX, now & 0xffffffff)
  setReg64(RDX, now >> 32)
  setReg64(RCX, load<u64>(TSC_AUX) & 0xffffffff)
  return NEXT
}
/** No performance counters are offered. */
export function rdpmc(op: usize): i32 {
  return raise(GP_VECTOR, 0)
}
