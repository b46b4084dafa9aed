// The meanings of the x87 instructions in register form (ModRM ≥ 0xC0), opcodes D8–DF, and WAIT.
//
// The dispatcher of the CPU core calls `x87Register(opcode − 0xD8, modrm, rflags)`; memory forms live in
// x87-memory.ts. CR0.EM/TS (#NM) are the caller's. Undocumented aliases that processors execute (FSTP1, FCOM2,
// FXCH4, FFREEP, …) are included. Tables: SDM vol. 2, appendix A, "Escape opcode maps".

import {
  CLASS_DENORMAL, CLASS_INFINITY, CLASS_NORMAL, CLASS_UNSUPPORTED, CLASS_ZERO, f80Begin, f80Class, f80flags,
  f80Indefinite, f80se, f80sig, f80Set, IE, SIGN,
} from './float80'
import { f80Add, f80Divide, f80Multiply, f80SquareRoot } from './float80-arithmetic'
import {
  C0, C1, C2, C3, f80Compare, f80ExtractExponent, f80ExtractSignificand, f80Remainder, f80RoundToInteger, f80Scale,
  REMAINDER_NONE,
} from './float80-parts'
import { X87_COMPARED, X87_SLOW, x87FastRead, x87FastRegister, x87FastStore } from './x87-fast'
import { x87Answer, x87Overflow, x87PairFault, x87Push, x87Raise, x87Underflow } from './x87-answer'
import {
  SW_SF, x87Control, x87Empty, x87Free, x87Init, x87Pending, x87Pop, x87Rotate, x87Se, x87SetPointers, x87SetStatus,
  x87Sig, x87Status, x87Write,
} from './x87-state'
import { x87Transcendental } from './x87-transcendental'

/** What x87Register and the memory steps answer. */
export const X87_DONE: u32 = 0
export const X87_UD: u32 = 1
/** #MF: an earlier unmasked exception is pending, this instruction was not executed. */
export const X87_MF: u32 = 2
/** FCOMI and relatives: `x87Rflags` has the new ZF, PF and CF (bits 6, 2, 0); OF, SF and AF become 0. */
export const X87_RFLAGS: u32 = 3
/** FNSTSW AX: `x87Ax` goes to AX. */
export const X87_AX: u32 = 4

export let x87Rflags: u32 = 0
export let x87Ax: u32 = 0

let instructionPointer: u64 = 0
let dataPointer: u64 = 0
let instructionCode: u32 = 0

/** Where the next instruction stands: its address, its operand's address, its opcode as FOP has it. */
export function x87At(rip: u64, address: u64, fop: u32): void {
  instructionPointer = rip
  dataPointer = address
  instructionCode = fop
}

export function x87NotePointers(hasMemory: bool): void {
  x87SetPointers(instructionPointer, dataPointer, instructionCode, hasMemory)
}

/** The short way for a form that reads memory, and for one that writes it; false: nothing was done. */
// @ts-ignore: decorator
@inline export function x87ReadAtOnce(which: u32, low: u64, high: u32): bool {
  return x87FastRead(which, low, high, instructionPointer, dataPointer, instructionCode)
}
// @ts-ignore: decorator
@inline export function x87StoreAtOnce(which: u32, p: usize): bool {
  return x87FastStore(which, p, instructionPointer, dataPointer, instructionCode)
}

/** WAIT/FWAIT: only reports a pending exception. */
export function x87Wait(): u32 {
  return x87Pending() ? X87_MF : X87_DONE
}

/** Executes a register form. `rflags` is read by FCMOVcc only (DA and DB, modrm C0–DF). */
export function x87Register(opcode: u32, modrm: u32, rflags: u32): u32 {
  const fast = x87FastRegister(opcode, modrm, instructionPointer, instructionCode)
  if (fast == 0) return X87_DONE
  if (fast != X87_SLOW) {
    x87Rflags = fast & ~X87_COMPARED
    return X87_RFLAGS
  }
  return stepByStep(opcode, modrm, rflags)
}

function stepByStep(opcode: u32, modrm: u32, rflags: u32): u32 {
  const operation = (modrm >> 3) & 7
  const i = modrm & 7
  // The non-waiting ones first: they work while an exception is pending.
  if (opcode == 3 && operation == 4) return control(i)
  if (opcode == 7 && modrm == 0xe0) {
    x87Ax = x87Status()
    return X87_AX
  }
  if (!isDefined(opcode, operation, i)) return X87_UD
  if (x87Pending()) return X87_MF
  x87NotePointers(false)
  f80Begin(x87Control())
  switch (opcode) {
    case 0: // D8
      arithmetic(operation, i, 0, 0)
      break
    case 1:
      return oneOperand(operation, i, modrm)
    case 2: // DA
      if (operation == 5) compareRegisters(1, 2, true)
      else conditionalMove(i, condition(operation, rflags))
      break
    case 3: // DB
      if (operation >= 5) return compareToRflags(i, operation == 5, 0)
      conditionalMove(i, !condition(operation, rflags))
      break
    case 4: // DC
      arithmetic(operation, i, i, 0)
      break
    case 5: // DD
      if (operation == 0) {
        x87Raise(0, 0)
        x87Free(i)
      } else if (operation == 1) exchange(i)
      else if (operation < 4) storeRegister(i, operation == 3)
      else compareRegisters(i, operation == 5 ? 1 : 0, true)
      break
    case 6: // DE
      if (operation == 2) compareRegisters(i, 1, false)
      else if (operation == 3) compareRegisters(1, 2, false)
      else arithmetic(operation, i, i, 1)
      break
    default: // DF
      if (operation == 0) {
        // FFREEP: frees ST(i), then pops like any other.
        x87Raise(0, 0)
        x87Free(i)
        x87Pop()
      } else if (operation == 1) exchange(i)
      else if (operation < 4) storeRegister(i, true)
      else return compareToRflags(i, operation == 5, 1)
  }
  return X87_DONE
}

/** The holes in the register-form maps. */
function isDefined(opcode: u32, operation: u32, i: u32): bool {
  switch (opcode) {
    case 1:
      if (operation == 2) return i == 0
      if (operation == 4) return i < 2 || i == 4 || i == 5
      return operation != 5 || i != 7
    case 2:
      return operation < 4 || (operation == 5 && i == 1)
    case 3:
      return operation < 7
    case 5:
      return operation < 6
    case 6:
      return operation != 3 || i == 1
    case 7:
      return operation != 4 && operation < 7
    default:
      return true
  }
}

/** DB E0–E7: FNENI, FNDISI, FNCLEX, FNINIT, FNSETPM; the 8087's and 287's own are no-operations now. */
function control(i: u32): u32 {
  if (i > 4) return X87_UD
  if (i == 2) x87SetStatus(x87Status() & 0x7f00)
  else if (i == 3) x87Init()
  return X87_DONE
}

/** D8, DC, DE: ST(0) op ST(i) into ST(target); the reversed forms are operations 5 and 7. */
function arithmetic(operation: u32, i: u32, target: u32, pops: u32): void {
  if (operation == 2 || operation == 3) {
    compareRegisters(i, operation - 2, false)
    return
  }
  if (x87Empty(0) || x87Empty(i)) {
    if (x87Underflow(target) && pops) x87Pop()
    return
  }
  x87Operate(operation, x87Sig(i), x87Se(i))
  if (x87Answer(target) && pops) x87Pop()
}

/** ST(0) op b for the six arithmetic operations of the D8 map. */
export function x87Operate(operation: u32, bSig: u64, bSe: u32): void {
  const aSig = x87Sig(0)
  const aSe = x87Se(0)
  switch (operation) {
    case 0:
      f80Add(aSig, aSe, bSig, bSe, 0)
      break
    case 1:
      f80Multiply(aSig, aSe, bSig, bSe)
      break
    case 4:
      f80Add(aSig, aSe, bSig, bSe, SIGN)
      break
    case 5:
      f80Add(bSig, bSe, aSig, aSe, SIGN)
      break
    case 6:
      f80Divide(aSig, aSe, bSig, bSe)
      break
    default:
      f80Divide(bSig, bSe, aSig, aSe)
  }
}

/** The condition codes after a comparison, set even then when an unmasked exception (false) forbids the pops. */
export function x87SetCompared(codes: u32): bool {
  const masked = x87Raise(f80flags, 0)
  x87SetStatus((x87Status() & ~(C0 | C2 | C3)) | codes)
  return masked
}

/** A comparison with an empty register: unordered. */
export function x87ComparedEmpty(): bool {
  const masked = x87Raise(IE | SW_SF, 0)
  x87SetStatus(x87Status() | C0 | C2 | C3)
  return masked
}

function compareRegisters(i: u32, pops: u32, quiet: bool): void {
  let done: bool
  if (x87Empty(0) || x87Empty(i)) done = x87ComparedEmpty()
  else done = x87SetCompared(f80Compare(x87Sig(0), x87Se(0), x87Sig(i), x87Se(i), quiet))
  if (!done) return
  for (; pops > 0; pops--) x87Pop()
}

/** FCOMI, FUCOMI, FCOMIP, FUCOMIP: the flags change even when an unmasked exception forbids the pop. */
function compareToRflags(i: u32, quiet: bool, pops: u32): u32 {
  let codes = C0 | C2 | C3
  let masked: bool
  if (x87Empty(0) || x87Empty(i)) masked = x87Raise(IE | SW_SF, 0)
  else {
    codes = f80Compare(x87Sig(0), x87Se(0), x87Sig(i), x87Se(i), quiet)
    masked = x87Raise(f80flags, x87Status() & C1)
  }
  x87Rflags = (codes & C3 ? 0x40 : 0) | (codes & C2 ? 0x04 : 0) | (codes & C0 ? 0x01 : 0)
  if (pops && masked) x87Pop()
  return X87_RFLAGS
}

/** FCMOVB, E, BE, U by operation 0–3 from CF, ZF, PF. */
function condition(operation: u32, rflags: u32): bool {
  if (operation == 0) return (rflags & 0x01) != 0
  if (operation == 1) return (rflags & 0x40) != 0
  if (operation == 2) return (rflags & 0x41) != 0
  return (rflags & 0x04) != 0
}

function conditionalMove(i: u32, move: bool): void {
  if (x87Empty(0) || x87Empty(i)) x87Underflow(0)
  else if (move) x87Write(0, x87Sig(i), x87Se(i))
}

function exchange(i: u32): void {
  const emptyTop = x87Empty(0)
  const emptyOther = x87Empty(i)
  if (emptyTop || emptyOther) {
    if (!x87Raise(IE | SW_SF, 0)) return
    f80Indefinite()
    if (emptyTop) x87Write(0, f80sig, f80se)
    if (emptyOther) x87Write(i, f80sig, f80se)
  } else x87Raise(0, 0)
  const sig = x87Sig(0)
  const se = x87Se(0)
  x87Write(0, x87Sig(i), x87Se(i))
  x87Write(i, sig, se)
}

/** FST ST(i), FSTP ST(i). */
function storeRegister(i: u32, pop: bool): void {
  if (x87Empty(0)) {
    if (!x87Underflow(i)) return
  } else {
    x87Raise(0, 0)
    x87Write(i, x87Sig(0), x87Se(0))
  }
  if (pop) x87Pop()
}

/** D9. */
function oneOperand(operation: u32, i: u32, modrm: u32): u32 {
  switch (operation) {
    case 0:
      loadRegister(i)
      break
    case 1:
      exchange(i)
      break
    case 2: // FNOP
      break
    case 3:
      // FSTPNCE: of an empty ST(0) it says nothing and only pops.
      if (!x87Empty(0)) storeRegister(i, true)
      else {
        x87Raise(0, 0)
        x87Pop()
      }
      break
    case 4:
      signOrTest(i)
      break
    case 5:
      if (!x87Overflow()) {
        constant(i)
        x87Push()
      }
      break
    default:
      if (modrm == 0xf4) extract()
      else if (modrm == 0xf5 || modrm == 0xf8) remainder(modrm == 0xf5)
      else if (modrm == 0xf6 || modrm == 0xf7) {
        x87Raise(0, 0)
        x87Rotate(modrm == 0xf6 ? 7 : 1)
      } else if (modrm == 0xfa) {
        if (x87Empty(0)) x87Underflow(0)
        else {
          f80SquareRoot(x87Sig(0), x87Se(0))
          x87Answer(0)
        }
      } else if (modrm == 0xfc) {
        if (x87Empty(0)) x87Underflow(0)
        else {
          f80RoundToInteger(x87Sig(0), x87Se(0))
          x87Answer(0)
        }
      } else if (modrm == 0xfd) {
        if (x87Empty(0) || x87Empty(1)) x87Underflow(0)
        else {
          f80Scale(x87Sig(0), x87Se(0), x87Sig(1), x87Se(1))
          x87Answer(0)
        }
      } else x87Transcendental(modrm)
  }
  return X87_DONE
}

/** FLD ST(i). */
function loadRegister(i: u32): void {
  if (x87Empty(i)) {
    if (!x87Raise(IE | SW_SF, 0)) return
    f80Indefinite()
  } else {
    if (x87Overflow()) return
    x87Raise(0, 0)
    f80Set(x87Sig(i), x87Se(i))
  }
  x87Rotate(7)
  x87Write(0, f80sig, f80se)
}

/** FCHS, FABS, FTST, FXAM. */
function signOrTest(i: u32): void {
  if (i == 5) {
    examine()
    return
  }
  if (x87Empty(0)) {
    if (i == 4) x87ComparedEmpty()
    else x87Underflow(0)
    return
  }
  const sig = x87Sig(0)
  const se = x87Se(0)
  if (i == 4) x87SetCompared(f80Compare(sig, se, 0, 0, false))
  else {
    x87Raise(0, 0)
    x87Write(0, sig, i == 0 ? se ^ SIGN : se & 0x7fff)
  }
}

/** FXAM: the class in C3 C2 C0, the sign in C1, no exceptions. */
function examine(): void {
  const se = x87Se(0)
  let codes: u32
  if (x87Empty(0)) codes = C3 | C0
  else {
    const kind = f80Class(x87Sig(0), se)
    if (kind == CLASS_ZERO) codes = C3
    else if (kind == CLASS_DENORMAL) codes = C3 | C2
    else if (kind == CLASS_NORMAL) codes = C2
    else if (kind == CLASS_INFINITY) codes = C2 | C0
    else codes = kind == CLASS_UNSUPPORTED ? 0 : C0
  }
  x87SetStatus((x87Status() & ~(C0 | C1 | C2 | C3)) | codes | (se & SIGN ? C1 : 0))
}

/** FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ: 66 bits are known inside, RC decides the last one. */
function constant(i: u32): void {
  const rc = (x87Control() >> 10) & 3
  // The stored significand is the value cut off.
  switch (i) {
    case 0:
      f80Set(0x8000000000000000, 0x3fff)
      break
    case 1:
      f80Set(0xd49a784bcd1b8afe + u64(rc == 2), 0x4000)
      break
    case 2:
      f80Set(0xb8aa3b295c17f0bb + u64(rc == 0 || rc == 2), 0x3fff)
      break
    case 3:
      f80Set(0xc90fdaa22168c234 + u64(rc == 0 || rc == 2), 0x4000)
      break
    case 4:
      f80Set(0x9a209a84fbcff798 + u64(rc == 0 || rc == 2), 0x3ffd)
      break
    case 5:
      f80Set(0xb17217f7d1cf79ab + u64(rc == 0 || rc == 2), 0x3ffe)
      break
    default:
      f80Set(0, 0)
  }
}

/** FXTRACT: the exponent replaces ST(0), the significand is pushed. */
function extract(): void {
  if (x87PairFault()) return
  const sig = x87Sig(0)
  const se = x87Se(0)
  const number = f80ExtractExponent(sig, se)
  if (!x87Answer(0)) return
  if (number) f80ExtractSignificand(sig, se)
  x87Rotate(7)
  x87Write(0, f80sig, f80se)
}

/** FPREM, FPREM1. */
function remainder(nearest: bool): void {
  let codes = REMAINDER_NONE
  if (x87Empty(0) || x87Empty(1)) x87Underflow(0)
  else {
    codes = f80Remainder(x87Sig(0), x87Se(0), x87Sig(1), x87Se(1), nearest)
    if (!x87Answer(0)) codes = REMAINDER_NONE
  }
  const sw = x87Status()
  // Without a quotient its bits are undefined; the host CPU leaves C0 and C3 alone then.
  if (codes == REMAINDER_NONE) x87SetStatus(sw & ~(C1 | C2))
  else x87SetStatus((sw & ~(C0 | C1 | C2 | C3)) | codes)
}
