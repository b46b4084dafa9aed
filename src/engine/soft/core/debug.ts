// Hardware breakpoints, for gdb and ptrace in the guest. SDM volume 3 chapter 18.
//
// While any breakpoint is enabled, or TF is set, the dispatcher runs one instruction at a time. Pages with a data
// breakpoint stay out of the TLBs, so that each access to them passes `noteWatch`. I/O breakpoints are left out.

import { DR } from './state'
import { flushAll } from './mmu'

const DR6: usize = DR + 48
const DR7: usize = DR + 56

/** A data breakpoint is enabled. */
export let watching: bool = false
/** Any breakpoint is enabled. */
export let breakpointsEnabled: bool = false
/** DR6 bits of data breakpoints that the running instruction hit. */
let hits: u32 = 0

export function debugRegistersChanged(): void {
  const control = <u32>load<u64>(DR7)
  breakpointsEnabled = (control & 0xff) != 0
  watching = false
  for (let i: u32 = 0; i < 4; i++) {
    if (enabled(control, i) && kind(control, i) != 0) watching = true
  }
  flushAll()
}

// @ts-ignore: decorator
@inline function enabled(control: u32, i: u32): bool {
  return ((control >> (2 * i)) & 3) != 0
}
/** 0 execute, 1 write, 3 read or write. */
// @ts-ignore: decorator
@inline function kind(control: u32, i: u32): u32 {
  return (control >> (16 + 4 * i)) & 3
}
function lengthOf(control: u32, i: u32): u64 {
  const code = (control >> (18 + 4 * i)) & 3
  return code == 2 ? 8 : <u64>code + 1
}

export function pageIsWatched(address: u64): bool {
  const control = <u32>load<u64>(DR7)
  for (let i: u32 = 0; i < 4; i++) {
    if (enabled(control, i) && kind(control, i) != 0 && load<u64>(DR + (<usize>i << 3)) >> 12 == address >> 12) return true
  }
  return false
}

/** Called for each access that misses the TLB while `watching`. */
export function noteWatch(address: u64, size: u32, write: bool): void {
  const control = <u32>load<u64>(DR7)
  for (let i: u32 = 0; i < 4; i++) {
    if (!enabled(control, i)) continue
    const what = kind(control, i)
    if (what == 0 || what == 2 || (what == 1 && !write)) continue
    const length = lengthOf(control, i)
    const start = load<u64>(DR + (<usize>i << 3)) & ~(length - 1)
    if (address < start + length && start < address + size) hits |= 1 << i
  }
}

/** The dispatcher runs one instruction at a time: a repeated string instruction then does one iteration. */
export let stepping: bool = false
export function setStepping(on: bool): void {
  stepping = on
}

/** Does an instruction breakpoint lie here? Sets DR6's bits. */
export function instructionBreakpoint(rip: u64): bool {
  const control = <u32>load<u64>(DR7)
  let hit: u32 = 0
  for (let i: u32 = 0; i < 4; i++) {
    if (enabled(control, i) && kind(control, i) == 0 && load<u64>(DR + (<usize>i << 3)) == rip) hit |= 1 << i
  }
  if (hit != 0) store<u64>(DR6, load<u64>(DR6) | hit)
  return hit != 0
}

/** After an instruction: takes its data hits, and the single step, into DR6. @returns whether #DB is due */
export function takeDebugTrap(singleStep: bool): bool {
  if (hits == 0 && !singleStep) return false
  store<u64>(DR6, load<u64>(DR6) | hits | (singleStep ? 0x4000 : 0))
  hits = 0
  return true
}
export function forgetHits(): void {
  hits = 0
}

/** SYSCALL and INT clear TF on their way: no single-step trap follows them. */
export let trapSuppressed: bool = false
export function suppressTrap(): void {
  trapSuppressed = true
}
export function allowTrap(): void {
  trapSuppressed = false
}
