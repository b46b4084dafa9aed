// The numbered handlers as the build leaves them beside core.wasm. To read the 762 lines of the table and number their
// combinations takes 50 to 100 ms in a fresh thread, and the translator's first work would wait for it.

import { readFileSync, writeFileSync } from 'node:fs'
import type { Handler } from './handlers.ts'
import type { Instruction } from './instruction.ts'

const FILE = new URL('../handlers.json', import.meta.url)

/** A line of the table, as it can be written. */
type Line = Omit<Instruction, 'attributes'> & { readonly attributes: readonly string[] }

interface Contents {
  readonly lines: readonly Line[]
  /** Number of the line, operand size, form. */
  readonly handlers: readonly (readonly [string, number, number, Handler['form']])[]
}

/** For the generator. */
export function writeHandlers(handlers: readonly Handler[]): void {
  const numbers = new Map<Instruction, number>()
  const lines: Line[] = []
  const numberOf = (row: Instruction): number => {
    const known = numbers.get(row)
    if (known !== undefined) return known
    numbers.set(row, lines.length)
    return lines.push({ ...row, attributes: [...row.attributes] }) - 1
  }
  const contents: Contents = {
    handlers: handlers.map(({ name, row, size, form }) => [name, numberOf(row), size, form] as const),
    lines,
  }
  writeFileSync(FILE, JSON.stringify(contents))
}

/** By number, counted from SPECIAL_HANDLERS.length. */
export function readHandlers(): Handler[] {
  const { lines, handlers } = JSON.parse(readFileSync(FILE, 'utf8')) as Contents
  const rows = lines.map((line): Instruction => ({ ...line, attributes: new Set(line.attributes) }))
  return handlers.map(([name, line, size, form]) => ({ name, row: rows[line]!, size, form }))
}
