// The dispatcher: finds the block at RIP, runs its operations, delivers what they raise, and between blocks looks
// for kicks, timers and interrupts.
//
// Code that the translator has made a function of runs there: see regions.ts. All other code is interpreted.
//
// V8 cannot replace a running function by its optimized version, so `run` returns every few million instructions.

import { MAILBOX } from './layout'
import {
  AGAIN, BLOCK_RIP, BRANCH, BUDGET, CALLED_OPERATION, CALLED_RESULT, CPL, DB_VECTOR, DROPPED, FAULT, ICOUNT, IF, INHIBIT, JUMP, LEAVE, NEXT, REGION_STATISTICS, RF, RFLAGS, RIP, RUNNING, STATISTICS, STOP,
  TF, raise, setReg64,
} from './state'
import { dispatch } from './generated/handlers'
import { OP_SIZE, opEnd, opLength } from './operation'
import { BLOCK_HEADER, discard, findBlock, forgetAllCode, invalidateCode } from './blocks'
import { decodeBlock, decodeSingle } from './decode'
import { NO_PHYSICAL, fetchAddress, pageIsGlobal, ramSize } from './mmu'
import { noteChain } from './chains'
import { checkInterrupts, deliverException, deliverInterrupt, interruptCheck, interruptsChecked, tripleFault } from './interrupts'
import { acknowledge, pendingVector, pollTimer, raisePin, timerDistance } from './apic'
import { halted, setHalted } from './system'
import { countEntry, countGivenUp, countRun, refillSlot, translatedAt } from './regions'
import { chooseStackFault } from './stack-fault'
import { allowTrap, breakpointsEnabled, forgetHits, instructionBreakpoint, setStepping, takeDebugTrap, trapSuppressed } from './debug'

// Words shared with the caller's thread; ../shared-words.ts has the same.
/** Not zero: look at the words below. */
const KICK: usize = MAILBOX
/** A bit for each IO-APIC input that a device raised. */
const RAISED: usize = MAILBOX + 4
/** Ring of physical pages that devices wrote and that held code: written by the caller, read here. */
const WRITTEN_HEAD: usize = MAILBOX + 8
const WRITTEN_TAIL: usize = MAILBOX + 12
const WRITTEN_OVERFLOW: usize = MAILBOX + 16
const STOP_REQUEST: usize = MAILBOX + 20
const WRITTEN_RING: usize = MAILBOX + 0x400
const WRITTEN_ENTRIES: u32 = 256

/** Why `run` came back; ../vcpu.ts knows the numbers. */
const KICKED: i32 = 0
const HALTED: i32 = 1
const TRIPLE_FAULT: i32 = 2
const HALTED_FOR_EVER: i32 = 3

/** Instructions between two looks at the clock. */
const SLICE: i32 = 20000
/** Slices of one call of `run`. */
const SLICES: i32 = 10

const TLB_MISSES: usize = STATISTICS + 8

// What a region's function returns.
/** RIP says where to go on. */
const CONTINUE: i32 = 0
/** The interpreter is to run the instruction at RIP. */
const INTERPRET: i32 = 1

/** Runs until something is needed from outside. */
export function run(): i32 {
  store<u32>(RUNNING, 1)
  const reason = runBlocks()
  store<u32>(RUNNING, 0)
  return reason
}

function runBlocks(): i32 {
  let slices = SLICES
  let interpret = false
  // When it is: the slot through which the region was entered that could not go on, and the misses until then.
  let left: usize = 0
  let misses: u64 = 0
  if (halted) {
    const reason = wakeUp()
    if (reason >= 0) return reason
  }
  while (true) {
    if (atomic.load<i32>(KICK) != 0 || load<i32>(BUDGET) < 0 || interruptCheck) {
      if (atomic.load<i32>(KICK) != 0 && takeKick()) return KICKED
      if (load<i32>(BUDGET) < 0) {
        store<i32>(BUDGET, SLICE)
        pollTimer()
        if (--slices < 0) return KICKED
      }
      takeInterrupt()
      if (tripleFault) return TRIPLE_FAULT
      if (load<u32>(INHIBIT) != 0 || load<u64>(RFLAGS) & TF || breakpointsEnabled) {
        checkInterrupts()
        const reason = step()
        if (reason >= 0) return reason
        continue
      }
    }
    let rip = load<u64>(RIP)
    const found = fetchAddress(rip)
    if (found == NO_PHYSICAL) {
      spend(1) // Handlers that cannot be fetched must not keep the clock from being looked at.
      deliverException()
      if (tripleFault) return TRIPLE_FAULT
      continue
    }
    let physical = <u32>found
    const user = load<u32>(CPL) == 3
    if (!interpret) {
      const slot = found < ramSize ? translatedAt(physical, user) : 0
      if (slot != 0) {
        countEntry(slot, rip, user || pageIsGlobal(rip) ? noteChain(slot, rip, user) : 1)
        const result = enterRegion(slot)
        if (result == CONTINUE) continue
        if (result == INTERPRET) {
          count(1)
          interpret = true
          left = slot
          misses = load<u64>(TLB_MISSES)
          continue
        }
        count(2)
        if (finishCalled()) return stopped()
        if (tripleFault) return TRIPLE_FAULT
        continue
      }
    }
    let block: usize = found < ramSize ? findBlock(physical) : 0
    if (block != 0 && load<u32>(block, 16) != 0 && !secondPageStands(block, rip)) block = 0
    if (block == 0) {
      block = decodeBlock(rip, found)
      if (block == 0) {
        spend(1)
        deliverException()
        if (tripleFault) return TRIPLE_FAULT
        continue
      }
    }
    if (!interpret && load<u32>(block, 36) != 0 && refillSlot(block, physical, user)) continue
    // Blocks one after the other, as long as they follow each other within a page and nothing asks for attention.
    while (true) {
      setReg64(BLOCK_RIP, rip)
      // What runs because a region could not go on is not a place to enter a region.
      if (interpret) interpret = false
      else if (countRun(block, rip, user)) return KICKED
      const first = block + BLOCK_HEADER
      let op = first
      let result: i32
      do {
        result = dispatch(op)
        op += OP_SIZE
      } while (result == NEXT)
      account(<i32>((op - first) / OP_SIZE))
      op -= OP_SIZE
      if (left != 0) {
        if (load<u64>(TLB_MISSES) == misses) countGivenUp(block, left, user)
        left = 0
      }
      if (result == BRANCH) {
        const next = load<u64>(RIP)
        if ((next ^ rip) >> 12 != 0) break
        // The same page, so the same mapping: only another byte in it. Where did this branch lead last time?
        physical = (physical & 0xfffff000) | <u32>(next & 0xfff)
        const link = op + (next == rip + <u64>opEnd(op) ? 28 : 24)
        block = <usize>load<u32>(link)
        if (block == 0 || load<u32>(block) != physical) {
          block = findBlock(physical)
          if (block == 0 || load<u32>(block, 16) != 0) break
          store<u32>(link, <u32>block)
        }
        rip = next
        if (atomic.load<i32>(KICK) != 0 || load<i32>(BUDGET) < 0 || interruptCheck || load<u32>(block, 36) != 0) break
        continue
      }
      if (result == JUMP) {
        store<u64>(block, load<u64>(RIP), 48)
        break
      }
      if (result == LEAVE) {
        store<u64>(RIP, rip + <u64>opEnd(op))
        break
      }
      if (result == AGAIN) {
        store<u64>(RIP, rip + <u64>(opEnd(op) - opLength(op)))
        store<u64>(ICOUNT, load<u64>(ICOUNT) - 1)
        break
      }
      if (result == FAULT) {
        store<u64>(RIP, rip + <u64>(opEnd(op) - opLength(op)))
        chooseStackFault(op)
        deliverException()
        if (tripleFault) return TRIPLE_FAULT
        break
      }
      store<u64>(RIP, rip + <u64>opEnd(op))
      return stopped()
    }
  }
}

// @ts-ignore: decorator
@inline function account(executed: i32): void {
  spend(executed)
  store<u64>(ICOUNT, load<u64>(ICOUNT) + <u64>executed)
  store<u64>(REGION_STATISTICS + 24, load<u64>(REGION_STATISTICS + 24) + <u64>executed)
}

// @ts-ignore: decorator
@inline function spend(instructions: i32): void {
  store<i32>(BUDGET, load<i32>(BUDGET) - instructions)
}

// @ts-ignore: decorator
@inline function count(statistic: usize): void {
  store<u64>(REGION_STATISTICS + (statistic << 3), load<u64>(REGION_STATISTICS + (statistic << 3)) + 1)
}

/** Runs translated code until it leaves its region. */
// @ts-ignore: decorator
@inline function enterRegion(slot: usize): i32 {
  const before = load<i32>(BUDGET)
  store<u32>(DROPPED, 0)
  store<u32>(RUNNING, <u32>slot)
  const result = call_indirect<i32>(load<u32>(slot, 4), slot)
  store<u32>(RUNNING, 1)
  count(0)
  store<u64>(ICOUNT, load<u64>(ICOUNT) + <u64>(before - load<i32>(BUDGET)))
  return result
}

/** A region left behind its call of a handler: what the dispatcher does after `dispatch`, for that one operation. @returns HLT */
function finishCalled(): bool {
  const op = <usize>load<u32>(CALLED_OPERATION)
  const result = load<i32>(CALLED_RESULT)
  if (result == NEXT || result == LEAVE || result == STOP) {
    store<u64>(RIP, load<u64>(RIP) + <u64>opLength(op))
  } else if (result == AGAIN) {
    store<u64>(ICOUNT, load<u64>(ICOUNT) - 1)
  } else if (result == FAULT) {
    chooseStackFault(op)
    deliverException()
  }
  return result == STOP
}

/** A single instruction lies across two pages: is the second one still the page that it was decoded from? */
function secondPageStands(block: usize, rip: u64): bool {
  const second = fetchAddress((rip & ~0xfff) + 0x1000)
  if (second == NO_PHYSICAL || <u32>second != load<u32>(block, 16)) {
    discard(block)
    return false
  }
  return true
}

/** The CPU executed HLT. */
function stopped(): i32 {
  const reason = wakeUp()
  return reason >= 0 ? reason : KICKED
}

/** @returns a reason to go back to sleep, or -1: an interrupt is there */
function wakeUp(): i32 {
  if (atomic.load<i32>(KICK) != 0 && takeKick()) return KICKED
  if (!(load<u64>(RFLAGS) & IF)) return HALTED_FOR_EVER
  pollTimer()
  if (pendingVector() < 0) return HALTED
  setHalted(false)
  checkInterrupts()
  return -1
}

/** Nanoseconds to sleep at most after HALTED. */
export function haltNanoseconds(): f64 {
  return timerDistance()
}

/** @returns whether the host wants `run` to return */
function takeKick(): bool {
  atomic.store<i32>(KICK, 0)
  let pins = atomic.xchg<u32>(RAISED, 0)
  // Bounded: 32 bits.
  while (pins != 0) {
    raisePin(ctz<u32>(pins))
    pins &= pins - 1
  }
  if (atomic.load<u32>(WRITTEN_OVERFLOW) != 0) {
    atomic.store<u32>(WRITTEN_OVERFLOW, 0)
    forgetAllCode()
  }
  let tail = atomic.load<u32>(WRITTEN_TAIL)
  const head = atomic.load<u32>(WRITTEN_HEAD)
  // Bounded: the ring's size.
  while (tail != head) {
    invalidateCode(load<u32>(WRITTEN_RING + (<usize>(tail % WRITTEN_ENTRIES) << 2)) << 12, 0x1000)
    tail++
  }
  atomic.store<u32>(WRITTEN_TAIL, tail)
  return atomic.load<u32>(STOP_REQUEST) != 0
}

function takeInterrupt(): void {
  interruptsChecked()
  if (!(load<u64>(RFLAGS) & IF)) return
  const vector = pendingVector()
  if (load<u32>(INHIBIT) != 0) {
    // With nothing to hold back there is no need to run that one instruction alone.
    if (vector < 0) store<u32>(INHIBIT, 0)
    else checkInterrupts()
    return
  }
  if (vector < 0) return
  acknowledge(<u32>vector)
  deliverInterrupt(<u32>vector)
}

const STEP_OPERATIONS: usize = 0x1800

/** Runs one instruction, with all that single-stepping and breakpoints ask for. @returns a reason to stop, or -1 */
function step(): i32 {
  const rip = load<u64>(RIP)
  const singleStep = (load<u64>(RFLAGS) & TF) != 0
  store<u32>(INHIBIT, 0)
  if (breakpointsEnabled && !(load<u64>(RFLAGS) & RF) && instructionBreakpoint(rip)) {
    spend(1)
    raise(DB_VECTOR, 0)
    deliverException()
    return tripleFault ? TRIPLE_FAULT : -1
  }
  if (!decodeSingle(STEP_OPERATIONS, rip)) {
    spend(1)
    deliverException()
    return tripleFault ? TRIPLE_FAULT : -1
  }
  setReg64(BLOCK_RIP, rip)
  allowTrap()
  forgetHits()
  const op = STEP_OPERATIONS
  // It counts for this instruction only. Not afterwards: an IRET may set it for the next one.
  store<u64>(RFLAGS, load<u64>(RFLAGS) & ~RF)
  setStepping(true)
  const result = dispatch(op)
  setStepping(false)
  account(1)
  if (result == FAULT) {
    store<u64>(RIP, rip)
    chooseStackFault(op)
    deliverException()
    return tripleFault ? TRIPLE_FAULT : -1
  }
  if (result == AGAIN) {
    // One iteration of a repetition traps like an instruction, but only the first one has a breakpoint.
    store<u64>(RIP, rip)
    store<u64>(RFLAGS, load<u64>(RFLAGS) | RF)
  } else if (result != JUMP && result != BRANCH) {
    store<u64>(RIP, rip + <u64>opLength(op))
  }
  if (takeDebugTrap(singleStep && !trapSuppressed)) {
    raise(DB_VECTOR, 0)
    deliverException()
    if (tripleFault) return TRIPLE_FAULT
  }
  return result == STOP ? stopped() : -1
}
