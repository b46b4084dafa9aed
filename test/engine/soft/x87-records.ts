// Records for the x87 tests: one instruction with the whole FPU state it starts from, in the layout that both
// native/x87-oracle.c and core/x87-test-entry.ts read and write, and the comparison of two executed records.
//
// Operands are drawn so that the rare classes are common: zeros, denormals, pseudo-denormals, infinities, quiet and
// signalling NaNs, invalid encodings, the edges of the ranges of all formats, integers and halves, numbers with few
// or nearly all bits set, and pairs that are equal or differ in the last place. The generator is seeded.

export const RECORD = 240
export const OPERAND = 112
const RFLAGS = 224
const INSTRUCTION = 228
const OUTCOME = 232
const REGISTERS = 28
const STATUS_FLAGS = 0x8d5

export interface Draw {
  /** Some registers are empty, in one record of four. */
  empties?: boolean
  /** Some records start with a pending unmasked exception. */
  pending?: boolean
  /** Control word for all records; otherwise random rounding, precision and, in a quarter, masks. */
  control?: number
  /** All exceptions masked. */
  masked?: boolean
  /** Fills the memory operand; otherwise it is random. */
  operand?: (random: Random, record: Buffer, at: number) => void
  /** Draws ST(index); otherwise a float of any class. */
  register?: (random: Random, record: Buffer, at: number, index: number) => void
}

/** A small fast generator (sfc32) with the draws the tests need. */
export class Random {
  #a: number
  #b = 0x9e3779b9
  #c = 0x243f6a88
  #counter = 1

  constructor(seed: number) {
    this.#a = seed | 0
    for (let i = 0; i < 12; i++) this.bits()
  }

  bits(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0
    return t >>> 0
  }

  below(n: number): number {
    return this.bits() % n
  }

  oneIn(n: number): boolean {
    return this.below(n) === 0
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
}

/** Exponents at the edges of double, single and the integer formats. */
const EDGES = [
  0x3c01, 0x3c00, 0x3bff, 0x3bcc, 0x43fe, 0x43ff, 0x3f81, 0x3f80, 0x407e, 0x407f, 0x3f69, 0x400e, 0x401e,
]

export function writeFloat(
  record: Buffer,
  at: number,
  high: number,
  low: number,
  signAndExponent: number,
): void {
  record.writeUInt32LE(low >>> 0, at)
  record.writeUInt32LE(high >>> 0, at + 4)
  record.writeUInt16LE(signAndExponent, at + 8)
}

/** A normalized significand: often with few ones, few zeros, or a short tail. */
export function writeNormal(random: Random, record: Buffer, at: number, signAndExponent: number): void {
  let high = (random.bits() | 0x80000000) >>> 0
  let low = random.bits()
  const cut = random.below(64)
  const keepHigh = cut < 32 ? 0xffffffff : ~(0xffffffff >>> (63 - cut))
  const keepLow = cut < 32 ? ~((1 << cut) - 1) : 0
  switch (random.below(8)) {
    case 0:
      high = 0x80000000
      low = 0
      break
    case 1:
      high = cut < 32 ? 0x80000000 : (0x80000000 | (1 << (cut - 32))) >>> 0
      low = cut < 32 ? (1 << cut) >>> 0 : 0
      break
    case 2:
      high = 0xffffffff
      low = (0xffffffff - random.below(4)) >>> 0
      break
    case 3:
      high = (0x80000000 | keepHigh) >>> 0
      low = keepLow
      break
    case 4:
    case 5:
      high = (0x80000000 | (high & keepHigh)) >>> 0
      low &= keepLow
      break
  }
  writeFloat(record, at, high, low, signAndExponent)
}

function writeInteger(random: Random, record: Buffer, at: number, sign: number): void {
  const length = 1 + random.below(64)
  const half = random.oneIn(3) ? 1n : 0n
  const value = ((BigInt(random.bits()) << 32n) | BigInt(random.bits())) >> BigInt(64 - length)
  const digits = ((value << 1n) | half).toString(2)
  if (value === 0n && half === 0n) {
    writeFloat(record, at, 0, 0, sign)
    return
  }
  const bits = BigInt.asUintN(64, ((value << 1n) | half) << BigInt(Math.max(0, 64 - digits.length)))
  writeFloat(
    record,
    at,
    Number(bits >> 32n) | 0x80000000,
    Number(bits & 0xffffffffn),
    sign | (16381 + digits.length),
  )
}

/** The classes of writeAnyFloat; the last one, ordinary numbers, fills up to sixteen. */
const CLASSES: readonly ((random: Random, record: Buffer, at: number, sign: number) => void)[] = [
  (_, record, at, sign) => writeFloat(record, at, 0, 0, sign),
  (random, record, at, sign) =>
    random.oneIn(2)
      ? writeFloat(record, at, 0, random.bits() >>> random.below(31), sign)
      : writeFloat(record, at, random.bits() >>> (1 + random.below(31)), random.bits(), sign),
  // Pseudo-denormal.
  (random, record, at, sign) => writeNormal(random, record, at, sign),
  // Infinity, QNaN, SNaN.
  (_, record, at, sign) => writeFloat(record, at, 0x80000000, 0, sign | 0x7fff),
  (random, record, at, sign) =>
    writeFloat(record, at, random.bits() | 0xc0000000, random.oneIn(2) ? 0 : random.bits(), sign | 0x7fff),
  (random, record, at, sign) =>
    writeFloat(record, at, (random.bits() & 0x3fffffff) | 0x80000000, random.bits() | 1, sign | 0x7fff),
  // Unnormal, pseudo-infinity, pseudo-NaN.
  (random, record, at, sign) => {
    const exponent = random.oneIn(2) ? 0x7fff : 1 + random.below(0x7fff)
    const zero = random.oneIn(2)
    writeFloat(record, at, zero ? 0 : random.bits() >>> 1, zero ? 0 : random.bits(), sign | exponent)
  },
  // Near overflow, near underflow.
  (random, record, at, sign) => writeNormal(random, record, at, sign | (0x7ffe - random.below(3))),
  (random, record, at, sign) => writeNormal(random, record, at, sign | (1 + random.below(3))),
  writeInteger,
  (random, record, at, sign) => writeNormal(random, record, at, sign | random.pick(EDGES)),
  (random, record, at, sign) => writeNormal(random, record, at, sign | (1 + random.below(0x7ffe))),
  (random, record, at, sign) => writeNormal(random, record, at, sign | (16383 - 70 + random.below(140))),
]

export function writeAnyFloat(random: Random, record: Buffer, at: number): void {
  const drawn = random.below(16)
  CLASSES[Math.min(drawn, CLASSES.length - 1)]!(random, record, at, random.below(2) << 15)
}

/** A normal number with a biased exponent of 16383 + from … 16383 + to. */
export function within(
  from: number,
  to: number,
  signs = 2,
): (random: Random, record: Buffer, at: number) => void {
  return (random, record, at) =>
    writeNormal(
      random,
      record,
      at,
      (random.below(signs) << 15) | (16383 + from + random.below(to - from + 1)),
    )
}

/** `count` records, the instructions (opcode, ModRM) in turn. */
export function drawRecords(
  seed: number,
  count: number,
  instructions: readonly number[][],
  draw: Draw,
): Buffer {
  const random = new Random(seed)
  const records = Buffer.alloc(count * RECORD)
  for (let i = 0; i < count; i++)
    drawRecord(random, records, i * RECORD, instructions[i % instructions.length]!, draw)
  return records
}

function drawRecord(random: Random, records: Buffer, at: number, instruction: number[], draw: Draw): void {
  const masks = draw.masked || !random.oneIn(4) ? 0x3f : random.below(64)
  const control = (random.below(4) << 10) | (random.pick([3, 3, 2, 0, 1]) << 8) | 0x40 | masks
  records.writeUInt16LE(draw.control ?? control, at)
  const top = random.below(8)
  let status = (top << 11) | (random.oneIn(2) ? random.bits() & 0x4700 : 0)
  if (draw.pending && random.oneIn(16)) status |= random.bits() & 0x80bf
  records.writeUInt16LE(status, at + 4)
  let tags = 0
  if (draw.empties && random.oneIn(4)) for (let i = 0; i < 16; i += 2) tags |= random.below(2) * (3 << i)
  else if (!random.oneIn(8)) tags = 3 << (2 * ((top + 7) & 7)) // room for a push
  records.writeUInt16LE(tags, at + 8)
  for (let i = 0; i < 8; i++) {
    const to = at + REGISTERS + i * 10
    if (draw.register) draw.register(random, records, to, i)
    else if (i === 1 && random.oneIn(6)) {
      // Equal to ST(0), or its neighbour.
      records.copy(records, to, to - 10, to)
      if (random.oneIn(2)) records[to + 9]! ^= 0x80
      if (random.oneIn(2)) records[to]! ^= random.below(2)
      if (random.oneIn(2))
        records.writeUInt16LE((records.readUInt16LE(to + 8) + random.below(3)) & 0xffff, to + 8)
    } else writeAnyFloat(random, records, to)
  }
  for (let i = 0; i < 112; i += 4) records.writeUInt32LE(random.bits(), at + OPERAND + i)
  draw.operand?.(random, records, at + OPERAND)
  records.writeUInt32LE(random.bits() & STATUS_FLAGS, at + RFLAGS)
  records[at + INSTRUCTION] = instruction[0]!
  records[at + INSTRUCTION + 1] = instruction[1]!
}

export interface Tolerance {
  /** Units in the last place by which registers may differ. */
  ulps?: number
  /** Status word bits that must agree. */
  status?: number
}

export interface Comparison {
  /** One line for each of the first differing records. */
  differences: string[]
  differing: number
  /** Registers that were equal only within the tolerance. */
  close: number
}

export function compareRecords(
  before: Buffer,
  native: Buffer,
  ours: Buffer,
  tolerance: Tolerance,
): Comparison {
  const result: Comparison = { differences: [], differing: 0, close: 0 }
  for (let at = 0; at < before.length; at += RECORD) {
    if (native.compare(ours, at, at + RFLAGS, at, at + RFLAGS) === 0 && sameEnd(native, ours, at)) continue
    const found = differencesOf(native, ours, at, tolerance, result)
    if (found.length === 0) continue
    result.differing++
    if (result.differences.length < 5)
      result.differences.push(`${describe(before, at)}\n    ${found.join('; ')}`)
  }
  return result
}

function sameEnd(native: Buffer, ours: Buffer, at: number): boolean {
  return (
    native.readUInt32LE(at + OUTCOME) === ours.readUInt32LE(at + OUTCOME) &&
    ((native.readUInt32LE(at + RFLAGS) ^ ours.readUInt32LE(at + RFLAGS)) & STATUS_FLAGS) === 0
  )
}

function differencesOf(
  native: Buffer,
  ours: Buffer,
  at: number,
  tolerance: Tolerance,
  count: Comparison,
): string[] {
  const found: string[] = []
  const word = (name: string, offset: number, mask = 0xffff) => {
    const a = native.readUInt16LE(at + offset) & mask
    const b = ours.readUInt16LE(at + offset) & mask
    if (a !== b) found.push(`${name}: processor ${a.toString(16)}, ours ${b.toString(16)}`)
  }
  word('outcome', OUTCOME)
  word('CW', 0)
  word('SW', 4, tolerance.status)
  word('tags', 8)
  word('rflags', RFLAGS, STATUS_FLAGS)
  for (let i = 0; i < 8; i++) {
    const register = at + REGISTERS + i * 10
    if (native.compare(ours, register, register + 10, register, register + 10) === 0) continue
    if (distance(native, ours, register) <= (tolerance.ulps ?? 0)) count.close++
    else found.push(`ST(${i}): processor ${floatText(native, register)}, ours ${floatText(ours, register)}`)
  }
  const operand = at + OPERAND
  if (native.compare(ours, operand, operand + 112, operand, operand + 112) !== 0) {
    found.push(
      `memory: processor ${native.toString('hex', operand, operand + 28)}, ours ${ours.toString('hex', operand, operand + 28)}`,
    )
  }
  return found
}

/** How many floats lie between two of the same sign; Infinity for different signs. */
function distance(a: Buffer, b: Buffer, at: number): number {
  if ((a[at + 9]! ^ b[at + 9]!) & 0x80) return Number.POSITIVE_INFINITY
  const difference = place(a, at) - place(b, at)
  return Number(difference < 0n ? -difference : difference)
}

function place(record: Buffer, at: number): bigint {
  const exponent = BigInt(record.readUInt16LE(at + 8) & 0x7fff)
  const significand = record.readBigUInt64LE(at)
  return exponent === 0n ? significand : ((exponent - 1n) << 63n) + significand
}

export function floatText(record: Buffer, at: number): string {
  const hex = (value: number | bigint, digits: number) => value.toString(16).padStart(digits, '0')
  return `${hex(record.readUInt16LE(at + 8), 4)}:${hex(record.readBigUInt64LE(at), 16)}`
}

function describe(record: Buffer, at: number): string {
  const word = (offset: number) => record.readUInt16LE(at + offset).toString(16)
  const registers = [0, 1, record[at + INSTRUCTION + 1]! & 7].map(
    (i) => `ST(${i}) ${floatText(record, at + REGISTERS + i * 10)}`,
  )
  const operand = record.toString('hex', at + OPERAND, at + OPERAND + 10)
  const instruction = record.toString('hex', at + INSTRUCTION, at + INSTRUCTION + 2)
  return `${instruction} CW ${word(0)} SW ${word(4)} tags ${word(8)} ${registers.join(' ')} operand ${operand}`
}
