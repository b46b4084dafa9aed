// From the lines of the table to numbered handlers: one for each combination of a line, an operand size and a form
// of its operand in memory; combinations that would be the same function share a number. The generator makes the
// interpreter's functions of this list, and the translator looks up in it what an operation that the decoder wrote means.

import { instructions } from './index.ts'
import type { Instruction, Operand } from './instruction.ts'

/** Where an E operand is: a register, memory, memory addressed by base and displacement alone. */
export type Form = 'r' | 'm' | 's'

/** One function of the interpreter: a line of the table for one operand size (2, 4 or 8 bytes) and one form. */
export interface Handler {
  readonly name: string
  readonly row: Instruction
  readonly size: number
  readonly form: Form
}

const SIZES = [2, 4, 8] as const
export const TYPES: Record<number, string> = { 1: 'u8', 2: 'u16', 4: 'u32', 8: 'u64' }

// Flags and kinds: the same numbers as in core/decode.ts.
const F = { modRm: 1, group: 2, d64: 4, f64: 8, lock: 0x10, end: 0x20, splitRm: 0x40 }
const IMM: Record<string, number> = { b: 1, s: 2, w: 3, z: 4, v: 5, o: 6, wb: 7, jb: 8, jz: 9 }
const R = { gpr: 0, gpr8: 1, xmm: 2, number: 3, mmx: 4, opcode: 5, opcode8: 6 }

/** A line of the decoder's table; core/decode.ts draws its 24 bytes. */
export interface Entry {
  flags: number
  imm: number
  g: number
  e: number
  /** Handler numbers: size16/32/64 register, memory, simple memory. */
  handlers: number[]
  group?: number
}

/** Handlers that no line makes; they have the first numbers. */
export const SPECIAL_HANDLERS: readonly string[] = [
  'undefinedInstruction',
  'leaveBefore',
  'instructionTooLong',
]

export interface Enumeration {
  readonly entries: readonly Entry[]
  /** map (4) × mandatory prefix (none, 66, F3, F2) × opcode: index of an entry. */
  readonly opcodes: Uint16Array
  /** By number, counted from SPECIAL_HANDLERS.length. */
  readonly handlers: readonly Handler[]
}

let handlers: Handler[] = []
let numbers = new Map<string, number>()

export function enumerateHandlers(): Enumeration {
  handlers = []
  numbers = new Map()
  const entries: Entry[] = [{ flags: 0, imm: 0, g: 0, e: 0, handlers: Array(9).fill(0) }]
  const opcodes = new Uint16Array(4 * 4 * 256)
  const prefixIndex = { np: [0], '66': [1], f3: [2], f2: [3], any: [0, 1, 2, 3] }

  // Lines with a mandatory prefix win over lines without one, whatever their order.
  const byKey = new Map<number, Instruction[]>()
  for (const pass of ['any', 'own'] as const) {
    for (const row of instructions()) {
      if ((row.prefix === 'any') !== (pass === 'any')) continue
      for (const p of prefixIndex[row.prefix]) {
        const opcodeCount = row.operands.some((operand) => operand.kind === 'Z') ? 8 : 1
        for (let i = 0; i < opcodeCount; i++) {
          const key = (row.map << 10) | (p << 8) | (row.opcode + i)
          const list = byKey.get(key) ?? []
          if (pass === 'own') {
            // Replace general lines that select the same thing.
            const same = list.findIndex(
              (other) => other.prefix === 'any' && other.digit === row.digit && other.form === row.form,
            )
            if (same >= 0) list.splice(same, 1)
          }
          list.push(row)
          byKey.set(key, list)
        }
      }
    }
  }

  const made = new Map<Instruction, number>()
  const groupsMade = new Map<string, number>()
  const entryOf = (row: Instruction): number => {
    let number = made.get(row)
    if (number === undefined) {
      number = entries.length
      entries.push(makeEntry(row))
      made.set(row, number)
    }
    return number
  }
  for (const [key, rows] of byKey) {
    const grouped = rows.some((row) => row.digit !== undefined || row.form !== undefined)
    if (!grouped) {
      if (rows.length !== 1)
        throw new Error(`two lines for one opcode: ${rows.map((row) => row.line).join(' | ')}`)
      opcodes[key] = entryOf(rows[0]!)
      continue
    }
    const identity = rows.map((row) => row.line).join('|')
    let number = groupsMade.get(identity)
    if (number === undefined) {
      number = makeGroup(rows, entries, entryOf)
      groupsMade.set(identity, number)
    }
    opcodes[key] = number
  }
  return { entries, opcodes, handlers }
}

/** A group: sixteen entries by ModRM.reg, register forms first; a register form may split by ModRM.rm. */
function makeGroup(rows: Instruction[], entries: Entry[], entryOf: (row: Instruction) => number): number {
  const first = entries.length + 1
  const number = entries.length
  entries.push({ flags: F.modRm | F.group, imm: 0, g: 0, e: 0, handlers: Array(9).fill(0), group: first })
  const copies: (() => void)[] = []
  for (let slot = 0; slot < 16; slot++) {
    const form = slot < 8 ? 'r' : 'm'
    const candidates = rows.filter(
      (row) =>
        (row.digit === undefined || row.digit === slot % 8) && (row.form === undefined || row.form === form),
    )
    const index = entries.length
    entries.push({ flags: F.modRm, imm: 0, g: 0, e: 0, handlers: Array(9).fill(0) })
    const split = candidates.filter((row) => row.rm !== undefined)
    const whole = candidates.find((row) => row.rm === undefined)
    if (split.length === 0) {
      if (whole) copies.push(() => (entries[index] = { ...entries[entryOf(whole)]! }))
      continue
    }
    copies.push(() => {
      entries[index] = {
        flags: F.modRm | F.splitRm,
        imm: 0,
        g: 0,
        e: 0,
        handlers: Array(9).fill(0),
        group: entries.length,
      }
      const base = entries.length
      for (let rm = 0; rm < 8; rm++)
        entries.push({ flags: F.modRm, imm: 0, g: 0, e: 0, handlers: Array(9).fill(0) })
      for (let rm = 0; rm < 8; rm++) {
        const row = split.find((candidate) => candidate.rm === rm) ?? whole
        if (row) entries[base + rm] = { ...entries[entryOf(row)]! }
      }
    })
  }
  for (const copy of copies) copy()
  return number
}

function makeEntry(row: Instruction): Entry {
  const entry: Entry = { flags: 0, imm: 0, g: 0, e: 0, handlers: Array(9).fill(0) }
  const hasModRm =
    row.digit !== undefined ||
    row.form !== undefined ||
    row.operands.some((operand) => /[EGMVWPQRSNU]/.test(operand.kind))
  if (hasModRm) entry.flags |= F.modRm
  for (const [name, bit] of [
    ['d64', F.d64],
    ['f64', F.f64],
    ['lock', F.lock],
    ['end', F.end],
  ] as const) {
    if (row.attributes.has(name)) entry.flags |= bit
  }
  for (const { kind, size } of row.operands) {
    if (kind === 'I') entry.imm = IMM[size] ?? fail(row)
    else if (kind === 'J') entry.imm = IMM[`j${size}`] ?? fail(row)
    else if (kind === 'O') entry.imm = IMM.o!
    else if (kind === 'G') entry.g = size === 'b' ? R.gpr8 : R.gpr
    else if (kind === 'E') entry.e = size === 'b' ? R.gpr8 : R.gpr
    else if (kind === 'R') entry.e = R.gpr
    else if (kind === 'Z') entry.e = size === 'b' ? R.opcode8 : R.opcode
    else if (kind === 'V') entry.g = R.xmm
    else if (kind === 'W' || kind === 'U') entry.e = R.xmm
    else if (kind === 'P') entry.g = R.mmx
    else if (kind === 'Q' || kind === 'N') entry.e = R.mmx
    else if (kind === 'S' || kind === 'X') entry.g = R.number
  }
  const memory = hasModRm && row.form !== 'r' && !row.operands.some((operand) => /[RNU]/.test(operand.kind))
  const register = !hasModRm || (row.form !== 'm' && !row.operands.some((operand) => operand.kind === 'M'))
  for (const [i, size] of SIZES.entries()) {
    if (register) entry.handlers[i] = numberOf(row, size, 'r')
    if (memory) {
      entry.handlers[3 + i] = numberOf(row, size, 'm')
      entry.handlers[6 + i] = numberOf(row, size, 's')
    }
  }
  return entry
}

export function fail(row: Instruction): never {
  throw new Error(`cannot make a handler: ${row.line}`)
}

/** Bytes of an operand when the operand size is `size`. */
export function bytesOf(operand: Operand, size: number): number {
  switch (operand.size) {
    case 'b':
    case 's':
      return 1
    case 'w':
      return 2
    case 'd':
    case 'ss':
      return 4
    case 'q':
    case 'sd':
      return 8
    case 'y':
      return size === 8 ? 8 : 4
    case 'z':
      return size === 2 ? 2 : 4
    case 'x':
    case 'dq':
    case 'ps':
    case 'pd':
      return 16
    default:
      return size
  }
}

export function isMmx(operand: Operand): boolean {
  return /[PQN]/.test(operand.kind)
}

/** @returns the number of the handler for this line, size and form; equal ones are shared */
function numberOf(row: Instruction, size: number, form: Form): number {
  const cc = row.attributes.has('cc') ? (row.opcode & 15).toString(16) : ''
  // How long an immediate or a jump's displacement was is the decoder's business: one handler serves all.
  const suffix = row.operands
    .map(({ kind, size: letters, access }) => {
      const length = kind === 'J' || (kind === 'I' && /^[szv]$/.test(letters)) ? '' : letters
      return kind + length + (access === 'r' ? '' : access)
    })
    .join('_')
  const type = row.custom ? customType(row, size) : undefined
  const sized = row.custom
    ? type !== undefined
    : row.operands.some((operand) => /^[vyz]?$/.test(operand.size))
  const name = `h_${row.name}${cc}_${suffix}_${sized ? size * 8 : 'x'}${form}`
  let number = numbers.get(name)
  if (number === undefined) {
    number = SPECIAL_HANDLERS.length + handlers.length
    handlers.push({ name, row, size, form })
    numbers.set(name, number)
  }
  return number
}

/** The type parameter of a `!name` meaning: from its first sized operand; none when all sizes are fixed. */
export function customType(row: Instruction, size: number): string | undefined {
  if (row.attributes.has('sized')) return TYPES[size]
  const operand = row.operands.find(
    ({ kind, size: letters }) => /[EGZA]/.test(kind) || (kind === 'I' && /^[zs]$/.test(letters)),
  )
  if (!operand) return undefined
  if (operand.kind === 'I') return TYPES[size]
  if (operand.size === 'b') return 'u8'
  if (operand.size === 'z') return TYPES[Math.min(size, 4)]
  return /^v?$/.test(operand.size) ? TYPES[size] : undefined
}
