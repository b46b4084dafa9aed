// The local APIC (xAPIC page and x2APIC registers, one-shot, periodic and TSC-deadline timer) and the IO-APIC
// with 24 edge-triggered inputs. SDM volume 3 chapter 11; 82093AA datasheet for the IO-APIC.
//
// One vCPU: every destination is this one, and an inter-processor interrupt to others is dropped. The APIC's
// timer counts at 1 GHz before its divider. The 32-bit registers lie at APIC + their xAPIC offset.

import { APIC } from './layout'
import { CR8 } from './state'
import { checkInterrupts } from './interrupts'
import { readTsc } from './time'

const REGISTERS: usize = APIC
const ID: u32 = 0x20
const VERSION: u32 = 0x30
const TPR: u32 = 0x80
const EOI: u32 = 0xb0
const LDR: u32 = 0xd0
const DFR: u32 = 0xe0
const SVR: u32 = 0xf0
const ISR: u32 = 0x100
const IRR: u32 = 0x200
const ESR: u32 = 0x280
const ICR: u32 = 0x300
const ICR_HIGH: u32 = 0x310
const LVT_TIMER: u32 = 0x320
const LVT_LAST: u32 = 0x370
const TIMER_INITIAL: u32 = 0x380
const TIMER_CURRENT: u32 = 0x390
const TIMER_DIVIDE: u32 = 0x3e0
const SELF_IPI: u32 = 0x3f0

const MASKED: u32 = 0x10000
const TSC_DEADLINE_MODE: u32 = 0x40000
const PERIODIC_MODE: u32 = 0x20000

/** IA32_APIC_BASE: enabled, this is the boot processor. */
let apicBase: u64 = 0xfee00900
/** TSC value at which the timer fires; 0: not armed. */
let deadline: u64 = 0
/** Ticks between firings in periodic mode. */
let period: u64 = 0

// The IO-APIC: selected register, then 24 redirection entries of 64 bits.
const IO_APIC: usize = APIC + 0x1000
const REDIRECTION: usize = IO_APIC + 0x10
const PINS: u32 = 24
/** Inputs that were raised while masked: delivered when unmasked, so that no edge is lost. */
let pendingPins: u32 = 0

// @ts-ignore: decorator
@inline function get(register: u32): u32 {
  return load<u32>(REGISTERS + register)
}
// @ts-ignore: decorator
@inline function set(register: u32, value: u32): void {
  store<u32>(REGISTERS + register, value)
}

export function resetApics(): void {
  memory.fill(APIC, 0, 0x2000)
  set(VERSION, 0x00050014)
  set(DFR, 0xffffffff)
  set(SVR, 0xff)
  for (let lvt = LVT_TIMER; lvt <= LVT_LAST; lvt += 0x10) set(lvt, MASKED)
  for (let pin: usize = 0; pin < PINS; pin++) store<u64>(REDIRECTION + (pin << 3), MASKED)
}

/** Highest set bit of the 256-bit field at `register`, or -1. */
function highest(register: u32): i32 {
  for (let word: i32 = 7; word >= 0; word--) {
    const bits = get(register + (<u32>word << 4))
    if (bits != 0) return (word << 5) + 31 - clz<u32>(bits)
  }
  return -1
}
function setBit(register: u32, vector: u32): void {
  const word = register + ((vector >> 5) << 4)
  set(word, get(word) | (1 << (vector & 31)))
}
function clearBit(register: u32, vector: u32): void {
  const word = register + ((vector >> 5) << 4)
  set(word, get(word) & ~(1 << (vector & 31)))
}

/** An interrupt arrives at this processor. */
export function acceptVector(vector: u32): void {
  if (vector < 16) return // Illegal vectors are refused (ESR would say so).
  setBit(IRR, vector)
  checkInterrupts()
}

/** The vector to deliver now, or -1: nothing pending above the processor's priority. */
export function pendingVector(): i32 {
  if (!(get(SVR) & 0x100)) return -1
  const vector = highest(IRR)
  if (vector < 0) return -1
  const servicing = highest(ISR)
  const priority = <u32>load<u64>(CR8) << 4
  if ((<u32>vector & 0xf0) <= max<u32>(priority, servicing < 0 ? 0 : <u32>servicing & 0xf0)) return -1
  return vector
}
export function acknowledge(vector: u32): void {
  clearBit(IRR, vector)
  setBit(ISR, vector)
}

/** Fires the timer when its time has come. */
export function pollTimer(): void {
  if (deadline == 0) return
  const now = readTsc()
  if (now < deadline) return
  const lvt = get(LVT_TIMER)
  if (period != 0) {
    // Skipped periods are not made up for.
    deadline += period
    if (deadline <= now) deadline = now + period
  } else {
    deadline = 0
  }
  if (!(lvt & MASKED)) acceptVector(lvt & 0xff)
}

/** Nanoseconds until the timer fires; infinity when it is not armed. */
export function timerDistance(): f64 {
  if (deadline == 0 || get(LVT_TIMER) & MASKED) return Infinity
  const now = readTsc()
  return now >= deadline ? 0 : <f64>(deadline - now)
}

export function writeDeadline(value: u64): void {
  if ((get(LVT_TIMER) & 0x60000) != TSC_DEADLINE_MODE) return
  period = 0
  deadline = value
  if (value != 0) pollTimer()
}
export function readDeadline(): u64 {
  return (get(LVT_TIMER) & 0x60000) == TSC_DEADLINE_MODE ? deadline : 0
}

function divider(): u64 {
  const bits = get(TIMER_DIVIDE)
  const code = (bits & 3) | ((bits >> 1) & 4)
  return code == 7 ? 1 : <u64>2 << code
}

function currentCount(): u32 {
  if (deadline == 0 || (get(LVT_TIMER) & 0x60000) == TSC_DEADLINE_MODE) return 0
  const now = readTsc()
  return now >= deadline ? 0 : <u32>((deadline - now) / divider())
}

/** CR8 is the upper half of the task priority; writing it clears the lower one (SDM volume 3, 11.8.6). */
function taskPriority(): u32 {
  const priority = get(TPR)
  const class8 = <u32>load<u64>(CR8)
  return priority >> 4 == class8 ? priority : class8 << 4
}

export function localApicRead(offset: u32): u64 {
  const register = offset & 0xff0
  if (register == TIMER_CURRENT) return currentCount()
  if (register == TPR) return taskPriority()
  return get(register)
}

export function localApicWrite(offset: u32, value: u32): void {
  const register = offset & 0xff0
  if (register == EOI) {
    const vector = highest(ISR)
    if (vector >= 0) clearBit(ISR, <u32>vector)
    checkInterrupts()
  } else if (register == TPR) {
    set(TPR, value & 0xff)
    store<u64>(CR8, (value >> 4) & 15)
    checkInterrupts()
  } else if (register == ICR) {
    set(ICR, value & ~0x1000)
    sendInterrupt(value)
  } else if (register == SELF_IPI) {
    acceptVector(value & 0xff)
  } else if (register == ESR) {
    set(ESR, 0)
  } else if (register >= LVT_TIMER && register <= LVT_LAST) {
    const mode = get(LVT_TIMER) & 0x60000
    set(register, value & 0x7f7ff)
    // Changing the timer's mode disarms it.
    if (register == LVT_TIMER && (value & 0x60000) != mode) {
      deadline = 0
      period = 0
    }
  } else if (register == TIMER_INITIAL) {
    set(register, value)
    if ((get(LVT_TIMER) & 0x60000) == TSC_DEADLINE_MODE) return
    const ticks = <u64>value * divider()
    deadline = value == 0 ? 0 : readTsc() + ticks
    period = get(LVT_TIMER) & PERIODIC_MODE ? ticks : 0
  } else if (register == SVR || register == LDR || register == DFR || register == TIMER_DIVIDE || register == ICR_HIGH) {
    set(register, value)
    checkInterrupts()
  }
}

/** Inter-processor interrupts: to oneself they arrive, to others there is nobody. */
function sendInterrupt(command: u32): void {
  const mode = (command >> 8) & 7
  if (mode != 0 && mode != 1) return // INIT, SIPI, NMI, SMI
  const shorthand = (command >> 18) & 3
  const destination = apicBase & 0x400 ? get(ICR_HIGH) : get(ICR_HIGH) >> 24
  const toSelf =
    shorthand == 1 || shorthand == 2 || (shorthand == 0 && (command & 0x800 ? (destination & 1) != 0 : destination == 0))
  if (toSelf) acceptVector(command & 0xff)
}

/** x2APIC registers, MSR 800h–8FFh. @returns false: #GP */
let msrValue: u64 = 0
export function x2ApicValue(): u64 {
  return msrValue
}
export function x2ApicRead(msr: u32): bool {
  if (!(apicBase & 0x400)) return false
  const register = (msr & 0xff) << 4
  if (register == ICR) msrValue = <u64>get(ICR) | (<u64>get(ICR_HIGH) << 32)
  else if (register == LDR) msrValue = 1 // cluster 0, first processor
  else msrValue = localApicRead(register)
  return true
}
export function x2ApicWrite(msr: u32, value: u64): bool {
  if (!(apicBase & 0x400)) return false
  const register = (msr & 0xff) << 4
  if (register == ICR) set(ICR_HIGH, <u32>(value >> 32))
  else if (value >> 32 != 0) return false
  localApicWrite(register, <u32>value)
  return true
}
export function readApicBase(): u64 {
  return apicBase
}
export function writeApicBase(value: u64): void {
  apicBase = value
}

// IO-APIC

/** A device raised its input. */
export function raisePin(pin: u32): void {
  if (pin >= PINS) return
  const entry = load<u64>(REDIRECTION + (<usize>pin << 3))
  if (entry & MASKED) {
    pendingPins |= 1 << pin
    return
  }
  pendingPins &= ~(1 << pin)
  const mode = <u32>(entry >> 8) & 7
  if (mode <= 1) acceptVector(<u32>entry & 0xff)
}

const IOREGSEL: u32 = 0x00
const IOWIN: u32 = 0x10

export function ioApicRead(offset: u32): u64 {
  if (offset == IOREGSEL) return load<u32>(IO_APIC)
  if (offset != IOWIN) return 0
  const register = load<u32>(IO_APIC) & 0xff
  if (register == 1) return ((PINS - 1) << 16) | 0x20
  if (register < 0x10 || register >= 0x10 + 2 * PINS) return 0
  return load<u32>(REDIRECTION + (<usize>(register - 0x10) << 2))
}
export function ioApicWrite(offset: u32, value: u32): void {
  if (offset == IOREGSEL) {
    store<u32>(IO_APIC, value)
    return
  }
  if (offset != IOWIN) return
  const register = load<u32>(IO_APIC) & 0xff
  if (register < 0x10 || register >= 0x10 + 2 * PINS) return
  // Delivery status and remote IRR are read-only.
  store<u32>(REDIRECTION + (<usize>(register - 0x10) << 2), register & 1 ? value : value & ~0x5000)
  const pin = (register - 0x10) >> 1
  if (pendingPins & (1 << pin)) raisePin(pin)
}
