// The one list of all instructions that the software engine knows.

import type { Instruction } from './instruction.ts'
import { integerInstructions } from './integer.ts'
import { sseInstructions } from './sse.ts'
import { systemInstructions } from './system.ts'

export type { Instruction, Operand } from './instruction.ts'

let all: readonly Instruction[] | undefined

/** Read when first asked for: most threads load this room and never need the lines. */
export function instructions(): readonly Instruction[] {
  all ??= [...integerInstructions(), ...systemInstructions(), ...sseInstructions()]
  return all
}
