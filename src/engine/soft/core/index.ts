// The software engine's core: one x86-64 processor in a shared memory. Compiled by asc to core.wasm; the host's
// side is ../vcpu.ts.

import {
  CPL, CR0, CR3, CR4, CR4_PAE, CR0_PE, CR0_PG, EFER, EFER_LMA, EFER_LME, MISC_ENABLE, MXCSR, PAT, RFLAGS,
  RIP, RSI, SEL_CS, SEL_SS, SELECTORS, setReg64, GDT_BASE, GDT_LIMIT, DR, CR0_NE,
} from './state'
import { STATE } from './layout'
import { flushAll, modeChanged, setRamSize } from './mmu'
import { clearBlocks } from './blocks'
import { clearRegions } from './regions'
import { initHandlers } from './generated/handlers'
import { resetApics } from './apic'
import { setVirtualTime } from './time'
import { x87Init } from './x87-state'

export { haltNanoseconds, run } from './run'
export { readRflags } from './flags'
export * from './inspection'
export * from './translated'

/** Makes the processor ready, in memory that is zero; registers are as after reset, and nothing runs before `enterLongMode`. */
export function initialize(ramBytes: f64, virtualTime: bool): void {
  memory.fill(STATE, 0, 0x1000)
  setRamSize(<u64>ramBytes)
  initHandlers()
  setVirtualTime(virtualTime)
  resetApics()
  flushAll()
  clearRegions(<u64>ramBytes)
  clearBlocks()
  x87Init()
  store<u64>(RFLAGS, 2)
  store<u32>(MXCSR, 0x1f80)
  store<u64>(PAT, 0x0007040600070406)
  store<u64>(MISC_ENABLE, 1)
  store<u64>(DR + 48, 0xffff0ff0)
  store<u64>(DR + 56, 0x400)
  modeChanged()
}

/** The state of the Linux 64-bit boot protocol: paging on, flat segments from the given GDT, RSI = boot parameters. */
export function enterLongMode(rip: u64, rsi: u64, rsp: u64, cr3: u64, gdt: u64, gdtLimit: u32): void {
  store<u64>(RIP, rip)
  setReg64(RSI, rsi)
  setReg64(0x20, rsp)
  store<u64>(CR3, cr3)
  store<u64>(CR0, CR0_PE | CR0_PG | CR0_NE | 0x10)
  store<u64>(CR4, CR4_PAE)
  store<u64>(EFER, EFER_LME | EFER_LMA)
  store<u64>(GDT_BASE, gdt)
  store<u32>(GDT_LIMIT, gdtLimit)
  store<u32>(SEL_CS, 0x10)
  store<u32>(SEL_SS, 0x18)
  store<u32>(SELECTORS, 0x18)
  store<u32>(SELECTORS + 12, 0x18)
  store<u32>(CPL, 0)
  flushAll()
  modeChanged()
}
