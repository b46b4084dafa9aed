// Sequences of register instructions: what one leaves behind (lazy flags above all) is what the next one starts from.
// A flag that a line leaves undefined is not read before another line has written it.

import { instructions } from '../../../../src/engine/soft/table/index.ts'
import { COMPARED_FLAGS, type Request, resultUndefined, undefinedFlags } from './cases.ts'
import { encode } from './encode.ts'
import type { Random } from './random.ts'
import * as R from './record.ts'
import { StraightCode } from './straight.ts'

const FLAG_BITS: Record<string, bigint> = { o: 0x800n, s: 0x80n, z: 0x40n, a: 0x10n, p: 4n, c: 1n }
const bitsOf = (letters: string): bigint =>
  [...letters].reduce((bits, letter) => bits | FLAG_BITS[letter]!, 0n)

/** General-purpose lines without branches, implicit memory and faults. */
const rows = instructions().filter(
  (row) =>
    row.notest === undefined &&
    row.form !== 'm' &&
    !row.attributes.has('end') &&
    !/^(movs|cmps|stos|lods|scas|push|pop|enter|leave|xlat|div|idiv|fwait|x87|nop|lea|pause|movFromSegment|std|cld)/.test(
      row.name,
    ) &&
    !row.operands.some(({ kind }) => /[VWPQUNOM]/.test(kind)) &&
    !['sse', 'mmx', 'simd'].some((unit) => row.attributes.has(unit)),
)
const readers = rows.filter((row) => row.flags.read !== '')
const ALL = 0x8d5n
/** Bytes of code. */
const SEQUENCE_LIMIT = 88

export function makeSequence(random: Random, request: Request): undefined {
  request.randomize(random, false, false)
  const { registers, view } = request
  const before = new BigUint64Array(registers)
  const rip = R.CODE + random.below(R.CODE_SIZE - 128)
  const bytes: number[] = []
  let undef = 0n
  const wanted = 2 + random.below(8)
  // Bounded: candidates that do not fit are dropped.
  for (let i = 0; i < wanted * 3 && bytes.length < SEQUENCE_LIMIT - 16; i++) {
    const row = random.pick(random.chance(40) ? readers : rows)
    const read = row.name === 'inc' || row.name === 'dec' ? 0n : bitsOf(row.flags.read)
    const isCount = row.operands.at(-1)?.kind === 'C'
    if (read & undef || isCount) continue
    const encoding = encode(row, random, rip + bytes.length, registers, { registersOnly: true })
    // (BSF of 0 with 32 bits: see differences.ts.)
    if (/^bs[fr]$/.test(row.name) && encoding.size === 4) continue
    if (encoding.lock || encoding.bytes.length > 15 || resultUndefined(row, encoding, registers)) continue
    bytes.push(...encoding.bytes)
    const left = undefinedFlags(row, encoding, registers)
    // A shift by 0 writes nothing; whether it does not matter as long as nothing is undefined.
    const shift = /^(rol|ror|rcl|rcr|shl|shr|sar|shld|shrd)$/.test(row.name)
    const written = shift ? 0n : bitsOf(row.flags.written)
    undef = (undef & ~written) | left
  }
  registers.set(before)
  request.bytes.set(bytes, R.REQUEST.code)
  view.setUint32(R.REQUEST.codeLength, bytes.length, true)
  view.setBigUint64(R.REQUEST.rip, BigInt(rip), true)
  view.setBigUint64(R.REQUEST.rflagsMask, COMPARED_FLAGS & ~(undef & ALL), true)
}

/** Flags to compare when everything was executed, and when the sequence ended with a fault somewhere in it. */
export interface FlagMasks {
  readonly all: bigint
  readonly fault: bigint
}

/** Instructions of every kind, with operands in memory: what is inline and what is called take turns. */
export function makeMixedSequence(random: Random, request: Request): FlagMasks {
  request.randomize(random, true, random.chance(50))
  const { view } = request
  const length = 30 + random.below(100)
  const rip = R.CODE + random.below(R.CODE_SIZE - length - 32)
  const shares = random.pick([
    { vectors: 25, floats: 10 },
    { vectors: 0, floats: 0 },
    { vectors: 90, floats: 5 },
    { vectors: 10, floats: 50 },
  ])
  const code = new StraightCode(random, request, rip, shares)
  // Bounded: attempts that come to nothing are few.
  for (let i = 0; i < 100 && code.bytes.length < length; i++) code.emit()
  request.bytes.set(code.bytes, R.REQUEST.code)
  view.setUint32(R.REQUEST.codeLength, code.bytes.length, true)
  view.setBigUint64(R.REQUEST.rip, BigInt(rip), true)
  view.setUint32(R.REQUEST.patchOffset, Number(request.registers[4]!) - R.DATA, true)
  const all = COMPARED_FLAGS & ~(code.undef & ALL)
  view.setBigUint64(R.REQUEST.rflagsMask, all, true)
  return { all, fault: COMPARED_FLAGS & ~code.everUndefined }
}
