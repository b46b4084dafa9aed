// MXCSR in translated code (core/sse-mxcsr.ts draws it). No inline instruction changes it, so a region asks once at its
// start, and again behind calls of handlers, whether it is as in nearly every program.

import { MXCSR } from './addresses.ts'
import type { Code } from './encoder.ts'
import { op } from './opcodes.ts'

const PE = 0x20
const PM = 0x1000
const RC = 0x6000

function pushMxcsr(code: Code, mask: number, value: number): void {
  code.i32(0)
  code.memory(op.i32_load, MXCSR)
  code.i32(mask)
  code.op(op.i32_and)
  code.i32(value)
  code.op(op.i32_eq)
}

// Each pushes an i32 of 0 or 1.

/** Rounding to nearest, and an inexact result changes nothing more: PE is set and masked. */
export const pushOrdinaryMode = (code: Code): void => pushMxcsr(code, RC | PM | PE, PM | PE)

export const pushNearestMode = (code: Code): void => pushMxcsr(code, RC, 0)

/** PE is set and masked. */
export const pushInexactIsKnown = (code: Code): void => pushMxcsr(code, PM | PE, PM | PE)
