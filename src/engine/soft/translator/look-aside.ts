// The two halves of a look into a translation look-aside buffer (core/mmu.ts draws the entries). What a miss means, the
// callers know: memory.ts for accesses, exits.ts for jumps.

import { TLB_INDEX } from './addresses.ts'
import type { Code } from './encoder.ts'
import { op } from './opcodes.ts'

/** Takes the low half of an address from the stack; sets `entry` to its entry's offset and pushes the entry's page. */
export function pushEntryPage(code: Code, tlb: number, entry: number): void {
  code.i32(8)
  code.op(op.i32_shr_u)
  code.i32(TLB_INDEX)
  code.op(op.i32_and)
  code.tee(entry)
  code.memory(op.i64_load, tlb)
}

/** Pushes the host pointer to an address, given its entry and a writer that pushes its low half. */
export function pushHostPointer(code: Code, tlb: number, entry: number, pushLow: () => void): void {
  code.get(entry)
  code.memory(op.i32_load, tlb + 8)
  pushLow()
  code.op(op.i32_add)
}

/** Turns the linear address on the stack into its page's. */
export function takePage(code: Code): void {
  code.i64(-0x1000)
  code.op(op.i64_and)
}
