// Where two correct processors may differ: what Intel's manual leaves open, and where the host that we measure on
// (AMD) is known to behave unlike Intel, whose manual we follow. Each entry says why. Anything else is a failure.

import type { Instruction } from '../../../../src/engine/soft/table/index.ts'
import type { Encoding } from './encode.ts'
import * as R from './record.ts'

const GP = 13
const SS = 12
const PF = 14
const UD = 6
/** F2XM1 FYL2X FPTAN FPATAN FYL2XP1 FSINCOS FSIN FCOS, the last byte after D9. */
const TRANSCENDENTAL = [0xf0, 0xf1, 0xf2, 0xf3, 0xf9, 0xfb, 0xfe, 0xff]

/** Changes the host's result to ours where the difference is allowed. */
export function allowDifferences(row: Instruction, encoding: Encoding, mine: Buffer, host: Buffer): void {
  const vector = mine.readUInt32LE(R.RESULT.vector)
  const hostVector = host.readUInt32LE(R.RESULT.vector)
  const take = (): void => {
    mine.copy(host)
  }
  // BSF and BSR of 0 leave the destination alone; with a 32-bit operand size Intel clears its upper half.
  if (/^bs[fr]$/.test(row.name) && encoding.size === 4 && vector === R.NO_VECTOR) {
    mine.copy(host, encoding.reg * 8 + 4, encoding.reg * 8 + 4, encoding.reg * 8 + 8)
  }
  // CALL: Intel looks at the target before the stack is written, AMD afterwards (SDM volume 2, CALL).
  if (row.name === 'callE' && vector === GP && (hostVector === PF || hostVector === SS)) take()
  // CLFLUSH of an address that is not mapped faults. Ours does nothing: caches are not modelled.
  if (
    row.name === 'nopE' &&
    row.opcode === 0xae &&
    vector === R.NO_VECTOR &&
    [PF, GP, SS].includes(hostVector)
  )
    take()
  // CMPS when both operands fault: either of the two.
  if (row.name === 'cmps' && (vector === PF || vector === GP) && (hostVector === PF || hostVector === GP)) {
    mine.copy(host, R.RESULT.vector, R.RESULT.vector, R.RESULT.cr2 + 8)
  }
  // UD0 and UD1: whether ModRM and what follows is fetched before the #UD.
  if (/^ud[01]$/.test(row.name) && (vector === PF || vector === GP) && hostVector === UD) take()
  // MXCSR.MM, bit 17, is AMD's (misaligned SSE operands); for Intel and us it is reserved.
  const mxcsr = host.readUInt32LE(R.RESULT.fxsave + 24)
  if (/^(ldmxcsr|fxrstor)$/.test(row.name) && vector === GP && mxcsr & 0x2_0000) take()
  // Transcendental functions: a unit in the last place, in which processors differ from each other (ours is judged
  // by exact arithmetic in x87-transcendental.test.ts); and C1, which tells which way that was rounded.
  const transcendental =
    row.name === 'x87Register' && row.opcode === 0xd9 && TRANSCENDENTAL.includes(encoding.bytes.at(-1)!)
  if (transcendental) {
    mine[R.RESULT.fxsave + 3] = (mine[R.RESULT.fxsave + 3]! & ~2) | (host[R.RESULT.fxsave + 3]! & 2)
    for (const register of [0, 1]) {
      const at = R.RESULT.fxsave + 32 + 16 * register
      const apart = ordered(mine, at) - ordered(host, at)
      if (apart === 1n || apart === -1n) mine.copy(host, at, at, at + 10)
    }
  }
  // FXSAVE and FXRSTOR: an address that is neither aligned nor canonical.
  if (/^fx/.test(row.name) && vector === GP && hostVector === SS) take()
  // A large operand across two pages: CR2 may be any of its bytes, whichever page is looked at first, and a part of
  // what is stored may have been written.
  if (encoding.memoryBytes > 16 && vector === PF && hostVector === PF) {
    mine.copy(host, R.RESULT.error, R.RESULT.error, R.RESULT.cr2 + 8)
    mine.copy(host, R.RESULT.memoryHash, R.RESULT.memoryHash, R.RESULT.memoryHash + 8)
  }
}

/** An x87 register in an FXSAVE image as an integer in which neighbours in value are one apart. */
function ordered(image: Buffer, at: number): bigint {
  const signAndExponent = image.readUInt16LE(at + 8)
  const magnitude =
    (BigInt(signAndExponent & 0x7fff) << 63n) | (image.readBigUInt64LE(at) & 0x7fff_ffff_ffff_ffffn)
  return signAndExponent & 0x8000 ? -magnitude : magnitude
}
