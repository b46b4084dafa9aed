// The door of the x87 tests: runs one instruction on one recorded FPU state, as test/engine/soft/native/x87-oracle.c
// does on the real processor, so that both sides read and write the same records.
//
//   record, 240 bytes: 0 FNSAVE image (108)  112 memory operand (112)  224 rflags u32  228 instruction, 2 bytes
//                      232 outcome u32 (written): 0 executed, 1 #UD, 2 #MF

import { x87At, x87Ax, x87Register, x87Rflags, X87_AX, X87_MF, X87_RFLAGS, X87_UD } from './x87'
import {
  x87CommitWrite, x87ExecRead, x87ExecReadImage, x87ExecWrite, x87ExecWriteImage, x87High, X87_IMAGE, X87_KIND_MF,
  X87_KIND_UD, x87Low, x87MemoryKind, X87_NO_STORE, X87_WRITE, x87WriteAtOnce,
} from './x87-memory'
import { x87LoadState, x87StoreState } from './x87-state'

export {
  x87EnterMmx, x87Init, x87LeaveMmx, x87LoadFxsave, x87LoadState, x87MmxRead, x87MmxWrite, x87StoreFxsave,
  x87StoreState,
} from './x87-state'
export { x87At, x87Register, x87Wait } from './x87'
export {
  x87CommitWrite, x87ExecRead, x87ExecReadImage, x87ExecWrite, x87ExecWriteImage, x87High, x87Low, x87MemoryKind,
} from './x87-memory'

const RECORD: usize = 240

/** Runs `count` records at `at` in place. */
export function run(at: usize, count: i32): void {
  for (let i = 0; i < count; i++, at += RECORD) {
    x87LoadState(at, false)
    const outcome = execute(at, load<u8>(at, 228) - 0xd8, load<u8>(at, 229))
    x87StoreState(at, false)
    store<u32>(at, outcome, 232)
  }
}

function execute(at: usize, opcode: u32, modrm: u32): u32 {
  if (modrm >= 0xc0) {
    const rflags = load<u32>(at, 224)
    const answer = x87Register(opcode, modrm, rflags)
    if (answer == X87_RFLAGS) store<u32>(at, (rflags & ~0x8d5) | x87Rflags, 224)
    else if (answer == X87_AX) store<u16>(at, x87Ax, 112)
    else if (answer == X87_UD || answer == X87_MF) return answer
    return 0
  }
  const reg = (modrm >> 3) & 7
  const operand = at + 112
  const kind = x87MemoryKind(opcode, reg, false)
  if (kind & X87_KIND_UD) return 1
  if (kind & X87_KIND_MF) return 2
  if (kind & X87_WRITE) {
    if (kind & X87_IMAGE) x87ExecWriteImage(opcode, reg, operand, false)
    else {
      if (x87WriteAtOnce(opcode, reg, operand)) return 0
      if (x87ExecWrite(opcode, reg) == X87_NO_STORE) return 0
      switch (kind & 0xff) {
        case 2:
          store<u16>(operand, <u16>x87Low)
          break
        case 4:
          store<u32>(operand, <u32>x87Low)
          break
        case 8:
          store<u64>(operand, x87Low)
          break
        default:
          store<u64>(operand, x87Low)
          store<u16>(operand, <u16>x87High, 8)
      }
    }
    x87CommitWrite()
    return 0
  }
  if (kind & X87_IMAGE) x87ExecReadImage(opcode, reg, operand, false)
  else {
    const size = kind & 0xff
    let low = load<u64>(operand)
    if (size < 8) low &= (<u64>1 << (size << 3)) - 1
    x87ExecRead(opcode, reg, low, load<u16>(operand, 8))
  }
  return 0
}
