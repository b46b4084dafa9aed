// The time-stamp counter and what follows it: kvmclock. One tick is one nanosecond of the host's monotonic clock.
//
// In virtual time (lock-step runs, differential tests) one executed instruction is one tick instead, so that two
// runs of the same guest see the same times.

import { GUEST_BASE } from './layout'
import { ICOUNT, KVM_SYSTEM_TIME, KVM_WALL_CLOCK, TSC_OFFSET } from './state'
import { ramSize } from './mmu'

// @ts-ignore: decorator
@external('env', 'monotonicNanoseconds')
declare function hostMonotonic(): f64
// @ts-ignore: decorator
@external('env', 'wallClockNanoseconds')
declare function hostWallClock(): f64

let virtualTime: bool = false
export function setVirtualTime(on: bool): void {
  virtualTime = on
}

export function readTsc(): u64 {
  return (virtualTime ? load<u64>(ICOUNT) : <u64>hostMonotonic()) + load<u64>(TSC_OFFSET)
}

/** MSR_KVM_SYSTEM_TIME_NEW: struct pvclock_vcpu_time_info, Linux Documentation/virt/kvm/x86/msr.rst. */
export function writeSystemTime(value: u64): void {
  store<u64>(KVM_SYSTEM_TIME, value)
  if (!(value & 1)) return
  const at = value & ~1
  if (at > ramSize - 32) return // not `at + 32`: that can wrap around
  const p = GUEST_BASE + <usize>at
  store<u32>(p, 2) // version: even, stable
  store<u32>(p, 0, 4)
  const now = readTsc()
  store<u64>(p, now, 8) // tsc_timestamp
  store<u64>(p, now, 16) // system_time: the same, in nanoseconds
  // nanoseconds = ((ticks << 1) × 2^31) >> 32
  store<u32>(p, 0x80000000, 24)
  store<i8>(p, 1, 28)
  store<u8>(p, 1, 29) // PVCLOCK_TSC_STABLE_BIT
}

/** MSR_KVM_WALL_CLOCK_NEW: struct pvclock_wall_clock, the wall clock when the system time was 0. */
export function writeWallClock(value: u64): void {
  store<u64>(KVM_WALL_CLOCK, value)
  const at = value & ~1
  if (at > ramSize - 12) return
  const p = GUEST_BASE + <usize>at
  const boot = <u64>hostWallClock() - readTsc()
  store<u32>(p, 2)
  store<u32>(p, <u32>(boot / 1000000000), 4)
  store<u32>(p, <u32>(boot % 1000000000), 8)
}
