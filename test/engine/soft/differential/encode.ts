// From a line of the instruction table to a random encoding of it: prefixes, REX, opcode, ModRM, SIB, displacement,
// immediate. SDM volume 2 chapter 2. Addresses are solved backwards: first the place in memory is chosen, then the
// registers get the values that lead there.

import type { Instruction, Operand } from '../../../../src/engine/soft/table/index.ts'
import type { Random } from './random.ts'
import * as R from './record.ts'

export interface Encoding {
  readonly bytes: number[]
  /** Operand size in bytes: 2, 4 or 8. */
  readonly size: number
  readonly form: 'r' | 'm'
  /** ModRM.reg and, in a register form, ModRM.rm with REX; an opcode-register operand is in `rm`. */
  readonly reg: number
  readonly rm: number
  /** Where the operand in memory is. */
  readonly address: bigint | undefined
  readonly memoryBytes: number
  readonly immediate: bigint
  readonly lock: boolean
  readonly repeat: 'none' | 'repe' | 'repne'
  readonly address32: boolean
  /** Registers whose values the address needs. */
  readonly bound: readonly number[]
}

/** Bytes of an operand when the operand size is `size`. */
export function operandBytes(operand: Operand, size: number): number {
  const fixed: Record<string, number> = {
    b: 1,
    s: 1,
    w: 2,
    d: 4,
    ss: 4,
    q: 8,
    sd: 8,
    x: 16,
    dq: 16,
    ps: 16,
    pd: 16,
  }
  if (operand.size === 'y') return size === 8 ? 8 : 4
  if (operand.size === 'z') return size === 2 ? 2 : 4
  return fixed[operand.size] ?? size
}

export function hasModRm(row: Instruction): boolean {
  return (
    row.digit !== undefined ||
    row.form !== undefined ||
    row.operands.some(({ kind }) => /[EGMVPWQRSNUX]/.test(kind))
  )
}

/** In 64-bit mode AMD's near branches obey the operand-size prefix, Intel's ignore it (SDM volume 2, JMP): not tested. */
const isNearBranch = (row: Instruction): boolean => row.attributes.has('f64') && row.attributes.has('end')

const IGNORED_SEGMENTS = [0x26, 0x2e, 0x36, 0x3e]
const STRING_NAMES = /^(movs|cmps|stos|lods|scas|ins|outs)$/
const SCALAR_EDGES = [0, 1, 2, 4, 7, 8, 0x0f, 0x10, 0x1f, 0x20, 0x21, 0x3f, 0x40, 0x7f, 0x80, 0xfe, 0xff]

export interface Choices {
  /** Only register forms, for sequences. */
  readonly registersOnly?: boolean
  /** Bytes that the operand in memory has at an operand size, where the line does not say so. */
  readonly memoryBytes?: (size: number) => number
  /** Not RSP, whose value is the stack's. */
  readonly keepStack?: boolean
  /** Operands in memory are reached through registers that have their values already, not by giving them new ones. */
  readonly memory?: FixedMemory
}

export interface FixedMemory {
  /** General registers that may be base or index. */
  readonly bases: readonly number[]
  address(random: Random, bytes: number, row: Instruction): bigint
}

/** Encodes `row` at address `rip`; writes what the address needs into `registers`. */
export function encode(
  row: Instruction,
  random: Random,
  rip: number,
  registers: BigUint64Array,
  choices: Choices = {},
): Encoding {
  const prefixes: number[] = []
  const any = row.prefix === 'any'
  const modRm = hasModRm(row)
  const stringName = row.custom && STRING_NAMES.test(row.name)
  const vectorOperands = row.operands.some(({ kind }) => /[VWPQUN]/.test(kind))
  let opsize16 = any && !vectorOperands && !isNearBranch(row) && random.chance(25)
  if ((row.prefix === 'f2' || row.prefix === 'f3') && row.operands.some((o) => /^v?$/.test(o.size))) {
    opsize16 = random.chance(25)
  }
  const rexW = random.chance(any ? 35 : 20)
  const address32 = !choices.registersOnly && random.chance(8)
  let repeat: 'none' | 'repe' | 'repne' = 'none'
  if (stringName) repeat = random.pick(['none', 'repe', 'repe', 'repne'] as const)

  let size = rexW ? 8 : opsize16 ? 2 : 4
  if (row.attributes.has('f64') || (row.attributes.has('d64') && size === 4)) size = 8

  const registerOnly = row.form === 'r' || row.operands.some(({ kind }) => /[RUN]/.test(kind))
  const memoryOnly = row.form === 'm' || row.operands.some(({ kind }) => kind === 'M')
  const form: 'r' | 'm' =
    !modRm || registerOnly ? 'r' : memoryOnly ? 'm' : choices.registersOnly || random.chance(40) ? 'r' : 'm'
  const lockable = row.attributes.has('lock')
  const lock = !choices.registersOnly && random.chance(lockable && form === 'm' ? 40 : 2)

  const first = row.operands.find(({ kind }) => /[EWQMO]/.test(kind))
  const memoryBytes = choices.memoryBytes?.(size) ?? (first ? operandBytes(first, size) : size)
  let immediateBytes = 0
  const immediateOperand = row.operands.find(({ kind }) => /[IJO]/.test(kind))
  if (immediateOperand) {
    const { kind, size: letters } = immediateOperand
    if (kind === 'O') immediateBytes = address32 ? 4 : 8
    else if (letters === 'wb') immediateBytes = 3
    else if (letters === 'b' || letters === 's') immediateBytes = 1
    else if (letters === 'w') immediateBytes = 2
    else if (letters === 'v') immediateBytes = size
    else immediateBytes = kind === 'J' ? 4 : Math.min(size, 4)
  }

  // Prefixes, in any order: the mandatory one, those that mean something, some that mean nothing.
  if (row.prefix === '66') prefixes.push(0x66)
  if (opsize16) prefixes.push(0x66)
  if (address32) prefixes.push(0x67)
  if (lock) prefixes.push(0xf0)
  let segmentBase = 0n
  if (random.chance(8)) {
    prefixes.push(...(random.chance(50) ? [0x64] : [0x65]))
    segmentBase = prefixes.at(-1) === 0x64 ? BigInt(R.FS_BASE) : BigInt(R.GS_BASE)
  }
  if (random.chance(4)) prefixes.unshift(random.pick(IGNORED_SEGMENTS))
  if (
    any &&
    row.map === 0 &&
    repeat === 'none' &&
    !stringName &&
    !/^loopn?e$/.test(row.name) &&
    random.chance(3)
  ) {
    // (With F3 before it, AMD takes LOOPNE for LOOPE.)
    prefixes.unshift(random.pick([0xf2, 0xf3]))
  }
  for (let i = prefixes.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const swap = prefixes[i]!
    prefixes[i] = prefixes[j]!
    prefixes[j] = swap
  }
  // A repeat prefix counts by its last occurrence; it may stand anywhere among the others.
  const repeatByte =
    row.prefix === 'f3' || repeat === 'repe' ? 0xf3 : row.prefix === 'f2' || repeat === 'repne' ? 0xf2 : 0
  if (repeatByte) prefixes.splice(random.below(prefixes.length + 1), 0, repeatByte)
  if (random.chance(0.3))
    for (let i = 2 + random.below(12); i > 0; i--) prefixes.unshift(random.pick(IGNORED_SEGMENTS))

  let rex = rexW ? 8 : 0
  let wantRex = rexW || random.chance(25)
  if (wantRex) rex |= random.below(8)
  const wantHigh = random.chance(50)
  if (wantHigh && !wantRex) {
    wantRex = true
    rex |= random.below(8)
  }
  // A REX that is not the last prefix counts for nothing.
  if (random.chance(1) && (wantRex || prefixes.length > 0)) {
    prefixes.splice(random.below(prefixes.length + (wantRex ? 1 : 0)), 0, 0x40 | random.below(16))
  }
  const place = (bytes: number): bigint =>
    choices.memory?.address(random, bytes, row) ?? chooseAddress(random, bytes, row)
  let reg = random.below(8)
  let rm = random.below(8)
  let opcode = row.opcode
  const tail: number[] = []
  const bound: number[] = []
  let address: bigint | undefined
  if (row.operands.some(({ kind }) => kind === 'Z')) {
    if (choices.keepStack && rm === 4) rm = 5
    opcode |= rm
    if (wantRex && rex & 1) rm |= 8
  }
  if (modRm) {
    if (row.digit !== undefined) reg = row.digit
    if (choices.keepStack && reg === 4) reg = 3
    if (choices.keepStack && rm === 4 && form === 'r') rm = 6
    if (row.rm !== undefined) rm = row.rm
    if (form === 'r') {
      tail.push(0xc0 | (reg << 3) | rm)
      if (wantRex && rex & 1) rm |= 8
      if (wantRex && rex & 4) reg |= 8
    } else {
      const before = prefixes.length + (wantRex ? 1 : 0) + opcodeBytes(row).length
      address = place(memoryBytes)
      const offset =
        row.name === 'lea' && !choices.memory
          ? integerOffset(random)
          : (address - segmentBase) & 0xffff_ffff_ffff_ffffn
      const rexBits = wantRex ? rex : 0
      const memory = choices.memory
        ? throughBases(
            random,
            offset,
            rexBits,
            registers,
            choices.memory.bases,
            rip + before + immediateBytes,
          )
        : addressing(random, offset, address32, rexBits, registers, rip + before, immediateBytes)
      if (row.name === 'lea') address = undefined
      tail.push(memory.modRm | (reg << 3), ...memory.rest)
      bound.push(...memory.bound)
      if (wantRex && rex & 4) reg |= 8
    }
  }
  let immediate = 0n
  if (immediateOperand?.kind === 'O') {
    address = place(memoryBytes)
    immediate = (address - segmentBase) & (address32 ? 0xffff_ffffn : 0xffff_ffff_ffff_ffffn)
    if (address32) address = BigInt.asUintN(64, immediate + segmentBase)
    pushLittleEndian(tail, immediate, immediateBytes)
  } else if (immediateOperand) {
    const length =
      prefixes.length + (wantRex ? 1 : 0) + opcodeBytes(row).length + tail.length + immediateBytes
    immediate =
      immediateOperand.kind === 'J'
        ? branchOffset(random, rip, length, immediateBytes)
        : chooseImmediate(random)
    if (immediateOperand.size === 'wb')
      immediate = BigInt((random.below(8) << 16) | random.below(random.chance(80) ? 128 : 65536))
    pushLittleEndian(tail, immediate, immediateBytes)
  }
  const opcodes = opcodeBytes(row)
  opcodes[opcodes.length - 1] = opcode
  const bytes = [...prefixes, ...(wantRex ? [0x40 | rex] : []), ...opcodes, ...tail]
  return { bytes, size, form, reg, rm, address, memoryBytes, immediate, lock, repeat, address32, bound }
}

function opcodeBytes(row: Instruction): number[] {
  return [...[[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]][row.map]!, row.opcode]
}

function pushLittleEndian(to: number[], value: bigint, bytes: number): void {
  let rest = BigInt.asUintN(64, value)
  for (let i = 0; i < bytes; i++) {
    to.push(Number(rest & 0xffn))
    rest >>= 8n
  }
}

function chooseImmediate(random: Random): bigint {
  if (random.chance(50)) return BigInt(random.pick(SCALAR_EDGES))
  return random.chance(20)
    ? random.pick([0x7fffn, 0x8000n, 0x7fffffffn, 0x80000000n, 0xffffffffn])
    : random.uint64()
}

function integerOffset(random: Random): bigint {
  return random.chance(50) ? BigInt(R.DATA + random.below(0x3000)) : random.uint64()
}

/** Mostly inside the writable pages; else across every border, or nowhere. */
export function chooseAddress(random: Random, bytes: number, row?: Instruction): bigint {
  const aligned = random.chance(
    row?.attributes.has('aligned') || bytes === 512 || row?.name === 'cmpxchg8b' ? 88 : 40,
  )
  const near = (border: number): number => border - random.below(bytes) - (random.chance(30) ? 1 : 0)
  const roll = random.below(100)
  let at: number
  if (roll < 72) at = R.DATA + random.below(R.DATA_WRITABLE - bytes + 1)
  else if (roll < 84) at = near(R.DATA + 0x1000)
  else if (roll < 88) at = R.DATA + R.DATA_WRITABLE + random.below(0x1000 - bytes + 1)
  else if (roll < 91) at = near(R.DATA + R.DATA_WRITABLE)
  else if (roll < 94) at = near(R.DATA + R.DATA_SIZE)
  else if (roll < 96) at = near(R.DATA)
  else if (roll < 97) at = R.CODE + random.below(R.CODE_SIZE)
  else if (roll < 98) return 0x7fff_ffff_f000n - 0x10n + BigInt(random.below(8))
  else if (roll < 99)
    return BigInt.asUintN(64, (random.uint64() & 0x0000_ffff_ffff_ffffn) | 0x1234_0000_0000_0000n)
  else return BigInt(random.next())
  if (aligned) at &= -(bytes >= 16 ? 16 : Math.min(bytes, 8))
  return BigInt(at)
}

/** Solves base + index × scale + displacement = offset for a random form. */
function addressing(
  random: Random,
  offset: bigint,
  address32: boolean,
  rex: number,
  registers: BigUint64Array,
  rip: number,
  immediateBytes: number,
): { modRm: number; rest: number[]; bound: number[] } {
  const wrap = (value: bigint): bigint =>
    address32
      ? (value & 0xffff_ffffn) | (random.chance(50) ? BigInt(random.next()) << 32n : 0n)
      : BigInt.asUintN(64, value)
  const reachable = address32 || offset < 0x8000_0000n || offset >= 0xffff_ffff_8000_0000n
  const bytes32 = (value: bigint): number[] => {
    const list: number[] = []
    pushLittleEndian(list, value, 4)
    return list
  }
  const roll = random.below(10)
  if (roll === 0) {
    // RIP-relative; the displacement counts from the end of the instruction.
    const next = BigInt(rip + 5 + immediateBytes)
    const displacement = offset - next
    if (address32 || (displacement >= -0x8000_0000n && displacement < 0x8000_0000n)) {
      return { modRm: 5, rest: bytes32(displacement), bound: [] }
    }
  }
  // SIB without base and index (the index field 4, with REX.X clear, means none).
  if (roll === 1 && reachable && !(rex & 2))
    return { modRm: 4, rest: [(random.below(4) << 6) | 0x25, ...bytes32(offset)], bound: [] }
  const mod = random.below(3)
  let displacement =
    mod === 0
      ? 0n
      : mod === 1
        ? BigInt((random.next() << 24) >> 24)
        : BigInt(random.chance(80) ? random.below(4096) - 2048 : random.next() | 0)
  const high = (bit: number): number => (rex & bit ? 8 : 0)
  if (roll < 6) {
    // Base and displacement.
    let low = random.below(8)
    if (low === 5 && mod === 0) low = 3
    const base = low | high(1)
    registers[base] = wrap(offset - displacement)
    const rest = low === 4 ? [(random.below(4) << 6) | (rex & 2 ? 0x24 : 0x24)] : []
    if (low === 4 && rex & 2) {
      // With REX.X the field 4 is R12: an index like any other.
      const scale = rest[0]! >> 6
      return withIndex(random, offset, base, 12, scale, mod, displacement, registers, wrap, low)
    }
    return {
      modRm: (mod << 6) | low,
      rest: [...rest, ...displacementBytes(displacement, mod)],
      bound: [base],
    }
  }
  let indexLow = random.below(8)
  if (indexLow === 4 && !(rex & 2)) indexLow = 6
  const index = indexLow | high(2)
  const scale = random.below(4)
  if (roll === 6 && reachable) {
    // Index and a 32-bit displacement.
    const value = BigInt(random.below(0x10000))
    registers[index] = wrap(value)
    displacement = offset - (value << BigInt(scale))
    if (address32 || (displacement >= -0x8000_0000n && displacement < 0x8000_0000n)) {
      return {
        modRm: 4,
        rest: [(scale << 6) | (indexLow << 3) | 5, ...bytes32(displacement)],
        bound: [index],
      }
    }
  }
  let low = random.below(8)
  if (low === 5 && mod === 0) low = 0
  return withIndex(random, offset, low | high(1), index, scale, mod, displacement, registers, wrap, low)
}

/** As `addressing`, with the registers as they are. @param behind address of the ModRM byte and of what follows its displacement */
function throughBases(
  random: Random,
  offset: bigint,
  rex: number,
  registers: BigUint64Array,
  bases: readonly number[],
  behind: number,
): { modRm: number; rest: number[]; bound: number[] } {
  const fits = (value: bigint): boolean => value >= -0x8000_0000n && value < 0x8000_0000n
  const candidates = bases.filter((base) => base >> 3 === (rex & 1))
  const indices = bases.filter((index) => index >> 3 === ((rex >> 1) & 1) && index !== 4)
  for (let tries = random.chance(15) ? 0 : 8; tries > 0 && candidates.length > 0; tries--) {
    const base = random.pick(candidates)
    const index = indices.length > 0 && random.chance(50) ? random.pick(indices) : undefined
    const scale = random.below(4)
    // Base 4 needs a SIB byte, and with REX.X that has an index.
    if (index === undefined && (base & 7) === 4 && rex & 2) continue
    const rest = offset - registers[base]! - (index === undefined ? 0n : registers[index]! << BigInt(scale))
    const displacement = BigInt.asIntN(64, rest)
    if (!fits(displacement)) continue
    const short = displacement >= -128n && displacement < 128n && random.chance(80)
    const mod = displacement === 0n && (base & 7) !== 5 && random.chance(50) ? 0 : short ? 1 : 2
    const bytes = displacementBytes(displacement, mod)
    if (index === undefined && (base & 7) !== 4)
      return { modRm: (mod << 6) | (base & 7), rest: bytes, bound: [base] }
    const sib = (scale << 6) | ((index === undefined ? 4 : index & 7) << 3) | (base & 7)
    return {
      modRm: (mod << 6) | 4,
      rest: [sib, ...bytes],
      bound: index === undefined ? [base] : [base, index],
    }
  }
  const displacement = offset - BigInt(behind + 5)
  return { modRm: 5, rest: displacementBytes(fits(displacement) ? displacement : 0n, 2), bound: [] }
}

function withIndex(
  random: Random,
  offset: bigint,
  base: number,
  index: number,
  scale: number,
  mod: number,
  displacement: bigint,
  registers: BigUint64Array,
  wrap: (value: bigint) => bigint,
  low: number,
): { modRm: number; rest: number[]; bound: number[] } {
  const sib = (scale << 6) | ((index & 7) << 3) | low
  if (base === index) {
    // value × (1 + 2^scale) + displacement: what the division leaves goes into the displacement.
    const factor = 1n + (1n << BigInt(scale))
    const value = BigInt.asUintN(64, offset - displacement) / factor
    registers[base] = wrap(value)
    const rest = BigInt.asIntN(64, offset - value * factor)
    if (rest >= -0x8000_0000n && rest < 0x8000_0000n) {
      return { modRm: 0x84, rest: [sib, ...displacementBytes(rest, 2)], bound: [base] }
    }
    return { modRm: (mod << 6) | 4, rest: [sib, ...displacementBytes(displacement, mod)], bound: [base] }
  }
  const value = random.chance(60) ? BigInt.asUintN(64, BigInt(random.below(0x400) - 0x200)) : random.uint64()
  registers[index] = value
  registers[base] = wrap(offset - displacement - (value << BigInt(scale)))
  return { modRm: (mod << 6) | 4, rest: [sib, ...displacementBytes(displacement, mod)], bound: [base, index] }
}

function displacementBytes(displacement: bigint, mod: number): number[] {
  const list: number[] = []
  pushLittleEndian(list, displacement, mod === 0 ? 0 : mod === 1 ? 1 : 4)
  return list
}

/** A branch may lead anywhere but into its own bytes and the jump behind them, which would run for ever. */
function branchOffset(random: Random, rip: number, length: number, bytes: number): bigint {
  if (random.chance(5)) return 0n
  for (;;) {
    let offset: number
    if (bytes === 1) offset = (random.next() << 24) >> 24
    else if (random.chance(80)) offset = random.below(0x1800) - 0xc00
    else offset = random.next() | 0
    const target = rip + length + offset
    if (target < rip - 15 || target >= rip + length + 32) return BigInt(offset)
  }
}
