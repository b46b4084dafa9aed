// The meanings of the x87 instructions with a memory operand, in steps that let the caller do the memory access.
//
//   kind = x87MemoryKind(opcode, reg, small)            says what is wanted, or #UD or #MF
//   read:   x87ExecRead(opcode, reg, low, high)         operands up to 10 bytes, already loaded
//           x87ExecReadImage(opcode, reg, at, small)    FLDENV, FRSTOR: the image in a scratch buffer
//   write:  x87ExecWrite(opcode, reg) → bytes in x87Low, x87High; the caller stores; then x87CommitWrite()
//           before it, x87WriteAtOnce(opcode, reg, p) may have done all of that
//           x87ExecWriteImage(opcode, reg, at, small)   FNSTENV, FNSAVE into a scratch buffer; then x87CommitWrite()
//
// ExecWrite changes nothing but module variables as long as the store may still fault: flags, pop, masking and
// initialization wait for the commit. `opcode` is D8–DF minus 0xD8, `reg` bits 3–5 of ModRM, `small` a 16-bit
// operand size.

import {
  CLASS_QNAN, DE, f80Begin, f80Class, f80flags, f80masks, f80Raise, f80se, f80Set, f80sig, f80up, IE, ZE,
} from './float80'
import {
  f80bits, f80bitsHigh, f80FinishLoad, f80FromBcd, f80FromF32, f80FromF64, f80ToBcd, f80ToF32, f80ToF64, f80ToInteger,
  f80widenedDenormal,
} from './float80-convert'
import { f80Compare, f80FromInteger } from './float80-parts'
import {
  X87_DONE, X87_MF, X87_UD, x87ComparedEmpty, x87NotePointers, x87Operate, x87ReadAtOnce, x87SetCompared, x87StoreAtOnce,
} from './x87'
import { x87Answer, x87Overflow, x87Push, x87Raise, x87Underflow } from './x87-answer'
import {
  SW_SF, x87Control, x87Empty, x87Init, x87LoadEnvironment, x87LoadState, x87Pending, x87Pop, x87Se, x87SetControl,
  x87Sig, x87Status, x87StoreEnvironment, x87StoreState,
} from './x87-state'

/** x87MemoryKind: bits 0–7 size in bytes, then these. */
export const X87_WRITE: u32 = 0x100
/** Through a scratch buffer (…Image functions). */
export const X87_IMAGE: u32 = 0x200
/** Not executable: #UD, or #MF because of a pending exception. No memory access then. */
export const X87_KIND_UD: u32 = 0x400
export const X87_KIND_MF: u32 = 0x800

/** x87ExecWrite: an unmasked exception forbids the store; flags are set, nothing is left to do. */
export const X87_NO_STORE: u32 = 5

export let x87Low: u64 = 0
export let x87High: u32 = 0

const COMMIT_NOTHING: u32 = 0
const COMMIT_STORE: u32 = 1
const COMMIT_MASK: u32 = 2
const COMMIT_INIT: u32 = 3
let commit: u32 = 0
let commitFlags: u32 = 0
let commitUp: u32 = 0
let commitPop: bool = false

// Rows D8–DF, one byte a form: size 1–10, 0x80 write, 0x40 non-waiting or control, 0xff undefined, 0 an image.
const FORMS: usize = memory.data<u8>([
  4, 4, 4, 4, 4, 4, 4, 4,
  4, 0xff, 0x84, 0x84, 0x40, 2, 0xc0, 0xc2,
  4, 4, 4, 4, 4, 4, 4, 4,
  4, 0x84, 0x84, 0x84, 0xff, 10, 0xff, 0x8a,
  8, 8, 8, 8, 8, 8, 8, 8,
  8, 0x88, 0x88, 0x88, 0x41, 0xff, 0xc1, 0xc2,
  2, 2, 2, 2, 2, 2, 2, 2,
  2, 0x82, 0x82, 0x82, 10, 8, 0x8a, 0x88,
])

@inline function key(opcode: u32, reg: u32): u32 {
  return (opcode << 3) | reg
}

const FLDENV: u32 = 0x0c
const FLDCW: u32 = 0x0d
const FNSTENV: u32 = 0x0e
const FNSTCW: u32 = 0x0f
const FRSTOR: u32 = 0x2c
const FNSAVE: u32 = 0x2e
const FNSTSW: u32 = 0x2f

export function x87MemoryKind(opcode: u32, reg: u32, small: bool): u32 {
  const which = key(opcode, reg)
  const form = <u32>load<u8>(FORMS + which)
  // The ordinary ones first.
  if ((form & 0x40) == 0) return x87Pending() ? X87_KIND_MF : (form & 0x0f) | ((form & 0x80) << 1)
  if (form == 0xff) return X87_KIND_UD
  switch (which) {
    // The non-waiting ones.
    case FNSTENV:
      return X87_WRITE | X87_IMAGE | (small ? 14 : 28)
    case FNSAVE:
      return X87_WRITE | X87_IMAGE | (small ? 94 : 108)
    case FNSTCW:
    case FNSTSW:
      return X87_WRITE | 2
  }
  if (x87Pending()) return X87_KIND_MF
  return X87_IMAGE | (which == FLDENV ? (small ? 14 : 28) : small ? 94 : 108)
}

/** Executes a form that reads up to 10 bytes: `low` has bytes 0–7 (zero-extended), `high` bytes 8–9. */
export function x87ExecRead(opcode: u32, reg: u32, low: u64, high: u64): u32 {
  const which = key(opcode, reg)
  if (x87ReadAtOnce(which, low, <u32>high)) return X87_DONE
  const form = <u32>load<u8>(FORMS + which)
  if (form == 0xff || form & 0x80) return X87_UD
  if (x87Pending()) return X87_MF
  if (which == FLDCW) {
    x87SetControl(<u32>low)
    return X87_DONE
  }
  x87NotePointers(true)
  f80Begin(x87Control())
  // D8, DA, DC, DE: arithmetic with single, i32, double, i16.
  if ((opcode & 1) == 0) arithmetic(opcode, reg, low)
  else if (!x87Overflow()) {
    switch (which) {
      case 0x08:
        f80FromF32(<u32>low)
        f80FinishLoad()
        break
      case 0x28:
        f80FromF64(low)
        f80FinishLoad()
        break
      case 0x18:
        f80FromInteger(<i64><i32>low)
        break
      case 0x38:
        f80FromInteger(<i64><i16>low)
        break
      case 0x3d:
        f80FromInteger(<i64>low)
        break
      case 0x3c:
        f80FromBcd(low, <u32>high)
        break
      default: // FLD m80 takes the bits as they are
        f80Set(low, <u32>high & 0xffff)
    }
    x87Push()
  }
  return X87_DONE
}

function arithmetic(opcode: u32, reg: u32, low: u64): void {
  const compares = reg == 2 || reg == 3
  if (x87Empty(0)) {
    if (!compares) x87Underflow(0)
    else if (x87ComparedEmpty() && reg == 3) x87Pop()
    return
  }
  let denormal = false
  if (opcode == 0 || opcode == 4) {
    if (opcode == 0) f80FromF32(<u32>low)
    else f80FromF64(low)
    // As a float80 it looks normal, so the operation cannot see it; a NaN in ST(0) goes before DE.
    denormal = f80widenedDenormal && f80Class(x87Sig(0), x87Se(0)) < CLASS_QNAN
  } else f80FromInteger(opcode == 2 ? <i64><i32>low : <i64><i16>low)
  if (compares) {
    const codes = f80Compare(x87Sig(0), x87Se(0), f80sig, f80se, false)
    if (denormal) f80Raise(DE)
    if (x87SetCompared(codes) && reg == 3) x87Pop()
  } else {
    x87Operate(reg, f80sig, f80se)
    if (denormal && (f80flags & (IE | ZE)) == 0) f80Raise(DE)
    x87Answer(0)
  }
}

/** FLDENV and FRSTOR from a buffer of 14/28 or 94/108 bytes. */
export function x87ExecReadImage(opcode: u32, reg: u32, from: usize, small: bool): u32 {
  const which = key(opcode, reg)
  if (which != FLDENV && which != FRSTOR) return X87_UD
  if (x87Pending()) return X87_MF
  if (which == FLDENV) x87LoadEnvironment(from, small)
  else x87LoadState(from, small)
  return X87_DONE
}

/** FNSTENV and FNSAVE into a buffer; x87CommitWrite does their side effects. */
export function x87ExecWriteImage(opcode: u32, reg: u32, to: usize, small: bool): u32 {
  const which = key(opcode, reg)
  if (which == FNSTENV) {
    x87StoreEnvironment(to, small)
    commit = COMMIT_MASK
  } else if (which == FNSAVE) {
    x87StoreState(to, small)
    commit = COMMIT_INIT
  } else return X87_UD
  return X87_DONE
}

/**
 * The whole of a store in one step, where that is possible: the bytes go to `p`, which must be writable for the
 * form's size. False: nothing was done, x87ExecWrite must follow.
 */
export function x87WriteAtOnce(opcode: u32, reg: u32, p: usize): bool {
  return x87StoreAtOnce(key(opcode, reg), p)
}

/** Prepares a store. X87_DONE: write x87Low (and x87High for 10 bytes), then x87CommitWrite(). */
export function x87ExecWrite(opcode: u32, reg: u32): u32 {
  const which = key(opcode, reg)
  const form = <u32>load<u8>(FORMS + which)
  commit = COMMIT_NOTHING
  if (which == FNSTCW || which == FNSTSW) {
    x87Low = which == FNSTCW ? x87Control() : x87Status()
    return X87_DONE
  }
  if (form == 0xff || (form & 0x80) == 0 || form & 0x40) return X87_UD
  if (x87Pending()) return X87_MF
  commitFlags = 0
  commitUp = 0
  // FST and FIST alone keep the register.
  commitPop = !(reg == 2)
  f80Begin(x87Control())
  const size = form & 0x0f
  let stored: bool
  if (x87Empty(0)) {
    stored = (f80masks & IE) != 0
    commitFlags = IE | SW_SF
    indefinite(which, size)
  } else {
    stored = convert(which, size)
    commitFlags = f80flags
    commitUp = f80up
  }
  commit = COMMIT_STORE
  if (stored) return X87_DONE
  commitPop = false
  x87CommitWrite()
  return X87_NO_STORE
}

function convert(which: u32, size: u32): bool {
  const sig = x87Sig(0)
  const se = x87Se(0)
  let stored = true
  x87High = 0
  switch (which) {
    case 0x0a:
    case 0x0b:
      stored = f80ToF32(sig, se)
      break
    case 0x2a:
    case 0x2b:
      stored = f80ToF64(sig, se)
      break
    case 0x1f:
      x87Low = sig
      x87High = se
      return true
    case 0x3e:
      stored = f80ToBcd(sig, se)
      x87High = f80bitsHigh
      break
    default:
      // FISTTP (reg 1) always truncates.
      if ((which & 7) == 1) f80Begin(x87Control() | 0xc00)
      stored = f80ToInteger(sig, se, <i32>size << 3)
  }
  x87Low = f80bits
  return stored
}

/** What a masked stack underflow stores. */
function indefinite(which: u32, size: u32): void {
  x87High = 0xffff
  if (which == 0x0a || which == 0x0b) x87Low = 0xffc00000
  else if (which == 0x2a || which == 0x2b) x87Low = 0xfff8000000000000
  else if (size == 10) x87Low = 0xc000000000000000
  else x87Low = <u64>1 << ((size << 3) - 1)
}

/** After the bytes were stored without a fault. */
export function x87CommitWrite(): void {
  if (commit == COMMIT_STORE) {
    x87NotePointers(true)
    x87Raise(commitFlags, commitUp)
    if (commitPop) x87Pop()
  } else if (commit == COMMIT_MASK) x87SetControl(x87Control() | 0x3f)
  else if (commit == COMMIT_INIT) x87Init()
  commit = COMMIT_NOTHING
}
