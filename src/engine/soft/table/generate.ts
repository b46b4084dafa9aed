// Makes the AssemblyScript sources in core/generated/ from the instruction table: the decoder's tables and one
// handler for each combination of operand size and form. Run by scripts/build.mjs before the core is compiled.
//
// A handler is a few lines around a meaning: fetch the operands, call the meaning, write the result. It comes in
// up to nine versions: 16/32/64 bits × register, memory, memory with the simplest addressing (base + displacement).

import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { hotHandlers } from './hot.ts'
import { instructions } from './index.ts'
import type { Instruction, Operand } from './instruction.ts'

type Form = 'r' | 'm' | 's'

const SIZES = [2, 4, 8] as const
const TYPES: Record<number, string> = { 1: 'u8', 2: 'u16', 4: 'u32', 8: 'u64' }

// Flags and kinds: the same numbers as in core/decode.ts.
const F = { modRm: 1, group: 2, d64: 4, f64: 8, lock: 0x10, end: 0x20, splitRm: 0x40 }
const IMM: Record<string, number> = { b: 1, s: 2, w: 3, z: 4, v: 5, o: 6, wb: 7, jb: 8, jz: 9 }
const R = { gpr: 0, gpr8: 1, xmm: 2, number: 3, mmx: 4, opcode: 5, opcode8: 6 }

interface Entry {
  flags: number
  imm: number
  g: number
  e: number
  /** Handler numbers: size16/32/64 register, memory, simple memory. */
  handlers: number[]
  group?: number
}

const handlerNames: string[] = ['undefinedInstruction', 'leaveBefore', 'instructionTooLong']
const handlerCode = new Map<string, string>()
const imports = new Set<string>()

function main(): void {
  const entries: Entry[] = [{ flags: 0, imm: 0, g: 0, e: 0, handlers: Array(9).fill(0) }]
  // map (4) × mandatory prefix (none, 66, F3, F2) × opcode
  const opcodes = new Uint16Array(4 * 4 * 256)
  const prefixIndex = { np: [0], '66': [1], f3: [2], f2: [3], any: [0, 1, 2, 3] }

  // Lines with a mandatory prefix win over lines without one, whatever their order.
  const byKey = new Map<number, Instruction[]>()
  for (const pass of ['any', 'own'] as const) {
    for (const row of instructions) {
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
  write(entries, opcodes)
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
    if (register) entry.handlers[i] = makeHandler(row, size, 'r')
    if (memory) {
      entry.handlers[3 + i] = makeHandler(row, size, 'm')
      entry.handlers[6 + i] = makeHandler(row, size, 's')
    }
  }
  return entry
}

function fail(row: Instruction): never {
  throw new Error(`cannot make a handler: ${row.line}`)
}

/** Bytes of an operand when the operand size is `size`. */
function bytesOf(operand: Operand, size: number): number {
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

function isMmx(operand: Operand): boolean {
  return /[PQN]/.test(operand.kind)
}

/** @returns the number of the handler for this line, size and form; equal ones are shared */
function makeHandler(row: Instruction, size: number, form: Form): number {
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
  let index = handlerNames.indexOf(name)
  if (index >= 0) return index
  index = handlerNames.length
  handlerNames.push(name)
  handlerCode.set(
    name,
    row.custom ? customHandler(row, form, name, type) : plainHandler(row, size, form, name),
  )
  return index
}

/** The type parameter of a `!name` meaning: from its first sized operand; none when all sizes are fixed. */
function customType(row: Instruction, size: number): string | undefined {
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

function customHandler(row: Instruction, form: Form, name: string, type: string | undefined): string {
  imports.add(row.name)
  const generic = type === undefined ? '' : `<${type}>`
  const parameters = ['op']
  const takesForm = row.operands.some((operand) => /[EWQM]/.test(operand.kind))
  if (takesForm) parameters.push(form === 'r' ? '0' : form === 'm' ? '1' : '2')
  if (row.attributes.has('cc')) parameters.push(String(row.opcode & 15))
  let guard = row.attributes.has('cpl0') ? '  if (load<u32>(CPL) != 0) return raise(GP_VECTOR, 0)\n' : ''
  if (row.attributes.has('sse')) guard += '  if (!sseUsable()) return FAULT\n'
  if (row.attributes.has('mmx')) guard += '  if (!mmxUsable()) return FAULT\n'
  return `function ${name}(op: usize): i32 {\n${guard}  return ${row.name}${generic}(${parameters.join(', ')})\n}\n`
}

function plainHandler(row: Instruction, size: number, form: Form, name: string): string {
  imports.add(row.name)
  const lines: string[] = []
  if (row.attributes.has('cpl0')) lines.push('if (load<u32>(CPL) != 0) return raise(GP_VECTOR, 0)')
  const address = form === 's' ? 'simpleAddress(op)' : 'fullAddress(op)'
  const values: string[] = []
  let result: { operand: Operand; type: string; pointer: string } | undefined
  let pointer = ''
  for (const [i, operand] of row.operands.entries()) {
    const bytes = bytesOf(operand, size)
    // MMX operands are vectors, too: their meanings look at the lower half only, or are those of the XMM form.
    const type = bytes === 16 || isMmx(operand) ? 'v128' : TYPES[bytes]!
    const x = `x${i}`
    const inMemory = form !== 'r' && /[EWQ]/.test(operand.kind)
    let read = ''
    if (inMemory) {
      const access = operand.access === 'r' ? 'readPtr' : operand.access === 'rw' ? 'writePtr' : ''
      if (access !== '') {
        lines.push(`const p = ${access}(${address}, ${bytes})`, 'if (!p) return FAULT')
        pointer = 'p'
        if (bytes === 16 && row.attributes.has('aligned'))
          lines.splice(-2, 0, `if (${address} & 15) return raise(GP_VECTOR, 0)`)
      }
      read = isMmx(operand) ? `v128.load${bytes * 8}_zero(p)` : `load<${type}>(p)`
    } else if (operand.kind === 'G' || operand.kind === 'E' || operand.kind === 'Z' || operand.kind === 'R') {
      read = `getReg<${type}>(${operand.kind === 'G' ? 'opG' : 'opE'}(op))`
    } else if (operand.kind === 'V' || operand.kind === 'W' || operand.kind === 'U') {
      read = `load<${type}>(XMM + <usize>${operand.kind === 'V' ? 'opG' : 'opE'}(op))`
    } else if (operand.kind === 'P' || operand.kind === 'Q' || operand.kind === 'N') {
      read = `v128.load${bytes * 8}_zero(MMX + <usize>${operand.kind === 'P' ? 'opG' : 'opE'}(op))`
    } else if (operand.kind === 'I') {
      // As wide as the operand it meets: sign-extended by the decoder already.
      const other = row.operands.find((o) => o !== operand && /[EGAZ]/.test(o.kind))
      const width = operand.size === 'b' || operand.size === 'w' ? bytes : other ? bytesOf(other, size) : size
      read = `<${TYPES[width]}>opImm(op)`
    } else if (operand.kind === 'A') {
      read = `getReg<${type}>(RAX)`
    } else if (operand.kind === 'C') {
      read = 'getReg<u8>(RCX)'
    } else if (operand.kind === '1') {
      read = '<u8>1'
    } else if (operand.kind === 'M') {
      read = 'offsetAddress(op)'
    } else if (operand.kind === 'O') {
      if (operand.access === 'r') {
        lines.push(`const p = readPtr(fullAddress(op), ${bytes})`, 'if (!p) return FAULT')
        read = `load<${type}>(p)`
      }
    } else {
      fail(row)
    }
    if (operand.access !== 'w') {
      lines.push(`const ${x} = ${read}`)
      values.push(x)
    }
    if (operand.access !== 'r') {
      if (result) fail(row)
      result = { operand, type, pointer: inMemory && operand.access === 'rw' ? pointer : '' }
    }
  }
  const generics: string[] = []
  const sizesSeen = new Set<string>()
  for (const operand of row.operands) {
    if (!/[EGZAOR]/.test(operand.kind) || sizesSeen.has(operand.size)) continue
    sizesSeen.add(operand.size)
    generics.push(TYPES[bytesOf(operand, size)] ?? fail(row))
  }
  // Lines marked `plain` have a meaning without type parameters.
  const generic = row.attributes.has('plain') || generics.length === 0 ? '' : `<${generics.join(', ')}>`
  if (row.attributes.has('cc')) values.push(String(row.opcode & 15))
  const call = `${row.name}${generic}(${values.join(', ')})`
  const enterMmx = row.attributes.has('mmx') ? ['x87EnterMmx()'] : []
  if (!result) {
    lines.push(...enterMmx, call)
    if (row.attributes.has('simd')) lines.push('if (simdFault) return raiseSimd()')
  } else {
    const { operand, type } = result
    const inMemory = (form !== 'r' && /[EWQ]/.test(operand.kind)) || operand.kind === 'O'
    lines.push(`const result = ${call}`)
    if (!inMemory) lines.push(...enterMmx)
    if (row.attributes.has('simd')) lines.push('if (simdFault) return raiseSimd()')
    if (inMemory) {
      let p = result.pointer
      if (p === '') {
        const bytes = bytesOf(operand, size)
        const where = operand.kind === 'O' ? 'fullAddress(op)' : address
        if (bytes === 16 && row.attributes.has('aligned'))
          lines.push(`if (${where} & 15) return raise(GP_VECTOR, 0)`)
        lines.push(`const q = storePtr(${where}, ${bytes})`, 'if (!q) return FAULT')
        p = 'q'
      }
      lines.push(
        ...enterMmx,
        isMmx(operand) ? `v128.store64_lane(${p}, result, 0)` : `store<${type}>(${p}, result)`,
        `if (${p} < SCRATCH_END) commit()`,
      )
    } else if (/[VWU]/.test(operand.kind)) {
      lines.push(`store<${type}>(XMM + <usize>${operand.kind === 'V' ? 'opG' : 'opE'}(op), result)`)
    } else if (/[PQN]/.test(operand.kind)) {
      lines.push(`setMmx(${operand.kind === 'P' ? 'opG' : 'opE'}(op), result)`)
    } else {
      const offset = operand.kind === 'G' ? 'opG(op)' : operand.kind === 'A' ? 'RAX' : 'opE(op)'
      lines.push(`setReg<${type}>(${offset}, result)`)
    }
  }
  if (row.attributes.has('sse')) lines.unshift('if (!sseUsable()) return FAULT')
  if (row.attributes.has('mmx')) lines.unshift('if (!mmxUsable()) return FAULT')
  return `function ${name}(op: usize): i32 {\n${lines.map((line) => `  ${line}\n`).join('')}  return NEXT\n}\n`
}

function write(entries: Entry[], opcodes: Uint16Array): void {
  const entryBytes = Buffer.alloc(entries.length * 24)
  for (const [i, entry] of entries.entries()) {
    const at = i * 24
    entryBytes[at] = entry.flags
    entryBytes[at + 1] = entry.imm
    entryBytes[at + 2] = entry.g
    entryBytes[at + 3] = entry.e
    entryBytes.writeUInt16LE(entry.group ?? 0, at + 4)
    for (const [j, handler] of entry.handlers.entries()) entryBytes.writeUInt16LE(handler, at + 6 + j * 2)
  }
  const hot = new Set(hotHandlers)
  for (const name of hot)
    if (!handlerCode.has(name)) throw new Error(`hot.ts names ${name}, which no line makes`)
  const bytes = (buffer: Uint8Array): string => [...buffer].join(',')
  const source = `// Generated by table/generate.ts from the instruction table. Do not edit.
import { CPL, GP_VECTOR, FAULT, NEXT, RAX, RCX, XMM, getReg, setReg, raise } from '../state'
import { SCRATCH_END } from '../layout'
import { opE, opG, opHandler, opImm, fullAddress, simpleAddress, offsetAddress } from '../operation'
import { readPtr, writePtr, storePtr, commit } from '../mmu'
import { MMX, sseUsable, mmxUsable } from '../usable'
import { setMmx } from '../mmx'
import { x87EnterMmx } from '../x87-state'
import { raiseSimd, simdFault } from '../sse-mxcsr'
import { undefinedInstruction, leaveBefore, instructionTooLong, ${[...imports].join(', ')} } from '../meanings'

export const OPCODES: usize = memory.data<u8>([${bytes(new Uint8Array(opcodes.buffer))}])
export const ENTRIES: usize = memory.data<u8>([${bytes(entryBytes)}])
const INDICES: usize = memory.data(${handlerNames.length * 2}, 8)

/** What an operation holds for a handler number: a case of \`dispatch\`, or HOT plus its function-table index. */
// @ts-ignore: decorator
@inline export function handlerIndex(handler: u32): u32 {
  return load<u16>(INDICES + (<usize>handler << 1))
}
const HOT: u32 = ${hotHandlers.length}

/** Runs an operation: the most frequent handlers are compiled into the dispatcher, the others called. */
// @ts-ignore: decorator
@inline export function dispatch(op: usize): i32 {
  const handler = opHandler(op)
  switch (handler) {
${hotHandlers.map((name, i) => `    case ${i}: return ${name}(op)`).join('\n')}
    default: return call_indirect<i32>(handler - HOT, op)
  }
}
export function undefinedHandler(): u32 { return 0 }
export function leaveHandler(): u32 { return load<u16>(INDICES, 2) }
export function tooLongHandler(): u32 { return 2 }

${[...handlerCode].map(([name, code]) => (hot.has(name) ? `// @ts-ignore: decorator\n@inline ${code}` : code)).join('\n')}
export function initHandlers(): void {
${handlerNames.map((name, i) => `  store<u16>(INDICES, <u16>(${hot.has(name) ? hotHandlers.indexOf(name) : `HOT + ${name}.index`}), ${i * 2})`).join('\n')}
}
`
  const directory = fileURLToPath(new URL('../../../../../src/engine/soft/core/generated/', import.meta.url))
  mkdirSync(directory, { recursive: true })
  writeFileSync(`${directory}handlers.ts`, source)
  console.log(`${instructions.length} lines → ${handlerNames.length} handlers, ${entries.length} entries`)
}

main()
