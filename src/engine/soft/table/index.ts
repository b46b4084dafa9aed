// The one list of all instructions that the software engine knows.

import type { Instruction } from './instruction.ts'
import { integerInstructions } from './integer.ts'
import { sseInstructions } from './sse.ts'
import { systemInstructions } from './system.ts'

export type { Instruction, Operand } from './instruction.ts'

export const instructions: readonly Instruction[] = [
  ...integerInstructions,
  ...systemInstructions,
  ...sseInstructions,
]
