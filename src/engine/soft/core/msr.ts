// Model-specific registers. SDM volume 4; Linux Documentation/virt/kvm/x86/msr.rst for KVM's.

import {
  CR0, CR0_PG, CSTAR, EFER, EFER_LMA, EFER_LME, EFER_NXE, EFER_SCE, FMASK, FS_BASE, GP_VECTOR, GS_BASE, KERNEL_GS_BASE, KVM_SYSTEM_TIME,
  KVM_WALL_CLOCK, LEAVE, LSTAR, MISC_ENABLE, NEXT, PAT, RAX, RCX, RDX, STAR, SYSENTER_CS, SYSENTER_EIP, SYSENTER_ESP, TSC_AUX,
  TSC_OFFSET, getReg, raise, reg64, setReg64,
} from './state'
import { flushAll } from './mmu'
import { readTsc, writeSystemTime, writeWallClock } from './time'
import { readApicBase, readDeadline, writeApicBase, writeDeadline, x2ApicRead, x2ApicValue, x2ApicWrite } from './apic'

const IA32_TIME_STAMP_COUNTER: u32 = 0x10
const IA32_PLATFORM_ID: u32 = 0x17
const IA32_APIC_BASE: u32 = 0x1b
const IA32_FEATURE_CONTROL: u32 = 0x3a
const IA32_BIOS_SIGN_ID: u32 = 0x8b
const IA32_SYSENTER_CS: u32 = 0x174
const IA32_SYSENTER_ESP: u32 = 0x175
const IA32_SYSENTER_EIP: u32 = 0x176
const IA32_MISC_ENABLE: u32 = 0x1a0
const IA32_PAT: u32 = 0x277
const IA32_TSC_DEADLINE: u32 = 0x6e0
const X2APIC_FIRST: u32 = 0x800
const X2APIC_LAST: u32 = 0x8ff
const MSR_KVM_WALL_CLOCK_NEW: u32 = 0x4b564d00
const MSR_KVM_SYSTEM_TIME_NEW: u32 = 0x4b564d01
const IA32_EFER: u32 = 0xc0000080
const IA32_STAR: u32 = 0xc0000081
const IA32_LSTAR: u32 = 0xc0000082
const IA32_CSTAR: u32 = 0xc0000083
const IA32_FMASK: u32 = 0xc0000084
const IA32_FS_BASE: u32 = 0xc0000100
const IA32_GS_BASE: u32 = 0xc0000101
const IA32_KERNEL_GS_BASE: u32 = 0xc0000102
const IA32_TSC_AUX: u32 = 0xc0000103

export function rdmsr(op: usize): i32 {
  const msr = getReg<u32>(RCX)
  let value: u64 = 0
  if (msr >= X2APIC_FIRST && msr <= X2APIC_LAST) {
    if (!x2ApicRead(msr)) return raise(GP_VECTOR, 0)
    value = x2ApicValue()
  } else {
    switch (msr) {
      case IA32_TIME_STAMP_COUNTER: value = readTsc(); break
      case IA32_APIC_BASE: value = readApicBase(); break
      case IA32_FEATURE_CONTROL: value = 1; break // locked, nothing enabled
      case IA32_PLATFORM_ID:
      case IA32_BIOS_SIGN_ID: break
      case IA32_SYSENTER_CS: value = load<u64>(SYSENTER_CS); break
      case IA32_SYSENTER_ESP: value = load<u64>(SYSENTER_ESP); break
      case IA32_SYSENTER_EIP: value = load<u64>(SYSENTER_EIP); break
      case IA32_MISC_ENABLE: value = load<u64>(MISC_ENABLE); break
      case IA32_PAT: value = load<u64>(PAT); break
      case IA32_TSC_DEADLINE: value = readDeadline(); break
      case MSR_KVM_WALL_CLOCK_NEW: value = load<u64>(KVM_WALL_CLOCK); break
      case MSR_KVM_SYSTEM_TIME_NEW: value = load<u64>(KVM_SYSTEM_TIME); break
      case IA32_EFER: value = load<u64>(EFER); break
      case IA32_STAR: value = load<u64>(STAR); break
      case IA32_LSTAR: value = load<u64>(LSTAR); break
      case IA32_CSTAR: value = load<u64>(CSTAR); break
      case IA32_FMASK: value = load<u64>(FMASK); break
      case IA32_FS_BASE: value = reg64(FS_BASE); break
      case IA32_GS_BASE: value = reg64(GS_BASE); break
      case IA32_KERNEL_GS_BASE: value = load<u64>(KERNEL_GS_BASE); break
      case IA32_TSC_AUX: value = load<u64>(TSC_AUX); break
      default: return raise(GP_VECTOR, 0)
    }
  }
  setReg64(RAX, value & 0xffffffff)
  setReg64(RDX, value >> 32)
  return NEXT
}

// @ts-ignore: decorator
@inline function canonical(value: u64): bool {
  return <u64>((<i64>value << 16) >> 16) == value
}

export function wrmsr(op: usize): i32 {
  const msr = getReg<u32>(RCX)
  const value = (reg64(RDX) << 32) | <u64>getReg<u32>(RAX)
  if (msr >= X2APIC_FIRST && msr <= X2APIC_LAST) return x2ApicWrite(msr, value) ? LEAVE : raise(GP_VECTOR, 0)
  switch (msr) {
    case IA32_TIME_STAMP_COUNTER: store<u64>(TSC_OFFSET, value - (readTsc() - load<u64>(TSC_OFFSET))); break
    case IA32_APIC_BASE: writeApicBase(value); break
    case IA32_BIOS_SIGN_ID: break
    case IA32_SYSENTER_CS: store<u64>(SYSENTER_CS, value); break
    case IA32_SYSENTER_ESP: store<u64>(SYSENTER_ESP, value); break
    case IA32_SYSENTER_EIP: store<u64>(SYSENTER_EIP, value); break
    case IA32_MISC_ENABLE: store<u64>(MISC_ENABLE, value); break
    case IA32_PAT: store<u64>(PAT, value); break
    case IA32_TSC_DEADLINE: writeDeadline(value); break
    case MSR_KVM_WALL_CLOCK_NEW: writeWallClock(value); break
    case MSR_KVM_SYSTEM_TIME_NEW: writeSystemTime(value); break
    case IA32_EFER: {
      if (value & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)) return raise(GP_VECTOR, 0)
      const old = load<u64>(EFER)
      if (load<u64>(CR0) & CR0_PG && ((old ^ value) & EFER_LME) != 0) return raise(GP_VECTOR, 0)
      store<u64>(EFER, (value & ~EFER_LMA) | (old & EFER_LMA))
      flushAll()
      break
    }
    case IA32_STAR: store<u64>(STAR, value); break
    case IA32_LSTAR:
      if (!canonical(value)) return raise(GP_VECTOR, 0)
      store<u64>(LSTAR, value)
      break
    case IA32_CSTAR: store<u64>(CSTAR, value); break
    case IA32_FMASK: store<u64>(FMASK, value & 0xffffffff); break
    case IA32_FS_BASE:
      if (!canonical(value)) return raise(GP_VECTOR, 0)
      setReg64(FS_BASE, value)
      break
    case IA32_GS_BASE:
      if (!canonical(value)) return raise(GP_VECTOR, 0)
      setReg64(GS_BASE, value)
      break
    case IA32_KERNEL_GS_BASE:
      if (!canonical(value)) return raise(GP_VECTOR, 0)
      store<u64>(KERNEL_GS_BASE, value)
      break
    case IA32_TSC_AUX: store<u64>(TSC_AUX, value & 0xffffffff); break
    default: return raise(GP_VECTOR, 0)
  }
  return LEAVE
}
