// The x87 unit as the CPU core sees it: the steps of a store that may fault, pending exceptions, the FXSAVE and
// 16-bit images, instruction pointers, MMX registers. No oracle: the SDM's words, checked on written-out states.
import assert from 'node:assert/strict'
import { before, beforeEach, test } from 'node:test'
import { type Ours, openOurs, SCRATCH, type X87Exports } from './x87-sides.ts'

// Opcode − 0xD8 and the reg field of memory forms.
const FLD_M64 = [5, 0] as const
const FSTP_M64 = [5, 3] as const
const FLDENV = [1, 4] as const
const FLDCW = [1, 5] as const
const FNSTENV = [1, 6] as const
const FNSAVE = [5, 6] as const
const FRSTOR = [5, 4] as const
const FNSTCW = [1, 7] as const

const DONE = 0
const UD = 1
const MF = 2
const NO_STORE = 5
const KIND_WRITE = 0x100
const KIND_IMAGE = 0x200
const KIND_UD = 0x400
const KIND_MF = 0x800

const ZE_UNMASKED = 0x37bn
const EMPTY = 0xffff

let ours: Ours
let x87: X87Exports
before(async () => {
  ours = await openOurs()
  x87 = ours.exports
})
beforeEach(() => x87.x87Init())

const fld1 = () => x87.x87Register(1, 0xe8, 0)
const fldz = () => x87.x87Register(1, 0xee, 0)
const fldpi = () => x87.x87Register(1, 0xeb, 0)

/** The FNSAVE image, which changes nothing before its commit. */
function state(): Buffer {
  x87.x87ExecWriteImage(...FNSAVE, SCRATCH, 0)
  return Buffer.from(ours.memory.subarray(SCRATCH, SCRATCH + 108))
}

/** 1 ÷ 0 with ZE unmasked: ST(0) = 0, ST(1) = 1, ES set. */
function divideByZero(): void {
  x87.x87ExecRead(...FLDCW, ZE_UNMASKED, 0n)
  fld1()
  fldz()
  assert.equal(x87.x87Register(0, 0xf9, 0), DONE) // FDIVR ST, ST(1)
}

test('a store that faults has changed nothing, and can be repeated', () => {
  x87.x87ExecRead(...FLD_M64, 0x3ff8000000000000n, 0n)
  const unchanged = state()
  assert.equal(x87.x87ExecWrite(...FSTP_M64), DONE)
  assert.deepEqual(state(), unchanged)
  assert.equal(x87.x87ExecWrite(...FSTP_M64), DONE)
  assert.equal(BigInt.asUintN(64, BigInt(x87.x87Low.value)), 0x3ff8000000000000n)
  x87.x87CommitWrite()
  assert.equal(state().readUInt16LE(8), EMPTY)
})

test('a store forbidden by an unmasked exception sets its flags and keeps the register', () => {
  x87.x87ExecRead(...FLDCW, 0x37en, 0n)
  assert.equal(x87.x87ExecWrite(...FSTP_M64), NO_STORE) // empty: IE and SF, unmasked
  assert.equal(state().readUInt16LE(4), 0x80c1)
  assert.equal(x87.x87Wait(), MF)
})

test('an unmasked exception stops the next waiting instruction before it changes anything', () => {
  divideByZero()
  const pending = state()
  assert.equal(pending.readUInt16LE(4) & 0x8084, 0x8084)
  assert.equal(x87.x87Wait(), MF)
  assert.equal(fld1(), MF)
  assert.equal(x87.x87MemoryKind(...FLD_M64, 0), KIND_MF)
  assert.equal(x87.x87MemoryKind(...FLDENV, 0), KIND_MF)
  assert.equal(x87.x87ExecRead(...FLD_M64, 0n, 0n), MF)
  assert.equal(x87.x87ExecWrite(...FSTP_M64), MF)
  assert.deepEqual(state(), pending)
  assert.equal(x87.x87Register(3, 0xe2, 0), DONE) // FNCLEX
  assert.equal(x87.x87Wait(), DONE)
})

test('the non-waiting instructions work while an exception is pending', () => {
  divideByZero()
  assert.equal(x87.x87MemoryKind(...FNSTCW, 0), KIND_WRITE | 2)
  assert.equal(x87.x87MemoryKind(...FNSTENV, 0), KIND_WRITE | KIND_IMAGE | 28)
  assert.equal(x87.x87MemoryKind(...FNSAVE, 1), KIND_WRITE | KIND_IMAGE | 94)
  assert.equal(x87.x87ExecWriteImage(...FNSTENV, SCRATCH, 0), DONE)
  assert.equal(x87.x87Wait(), MF)
  x87.x87CommitWrite() // masks all exceptions, so nothing is pending any more
  assert.equal(x87.x87Wait(), DONE)
  assert.equal(state().readUInt16LE(0), 0x37f)
})

test('undefined memory forms are #UD', () => {
  for (const [opcode, reg] of [
    [1, 1],
    [3, 4],
    [3, 6],
    [5, 5],
  ] as const) {
    assert.equal(x87.x87MemoryKind(opcode, reg, 0), KIND_UD)
    assert.equal(x87.x87ExecRead(opcode, reg, 0n, 0n), UD)
    assert.equal(x87.x87ExecWrite(opcode, reg), UD)
  }
})

test('the FXSAVE area holds the registers from ST(0) on, the abridged tags and the pointers', () => {
  x87.x87At(0x1122334455667788n, 0n, 0x1e8)
  fld1()
  fldpi()
  x87.x87StoreFxsave(SCRATCH, 1)
  const area = Buffer.from(ours.memory.subarray(SCRATCH, SCRATCH + 160))
  assert.equal(area.readUInt16LE(0), 0x37f)
  assert.equal(area.readUInt16LE(2), 6 << 11)
  assert.equal(area[4], 0xc0) // physical 6 and 7
  assert.equal(area.readBigUInt64LE(8), 0x1122334455667788n)
  assert.equal(area.readUInt16LE(6), 0x1e8)
  assert.equal(area.readBigUInt64LE(32), 0xc90fdaa22168c235n)
  assert.equal(area.readBigUInt64LE(48), 0x8000000000000000n)
  assert.equal(area.readUInt16LE(56), 0x3fff)
  const saved = state()
  x87.x87Init()
  area.copy(ours.memory, SCRATCH)
  x87.x87LoadFxsave(SCRATCH, 1)
  assert.deepEqual(state(), saved)
})

test('the FXSAVE area without REX.W has 32-bit pointers', () => {
  x87.x87At(0x1122334455667788n, 0x99aabbccddeeff00n, 0x500)
  x87.x87ExecRead(...FLD_M64, 0n, 0n)
  x87.x87StoreFxsave(SCRATCH, 0)
  assert.equal(ours.memory.readBigUInt64LE(SCRATCH + 8), 0x55667788n)
  assert.equal(ours.memory.readBigUInt64LE(SCRATCH + 16), 0xddeeff00n)
})

test('the pointers follow the last instruction that computes, not the control instructions', () => {
  x87.x87At(0x1000n, 0x2000n, 0x500)
  x87.x87ExecRead(...FLD_M64, 0n, 0n)
  x87.x87At(0x1004n, 0x3000n, 0x12f)
  x87.x87ExecRead(...FLDCW, 0x37fn, 0n)
  const environment = state()
  assert.equal(environment.readUInt32LE(12), 0x1000)
  assert.equal(environment.readUInt16LE(18), 0x500)
  assert.equal(environment.readUInt32LE(20), 0x2000)
  x87.x87At(0x1008n, 0x4000n, 0x1e0)
  x87.x87Register(1, 0xe0, 0) // FCHS has no operand in memory: FDP stays
  assert.equal(state().readUInt32LE(12), 0x1008)
  assert.equal(state().readUInt32LE(20), 0x2000)
})

test('the 16-bit images carry the same state', () => {
  fldpi()
  fldz()
  const saved = state()
  x87.x87ExecWriteImage(...FNSAVE, SCRATCH, 1)
  x87.x87CommitWrite()
  const small = Buffer.from(ours.memory.subarray(SCRATCH, SCRATCH + 94))
  assert.equal(state().readUInt16LE(8), EMPTY)
  assert.equal(small.readUInt16LE(4), 0x1fff) // physical 7 valid, 6 zero
  small.copy(ours.memory, SCRATCH)
  assert.equal(x87.x87ExecReadImage(...FRSTOR, SCRATCH, 1), DONE)
  assert.deepEqual(state().subarray(28), saved.subarray(28))
  assert.equal(state().readUInt16LE(4), saved.readUInt16LE(4))
})

test('MMX registers are the significands, by physical number', () => {
  fld1()
  x87.x87EnterMmx()
  assert.equal(BigInt.asUintN(64, x87.x87MmxRead(7)), 0x8000000000000000n)
  x87.x87MmxWrite(2, 0x0123456789abcdefn)
  const mixed = state()
  assert.equal(mixed.readUInt16LE(4) & 0x3800, 0)
  assert.equal(mixed.readBigUInt64LE(28 + 20), 0x0123456789abcdefn)
  assert.equal(mixed.readUInt16LE(28 + 28), 0xffff)
  x87.x87LeaveMmx()
  assert.equal(state().readUInt16LE(8), EMPTY)
})
