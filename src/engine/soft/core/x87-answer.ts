// How an x87 instruction ends: which exceptions reach the status word, and whether its result is stored.
//
// SDM vol. 1, 8.5–8.7. Unmasked IE, DE or ZE stop an instruction before its result: registers, tags and TOP stay,
// only those flags and ES are set. Unmasked OE, UE and PE come after the result (already wrapped by float80.ts).
// A stack fault is IE with SF, C1 telling overflow (1) from underflow (0).

import { DE, f80flags, f80Indefinite, f80masks, f80se, f80sig, f80up, IE, ZE } from './float80'
import { C1 } from './float80-parts'
import { SW_SF, x87Control, x87Empty, x87Rotate, x87SetStatus, x87Status, x87Write } from './x87-state'

const BEFORE: u32 = IE | DE | ZE

/** Sets exception flags, SF and C1; ES and B when one is unmasked. True when all of them are masked. */
export function x87Raise(flags: u32, c1: u32): bool {
  let sw = (x87Status() & ~C1) | flags | (c1 ? C1 : 0)
  const masked = (flags & 0x3f & ~x87Control()) == 0
  if (!masked) sw |= 0x8080
  x87SetStatus(sw)
  return masked
}

/** Reports what the float operation met; true when its result may be stored. */
export function x87Settle(): bool {
  const stop = f80flags & BEFORE & ~f80masks
  if (stop) {
    x87Raise(f80flags & BEFORE, 0)
    return false
  }
  x87Raise(f80flags, f80up)
  return true
}

/** ST(i) = result of the float operation, unless an unmasked exception forbids it. True when stored. */
export function x87Answer(i: u32): bool {
  if (!x87Settle()) return false
  x87Write(i, f80sig, f80se)
  return true
}

/** An operand is empty: IE and SF, the masked response is the indefinite in ST(i). True when masked. */
export function x87Underflow(i: u32): bool {
  if (!x87Raise(IE | SW_SF, 0)) return false
  f80Indefinite()
  x87Write(i, f80sig, f80se)
  return true
}

/** The register above the top is in use: IE, SF and C1; masked, the indefinite is pushed. True when it happened. */
export function x87Overflow(): bool {
  if (x87Empty(7)) return false
  if (x87Raise(IE | SW_SF, 1)) {
    f80Indefinite()
    x87Rotate(7)
    x87Write(0, f80sig, f80se)
  }
  return true
}

/** Pushes what was loaded, unless IE is unmasked (an unmasked DE comes after a load). x87Overflow was asked before. */
export function x87Push(): void {
  if (!x87Raise(f80flags, f80up) && f80flags & IE) return
  x87Rotate(7)
  x87Write(0, f80sig, f80se)
}

/**
 * For instructions that replace ST(0) and push (FXTRACT, FPTAN, FSINCOS): stack underflow or overflow, whose
 * masked response is the indefinite in both. True when it happened.
 */
export function x87PairFault(): bool {
  const underflow = x87Empty(0)
  if (!underflow && x87Empty(7)) return false
  if (x87Raise(IE | SW_SF, u32(!underflow))) {
    f80Indefinite()
    x87Write(0, f80sig, f80se)
    x87Rotate(7)
    x87Write(0, f80sig, f80se)
  }
  return true
}
