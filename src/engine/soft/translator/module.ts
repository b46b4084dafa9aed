// From regions to the bytes of a module.

import { tailCalls } from './chain-function.ts'
import { encodeModule, type FunctionBody, type FunctionImport, type FunctionType, I32 } from './encoder.ts'
import { IMPORTS as FUNCTION_IMPORTS } from './imports.ts'
import type { Operation } from './operations.ts'
import { placesInRecord } from './places.ts'
import type { Region } from './region.ts'
import { type TranslationOptions, translateRegion } from './region-function.ts'

const TYPE: FunctionType = { parameters: [I32], results: [I32] }
const IMPORTS: readonly FunctionImport[] = Object.keys(FUNCTION_IMPORTS).map((name) => ({ name, type: TYPE }))

const chainOf = (user: boolean): number | undefined =>
  tailCalls ? FUNCTION_IMPORTS[user ? 'chainUser' : 'chainKernel'] : undefined

/** @returns the function, and the operations that it hands to the interpreter's handlers, in the order of their constants */
export function writeBody(
  region: Region,
  number: number,
  options: TranslationOptions,
): { body: FunctionBody; handed: readonly (readonly [node: number, position: number])[] } {
  const handed: [number, number][] = []
  const pointerOf = (operation: Operation): number => {
    const node = region.nodes.findIndex(({ block }) => block.operations.includes(operation))
    return handed.push([node, region.nodes[node]!.block.operations.indexOf(operation)]) - 1
  }
  const places = placesInRecord(number, region.entries.length, [...region.pages.keys()])
  const { locals, code, unlikely } = translateRegion(region, places, pointerOf, {
    ...options,
    chain: chainOf(region.user),
  })
  return { body: { locals, code, unlikely, exportName: String(number) }, handed }
}

/** The module has a global for each function: the address of its region's record. */
export const writeModule = (bodies: readonly FunctionBody[]): Uint8Array =>
  encodeModule(IMPORTS, TYPE, bodies, { globals: bodies.length })
