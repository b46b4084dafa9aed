// The x87 unit's registers in linear memory at X87 (160 bytes), and their images: FNSTENV/FLDENV, FNSAVE/FRSTOR, FXSAVE/FXRSTOR, MMX.
//
//   +0  CW u16   +2 SW u16 (TOP in bits 11–13)   +4 valid u8 (bit = physical register holds something)
//   +6  FOP u16  +8 FIP u64   +16 FDP u64         +32 R0…R7, 16 bytes each: significand u64, sign+exponent u16
//
// The tag word proper is computed from the registers whenever an image is written, as processors do (SDM vol. 1,
// 8.1.7); only empty / not empty is kept. FCS and FDS are written as zero (CPUID.7.0:EBX bit 13 must say so).

import { CLASS_NORMAL, CLASS_ZERO, f80Class } from './float80'
import { X87 } from './state'

const CW: usize = 0
const SW: usize = 2
const VALID: usize = 4
const FOP: usize = 6
const FIP: usize = 8
const FDP: usize = 16
const REGISTERS: usize = 32

export const SW_SF: u32 = 0x40
/** ES and B, which mirror each other since the 387. */
const SW_SUMMARY: u32 = 0x8080
const SW_TOP: u32 = 0x3800

@inline export function x87Control(): u32 {
  return load<u16>(X87, CW)
}

@inline export function x87Status(): u32 {
  return load<u16>(X87, SW)
}

@inline export function x87SetStatus(sw: u32): void {
  store<u16>(X87, sw, SW)
}

/** CW in the low half and SW in the high one; written and read in one piece, so that the processor can forward it. */
@inline export function x87Words(): u32 {
  return load<u32>(X87)
}

@inline export function x87SetWords(words: u32): void {
  store<u32>(X87, words)
}

/** Bit = physical register that holds something. */
@inline export function x87Valid(): u32 {
  return load<u8>(X87, VALID)
}

@inline export function x87SetValid(valid: u32): void {
  store<u8>(X87, valid, VALID)
}

/** Where a physical register is. */
@inline export function x87Place(physical: u32): usize {
  return X87 + REGISTERS + (<usize>physical << 4)
}

/** Bit 6 of CW reads as one, bits 7 and 13–15 as zero. */
export function x87SetControl(cw: u32): void {
  store<u16>(X87, (cw & 0x1f3f) | 0x40, CW)
  x87Summarize()
}

/** ES and B follow from the flags and the masks. */
export function x87Summarize(): void {
  const sw = x87Status() & ~SW_SUMMARY
  x87SetStatus(sw & ~x87Control() & 0x3f ? sw | SW_SUMMARY : sw)
}

@inline export function x87Pending(): bool {
  return (x87Status() & 0x80) != 0
}

@inline function physical(i: u32): u32 {
  return ((x87Status() >> 11) + i) & 7
}

@inline function register(i: u32): usize {
  return X87 + REGISTERS + (<usize>physical(i) << 4)
}

@inline export function x87Sig(i: u32): u64 {
  return load<u64>(register(i))
}

@inline export function x87Se(i: u32): u32 {
  return load<u16>(register(i), 8)
}

@inline export function x87Empty(i: u32): bool {
  return ((load<u8>(X87, VALID) >> <u8>physical(i)) & 1) == 0
}

/** ST(i) = value, and it is no longer empty. */
export function x87Write(i: u32, sig: u64, se: u32): void {
  const at = register(i)
  store<u64>(at, sig)
  store<u16>(at, se, 8)
  store<u8>(X87, <u8>(<u32>load<u8>(X87, VALID) | (<u32>1 << physical(i))), VALID)
}

export function x87Free(i: u32): void {
  store<u8>(X87, <u8>(<u32>load<u8>(X87, VALID) & ~(<u32>1 << physical(i))), VALID)
}

/** TOP += delta (FINCSTP, FDECSTP and the two halves of push and pop). */
@inline export function x87Rotate(delta: u32): void {
  const sw = x87Status()
  x87SetStatus((sw & ~SW_TOP) | ((sw + (delta << 11)) & SW_TOP))
}

export function x87Pop(): void {
  x87Free(0)
  x87Rotate(1)
}

export function x87Init(): void {
  store<u32>(X87, 0x37f)
  store<u64>(X87, 0, VALID)
  store<u64>(X87, 0, FIP)
  store<u64>(X87, 0, FDP)
}

/** FIP, FDP and FOP of the instruction that is about to run; a register form keeps FDP. */
@inline export function x87SetPointers(fip: u64, fdp: u64, fop: u32, hasMemory: bool): void {
  store<u64>(X87, fip, FIP)
  if (hasMemory) store<u64>(X87, fdp, FDP)
  store<u16>(X87, fop & 0x7ff, FOP)
}

/** The 16-bit tag word: per physical register 0 valid, 1 zero, 2 special, 3 empty. */
export function x87TagWord(): u32 {
  const valid = <u32>load<u8>(X87, VALID)
  let tags: u32 = 0
  for (let i: u32 = 0; i < 8; i++) {
    let tag: u32 = 3
    if ((valid >> i) & 1) {
      const at = X87 + REGISTERS + (<usize>i << 4)
      const kind = f80Class(load<u64>(at), load<u16>(at, 8))
      tag = kind == CLASS_NORMAL ? 0 : kind == CLASS_ZERO ? 1 : 2
    }
    tags |= tag << (i << 1)
  }
  return tags
}

function setTagWord(tags: u32): void {
  let valid: u32 = 0
  for (let i: u32 = 0; i < 8; i++) if (((tags >> (i << 1)) & 3) != 3) valid |= 1 << i
  store<u8>(X87, valid, VALID)
}

/** Writes the protected-mode environment: 28 bytes, or 14 with a 16-bit operand size (SDM vol. 1, 8.1.10). */
export function x87StoreEnvironment(to: usize, small: bool): void {
  const tags = x87TagWord()
  const fip = load<u32>(X87, FIP)
  const fdp = load<u32>(X87, FDP)
  if (small) {
    store<u16>(to, x87Control())
    store<u16>(to, x87Status(), 2)
    store<u16>(to, tags, 4)
    store<u16>(to, fip, 6)
    store<u16>(to, 0, 8)
    store<u16>(to, fdp, 10)
    store<u16>(to, 0, 12)
  } else {
    store<u32>(to, 0xffff0000 | x87Control())
    store<u32>(to, 0xffff0000 | x87Status(), 4)
    store<u32>(to, 0xffff0000 | tags, 8)
    store<u32>(to, fip, 12)
    store<u32>(to, <u32>load<u16>(X87, FOP) << 16, 16)
    store<u32>(to, fdp, 20)
    store<u32>(to, 0xffff0000, 24)
  }
}

export function x87LoadEnvironment(from: usize, small: bool): void {
  const step: usize = small ? 2 : 4
  x87SetStatus(load<u16>(from + step))
  setTagWord(load<u16>(from + step * 2))
  store<u64>(X87, small ? <u64>load<u16>(from, 6) : <u64>load<u32>(from, 12), FIP)
  store<u64>(X87, small ? <u64>load<u16>(from, 10) : <u64>load<u32>(from, 20), FDP)
  store<u16>(X87, small ? 0 : load<u16>(from, 18) & 0x7ff, FOP)
  x87SetControl(load<u16>(from))
}

/** FNSAVE's image: the environment, then ST(0)…ST(7) with 10 bytes each. */
export function x87StoreState(to: usize, small: bool): void {
  x87StoreEnvironment(to, small)
  let at = to + (small ? 14 : 28)
  for (let i: u32 = 0; i < 8; i++, at += 10) {
    store<u64>(at, x87Sig(i))
    store<u16>(at, x87Se(i), 8)
  }
}

export function x87LoadState(from: usize, small: bool): void {
  x87LoadEnvironment(from, small)
  let at = from + (small ? 14 : 28)
  for (let i: u32 = 0; i < 8; i++, at += 10) {
    const to = register(i)
    store<u64>(to, load<u64>(at))
    store<u16>(to, load<u16>(at, 8), 8)
  }
}

/**
 * The x87 part of FXSAVE/XSAVE at `to`: bytes 0–23 and 32–159. `wide` is REX.W; without it FIP and FDP have 32
 * bits and selectors (zero). Bytes 24–31 (MXCSR and its mask) are the caller's, and 160 onwards too.
 */
export function x87StoreFxsave(to: usize, wide: bool): void {
  store<u16>(to, x87Control())
  store<u16>(to, x87Status(), 2)
  store<u16>(to, <u16>load<u8>(X87, VALID), 4)
  store<u16>(to, load<u16>(X87, FOP), 6)
  store<u64>(to, wide ? load<u64>(X87, FIP) : <u64>load<u32>(X87, FIP), 8)
  store<u64>(to, wide ? load<u64>(X87, FDP) : <u64>load<u32>(X87, FDP), 16)
  let at = to + 32
  for (let i: u32 = 0; i < 8; i++, at += 16) {
    store<u64>(at, x87Sig(i))
    store<u64>(at, x87Se(i), 8)
  }
}

export function x87LoadFxsave(from: usize, wide: bool): void {
  x87SetStatus(load<u16>(from, 2))
  store<u8>(X87, load<u8>(from, 4), VALID)
  store<u16>(X87, load<u16>(from, 6) & 0x7ff, FOP)
  store<u64>(X87, wide ? load<u64>(from, 8) : <u64>load<u32>(from, 8), FIP)
  store<u64>(X87, wide ? load<u64>(from, 16) : <u64>load<u32>(from, 16), FDP)
  let at = from + 32
  for (let i: u32 = 0; i < 8; i++, at += 16) {
    const to = register(i)
    store<u64>(to, load<u64>(at))
    store<u16>(to, load<u16>(at, 8), 8)
  }
  x87SetControl(load<u16>(from))
}

/** Every MMX instruction but EMMS: TOP = 0, all registers valid (SDM vol. 1, 9.5.1). */
export function x87EnterMmx(): void {
  x87SetStatus(x87Status() & ~SW_TOP)
  store<u8>(X87, 0xff, VALID)
}

/** EMMS. */
export function x87LeaveMmx(): void {
  store<u8>(X87, 0, VALID)
}

@inline export function x87MmxRead(i: u32): u64 {
  return load<u64>(X87 + REGISTERS + (<usize>i << 4))
}

/** MMi = value; the exponent part becomes all ones. */
@inline export function x87MmxWrite(i: u32, value: u64): void {
  const at = X87 + REGISTERS + (<usize>i << 4)
  store<u64>(at, value)
  store<u16>(at, 0xffff, 8)
}
