// Port input and output. SDM volume 1 chapter 19: IOPL and the TSS's permission bitmap decide.

import {
  AGAIN, CPL, DF, FAULT, GP_VECTOR, IOPL, NEXT, RAX, RCX, RDI, RDX, RFLAGS, RSI, TR_BASE, TR_LIMIT, getReg, raise, reg64, setReg, setReg64,
} from './state'
import { beginSystemAccess, commit, endSystemAccess, readPtr, storePtr } from './mmu'
import { SCRATCH_END } from './layout'
import { OP_ADDR32, OP_REPE, OP_REPNE, opFlags, opImm } from './operation'

// @ts-ignore: decorator
@external('env', 'portRead')
declare function hostPortRead(port: u32, width: u32): u32
// @ts-ignore: decorator
@external('env', 'portWrite')
declare function hostPortWrite(port: u32, width: u32, value: u32): void

function allowed(port: u32, width: u32): bool {
  if (load<u32>(CPL) <= <u32>((load<u64>(RFLAGS) & IOPL) >> 12)) return true
  const view = beginSystemAccess()
  const permitted = bitmapAllows(port, width)
  endSystemAccess(view)
  if (!permitted) raise(GP_VECTOR, 0)
  return permitted
}
function bitmapAllows(port: u32, width: u32): bool {
  const limit = load<u32>(TR_LIMIT)
  if (limit < 103) return false
  let p = readPtr(load<u64>(TR_BASE) + 102, 2)
  if (!p) return false
  const at = <u32>load<u16>(p) + (port >> 3)
  if (at + 1 > limit) return false
  p = readPtr(load<u64>(TR_BASE) + at, 2)
  if (!p) return false
  return ((<u32>load<u16>(p) >> (port & 7)) & ((1 << width) - 1)) == 0
}

// @ts-ignore: decorator
@inline function input<T>(port: u32): i32 {
  if (!allowed(port, sizeof<T>())) return FAULT
  setReg<T>(RAX, <T>hostPortRead(port, sizeof<T>()))
  return NEXT
}
// @ts-ignore: decorator
@inline function output<T>(port: u32): i32 {
  if (!allowed(port, sizeof<T>())) return FAULT
  hostPortWrite(port, sizeof<T>(), <u32>getReg<T>(RAX))
  return NEXT
}
// Ports are at most 32 bits wide: the table gives these operands size b or z, so T is u8, u16 or u32.
export function inImm<T>(op: usize): i32 {
  return input<T>(<u32>opImm(op) & 0xff)
}
export function inDx<T>(op: usize): i32 {
  return input<T>(getReg<u16>(RDX))
}
export function outImm<T>(op: usize): i32 {
  return output<T>(<u32>opImm(op) & 0xff)
}
export function outDx<T>(op: usize): i32 {
  return output<T>(getReg<u16>(RDX))
}

// @ts-ignore: decorator
@inline function narrow(op: usize, value: u64): u64 {
  return opFlags(op) & OP_ADDR32 ? <u64>(<u32>value) : value
}
/** Repetitions yield after this many elements, so that interrupts are seen. */
const REPEAT_LIMIT: u32 = 256

export function ins<T>(op: usize): i32 {
  const port = <u32>getReg<u16>(RDX)
  const repeats = (opFlags(op) & (OP_REPE | OP_REPNE)) != 0
  const by: u64 = load<u64>(RFLAGS) & DF ? 0 - sizeof<T>() : sizeof<T>()
  if (!allowed(port, sizeof<T>())) return FAULT
  let i: u32 = 0
  while (true) {
    if (repeats && narrow(op, reg64(RCX)) == 0) return NEXT
    if (i++ == REPEAT_LIMIT) return AGAIN
    const p = storePtr(narrow(op, reg64(RDI)), sizeof<T>())
    if (!p) return FAULT
    store<T>(p, <T>hostPortRead(port, sizeof<T>()))
    if (p < SCRATCH_END) commit()
    setReg64(RDI, narrow(op, reg64(RDI) + by))
    if (!repeats) return NEXT
    setReg64(RCX, narrow(op, reg64(RCX) - 1))
  }
}
export function outs<T>(op: usize): i32 {
  const port = <u32>getReg<u16>(RDX)
  const repeats = (opFlags(op) & (OP_REPE | OP_REPNE)) != 0
  const by: u64 = load<u64>(RFLAGS) & DF ? 0 - sizeof<T>() : sizeof<T>()
  if (!allowed(port, sizeof<T>())) return FAULT
  let i: u32 = 0
  while (true) {
    if (repeats && narrow(op, reg64(RCX)) == 0) return NEXT
    if (i++ == REPEAT_LIMIT) return AGAIN
    const p = readPtr(narrow(op, reg64(RSI)) + reg64(load<u8>(op, 7)), sizeof<T>())
    if (!p) return FAULT
    hostPortWrite(port, sizeof<T>(), <u32>load<T>(p))
    setReg64(RSI, narrow(op, reg64(RSI) + by))
    if (!repeats) return NEXT
    setReg64(RCX, narrow(op, reg64(RCX) - 1))
  }
}
