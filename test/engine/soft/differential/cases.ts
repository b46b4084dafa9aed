// One test case: a line of the instruction table becomes a request with random state, an encoding, and the knowledge
// which flags it leaves undefined. What single instructions need to get anywhere (a stack, an equal accumulator,
// a quotient that fits) is arranged here; everything else is left to chance.

import type { Instruction } from '../../../../src/engine/soft/table/index.ts'
import { chooseAddress, type Encoding, encode } from './encode.ts'
import { fillMixed, integer, type Random, single } from './random.ts'
import * as R from './record.ts'

const FLAG_BITS: Record<string, bigint> = { o: 0x800n, s: 0x80n, z: 0x40n, a: 0x10n, p: 4n, c: 1n }
/** Status flags, and TF DF NT AC ID: everything that a program can change. */
export const COMPARED_FLAGS = 0x244dd5n

const RAX = 0
const RCX = 1
const RDX = 2
const RBX = 3
const RSP = 4
const RBP = 5
const RSI = 6
const RDI = 7

/** What an instruction touches in memory where its operands do not say it. */
const MEMORY_BYTES: Record<string, (size: number) => number> = {
  fxsave: () => 512,
  fxrstor: () => 512,
  cmpxchg8b: (size) => (size === 8 ? 16 : 8),
  x87Memory: () => 28,
}
const usesX87 = (row: Instruction): boolean =>
  /^x87|^fxsave|^fwait/.test(row.name) || row.attributes.has('mmx')
const usesSse = (row: Instruction): boolean => row.attributes.has('sse') || row.attributes.has('mmx')

/** The data area's image of a batch. */
export function makeData(random: Random): Uint8Array {
  const words = new BigUint64Array(R.DATA_SIZE / 8)
  fillMixed(random, words, true)
  const bytes = new Uint8Array(words.buffer)
  // Stretches of equal bytes, for repeated comparisons.
  for (let i = 0; i < 24; i++) {
    const at = random.below(R.DATA_SIZE - 256)
    bytes.fill(random.pick([0, 0x41, 0xff, random.below(256)]), at, at + random.below(256))
  }
  return bytes
}

/** Views of one request's bytes. */
export class Request {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly registers: BigUint64Array
  readonly #words: Uint32Array
  readonly #xmm: BigUint64Array
  readonly #patch: BigUint64Array

  constructor(buffer: ArrayBuffer, index: number) {
    const at = index * R.REQUEST_SIZE
    this.bytes = new Uint8Array(buffer, at, R.REQUEST_SIZE)
    this.view = new DataView(buffer, at, R.REQUEST_SIZE)
    this.registers = new BigUint64Array(buffer, at, 16)
    this.#words = new Uint32Array(buffer, at, R.REQUEST_SIZE / 4)
    this.#xmm = new BigUint64Array(buffer, at + R.REQUEST.xmm, 32)
    this.#patch = new BigUint64Array(buffer, at + R.REQUEST.patch, R.PATCH_SIZE / 8)
  }

  /** Random registers and flags; default floating-point state. */
  randomize(random: Random, floats: boolean, x87: boolean): void {
    const words = this.#words
    words.fill(0)
    for (let i = 0; i < 32; i++) words[i] = random.next()
    for (let i = 0; i < 16; i++) if (random.chance(50)) this.registers[i] = integer(random)
    let flags = (random.next() & 0x8d5) | 0x202
    if (random.chance(25)) flags |= 0x400
    if (random.chance(5)) flags |= 0x200000
    words[R.REQUEST.rflags / 4] = flags
    this.view.setUint16(R.REQUEST.fxsave, 0x37f, true)
    this.view.setUint32(R.REQUEST.fxsave + 24, 0x1f80, true)
    if (floats) {
      fillMixed(random, this.#xmm, true)
      this.view.setUint32(R.REQUEST.fxsave + 24, chooseMxcsr(random), true)
    }
    if (x87) this.#randomizeX87(random)
    fillMixed(random, this.#patch, floats || x87)
  }

  /** Valid, empty and odd registers, every TOP, all control words; a pending exception only with its summary bit. */
  #randomizeX87(random: Random): void {
    const { view } = this
    const at = R.REQUEST.fxsave
    const control = random.chance(60) ? 0x37f : (random.next() & 0x0f3f) | 0x40
    let status = (random.below(8) << 11) | (random.next() & 0x4700)
    if (random.chance(40)) status |= random.next() & 0x7f
    if (status & ~control & 0x3f) {
      if (random.chance(80)) status &= ~0x3f
      else status |= 0x8080
    }
    view.setUint16(at, control, true)
    view.setUint16(at + 2, status, true)
    view.setUint8(at + 4, random.chance(50) ? 0xff : random.below(256))
    for (let i = 0; i < 8; i++) {
      const exponent = random.pick([
        0,
        1,
        0x3ffe,
        0x3fff,
        0x4000,
        0x403e,
        0x7ffe,
        0x7fff,
        0x3fc0 + random.below(128),
        random.below(0x8000),
      ])
      const significand = random.pick([
        0n,
        1n << 63n,
        3n << 62n,
        random.uint64() | (1n << 63n),
        random.uint64(),
        1n,
      ])
      view.setBigUint64(at + 32 + 16 * i, significand, true)
      view.setUint16(at + 40 + 16 * i, exponent | (random.below(2) << 15), true)
    }
  }
}

export function chooseMxcsr(random: Random): number {
  if (random.chance(60)) return 0x1f80
  let value = 0x1f80 | (random.below(4) << 13) | (random.next() & 0x3f)
  if (random.chance(15)) value ^= 0x40
  if (random.chance(15)) value ^= 0x8000
  if (random.chance(20)) value &= ~((random.next() & 0x3f) << 7)
  return value
}

/** A place in the code pages away from the tested instruction, or somewhere that faults. */
function codeTarget(random: Random, rip: number): bigint {
  const roll = random.below(100)
  if (roll < 80) {
    const target = R.CODE + random.below(R.CODE_SIZE)
    return BigInt(
      target >= rip - 16 && target < rip + 48 ? R.CODE + ((target - R.CODE + 0x800) % R.CODE_SIZE) : target,
    )
  }
  if (roll < 86) return BigInt(R.DATA + random.below(R.DATA_SIZE))
  if (roll < 92) return BigInt(random.below(0x1000_0000))
  return random.uint64()
}

/** Anywhere in the code pages; across their border; or so that the end lies on the page that is not there. */
function chooseRip(random: Random): number {
  const roll = random.below(100)
  if (roll < 87) return R.CODE + random.below(R.CODE_SIZE - 128)
  if (roll < 97) return R.CODE + 0x1000 - random.below(16)
  return R.CODE + R.CODE_SIZE - 1 - random.below(4)
}

/** Fills `request` with a case for `row`. @returns how it was encoded */
export function makeCase(row: Instruction, random: Random, request: Request): Encoding {
  const { registers, view } = request
  const memoryBytes = MEMORY_BYTES[row.name]
  let rip: number
  let encoding: Encoding
  for (;;) {
    request.randomize(random, usesSse(row), usesX87(row))
    arrangeBefore(row, random, request)
    rip = chooseRip(random)
    encoding = encode(row, random, rip, registers, memoryBytes ? { memoryBytes } : {})
    // The jump that ends the case must fit in whole, unless the instruction itself does not.
    const room = R.CODE + R.CODE_SIZE - rip - encoding.bytes.length
    if ((room < 0 || room >= R.LEAVE.length) && !resultUndefined(row, encoding, registers)) break
  }
  request.bytes.set(encoding.bytes, R.REQUEST.code)
  view.setUint32(R.REQUEST.codeLength, encoding.bytes.length, true)
  view.setBigUint64(R.REQUEST.rip, BigInt(rip), true)
  const { address } = encoding
  const offset =
    address === undefined
      ? random.below(R.DATA_WRITABLE - R.PATCH_SIZE)
      : Number(BigInt.asIntN(48, address)) - R.DATA
  const patchOffset = Math.max(0, Math.min(offset & -8, R.DATA_SIZE - R.PATCH_SIZE))
  view.setUint32(R.REQUEST.patchOffset, patchOffset, true)
  arrangeAfter(row, random, request, encoding, rip)
  ignorePointers(row, request, encoding)
  view.setBigUint64(R.REQUEST.rflagsMask, COMPARED_FLAGS & ~undefinedFlags(row, encoding, registers), true)
  return encoding
}

/** State that has nothing to do with how the instruction is encoded. */
function arrangeBefore(row: Instruction, random: Random, request: Request): void {
  const { registers } = request
  const place = (): bigint => chooseAddress(random, 8)
  if (/^(movs|cmps|stos|lods|scas)$/.test(row.name)) {
    registers[RSI] = place()
    registers[RDI] = random.chance(20) ? registers[RSI]! + BigInt(random.below(40) - 20) : place()
    const roll = random.below(100)
    registers[RCX] =
      roll < 70 ? BigInt(random.below(40)) : roll < 95 ? BigInt(random.below(3000)) : integer(random)
    if (random.chance(40)) registers[RAX] = random.pick([0n, 0x4141_4141_4141_4141n, 0xffff_ffff_ffff_ffffn])
  }
  if (/^(push|pop|call|ret|leave|enter)/.test(row.name)) {
    registers[RSP] = place()
    registers[RBP] = place()
  }
  if (row.name === 'xlat') registers[RBX] = place()
  if (/^(loop|jrcxz)/.test(row.name) && random.chance(70)) {
    registers[RCX] = (random.chance(30) ? BigInt(random.next()) << 32n : 0n) | BigInt(random.below(3))
  }
  if (/^i?div$/.test(row.name) && random.chance(80)) {
    // A high half that lets the quotient fit: the sign, zero, or something small.
    registers[RDX] = random.chance(50)
      ? BigInt.asUintN(64, BigInt.asIntN(64, registers[RAX]!) >> 63n)
      : BigInt(random.below(200))
    if (random.chance(50)) registers[RAX] = registers[RAX]! & 0xffff_ffff_ffff_00ffn
  }
}

/** State that depends on where the operands are. */
function arrangeAfter(
  row: Instruction,
  random: Random,
  request: Request,
  encoding: Encoding,
  rip: number,
): void {
  const { registers, view } = request
  const { address, form, rm, size, bound } = encoding
  const patchOffset = view.getUint32(R.REQUEST.patchOffset, true)
  /** Writes where the operand in memory is, as far as the patch reaches. */
  const putOperand = (value: bigint, bytes: number, offset = 0): void => {
    if (address === undefined) return
    const at = Number(BigInt.asIntN(48, address)) + offset - R.DATA - patchOffset
    if (at < 0 || at + bytes > R.PATCH_SIZE) return
    for (let i = 0; i < bytes; i++)
      request.bytes[R.REQUEST.patch + at + i] = Number((value >> BigInt(8 * i)) & 0xffn)
  }
  switch (row.name) {
    case 'cmpxchg':
      if (random.chance(50)) {
        if (form === 'm') putOperand(registers[RAX]!, encoding.memoryBytes)
        else registers[rm] = registers[RAX]!
      }
      break
    case 'cmpxchg8b':
      if (random.chance(50)) {
        if (size === 8) putOperand(registers[RAX]! | (registers[RDX]! << 64n), 16)
        else putOperand((registers[RAX]! & 0xffff_ffffn) | ((registers[RDX]! & 0xffff_ffffn) << 32n), 8)
      }
      break
    case 'bt':
    case 'bts':
    case 'btr':
    case 'btc':
      // A bit string may reach far: mostly not.
      if (form === 'm' && !bound.includes(encoding.reg) && random.chance(85)) {
        registers[encoding.reg] = BigInt.asUintN(64, BigInt(random.below(0x8000) - 0x4000))
      }
      break
    case 'jmpE':
    case 'callE':
      if (form === 'm') putOperand(codeTarget(random, rip), 8)
      else if (rm !== RSP) registers[rm] = codeTarget(random, rip)
      break
    case 'ret':
    case 'popf': {
      // The patch lies at the top of the stack.
      const top = Number(BigInt.asIntN(48, registers[RSP]!)) - R.DATA
      const at = Math.max(0, Math.min(top & -8, R.DATA_SIZE - R.PATCH_SIZE))
      view.setUint32(R.REQUEST.patchOffset, at, true)
      const inPatch = top - at
      if (row.name === 'ret' && inPatch >= 0 && inPatch <= R.PATCH_SIZE - 8) {
        view.setBigUint64(R.REQUEST.patch + inPatch, codeTarget(random, rip), true)
      }
      break
    }
    case 'fxrstor':
      if (random.chance(90)) putOperand(BigInt(chooseMxcsr(random)), 4, 24)
      break
    case 'ldmxcsr':
      if (random.chance(80)) putOperand(BigInt(chooseMxcsr(random)), 4)
      break
    default:
      if (usesSse(row) && random.chance(10)) putOperand(BigInt(single(random)), 4)
  }
}

/** FIP, FDP, FOP (and FXSAVE's MXCSR_MASK) in a stored image: kept in different cases by different processors. */
function ignorePointers(row: Instruction, { view }: Request, { address, bytes, size }: Encoding): void {
  if (address === undefined) return
  const at = Number(BigInt.asIntN(48, address)) - R.DATA
  const reg = row.name === 'x87Memory' ? storedImage(row.opcode, bytes) : undefined
  const [from, to] =
    row.name === 'fxsave' ? [6, 32] : reg === undefined ? [0, 0] : size === 2 ? [6, 14] : [12, 28]
  const first = Math.max(0, at + from)
  const end = Math.min(R.DATA_SIZE, at + to)
  if (end <= first) return
  view.setUint32(R.REQUEST.ignoredOffset, first, true)
  view.setUint32(R.REQUEST.ignoredLength, end - first, true)
}

/** Is it D9 /6 (FNSTENV) or DD /6 (FNSAVE)? @returns the ModRM byte's reg field then */
function storedImage(opcode: number, bytes: readonly number[]): number | undefined {
  if (opcode !== 0xd9 && opcode !== 0xdd) return undefined
  const modRm = bytes[bytes.indexOf(opcode) + 1]!
  return (modRm >> 3) % 8 === 6 ? 6 : undefined
}

/** SHLD and SHRD of 16 bits by more than 16 (SDM volume 2): the result itself is undefined. */
export function resultUndefined(row: Instruction, encoding: Encoding, registers: BigUint64Array): boolean {
  return /^sh[lr]d$/.test(row.name) && encoding.size === 2 && shiftCount(row, encoding, registers) > 16
}

/** The count that a shift or rotate uses, which the operand size limits. */
function shiftCount(row: Instruction, encoding: Encoding, registers: BigUint64Array): number {
  const last = row.operands.at(-1)!.kind
  const given =
    last === '1' ? 1 : last === 'C' ? Number(registers[RCX]! & 0xffn) : Number(encoding.immediate & 0xffn)
  return given & (row.operands[0]!.size !== 'b' && encoding.size === 8 ? 63 : 31)
}

/** The flags that this very instruction leaves undefined: for shifts and rotates it depends on the count. */
export function undefinedFlags(row: Instruction, encoding: Encoding, registers: BigUint64Array): bigint {
  let letters = row.flags.undefined
  if (/^(rol|ror|rcl|rcr|shl|shr|sar|shld|shrd)$/.test(row.name)) {
    const bytes = row.operands[0]!.size === 'b' ? 1 : encoding.size
    const count = shiftCount(row, encoding, registers)
    if (count === 0) return 0n
    if (count !== 1) letters += 'o'
    if (/^sh[lr]$/.test(row.name) && count >= bytes * 8 && bytes < 4) letters += 'c'
  }
  let bits = 0n
  for (const letter of letters) bits |= FLAG_BITS[letter]!
  return bits
}
