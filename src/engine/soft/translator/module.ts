// From regions to the bytes of a module: for this machine, with all that depends on it as constants in the code, or for any
// machine (places.ts).

import { tailCalls } from './chain-function.ts'
import { encodeModule, type FunctionBody, type FunctionImport, type FunctionType, I32 } from './encoder.ts'
import { IMPORTS as FUNCTION_IMPORTS } from './imports.ts'
import type { Operation } from './operations.ts'
import { fixedPlaces, type Places, placesInRecord } from './places.ts'
import type { Region } from './region.ts'
import { type TranslationOptions, translateRegion } from './region-function.ts'

const TYPE: FunctionType = { parameters: [I32], results: [I32] }
const IMPORTS: readonly FunctionImport[] = Object.keys(FUNCTION_IMPORTS).map((name) => ({ name, type: TYPE }))

const chainOf = (user: boolean): number | undefined =>
  tailCalls ? FUNCTION_IMPORTS[user ? 'chainUser' : 'chainKernel'] : undefined

/** A region of this machine. @param keep gives an operation's address for as long as the region lives */
export function writeBody(
  region: Region,
  number: number,
  functionIndex: number,
  keep: (operation: Operation) => number,
  options: TranslationOptions,
): FunctionBody {
  return write(region, number, fixedPlaces(functionIndex), keep, options)
}

/** @returns the function, and the operations that it hands to the interpreter's handlers, in the order of their constants */
export function writeBodyForAll(
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
  return { body: write(region, number, places, pointerOf, options), handed }
}

function write(
  region: Region,
  number: number,
  places: Places,
  pointerOf: (operation: Operation) => number,
  options: TranslationOptions,
): FunctionBody {
  const chain = chainOf(region.user)
  const { locals, code, unlikely } = translateRegion(region, places, pointerOf, { ...options, chain })
  return { locals, code, unlikely, exportName: String(number) }
}

export const writeModule = (bodies: readonly FunctionBody[]): Uint8Array =>
  encodeModule(IMPORTS, TYPE, bodies)

/** This module has a global for each function: the address of its region's record. */
export const writeModuleForAll = (bodies: readonly FunctionBody[]): Uint8Array =>
  encodeModule(IMPORTS, TYPE, bodies, { globals: bodies.length })
