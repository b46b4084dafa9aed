// What an instruction's translation is, as integer.ts and vector.ts collect them for instructions.ts. Most lines of the
// instruction table have a meaning: fetching and storing their operands is the same for all. The others, those with a
// `!` in the table, look after their operands themselves.

import type { Form } from '../table/handlers.ts'
import type { Instruction } from '../table/instruction.ts'
import type { FlagState } from './flag-states.ts'
import type { Value } from './frame.ts'
import type { FunctionWriter } from './function-writer.ts'
import type { Operation } from './operations.ts'

/** What an instruction's translation is told. */
export interface Context {
  readonly writer: FunctionWriter
  readonly operation: Operation
  /** State of the flags before it. */
  readonly before: FlagState
  /** State that it has to leave; of kind `dead` when nothing needs its flags. */
  readonly after: FlagState
}

/** Pushes the result, given the values of the operands that are read. `bytes`: size of the first operand. */
export type Meaning = (context: Context, values: readonly Value[], bytes: number) => void
/** Does all of an instruction with operands of its own. */
export type Custom = (context: Context) => void

export interface MeaningEntry {
  readonly meaning: Meaning
  /** The result is the whole vector register, though the instruction writes a part of it. */
  readonly whole?: boolean
  /** Are this operand size (2, 4, 8) and form translated? All, when absent. */
  readonly accepts?: (size: number, form: Form, row: Instruction) => boolean
}
export interface CustomEntry {
  readonly translate: Custom
  /** Is this operation translated? All, when absent. */
  readonly accepts?: (operation: Operation) => boolean
}

// By the names of the instruction table.
export type Meanings = Readonly<Record<string, MeaningEntry>>
export type Customs = Readonly<Record<string, CustomEntry>>
