// Bytes to operations, driven by the tables that table/generate.ts makes from the instruction table.
// SDM volume 2 chapter 2. Only 64-bit mode: the guest kernel is entered in it and never leaves it.
//
// What cannot be decoded becomes an operation that raises #UD and counts the opcode; a limit of 15 bytes
// gives #GP, as on the hardware.

import { GUEST_BASE } from './layout'
import { BLOCK_RIP, FS_BASE, GS_BASE, GP_VECTOR, ZERO, raise } from './state'
import {
  OP_ADDR32, OP_LOCK, OP_OPSIZE16, OP_REPE, OP_REPNE, OP_REXW, OP_SIZE,
} from './operation'
import { BLOCK_HEADER, BLOCK_LIMIT, beginBlock, endBlock, findBlock } from './blocks'
import { NO_PHYSICAL, fetchAddress, ramSize } from './mmu'
import { ENTRIES, OPCODES, leaveHandler, tooLongHandler, undefinedHandler, handlerIndex } from './generated/handlers'

/** Up to 30 bytes of an instruction near or across the end of a page. */
const FETCH: usize = 0x1100

// Entry of the decoder's table, 24 bytes: see table/generate.ts.
const ENTRY_SIZE: usize = 24
const F_MODRM: u32 = 1
const F_GROUP: u32 = 2
const F_D64: u32 = 4
const F_F64: u32 = 8
const F_LOCK: u32 = 0x10
const F_END: u32 = 0x20
const F_SPLIT_RM: u32 = 0x40
const F_SIZE8: u32 = 0x80

const IMM_NONE: u32 = 0
const IMM_B: u32 = 1
const IMM_S: u32 = 2
const IMM_W: u32 = 3
const IMM_Z: u32 = 4
const IMM_V: u32 = 5
const IMM_MOFFS: u32 = 6
const IMM_WB: u32 = 7
const IMM_JB: u32 = 8
const IMM_JZ: u32 = 9

// Where register operands come from.
const R_GPR: u32 = 0
const R_GPR8: u32 = 1
const R_XMM: u32 = 2
const R_NUMBER: u32 = 3
const R_MMX: u32 = 4
const R_OPCODE: u32 = 5
const R_OPCODE8: u32 = 6

/** Bytes that the last `decodeOne` took. */
let length: u32 = 0
let endsBlock: bool = false
/** A block that lies in one page, or none: no address is looked up. */
let withinPage: bool = false

/** Decodes the block at `rip`, whose first byte is at `physical`. @returns the block, or 0 with a fault pending */
export function decodeBlock(rip: u64, physical: u64): usize {
  const block = beginBlock()
  if (physical >= ramSize) {
    raise(GP_VECTOR, 0) // Code outside of RAM: nothing sensible lies there.
    return 0
  }
  const pageEnd = (physical & ~0xfff) + 0x1000
  let at = physical
  let op = block + BLOCK_HEADER
  let count: u32 = 0
  let secondPage: u32 = 0
  endsBlock = false
  // Bounded: BLOCK_LIMIT instructions.
  while (count < BLOCK_LIMIT && !endsBlock) {
    const left = <u32>(pageEnd - at)
    if (left == 0) break
    const offset = <u32>(at - physical)
    if (left >= 15) {
      decodeOne(op, GUEST_BASE + <usize>at, offset)
    } else {
      memory.fill(FETCH, 0, 32)
      memory.copy(FETCH, GUEST_BASE + <usize>at, left)
      decodeOne(op, FETCH, offset)
      if (length > left) {
        if (count != 0) break // It gets a block of its own.
        if (withinPage) return 0
        const second = fetchAddress((rip + left) & ~0xfff)
        if (second == NO_PHYSICAL) return 0
        if (second >= ramSize) {
          raise(GP_VECTOR, 0)
          return 0
        }
        memory.copy(FETCH + left, GUEST_BASE + <usize>second, 15)
        decodeOne(op, FETCH, offset)
        if (length > left) secondPage = <u32>second
        endsBlock = true
      }
    }
    at += length
    op += OP_SIZE
    count++
  }
  store<u64>(op, <u64>leaveHandler())
  store<u16>(op, <u16>(at - physical), 8)
  store<u8>(op, 0, 10)
  store<u32>(block, <u32>physical)
  store<u32>(block, count, 4)
  store<u32>(block, <u32>(at - physical), 12)
  store<u32>(block, secondPage, 16)
  endBlock(block)
  return block
}

/** Decodes a block that has not run yet, without any effect that the guest could see. @returns the block, or 0 */
export function decodeAhead(physical: u32): usize {
  const found = findBlock(physical)
  if (found != 0 || physical >= ramSize) return found
  withinPage = true
  const block = decodeBlock(0, physical)
  withinPage = false
  return block
}

/** Decodes a single instruction at `rip` into `op` (two operations long), not remembered. @returns false: fault pending */
export function decodeSingle(op: usize, rip: u64): bool {
  const physical = fetchAddress(rip)
  if (physical == NO_PHYSICAL) return false
  if (physical >= ramSize) {
    raise(GP_VECTOR, 0)
    return false
  }
  const left: u32 = 0x1000 - <u32>(physical & 0xfff)
  memory.fill(FETCH, 0, 32)
  memory.copy(FETCH, GUEST_BASE + <usize>physical, min<u32>(left, 15))
  decodeOne(op, FETCH, 0)
  if (length > left) {
    const second = fetchAddress((rip + left) & ~0xfff)
    if (second == NO_PHYSICAL) return false
    if (second >= ramSize) {
      raise(GP_VECTOR, 0)
      return false
    }
    memory.copy(FETCH + left, GUEST_BASE + <usize>second, 15)
    decodeOne(op, FETCH, 0)
  }
  store<u64>(op + OP_SIZE, <u64>leaveHandler())
  store<u16>(op + OP_SIZE, <u16>length, 8)
  store<u8>(op + OP_SIZE, 0, 10)
  return true
}

// @ts-ignore: decorator
@inline function register8(number: u32, rex: u32): u32 {
  return rex == 0 && number >= 4 ? ((number - 4) << 3) + 1 : number << 3
}

function registerOperand(kind: u32, number: u32, rex: u32): u8 {
  switch (kind) {
    case R_GPR:
      return <u8>(number << 3)
    case R_GPR8:
      return <u8>register8(number, rex)
    case R_XMM:
      return <u8>(number << 4)
    case R_MMX:
      return <u8>((number & 7) << 4)
    default:
      return <u8>number
  }
}

/** Decodes the bytes at `code` (at least 15 readable) into `op`; sets `length` and `endsBlock`. */
function decodeOne(op: usize, code: usize, offset: u32): void {
  let p = code
  store<u32>(op, 0xc0, 12) // no operand in memory, should the bytes be too many
  let flags: u32 = 0
  let segment: u32 = ZERO
  let mandatory: u32 = 0 // 0 none, 1: 66, 2: F3, 3: F2
  let byte: u32
  let rex: u32 = 0
  // Prefixes. A REX counts only as the last of them. Bounded: at most 15 bytes are looked at.
  for (;;) {
    byte = load<u8>(p)
    if ((byte & 0xf0) == 0x40) {
      rex = byte
    } else {
      if (byte == 0x66) {
        flags |= OP_OPSIZE16
        if (mandatory == 0) mandatory = 1
      } else if (byte == 0xf3) {
        flags = (flags & ~OP_REPNE) | OP_REPE
        mandatory = 2
      } else if (byte == 0xf2) {
        flags = (flags & ~OP_REPE) | OP_REPNE
        mandatory = 3
      } else if (byte == 0xf0) {
        flags |= OP_LOCK
      } else if (byte == 0x67) {
        flags |= OP_ADDR32
      } else if (byte == 0x64) {
        segment = FS_BASE
      } else if (byte == 0x65) {
        segment = GS_BASE
      } else if (byte != 0x26 && byte != 0x2e && byte != 0x36 && byte != 0x3e) {
        // ES, CS, SS, DS: ignored in 64-bit mode (AMD lets them cancel FS and GS no more than Intel does).
        break
      }
      rex = 0
    }
    if (++p - code >= 15) {
      finish(op, tooLongHandler(), offset, 15, 0)
      return
    }
  }
  p++
  let map: usize = 0
  if (byte == 0x0f) {
    byte = load<u8>(p++)
    map = 1
    if (byte == 0x38) {
      byte = load<u8>(p++)
      map = 2
    } else if (byte == 0x3a) {
      byte = load<u8>(p++)
      map = 3
    }
  }
  const opcode = byte
  let entry = ENTRIES + <usize>load<u16>(OPCODES + ((((map << 2) + mandatory) << 8) + opcode) * 2) * ENTRY_SIZE
  let entryFlags = <u32>load<u8>(entry)
  let modRm: u32 = 0xc0
  if (entryFlags & F_MODRM) {
    modRm = load<u8>(p++)
    // MOV to and from control and debug registers takes any mod for a register (SDM volume 2, MOV).
    if (map == 1 && (opcode & 0xfc) == 0x20) modRm |= 0xc0
    // Groups nest twice at most: by ModRM.reg, then by ModRM.rm.
    if (entryFlags & F_GROUP) {
      entry = ENTRIES + (<usize>load<u16>(entry, 4) + ((modRm >> 3) & 7) + (modRm >= 0xc0 ? 0 : 8)) * ENTRY_SIZE
      entryFlags = load<u8>(entry)
      if (entryFlags & F_SPLIT_RM) {
        entry = ENTRIES + (<usize>load<u16>(entry, 4) + (modRm & 7)) * ENTRY_SIZE
        entryFlags = load<u8>(entry)
      }
    }
  }
  let size: usize = 1
  if (rex & 8) size = 2
  else if (flags & OP_OPSIZE16) size = 0
  if (entryFlags & F_F64 || (entryFlags & F_D64 && size == 1)) size = 2
  if (rex & 8) flags |= OP_REXW

  const reg = ((modRm >> 3) & 7) | ((rex & 4) << 1)
  const rm = (modRm & 7) | ((rex & 1) << 3)
  const gKind = load<u8>(entry, 2)
  const eKind = load<u8>(entry, 3)
  store<u8>(op, registerOperand(gKind, reg, rex), 2)
  let handler: u32
  let displacement: i64 = 0
  let base: u32 = ZERO
  let index: u32 = ZERO
  let scale: u32 = 0
  let ripRelative = false
  if (modRm >= 0xc0) {
    if (eKind == R_OPCODE) store<u8>(op, <u8>(((opcode & 7) | ((rex & 1) << 3)) << 3), 3)
    else if (eKind == R_OPCODE8) store<u8>(op, <u8>register8((opcode & 7) | ((rex & 1) << 3), rex), 3)
    else store<u8>(op, registerOperand(eKind, rm, rex), 3)
    handler = load<u16>(entry + (size << 1), 6)
  } else {
    const mod = modRm >> 6
    const low = modRm & 7
    if (low == 4) {
      const sib = <u32>load<u8>(p++)
      scale = sib >> 6
      const indexNumber = ((sib >> 3) & 7) | ((rex & 2) << 2)
      if (indexNumber != 4) index = indexNumber << 3
      else scale = 0
      if ((sib & 7) == 5 && mod == 0) {
        displacement = load<i32>(p)
        p += 4
      } else {
        base = ((sib & 7) | ((rex & 1) << 3)) << 3
      }
    } else if (low == 5 && mod == 0) {
      displacement = load<i32>(p)
      p += 4
      base = BLOCK_RIP
      ripRelative = true
    } else {
      base = rm << 3
    }
    if (mod == 1) {
      displacement = load<i8>(p++)
    } else if (mod == 2) {
      displacement = load<i32>(p)
      p += 4
    }
    const simple = index == ZERO && segment == ZERO && !(flags & OP_ADDR32)
    handler = load<u16>(entry + (size << 1) + (simple ? 18 : 12))
  }

  let immediate: i64 = 0
  const immKind = <u32>load<u8>(entry, 1)
  if (immKind != IMM_NONE) {
    if (immKind == IMM_B) {
      immediate = load<u8>(p++)
    } else if (immKind == IMM_S || immKind == IMM_JB) {
      immediate = load<i8>(p++)
    } else if (immKind == IMM_W) {
      immediate = load<u16>(p)
      p += 2
    } else if (immKind == IMM_Z) {
      if (size == 0) {
        immediate = load<i16>(p)
        p += 2
      } else {
        immediate = load<i32>(p)
        p += 4
      }
    } else if (immKind == IMM_V) {
      if (size == 0) {
        immediate = load<i16>(p)
        p += 2
      } else if (size == 1) {
        immediate = load<i32>(p)
        p += 4
      } else {
        immediate = load<i64>(p)
        p += 8
      }
    } else if (immKind == IMM_MOFFS) {
      if (flags & OP_ADDR32) {
        displacement = load<u32>(p)
        p += 4
      } else {
        displacement = load<i64>(p)
        p += 8
      }
    } else if (immKind == IMM_WB) {
      immediate = <i64>load<u16>(p) | (<i64>load<u8>(p, 2) << 16)
      p += 3
    } else {
      immediate = load<i32>(p)
      p += 4
    }
  }
  const bytes = <u32>(p - code)
  if (bytes > 15) {
    finish(op, tooLongHandler(), offset, 15, 0)
    return
  }
  // LOCK is allowed on a few instructions, and only with a memory operand.
  if (flags & OP_LOCK && (!(entryFlags & F_LOCK) || modRm >= 0xc0)) handler = undefinedHandler()
  if (ripRelative) displacement += <i64>(offset + bytes)
  store<u8>(op, <u8>base, 4)
  store<u8>(op, <u8>index, 5)
  store<u8>(op, <u8>scale, 6)
  store<u8>(op, <u8>segment, 7)
  store<u8>(op, <u8>modRm, 12)
  store<u8>(op, <u8>opcode, 13)
  store<u16>(op, <u16>rex, 14)
  store<i64>(op, immediate, 16)
  store<i64>(op, displacement, 24)
  finish(op, handler, offset, bytes, flags)
  if (entryFlags & F_END || handler == undefinedHandler()) endsBlock = true
}

/** For tests: the length of the instruction at `code` (30 readable bytes); + 0x100: #UD, + 0x200: longer than 15 bytes. */
export function decodeLength(code: usize): u32 {
  decodeOne(FETCH + 0x40, code, 0)
  const handler = load<u16>(FETCH + 0x40)
  if (handler == handlerIndex(undefinedHandler())) return length + 0x100
  return handler == handlerIndex(tooLongHandler()) ? length + 0x200 : length
}

function finish(op: usize, handler: u32, offset: u32, bytes: u32, flags: u32): void {
  store<u16>(op, <u16>handlerIndex(handler))
  store<u16>(op, <u16>(offset + bytes), 8)
  store<u8>(op, <u8>bytes, 10)
  store<u8>(op, <u8>flags, 11)
  length = bytes
}
