// Random straight code for sequences and programs: instructions of every kind one after the other, with operands in
// memory. Some registers keep their values, so that addresses can be solved when the code is written.

import { type Instruction, instructions } from '../../../../src/engine/soft/table/index.ts'
import { chooseMxcsr, type Request, resultUndefined, undefinedFlags } from './cases.ts'
import { chooseAddress, type Encoding, encode, type FixedMemory, operandBytes } from './encode.ts'
import type { Random } from './random.ts'
import * as R from './record.ts'

export const RAX = 0
export const RCX = 1
export const RDX = 2
export const RBX = 3
export const RSP = 4
export const RBP = 5
export const RSI = 6
export const RDI = 7
const BASES = [RBX, 12, 13, 14, 15]
/** What no instruction writes, but pushes, pops and string instructions as they must. */
const KEPT = [RSP, RSI, RDI, ...BASES]

export const AUXILIARY = 0x10n
const STATUS_FLAGS = 0x8d5n
const FLAG_BITS: Record<string, bigint> = { o: 0x800n, s: 0x80n, z: 0x40n, a: 0x10n, p: 4n, c: 1n }
export const flagBits = (letters: string): bigint =>
  [...letters].reduce((bits, letter) => bits | FLAG_BITS[letter]!, 0n)

/** F2XM1 FYL2X FPTAN FPATAN FYL2XP1 FSINCOS FSIN FCOS: processors differ in the last place. */
const TRANSCENDENTAL = new Set([0xf0, 0xf1, 0xf2, 0xf3, 0xf9, 0xfb, 0xfe, 0xff])
/** FXSAVE's and the like's images have parts that processors fill differently; the others move the stack far away. */
const EXCLUDED = /^(fxsave|fxrstor|ldmxcsr|pushf|leave|enter|pause)$/
const STRINGS = /^(movs|cmps|stos|lods|scas)$/
const SHIFTS = /^(rol|ror|rcl|rcr|shl|shr|sar|shld|shrd)$/

const usable = instructions().filter(
  (row) => row.notest === undefined && !row.attributes.has('end') && !EXCLUDED.test(row.name),
)
const isVector = (row: Instruction): boolean =>
  row.attributes.has('sse') || row.attributes.has('mmx') || /^(x87|fwait)/.test(row.name)
const integers = usable.filter((row) => !isVector(row))
const readers = integers.filter((row) => row.flags.read !== '')
const vectors = usable.filter((row) => row.attributes.has('sse'))
const floats = usable.filter((row) => isVector(row) && !row.attributes.has('sse'))

export interface StraightOptions {
  /** Registers besides `KEPT` that nothing may write. */
  readonly keep?: readonly number[]
  /** Percentages of SSE, and of x87 and MMX. */
  readonly vectors?: number
  readonly floats?: number
}

/** Writes instructions at the end of `bytes`, which lie at `rip`. */
export class StraightCode {
  readonly bytes: number[] = []
  readonly rip: number
  /** Flags that are undefined behind what has been written; and those that were at any time. */
  undef = 0n
  everUndefined = 0n
  readonly #random: Random
  readonly #registers: BigUint64Array
  readonly #kept: ReadonlySet<number>
  readonly #options: StraightOptions

  constructor(random: Random, request: Request, rip: number, options: StraightOptions = {}) {
    this.#random = random
    this.#registers = request.registers
    this.rip = rip
    this.#options = options
    this.#kept = new Set([...KEPT, ...(options.keep ?? [])])
    placeRegisters(random, request.registers)
  }

  get here(): number {
    return this.rip + this.bytes.length
  }

  /** Here control may come from elsewhere: AF is undefined, the others are not. */
  beginBlock(): void {
    this.undef = AUXILIARY
  }

  /** A random instruction, or a few that belong together. @returns false: the attempt came to nothing */
  emit(): boolean {
    const random = this.#random
    const roll = random.below(100)
    const vectorShare = this.#options.vectors ?? 25
    const floatShare = this.#options.floats ?? 10
    if (roll < vectorShare) return this.row(random.pick(vectors))
    if (roll < vectorShare + floatShare) return this.row(random.pick(floats))
    const special = random.below(60)
    if (special === 0 && !this.#kept.has(RCX)) return this.#shiftByCl()
    if (special === 1) return this.#loadMxcsr()
    if (special === 2 && !this.#kept.has(RBP)) return this.#frame()
    if (special === 3) return this.#pushFlags()
    return this.row(random.pick(random.chance(30) ? readers : integers))
  }

  /** One instruction of this line of the table. */
  row(row: Instruction): boolean {
    const random = this.#random
    const read = row.name === 'inc' || row.name === 'dec' ? 0n : flagBits(row.flags.read)
    // FCMOVcc reads flags, whatever else its line stands for.
    const mayRead = row.name === 'x87Register' && /^D[AB]/.test(row.line) ? flagBits('zpc') : 0n
    if ((read | mayRead) & this.undef) return false
    // The count is not known; `#shiftByCl` knows it.
    if (row.operands.at(-1)?.kind === 'C') return false
    if (/^i?div$|^cmpxchg8b$/.test(row.name) && random.chance(80)) return false
    const encoding = encode(row, random, this.here, this.#registers, { memory })
    if (!this.#acceptable(row, encoding)) return false
    // A repetition that ends.
    if (STRINGS.test(row.name) && encoding.repeat !== 'none') {
      if (this.#kept.has(RCX)) return false
      this.#bytes(0x83, 0xe1, random.below(16)) // and ecx, …
      this.#left(AUXILIARY, flagBits('oszpc'))
      // (RIP-relative operands do not occur here.)
    }
    this.#bytes(...encoding.bytes)
    const left = undefinedFlags(row, encoding, this.#registers)
    // A shift by 0 writes nothing; whether it does not matter as long as nothing is undefined.
    this.#left(left, SHIFTS.test(row.name) ? 0n : flagBits(row.flags.written))
    return true
  }

  /** CMP of a free register: all flags are defined behind it. */
  define(): void {
    const register = this.#random.pick([RAX, RDX, RBP])
    this.#bytes(0x48, 0x83, 0xf8 | register, this.#random.below(256))
    this.#left(0n, STATUS_FLAGS)
  }

  #left(left: bigint, written: bigint): void {
    this.undef = (this.undef & ~written) | left
    this.everUndefined |= left
  }

  #bytes(...bytes: number[]): true {
    this.bytes.push(...bytes)
    return true
  }

  #acceptable(row: Instruction, encoding: Encoding): boolean {
    const { bytes, form, lock, size } = encoding
    if (bytes.length > 15) return false
    // LOCK where it is allowed, and seldom where it is not.
    if (lock && (form === 'r' || !row.attributes.has('lock')) && this.#random.chance(95)) return false
    if (resultUndefined(row, encoding, this.#registers)) return false
    // (BSF of 0 with 32 bits: see differences.ts.)
    if (/^bs[fr]$/.test(row.name) && size === 4) return false
    // A bit string in memory reaches anywhere.
    if (/^bt[src]?$/.test(row.name) && form === 'm' && this.#random.chance(95)) return false
    // CLFLUSH of an address that is not mapped faults. Ours does nothing.
    if (row.name === 'nopE' && row.opcode === 0xae && form === 'm') return false
    const last = bytes.at(-1)!
    if (row.name === 'x87Register' && row.opcode === 0xd9 && TRANSCENDENTAL.has(last)) return false
    if (row.name === 'x87Memory' && (row.opcode === 0xd9 || row.opcode === 0xdd) && modRmReg(row, bytes) >= 4)
      return row.opcode === 0xd9 && modRmReg(row, bytes) % 2 === 1
    return writtenRegisters(row, encoding).every((register) => !this.#kept.has(register))
  }

  #shiftByCl(): boolean {
    const random = this.#random
    const count = random.below(256)
    const row = random.pick(shiftsByCl)
    const before = this.#registers[RCX]!
    const encoding = encode(row, random, this.here + 5, this.#registers, { memory })
    this.#registers[RCX] = BigInt(count)
    const left = undefinedFlags(row, encoding, this.#registers)
    const bad = !this.#acceptable(row, encoding) || (flagBits(row.flags.read) & this.undef) !== 0n
    this.#registers[RCX] = before
    if (bad) return false
    this.#bytes(0xb9, count, 0, 0, 0, ...encoding.bytes) // mov ecx, count
    this.#left(left, 0n)
    return true
  }

  /** A valid value through memory. */
  #loadMxcsr(): boolean {
    const value = chooseMxcsr(this.#random)
    const store = [value & 0xff, (value >> 8) & 0xff, 0, 0]
    return this.#bytes(0xc7, 0x44, 0x24, 0xc0, ...store, 0x0f, 0xae, 0x54, 0x24, 0xc0)
  }

  #pushFlags(): boolean {
    if (this.undef & ~AUXILIARY) return false
    this.#bytes(0x9c)
    // and dword [rsp], ~AF
    if (this.undef !== 0n) {
      this.#bytes(0x83, 0x24, 0x24, 0xef)
      this.#left(AUXILIARY, flagBits('oszpc'))
    }
    return true
  }

  /** mov rbp, rsp; leave */
  #frame(): boolean {
    return this.#bytes(0x48, 0x89, 0xe5, ...(this.#random.chance(20) ? [0x66] : []), 0xc9)
  }
}

const shiftsByCl = integers.filter((row) => row.operands.at(-1)?.kind === 'C')

const memory: FixedMemory = {
  bases: BASES,
  address(random, bytes, row) {
    const roll = random.below(1000)
    if (roll < 10) return chooseAddress(random, bytes, row)
    if (roll < 13) return BigInt(R.DATA + R.DATA_WRITABLE + random.below(0x800))
    if (roll < 28) return BigInt(R.DATA + 0x1000 - random.below(bytes))
    let at = R.DATA + random.below(R.DATA_WRITABLE - bytes + 1)
    if (row.attributes.has('aligned') || row.name === 'cmpxchg8b') at &= random.chance(97) ? -16 : -4
    else if (random.chance(50)) at &= -Math.min(bytes, 8)
    return BigInt(at)
  },
}

/** Places for the registers that addresses are made of. */
function placeRegisters(random: Random, registers: BigUint64Array): void {
  const inside = (): bigint => BigInt(R.DATA + 0x400 + random.below(0x1800))
  for (const register of [RBX, RSI, RDI, 12, 13]) registers[register] = inside()
  registers[RSP] = BigInt(R.DATA + 0x800 + 8 * random.below(0x200))
  registers[14] = random.chance(50) ? BigInt(random.next()) : BigInt.asUintN(64, -BigInt(random.next()))
  registers[15] = BigInt(random.below(0x100))
}

function modRmReg(row: Instruction, bytes: readonly number[]): number {
  return (bytes[bytes.indexOf(row.opcode) + 1]! >> 3) & 7
}

/** General registers that an instruction changes; a byte register without REX may be the second byte of another one. */
function writtenRegisters(row: Instruction, { form, reg, rm, size }: Encoding): number[] {
  const written: number[] = []
  for (const operand of row.operands) {
    const { kind, access } = operand
    const inRm = /[ZR]/.test(kind) || (kind === 'E' && form === 'r')
    if (access === 'r' || (kind !== 'G' && !inRm)) continue
    const register = kind === 'G' ? reg : rm
    written.push(register)
    if (operandBytes(operand, size) === 1) written.push(register & 3)
  }
  if (row.name === 'xchgA') written.push(rm)
  if (/^(mul|imul1|i?div|cwd|cmpxchg8b)$/.test(row.name)) written.push(RDX)
  if (/^pcmp[ei]stri$/.test(row.name)) written.push(RCX)
  return written
}
