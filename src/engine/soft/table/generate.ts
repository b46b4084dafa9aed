// Makes the AssemblyScript sources in core/generated/ from the instruction table: the decoder's tables and one
// handler for each combination of operand size and form. Run by scripts/build.mjs before the core is compiled.
//
// A handler is a few lines around a meaning: fetch the operands, call the meaning, write the result. It comes in
// up to nine versions: 16/32/64 bits × register, memory, memory with the simplest addressing (base + displacement).

import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  bytesOf,
  customType,
  type Entry,
  enumerateHandlers,
  type Form,
  fail,
  isMmx,
  SPECIAL_HANDLERS,
  TYPES,
} from './handlers.ts'
import { hotHandlers } from './hot.ts'
import { instructions } from './index.ts'
import type { Instruction, Operand } from './instruction.ts'
import { writeHandlers } from './ready-made.ts'

const handlerNames: string[] = [...SPECIAL_HANDLERS]
const handlerCode = new Map<string, string>()
const imports = new Set<string>()

function main(): void {
  const { entries, opcodes, handlers } = enumerateHandlers()
  for (const { name, row, size, form } of handlers) {
    const type = row.custom ? customType(row, size) : undefined
    handlerNames.push(name)
    handlerCode.set(
      name,
      row.custom ? customHandler(row, form, name, type) : plainHandler(row, size, form, name),
    )
  }
  write(entries, opcodes)
  writeHandlers(handlers)
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

function write(entries: readonly Entry[], opcodes: Uint16Array): void {
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
import { ${[...SPECIAL_HANDLERS, ...imports].join(', ')} } from '../meanings'

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
export function handlerIndices(): usize { return INDICES }
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
  console.log(`${instructions().length} lines → ${handlerNames.length} handlers, ${entries.length} entries`)
}

main()
