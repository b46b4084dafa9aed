// Every meaning by the name that the instruction table calls it, and the three operations that no line has.

import { UNKNOWN_OPCODE, AGAIN, BLOCK_RIP, GP_VECTOR, UD_VECTOR, raise, reg64 } from './state'
import { opEnd, opLength } from './operation'
import { readPtr } from './mmu'

export * from './arithmetic'
export * from './transfer'
export * from './bits'
export * from './control'
export * from './strings'
export * from './segments'
export * from './system'
export * from './msr'
export * from './cpuid'
export * from './io'
export { int, int1, int3, iret } from './interrupts'
export { fwait, fxrstor, fxsave, ldmxcsr, stmxcsr, x87Memory, x87Register } from './fpu'
export * from './sse-move'
export * from './sse-integer'
export * from './sse-shuffle'
export * from './sse-float'
export * from './sse-compare'
export * from './sse-convert'
export * from './sse-string'
export * from './mmx'

/** No line of the table: #UD, and the host is told which bytes they were. */
export function undefinedInstruction(op: usize): i32 {
  store<u32>(UNKNOWN_OPCODE, load<u32>(UNKNOWN_OPCODE) + 1)
  store<u32>(UNKNOWN_OPCODE, opLength(op), 4)
  const p = readPtr(reg64(BLOCK_RIP) + <u64>opEnd(op) - <u64>opLength(op), opLength(op))
  if (p) memory.copy(UNKNOWN_OPCODE + 8, p, opLength(op))
  return raise(UD_VECTOR, 0)
}
/** The end of a block, or an operation whose bytes have changed: look for the block that starts here. */
export function leaveBefore(op: usize): i32 {
  return AGAIN
}
export function instructionTooLong(op: usize): i32 {
  return raise(GP_VECTOR, 0)
}
