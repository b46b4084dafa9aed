// CPUID: an x86-64-v2 processor, told honestly. SDM volume 2, CPUID; Linux Documentation/virt/kvm/x86/cpuid.rst.
//
// What a bit promises is implemented; what is not implemented has no bit: no AVX, no XSAVE, no SMEP or SMAP, no
// PCID, no SYSENTER, no performance counters, no MTRR. ERMS, FSRM and FSRS are set because `rep movsb`
// is our fastest copy, and `rep stosb` fills fastest. The KVM signature brings the guest its paravirtual clock.

import { NEXT, RAX, RBX, RCX, RDX, getReg, setReg64 } from './state'

const FAMILY_6_MODEL_26: u32 = 0x000106a5

function answer(a: u32, b: u32, c: u32, d: u32): void {
  setReg64(RAX, a)
  setReg64(RBX, b)
  setReg64(RCX, c)
  setReg64(RDX, d)
}

/** 48 characters, blank-padded. */
const BRAND: usize = memory.data<u8>([
  0x69, 0x6e, 0x6c, 0x69, 0x6e, 0x75, 0x78, 0x20, 0x73, 0x6f, 0x66, 0x74, 0x77, 0x61, 0x72, 0x65, 0x20, 0x78, 0x38, 0x36, 0x2d, 0x36,
  0x34, 0x20, 0x43, 0x50, 0x55, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
])

export function cpuid(op: usize): i32 {
  const leaf = getReg<u32>(RAX)
  const subleaf = getReg<u32>(RCX)
  switch (leaf) {
    case 0: // "GenuineIntel": what programs and kernel take for granted
      answer(0x16, 0x756e6547, 0x6c65746e, 0x49656e69)
      break
    case 1:
      answer(
        FAMILY_6_MODEL_26,
        0x00010800, // one logical processor, CLFLUSH of 8 × 8 bytes
        // SSE3 SSSE3 CX16 SSE4.1 SSE4.2 x2APIC POPCNT TSC-deadline hypervisor
        (1 << 0) | (1 << 9) | (1 << 13) | (1 << 19) | (1 << 20) | (1 << 21) | (1 << 23) | (1 << 24) | (1 << 31),
        // FPU DE PSE TSC MSR PAE CX8 APIC PGE CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2
        (1 << 0) | (1 << 2) | (1 << 3) | (1 << 4) | (1 << 5) | (1 << 6) | (1 << 8) | (1 << 9) | (1 << 13) | (1 << 15) | (1 << 16) |
          (1 << 17) | (1 << 19) | (1 << 23) | (1 << 24) | (1 << 25) | (1 << 26),
      )
      break
    case 2: // no descriptors: see leaf 4
      answer(0x00ff0001, 0, 0, 0)
      break
    case 4: // 32 KiB data, 32 KiB instruction, 1 MiB second level
      if (subleaf == 0) answer(0x00000121, (7 << 22) | 63, 63, 0)
      else if (subleaf == 1) answer(0x00000122, (7 << 22) | 63, 63, 0)
      else if (subleaf == 2) answer(0x00000143, (15 << 22) | 63, 1023, 0)
      else answer(0, 0, 0, 0)
      break
    case 7:
      if (subleaf == 0) answer(1, (1 << 9) | (1 << 13), 0, 1 << 4) // ERMS, FCS and FDS are 0; FSRM
      else if (subleaf == 1) answer(1 << 11, 0, 0, 0) // FSRS: Linux clears memory with `rep stosb` then
      else answer(0, 0, 0, 0)
      break
    case 0xb: // one thread, one core
      answer(0, subleaf < 2 ? 1 : 0, subleaf == 0 ? 0x100 : subleaf == 1 ? 0x201 : subleaf, 0)
      break
    case 0x15: // TSC = 1/1 × a crystal of 1 GHz
      answer(1, 1, 1000000000, 0)
      break
    case 0x16:
      answer(1000, 1000, 1000, 0)
      break
    case 0x40000000: // "KVMKVMKVM"
      answer(0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d)
      break
    case 0x40000001: // NOP_IO_DELAY, CLOCKSOURCE2, CLOCKSOURCE_STABLE_BIT
      answer((1 << 1) | (1 << 3) | (1 << 24), 0, 0, 0)
      break
    case 0x80000000:
      answer(0x80000008, 0, 0, 0)
      break
    case 0x80000001: // LAHF in long mode; SYSCALL NX 1-GiB pages RDTSCP LM
      answer(0, 0, 1, (1 << 11) | (1 << 20) | (1 << 26) | (1 << 27) | (1 << 29))
      break
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: {
      const at = BRAND + (<usize>(leaf - 0x80000002) << 4)
      answer(load<u32>(at), load<u32>(at, 4), load<u32>(at, 8), load<u32>(at, 12))
      break
    }
    case 0x80000006: // 1 MiB second level, 64-byte lines
      answer(0, 0, (1024 << 16) | (8 << 12) | 64, 0)
      break
    case 0x80000007: // the TSC is invariant
      answer(0, 0, 0, 1 << 8)
      break
    case 0x80000008: // 40 physical, 48 linear address bits
      answer(0x3028, 0, 0, 0)
      break
    default:
      answer(0, 0, 0, 0)
  }
  return NEXT
}
