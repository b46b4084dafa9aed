// What the core offers to translated code and to the translator (../translator/).

import { condition } from './flags'
import { dispatch, handlerIndices } from './generated/handlers'

import { dropAllRegions } from './regions'
import { ramSize } from './mmu'

export { decodeAhead } from './decode'
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

/** Drops all translated code: what is hot will be translated again. */
export function dropRegions(): void {
  dropAllRegions(ramSize)
}
