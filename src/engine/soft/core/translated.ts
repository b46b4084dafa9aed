// What the core offers to translated code and to the translator (../translator/).

import { condition } from './flags'
import { dispatch, handlerIndices } from './generated/handlers'
import { peekFetch } from './mmu'

export { setThreshold, takeDropped } from './regions'

/** One of the sixteen conditions from the flags in memory. */
export function holds(code: u32): bool {
  return condition(code)
}

/** Runs an operation by the interpreter's handler. */
export function perform(op: usize): i32 {
  return dispatch(op)
}

/** Where the core keeps what an operation holds for each handler number. */
export function handlerNumbers(): usize {
  return handlerIndices()
}

/** Physical address that code at this address runs from, as the execute view has it now; -1: it has not. */
export function codeAt(address: u64): f64 {
  return peekFetch(address)
}
