// The x87 and SSE state's instructions as the dispatcher sees them: addresses, memory accesses and faults around
// the meanings in x87.ts; FXSAVE and FXRSTOR; MXCSR. SDM volume 1 chapters 8 and 10.

import { BLOCK_RIP, FAULT, GP_VECTOR, MF_VECTOR, MXCSR, NEXT, RAX, UD_VECTOR, XMM, raise, reg64, setReg } from './state'
import { readRflags, setExplicit } from './flags'
import { commit, readPtr, storePtr, writePtr } from './mmu'
import { SCRATCH_END } from './layout'
import { OP_OPSIZE16, OP_REXW, opFlags, opLength, opEnd, opModRm, opOpcode } from './operation'
import { addressE } from './transfer'
import { sseUsable, waitUsable, x87Usable } from './usable'
import { X87_AX, X87_DONE, X87_MF, X87_RFLAGS, X87_UD, x87At, x87Ax, x87Register as registerForm, x87Rflags, x87Wait } from './x87'
import {
  X87_IMAGE, X87_KIND_MF, X87_KIND_UD, X87_NO_STORE, X87_WRITE, x87CommitWrite, x87ExecRead, x87ExecReadImage, x87ExecWrite,
  x87ExecWriteImage, x87High, x87Low, x87MemoryKind, x87WriteAtOnce,
} from './x87-memory'
import { x87LoadFxsave, x87StoreFxsave } from './x87-state'

/** The bits of MXCSR that exist: DAZ is among them. */
const MXCSR_MASK: u32 = 0xffff
/** Where FNSTENV, FNSAVE, FLDENV and FRSTOR images are put together. */
const IMAGE: usize = 0x1400

function refuse(answer: u32): i32 {
  return raise(answer == X87_UD ? UD_VECTOR : MF_VECTOR, 0)
}

// @ts-ignore: decorator
@inline function instructionAddress(op: usize): u64 {
  return reg64(BLOCK_RIP) + <u64>opEnd(op) - <u64>opLength(op)
}
// @ts-ignore: decorator
@inline function fop(op: usize): u32 {
  return ((opOpcode(op) & 7) << 8) | opModRm(op)
}

export function x87Register(op: usize, form: i32): i32 {
  if (!x87Usable()) return FAULT
  x87At(instructionAddress(op), 0, fop(op))
  // Only FCMOVcc reads the flags; computing them for all would end their laziness.
  const conditional = (opOpcode(op) & 0xfe) == 0xda && opModRm(op) < 0xe0
  const answer = registerForm(opOpcode(op) - 0xd8, opModRm(op), conditional ? <u32>readRflags() : 0)
  if (answer == X87_DONE) return NEXT
  if (answer == X87_RFLAGS) {
    setExplicit(x87Rflags)
    return NEXT
  }
  if (answer == X87_AX) {
    setReg<u16>(RAX, <u16>x87Ax)
    return NEXT
  }
  return refuse(answer)
}

export function x87Memory(op: usize, form: i32): i32 {
  if (!x87Usable()) return FAULT
  const opcode = opOpcode(op) - 0xd8
  const reg = (opModRm(op) >> 3) & 7
  const small = (opFlags(op) & (OP_OPSIZE16 | OP_REXW)) == OP_OPSIZE16
  const kind = x87MemoryKind(opcode, reg, small)
  if (kind & X87_KIND_UD) return raise(UD_VECTOR, 0)
  if (kind & X87_KIND_MF) return raise(MF_VECTOR, 0)
  const size = kind & 0xff
  const address = addressE(op, form)
  x87At(instructionAddress(op), address, fop(op))
  if (kind & X87_WRITE) {
    const p = storePtr(address, size)
    if (!p) return FAULT
    if (kind & X87_IMAGE) {
      const answer = x87ExecWriteImage(opcode, reg, p, small)
      if (answer == X87_UD || answer == X87_MF) return refuse(answer)
    } else {
      if (x87WriteAtOnce(opcode, reg, p)) {
        if (p < SCRATCH_END) commit()
        return NEXT
      }
      const answer = x87ExecWrite(opcode, reg)
      if (answer == X87_UD || answer == X87_MF) return refuse(answer)
      if (answer == X87_NO_STORE) {
        x87CommitWrite()
        return NEXT
      }
      if (size == 2) store<u16>(p, <u16>x87Low)
      else if (size == 4) store<u32>(p, <u32>x87Low)
      else store<u64>(p, x87Low)
      if (size == 10) store<u16>(p, <u16>x87High, 8)
    }
    if (p < SCRATCH_END) commit()
    x87CommitWrite()
    return NEXT
  }
  let answer: u32
  if (size == 0) {
    answer = x87ExecRead(opcode, reg, 0, 0)
  } else {
    const p = readPtr(address, size)
    if (!p) return FAULT
    if (kind & X87_IMAGE) {
      memory.copy(IMAGE, p, size)
      answer = x87ExecReadImage(opcode, reg, IMAGE, small)
    } else {
      const low = size == 2 ? <u64>load<u16>(p) : size == 4 ? <u64>load<u32>(p) : load<u64>(p)
      answer = x87ExecRead(opcode, reg, low, size == 10 ? <u64>load<u16>(p, 8) : 0)
    }
  }
  if (answer == X87_UD || answer == X87_MF) return refuse(answer)
  return NEXT
}

export function fwait(op: usize): i32 {
  if (!waitUsable()) return FAULT
  return x87Wait() == X87_MF ? raise(MF_VECTOR, 0) : NEXT
}

export function fxsave<T>(op: usize, form: i32): i32 {
  if (!x87Usable()) return FAULT
  const address = addressE(op, form)
  if (address & 15) return raise(GP_VECTOR, 0)
  // Read first: the reserved parts of the area keep what they held.
  const p = writePtr(address, 512)
  if (!p) return FAULT
  x87StoreFxsave(p, sizeof<T>() == 8)
  store<u32>(p, load<u32>(MXCSR), 24)
  store<u32>(p, MXCSR_MASK, 28)
  memory.copy(p + 160, XMM, 256)
  if (p < SCRATCH_END) commit()
  return NEXT
}
export function fxrstor<T>(op: usize, form: i32): i32 {
  if (!x87Usable()) return FAULT
  const address = addressE(op, form)
  if (address & 15) return raise(GP_VECTOR, 0)
  const p = readPtr(address, 512)
  if (!p) return FAULT
  const mxcsr = load<u32>(p, 24)
  if (mxcsr & ~MXCSR_MASK) return raise(GP_VECTOR, 0)
  x87LoadFxsave(p, sizeof<T>() == 8)
  store<u32>(MXCSR, mxcsr)
  memory.copy(XMM, p + 160, 256)
  return NEXT
}
export function ldmxcsr(op: usize, form: i32): i32 {
  if (!sseUsable()) return FAULT
  const p = readPtr(addressE(op, form), 4)
  if (!p) return FAULT
  const value = load<u32>(p)
  if (value & ~MXCSR_MASK) return raise(GP_VECTOR, 0)
  store<u32>(MXCSR, value)
  return NEXT
}
export function stmxcsr(op: usize, form: i32): i32 {
  if (!sseUsable()) return FAULT
  const p = storePtr(addressE(op, form), 4)
  if (!p) return FAULT
  store<u32>(p, load<u32>(MXCSR))
  if (p < SCRATCH_END) commit()
  return NEXT
}
