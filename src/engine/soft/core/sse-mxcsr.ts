// MXCSR: which SIMD floating-point exceptions an instruction raises, and when that faults. SDM volume 1, 10.2.3
// and 11.5.
//
//   15  14 13  12 11 10  9  8  7   6   5  4  3  2  1  0
//   FZ   RC    PM UM OM ZM DM IM  DAZ  PE UE OE ZE DE IE
//
// An instruction collects what its elements raise: first what the operands alone decide (IE, DE, ZE), then what
// the rounded result does (OE, UE, PE). The second kind counts only when nothing of the first kind is unmasked.
// `settle` moves the collected bits into MXCSR and says whether one of them is unmasked; the handler then
// raises #XM and writes no result.

import { CR4, CR4_OSXMMEXCPT, MXCSR, UD_VECTOR, XM_VECTOR, raise } from './state'

export const IE: u32 = 1
export const DE: u32 = 2
export const ZE: u32 = 4
export const OE: u32 = 8
export const UE: u32 = 0x10
export const PE: u32 = 0x20
export const DAZ: u32 = 0x40
export const OM: u32 = 0x400
export const UM: u32 = 0x800
export const PM: u32 = 0x1000
export const RC: u32 = 0x6000
export const FZ: u32 = 0x8000

const FLAGS: u32 = 0x3f
const FIRST_KIND: u32 = IE | DE | ZE

// RC in place.
export const NEAREST: u32 = 0
export const DOWN: u32 = 0x2000
export const UP: u32 = 0x4000
export const TOWARD_ZERO: u32 = 0x6000

/** What the running instruction has raised so far. */
let raised: u32 = 0

/** The last instruction must fault: set by `settle`, taken by `raiseSimd`. */
export let simdFault: bool = false

// @ts-ignore: decorator
@inline export function mxcsr(): u32 {
  return load<u32>(MXCSR)
}

// @ts-ignore: decorator
@inline export function note(flags: u32): void {
  raised |= flags
}

/**
 * Round to nearest, and an inexact result changes nothing more: PE is set already and masked. Then a result that
 * is a normal number of normal operands is just what WebAssembly computes, with no flag to look after.
 */
// @ts-ignore: decorator
@inline export function ordinaryMode(): bool {
  return (load<u32>(MXCSR) & (RC | PM | PE)) == (PM | PE)
}

/** Takes over what was raised, at the end of an instruction. @returns true if it faults */
// @ts-ignore: decorator
@inline export function settle(): bool {
  return raised != 0 && settleRaised()
}
function settleRaised(): bool {
  const unmasked = ~(mxcsr() >> 7) & FLAGS
  let flags = raised
  raised = 0
  if (flags & FIRST_KIND & unmasked) flags &= FIRST_KIND
  store<u32>(MXCSR, mxcsr() | flags)
  simdFault = (flags & unmasked) != 0
  return simdFault
}

/** @returns FAULT */
export function raiseSimd(): i32 {
  simdFault = false
  return raise(load<u64>(CR4) & CR4_OSXMMEXCPT ? XM_VECTOR : UD_VECTOR, 0)
}
