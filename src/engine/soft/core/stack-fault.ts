// A memory access with an address that is not canonical gives #GP, but #SS when it goes through SS: pushes and pops,
// and operands whose base is RSP or RBP without a segment override. SDM volume 3, 6.15, interrupts 12 and 13; volume
// 1, 3.3.7.1. The MMU knows only addresses, so the dispatcher asks here before it delivers a #GP.

import { EXCEPTION_ERROR, EXCEPTION_VECTOR, GP_VECTOR, RBP, RSP, SS_VECTOR, ZERO, reg64 } from './state'
import { takeNotCanonical } from './mmu'
import { fullAddress, opModRm, opOpcode } from './operation'

// @ts-ignore: decorator
@inline function canonical(address: u64): bool {
  return <u64>((<i64>address << 16) >> 16) == address
}

/** The pending fault of `op`, whose registers are as before it, becomes #SS where it should. */
export function chooseStackFault(op: usize): void {
  // Misaligned operands and the like give #GP whatever the segment is.
  if (!takeNotCanonical() || load<u32>(EXCEPTION_VECTOR) != GP_VECTOR || load<u32>(EXCEPTION_ERROR) != 0) return
  const opcode = opOpcode(op)
  const modRm = opModRm(op)
  const rsp = reg64(RSP)
  let stack: bool
  if (modRm < 0xc0) {
    const base = <u32>load<u8>(op, 4)
    const based = (base == RSP || base == RBP) && <u32>load<u8>(op, 7) == ZERO
    const reg = (modRm >> 3) & 7
    // POP reads the stack before it uses the address; CALL and PUSH write it afterwards.
    if (opcode == 0x8f && !canonical(rsp)) stack = true
    else if ((opcode == 0xff && (reg == 2 || reg == 6)) && canonical(fullAddress(op))) stack = true
    else stack = based
  } else if (opcode == 0xa0) {
    stack = canonical(fullAddress(op)) // PUSH FS; MOV AL with a long address has the same last byte
  } else {
    stack =
      (opcode >= 0x50 && opcode < 0x60) || opcode == 0x68 || opcode == 0x6a || opcode == 0x8f || opcode == 0x9c || opcode == 0x9d ||
      opcode == 0xa8 || opcode == 0xc2 || opcode == 0xc3 || opcode == 0xc8 || opcode == 0xc9 || opcode == 0xe8 ||
      (opcode == 0xff && (modRm & 0x38) != 0x20)
  }
  if (stack) store<u32>(EXCEPTION_VECTOR, SS_VECTOR)
}
