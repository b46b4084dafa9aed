// What a region's function must know of the place where it lives: its index in the function table, the physical pages
// that it was made from, the operations that it hands to the interpreter's handlers. In code for one machine these are
// constants. In code for any machine (code-store.ts) the function finds them in the region's record in the machine's
// memory, whose address is a global that its module imports: so the module's bytes are the same everywhere.
//
// Such a record goes on, behind what core/regions.ts draws, with
//     u32 for each page: the host address of the physical page, or NO_PAGE
//     u32 for each operation that is handed over: its address

import { GUEST_BASE } from './addresses.ts'
import type { Code } from './encoder.ts'
import { op } from './opcodes.ts'

const HEADER = 16
const ENTRY_SIZE = 16
const PAGE_SIZE = 8

/** In the place of a page that the region has no code of: no page has this address. */
export const NO_PAGE = 1

/** Pushes what depends on the place. */
export interface Places {
  functionIndex(code: Code): void
  /** Host address of the physical page at this distance. */
  page(code: Code, distance: number, physical: number): void
  /** Address of an operation; `at` is what `pointerOf` gave. */
  operation(code: Code, at: number): void
}

/** Offset in the record of the first page's address. */
export const pageConstants = (entries: number, pages: number): number =>
  HEADER + entries * ENTRY_SIZE + pages * PAGE_SIZE

export const operationConstants = (entries: number, pages: number): number =>
  pageConstants(entries, pages) + pages * 4

/** Length of a record. @param operations undefined: the region is for this machine only, and has no constants there */
export const recordBytes = (entries: number, pages: number, operations?: number): number =>
  operations === undefined
    ? pageConstants(entries, pages)
    : operationConstants(entries, pages) + operations * 4

/** Of a region whose record's address is in a global; operations are named by their number. */
export function placesInRecord(global: number, entries: number, distances: readonly number[]): Places {
  const load = (code: Code, offset: number): void => {
    code.getGlobal(global)
    code.memory(op.i32_load, offset)
  }
  const pages = pageConstants(entries, distances.length)
  const operations = operationConstants(entries, distances.length)
  return {
    functionIndex: (code) => load(code, 0),
    page: (code, distance) => load(code, pages + distances.indexOf(distance) * 4),
    operation: (code, number) => load(code, operations + number * 4),
  }
}

/** Of a function for one place only: constants in its code. */
export function fixedPlaces(functionIndex: number): Places {
  return {
    functionIndex: (code) => code.i32(functionIndex),
    page: (code, _distance, physical) => code.i32(GUEST_BASE + physical),
    operation: (code, at) => code.i32(at),
  }
}
