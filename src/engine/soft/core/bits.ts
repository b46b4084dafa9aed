// Meanings of bit instructions: BT family, scans, POPCNT, CRC32. SDM volume 2.

import { CF, FAULT, NEXT, ZF, getReg, AF, OF, PF, SF, reg64 } from './state'
import { readRflags, setExplicit } from './flags'
import { extend } from './arithmetic'
import { SCRATCH_END } from './layout'
import { commit, readPtr, writePtr } from './mmu'
import { OP_ADDR32, opE, opFlags, opG } from './operation'
import { setReg } from './state'
import { addressE } from './transfer'

/** CF is the bit; ZF stays, and the undefined others stay too. */
// @ts-ignore: decorator
@inline function setBitCarry(bit: bool): void {
  setExplicit((readRflags() & (OF | SF | ZF | AF | PF)) | (bit ? CF : 0))
}

// @ts-ignore: decorator
@inline function position<T>(index: T): T {
  return <T>(index & <T>((sizeof<T>() << 3) - 1))
}

const TEST: i32 = 0
const SET: i32 = 1
const RESET: i32 = 2
const COMPLEMENT: i32 = 3

// @ts-ignore: decorator
@inline function changed<T>(value: T, bit: T, how: i32): T {
  if (how == SET) return <T>(value | bit)
  if (how == RESET) return <T>(value & ~bit)
  if (how == COMPLEMENT) return <T>(value ^ bit)
  return value
}

/** With a register index into memory, the operand is a bit string: the index reaches beyond the addressed word. */
// @ts-ignore: decorator
@inline function bitString<T>(op: usize, form: i32, how: i32): i32 {
  const index = getReg<T>(opG(op))
  const bit = <T>(<T>1 << position<T>(index))
  if (form == 0) {
    const value = getReg<T>(opE(op))
    if (how != TEST) setReg<T>(opE(op), changed<T>(value, bit, how))
    setBitCarry((value & bit) != 0)
    return NEXT
  }
  const shift: i64 = sizeof<T>() == 8 ? 6 : sizeof<T>() == 4 ? 5 : 4
  const distance = <u64>((extend<T>(index) >> shift) * <i64>sizeof<T>())
  let address = addressE(op, form) + distance
  if (opFlags(op) & OP_ADDR32) {
    // The distance belongs to the offset, which wraps at 32 bits before the segment base comes on top.
    const base = reg64(load<u8>(op, 7))
    address = <u64>(<u32>(address - base)) + base
  }
  const p = how == TEST ? readPtr(address, sizeof<T>()) : writePtr(address, sizeof<T>())
  if (!p) return FAULT
  const value = load<T>(p)
  if (how != TEST) {
    store<T>(p, changed<T>(value, bit, how))
    if (p < SCRATCH_END) commit()
  }
  setBitCarry((value & bit) != 0)
  return NEXT
}
export function bt<T>(op: usize, form: i32): i32 {
  return bitString<T>(op, form, TEST)
}
export function bts<T>(op: usize, form: i32): i32 {
  return bitString<T>(op, form, SET)
}
export function btr<T>(op: usize, form: i32): i32 {
  return bitString<T>(op, form, RESET)
}
export function btc<T>(op: usize, form: i32): i32 {
  return bitString<T>(op, form, COMPLEMENT)
}

// @ts-ignore: decorator
@inline function bitOf<T>(value: T, index: u8, how: i32): T {
  const bit = <T>(<T>1 << position<T>(<T>index))
  setBitCarry((value & bit) != 0)
  return changed<T>(value, bit, how)
}
export function btImm<T>(value: T, index: u8): void {
  bitOf<T>(value, index, TEST)
}
export function btsImm<T>(value: T, index: u8): T {
  return bitOf<T>(value, index, SET)
}
export function btrImm<T>(value: T, index: u8): T {
  return bitOf<T>(value, index, RESET)
}
export function btcImm<T>(value: T, index: u8): T {
  return bitOf<T>(value, index, COMPLEMENT)
}

/** For a source of 0 the destination stays as it was, which AMD promises and Intel does. */
export function bsf<T>(old: T, source: T): T {
  setExplicit((readRflags() & (OF | SF | AF | PF | CF)) | (source == 0 ? ZF : 0))
  return source == 0 ? old : <T>ctz<u64>(<u64>source)
}
export function bsr<T>(old: T, source: T): T {
  setExplicit((readRflags() & (OF | SF | AF | PF | CF)) | (source == 0 ? ZF : 0))
  return source == 0 ? old : <T>(63 - clz<u64>(<u64>source))
}
export function popcnt_<T>(source: T): T {
  setExplicit(source == 0 ? ZF : 0)
  return <T>popcnt<u64>(<u64>source)
}

/** CRC32C, bit-reflected polynomial 0x82F63B78, a byte at a time through a table of sixteen. */
export function crc32<D, S>(crc: D, source: S): D {
  let value = <u32>crc
  let data = <u64>source
  for (let i: usize = 0; i < sizeof<S>(); i++) {
    value ^= <u32>data & 0xff
    data >>= 8
    value = (value >> 4) ^ load<u32>(CRC_TABLE + (<usize>(value & 15) << 2))
    value = (value >> 4) ^ load<u32>(CRC_TABLE + (<usize>(value & 15) << 2))
  }
  return <D>value
}
const CRC_TABLE: usize = memory.data<u32>([
  0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
  0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
])
