// A decoded instruction, as the interpreter runs it: 32 bytes, made by decode.ts, read by every handler.
//
//    0  u16  handler      index into the function table
//    2  u8   G            ModRM.reg operand: offset from REGS (or from XMM; or the plain number for CR, DR, segment)
//    3  u8   E            ModRM.rm register operand, likewise; opcode-register operands (Z) are here too
//    4  u8   base         offsets from REGS of the parts of the effective address
//    5  u8   index
//    6  u8   scale        0..3
//    7  u8   segment      ZERO, FS_BASE or GS_BASE
//    8  u16  end          bytes from the block's start to the end of this instruction
//   10  u8   length       bytes of the instruction
//   11  u8   flags        REP, LOCK, ADDR32 … below
//   12  u8   ModRM        the raw byte
//   13  u8   opcode       the last opcode byte
//   14  u16  REX and spare
//   16  i64  immediate
//   24  i64  displacement, RIP-relative ones already counted from the block's start

import { REGS } from './state'

export const OP_SIZE: usize = 32

export const OP_REPE: u32 = 1
export const OP_REPNE: u32 = 2
export const OP_LOCK: u32 = 4
export const OP_ADDR32: u32 = 8
export const OP_OPSIZE16: u32 = 16
export const OP_REXW: u32 = 32

// @ts-ignore: decorator
@inline export function opHandler(op: usize): u32 {
  return load<u16>(op)
}
// @ts-ignore: decorator
@inline export function opG(op: usize): u32 {
  return load<u8>(op, 2)
}
// @ts-ignore: decorator
@inline export function opE(op: usize): u32 {
  return load<u8>(op, 3)
}
// @ts-ignore: decorator
@inline export function opEnd(op: usize): u32 {
  return load<u16>(op, 8)
}
// @ts-ignore: decorator
@inline export function opLength(op: usize): u32 {
  return load<u8>(op, 10)
}
// @ts-ignore: decorator
@inline export function opFlags(op: usize): u32 {
  return load<u8>(op, 11)
}
// @ts-ignore: decorator
@inline export function opModRm(op: usize): u32 {
  return load<u8>(op, 12)
}
// @ts-ignore: decorator
@inline export function opOpcode(op: usize): u32 {
  return load<u8>(op, 13)
}
// @ts-ignore: decorator
@inline export function opImm(op: usize): i64 {
  return load<i64>(op, 16)
}

/** Base plus displacement: what most addresses are. Only for operations decoded to a `simple` handler. */
// @ts-ignore: decorator
@inline export function simpleAddress(op: usize): u64 {
  return load<u64>(REGS + <usize>load<u8>(op, 4)) + load<u64>(op, 24)
}

/** The effective address in full: linear, with the segment base; 32-bit addressing wraps before the base is added. */
// @ts-ignore: decorator
@inline export function fullAddress(op: usize): u64 {
  let offset =
    load<u64>(REGS + <usize>load<u8>(op, 4)) + (load<u64>(REGS + <usize>load<u8>(op, 5)) << load<u8>(op, 6)) + load<u64>(op, 24)
  if (load<u8>(op, 11) & OP_ADDR32) offset = <u64>(<u32>offset)
  return offset + load<u64>(REGS + <usize>load<u8>(op, 7))
}

/** The effective address without the segment base, as LEA wants it. */
// @ts-ignore: decorator
@inline export function offsetAddress(op: usize): u64 {
  const offset =
    load<u64>(REGS + <usize>load<u8>(op, 4)) + (load<u64>(REGS + <usize>load<u8>(op, 5)) << load<u8>(op, 6)) + load<u64>(op, 24)
  return load<u8>(op, 11) & OP_ADDR32 ? <u64>(<u32>offset) : offset
}
