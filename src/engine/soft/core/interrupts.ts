// Delivery of exceptions and interrupts through the IDT, and the way back. SDM volume 3, chapter 6 (6.12–6.15,
// 6.14 for 64-bit mode), volume 2 IRET, INT n.

import {
  CPL, CR2, DB_VECTOR, DF_VECTOR, EXCEPTION_ERROR, EXCEPTION_LOG, EXCEPTION_VECTOR, FAULT, GP_VECTOR,
  IDT_BASE, IDT_LIMIT, IF, INHIBIT, IOPL, JUMP, NP_VECTOR, NT, PF_VECTOR, RF, RFLAGS, RIP, RSP, SEL_CS,
  SEL_SS, STATISTICS, TF, TR_BASE, TR_LIMIT, TS_VECTOR, BP_VECTOR, raise, reg64, setReg64, AC, AF, CF, DF,
  ID, OF, PF, SF, ZF, DE_VECTOR,
} from './state'
import { readRflags, writeRflags } from './flags'
import { beginSystemAccess, commit, modeChanged, readPtr, storePtr } from './mmu'
import { SCRATCH_END } from './layout'
import { opImm } from './operation'
import { nextRip } from './control'
import { suppressTrap } from './debug'
import { codeSegmentFor, dataSegmentFor, clearUserSegments } from './segments'

/** Something may have changed about which interrupts can be taken: the dispatcher looks before the next block. */
export let interruptCheck: bool = true
export function checkInterrupts(): void {
  interruptCheck = true
}
export function interruptsChecked(): void {
  interruptCheck = false
}

/** Set by `deliver` when even the double fault could not be delivered. */
export let tripleFault: bool = false

/** Exceptions that push an error code: DF TS NP SS GP PF AC. */
const WITH_ERROR: u32 = 0x00027d00

/** #DE and 10–14: two of these in a row make a double fault (SDM table 6-5). */
function contributory(vector: u32): bool {
  return vector == DE_VECTOR || (vector >= TS_VECTOR && vector <= GP_VECTOR)
}

/** Delivers the pending exception. RIP is what the handler is to return to. */
export function deliverException(): void {
  let vector = load<u32>(EXCEPTION_VECTOR)
  let error = load<u32>(EXCEPTION_ERROR)
  const count = load<u64>(STATISTICS + 32)
  const log = EXCEPTION_LOG + (<usize>(count & 15)) * 24
  store<u64>(log, load<u64>(RIP))
  store<u64>(log, load<u64>(CR2), 8)
  store<u32>(log, vector, 16)
  store<u32>(log, error, 20)
  store<u64>(STATISTICS + 32, count + 1)
  // Bounded: a second failure makes a double fault, a third ends the machine.
  for (let attempt = 0; attempt < 3; attempt++) {
    if (deliver(vector, ((WITH_ERROR >> vector) & 1) != 0, error, false, 0)) return
    const second = load<u32>(EXCEPTION_VECTOR)
    if (vector == DF_VECTOR) break
    const double =
      (contributory(vector) && contributory(second)) || (vector == PF_VECTOR && (second == PF_VECTOR || contributory(second)))
    if (double) {
      vector = DF_VECTOR
      error = 0
    } else {
      vector = second
      error = load<u32>(EXCEPTION_ERROR)
    }
  }
  tripleFault = true
}

/** Delivers an external interrupt. */
export function deliverInterrupt(vector: u32): void {
  store<u64>(STATISTICS + 24, load<u64>(STATISTICS + 24) + 1)
  if (!deliver(vector, false, 0, false, 1)) deliverException()
}

function gateError(vector: u32, external: u32): u32 {
  return (vector << 3) | 2 | external
}

/**
 * Goes through the gate: stack switch, frame, new CS:RIP.
 * @param software INT n and INT3: the gate's privilege is checked
 * @returns false with the exception pending that it met; nothing has changed then
 */
function deliver(vector: u32, hasError: bool, error: u32, software: bool, external: u32): bool {
  beginSystemAccess()
  const done = deliverWithSystemAccess(vector, hasError, error, software, external)
  modeChanged()
  return done
}

function fail(vector: u32, error: u32): bool {
  raise(vector, error)
  return false
}

function deliverWithSystemAccess(vector: u32, hasError: bool, error: u32, software: bool, external: u32): bool {
  if ((vector << 4) + 15 > load<u32>(IDT_LIMIT)) return fail(GP_VECTOR, gateError(vector, external))
  const gate = readPtr(load<u64>(IDT_BASE) + (<u64>vector << 4), 16)
  if (!gate) return false
  const low = load<u64>(gate)
  const high = load<u32>(gate, 8)
  const type = <u32>(low >> 40) & 0x1f
  if (type != 0x0e && type != 0x0f) return fail(GP_VECTOR, gateError(vector, external))
  const cpl = load<u32>(CPL)
  if (software && (<u32>(low >> 45) & 3) < cpl) return fail(GP_VECTOR, gateError(vector, 0))
  if (!((low >> 47) & 1)) return fail(NP_VECTOR, gateError(vector, external))
  const selector = <u32>(low >> 16) & 0xffff
  const target = (low & 0xffff) | ((low >> 32) & 0xffff0000) | (<u64>high << 32)
  const newCpl = codeSegmentFor(selector, cpl)
  if (newCpl < 0) return fail(GP_VECTOR, (selector & 0xfffc) | external)
  const ist = <u32>(low >> 32) & 7
  let stack: u64
  if (ist != 0 || <u32>newCpl < cpl) {
    const offset: u32 = ist != 0 ? 28 + (ist << 3) : 4 + (<u32>newCpl << 3)
    if (offset + 7 > load<u32>(TR_LIMIT)) return fail(TS_VECTOR, external)
    const p = readPtr(load<u64>(TR_BASE) + offset, 8)
    if (!p) return false
    stack = load<u64>(p)
  } else {
    stack = reg64(RSP)
  }
  stack &= ~0xf
  const flags = readRflags()
  const pushed = hasError ? stack - 48 : stack - 40
  const at = hasError ? pushed + 8 : pushed
  // An exception is a fault here: RF makes the restarted instruction skip its instruction breakpoint.
  const savedFlags = !software && external == 0 && vector != DB_VECTOR ? flags | RF : flags
  // From the top down, as pushes are: CR2 of a missing stack says so.
  if (!put(at + 32, load<u32>(SEL_SS)) || !put(at + 24, reg64(RSP)) || !put(at + 16, savedFlags)) return false
  if (!put(at + 8, load<u32>(SEL_CS)) || !put(at, load<u64>(RIP)) || (hasError && !put(pushed, error))) return false
  setReg64(RSP, pushed)
  store<u64>(RIP, target)
  if (<u32>newCpl < cpl) store<u32>(SEL_SS, <u32>newCpl) // a null selector with RPL = CPL
  store<u32>(SEL_CS, (selector & 0xfffc) | <u32>newCpl)
  store<u32>(CPL, <u32>newCpl)
  let mask: u64 = TF | NT | RF
  if (type == 0x0e) mask |= IF
  writeRflags(flags & ~mask)
  store<u32>(INHIBIT, 0)
  return true
}

function put(address: u64, value: u64): bool {
  const p = storePtr(address, 8)
  if (!p) return false
  store<u64>(p, value)
  if (p < SCRATCH_END) commit()
  return true
}

/** INT n, INT3, INT1: a trap, so the frame points behind the instruction. */
function softwareInterrupt(op: usize, vector: u32, checked: bool): i32 {
  const here = load<u64>(RIP)
  suppressTrap()
  store<u64>(RIP, nextRip(op))
  if (deliver(vector, false, 0, checked, 0)) return JUMP
  store<u64>(RIP, here)
  return FAULT
}
export function int(op: usize): i32 {
  return softwareInterrupt(op, <u32>opImm(op) & 0xff, true)
}
export function int3(op: usize): i32 {
  return softwareInterrupt(op, BP_VECTOR, true)
}
export function int1(op: usize): i32 {
  return softwareInterrupt(op, DB_VECTOR, false)
}

/** IRETQ, IRETD, IRET in 64-bit mode; all pop five words. */
export function iret<T>(op: usize): i32 {
  const size = <u32>sizeof<T>()
  const top = reg64(RSP)
  if (load<u64>(RFLAGS) & NT) return raise(GP_VECTOR, 0)
  let p = readPtr(top, size)
  if (!p) return FAULT
  const rip = <u64>load<T>(p)
  p = readPtr(top + size, size)
  if (!p) return FAULT
  const cs = <u32>load<T>(p) & 0xffff
  p = readPtr(top + 2 * size, size)
  if (!p) return FAULT
  const flags = <u64>load<T>(p)
  p = readPtr(top + 3 * size, size)
  if (!p) return FAULT
  const rsp = <u64>load<T>(p)
  p = readPtr(top + 4 * size, size)
  if (!p) return FAULT
  const ss = <u32>load<T>(p) & 0xffff
  const cpl = load<u32>(CPL)
  const rpl = cs & 3
  if (rpl < cpl) return raise(GP_VECTOR, cs & 0xfffc)
  const newCpl = codeSegmentFor(cs, rpl)
  if (newCpl < 0) return FAULT
  if (<u64>((<i64>rip << 16) >> 16) != rip) return raise(GP_VECTOR, 0)
  if (!dataSegmentFor(ss, rpl, true)) return FAULT
  let mask: u64 = CF | PF | AF | ZF | SF | TF | DF | OF | NT | RF | AC | ID
  if (cpl == 0) mask |= IOPL
  if (cpl <= <u32>((load<u64>(RFLAGS) & IOPL) >> 12)) mask |= IF
  if (size == 2) mask &= 0xffff
  writeRflags((load<u64>(RFLAGS) & ~mask) | (flags & mask))
  setReg64(RSP, rsp)
  store<u64>(RIP, rip)
  store<u32>(SEL_CS, cs)
  store<u32>(SEL_SS, ss)
  store<u32>(CPL, rpl)
  if (rpl != cpl) clearUserSegments(rpl)
  modeChanged()
  checkInterrupts()
  return JUMP
}
