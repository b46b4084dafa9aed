// SSE to SSE4.2 and MMX. The format is explained in instruction.ts.

import { type Instruction, parseTable } from './instruction.ts'

export const sseInstructions: Instruction[] = parseTable(`
`)
