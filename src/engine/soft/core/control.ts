// Meanings of jumps, calls and loops within a segment. SDM volume 2.
//
// A handler that sets RIP returns JUMP. RIP after this instruction is BLOCK_RIP + end of the operation.

import { BLOCK_RIP, BRANCH, FAULT, GP_VECTOR, JUMP, RCX, RIP, RSP, UD_VECTOR, getReg, raise, reg64, setReg64 } from './state'
import { condition, getZf } from './flags'
import { OP_ADDR32, opE, opEnd, opFlags, opImm } from './operation'
import { readPtr } from './mmu'
import { addressE, pushValue } from './transfer'

/** The linear address of the next instruction. */
// @ts-ignore: decorator
@inline export function nextRip(op: usize): u64 {
  return reg64(BLOCK_RIP) + <u64>opEnd(op)
}

// @ts-ignore: decorator
@inline function canonical(address: u64): bool {
  return <u64>((<i64>address << 16) >> 16) == address
}

// @ts-ignore: decorator
@inline function go(target: u64): i32 {
  store<u64>(RIP, target)
  return JUMP
}

/** A jump whose target the instruction itself holds. */
// @ts-ignore: decorator
@inline function branch(target: u64): i32 {
  store<u64>(RIP, target)
  return BRANCH
}

// @ts-ignore: decorator
@inline export function jcc(op: usize, code: u32): i32 {
  const next = nextRip(op)
  return branch(condition(code) ? next + <u64>opImm(op) : next)
}
export function jmp(op: usize): i32 {
  return branch(nextRip(op) + <u64>opImm(op))
}
export function call(op: usize): i32 {
  const next = nextRip(op)
  const target = next + <u64>opImm(op)
  if (!canonical(target)) return raise(GP_VECTOR, 0)
  if (!pushValue<u64>(next)) return FAULT
  return branch(target)
}
// FF /2 and /4 always take 64 bits (f64), so T is u64.

let targetE: u64 = 0
/** Takes the operand of FF /2 and /4 into `targetE`. @returns false with a fault pending */
// @ts-ignore: decorator
@inline function takeTarget(op: usize, form: i32): bool {
  if (form == 0) {
    targetE = reg64(opE(op))
  } else {
    const p = readPtr(addressE(op, form), 8)
    if (!p) return false
    targetE = load<u64>(p)
  }
  if (canonical(targetE)) return true
  raise(GP_VECTOR, 0)
  return false
}
export function callE<T>(op: usize, form: i32): i32 {
  return takeTarget(op, form) && pushValue<u64>(nextRip(op)) ? go(targetE) : FAULT
}
export function jmpE<T>(op: usize, form: i32): i32 {
  return takeTarget(op, form) ? go(targetE) : FAULT
}
export function ret(op: usize): i32 {
  const top = reg64(RSP)
  const p = readPtr(top, 8)
  if (!p) return FAULT
  const target = load<u64>(p)
  if (!canonical(target)) return raise(GP_VECTOR, 0)
  setReg64(RSP, top + 8 + <u64>opImm(op))
  return go(target)
}

// Loops count RCX, or ECX with a 67 prefix.
// @ts-ignore: decorator
@inline function countDown(op: usize): u64 {
  if (opFlags(op) & OP_ADDR32) {
    const count = getReg<u32>(RCX) - 1
    setReg64(RCX, <u64>count)
    return <u64>count
  }
  const count = reg64(RCX) - 1
  setReg64(RCX, count)
  return count
}
export function loop(op: usize): i32 {
  return countDown(op) != 0 ? jmp(op) : branch(nextRip(op))
}
export function loope(op: usize): i32 {
  return countDown(op) != 0 && getZf() ? jmp(op) : branch(nextRip(op))
}
export function loopne(op: usize): i32 {
  return countDown(op) != 0 && !getZf() ? jmp(op) : branch(nextRip(op))
}
export function jrcxz(op: usize): i32 {
  const count = opFlags(op) & OP_ADDR32 ? <u64>getReg<u32>(RCX) : reg64(RCX)
  return count == 0 ? jmp(op) : branch(nextRip(op))
}

export function ud2(op: usize): i32 {
  return raise(UD_VECTOR, 0)
}
export function ud1<T>(op: usize, form: i32): i32 {
  return raise(UD_VECTOR, 0)
}
export function ud0<T>(op: usize, form: i32): i32 {
  return raise(UD_VECTOR, 0)
}
