// Regions out of nothing but bytes of code: decoded by the core, cut into blocks as its decoder would cut them, and formed
// into a region, all without running the code. For tests of what the translator makes of it.

import type { TranslatedCore } from '../../../../src/engine/soft/translator/index.ts'
import {
  BLOCK_RIP,
  BlockReader,
  type DecodedBlock,
  type Operation,
} from '../../../../src/engine/soft/translator/operations.ts'
import {
  type CodeView,
  endingOf,
  formRegion,
  type Region,
} from '../../../../src/engine/soft/translator/region.ts'

/** Where core/inspection.ts decodes an instruction to, for `decodeLength`. */
const DECODED = 0x1140
const OPERATION_SIZE = 32
const UNDEFINED_OR_TOO_LONG = 0x300
const TEST_EAX_EAX = [0x85, 0xc0]
/** core/blocks.ts */
const BLOCK_LIMIT = 64
/** Bytes behind an instruction that the decoder may look at. */
const LOOKAHEAD = 32

export interface DecodingCore extends TranslatedCore {
  decodeLength(code: number): number
}

export interface CodeRegionsOptions {
  readonly memory: WebAssembly.Memory
  readonly core: DecodingCore
  /** Room in `memory` for an instruction to decode, and for operations. */
  readonly scratch: number
  readonly operations: number
}

/** Where code lies, in one piece both linear and physical. */
export interface Place {
  readonly rip: number
  readonly physical: number
  readonly user: boolean
}

export interface RegionOptions {
  /** Behind the code an instruction sets all flags. It has no bytes: whoever executes the code does not see it. */
  readonly flagsDead?: boolean
  /** Where indirect jumps may lead, the region takes in what lies near. */
  readonly overlapping?: boolean
}

/** Blocks from a list instead of the core's arena; a block's address is here its physical one. */
class ListedBlocks extends BlockReader {
  readonly blocks = new Map<number, DecodedBlock>()
  override read(address: number): DecodedBlock | undefined {
    return this.blocks.get(address)
  }
  override physical(address: number): number {
    return address
  }
}

export class CodeRegions {
  readonly #core: DecodingCore
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #scratch: number
  readonly #operations: number
  readonly #reader: ListedBlocks
  #nextOperation: number

  constructor({ memory, core, scratch, operations }: CodeRegionsOptions) {
    this.#core = core
    this.#bytes = new Uint8Array(memory.buffer)
    this.#view = new DataView(memory.buffer)
    this.#scratch = scratch
    this.#operations = operations
    this.#nextOperation = operations
    this.#reader = new ListedBlocks(memory.buffer, core.handlerNumbers())
  }

  /** Operations of former regions are not needed any more. */
  reset(): void {
    this.#nextOperation = this.#operations
  }

  /** The region that starts with the code's first byte, as far as that can be said. @returns undefined: there is none */
  region(
    code: Uint8Array,
    place: Place,
    { flagsDead = false, overlapping = false }: RegionOptions = {},
  ): Region | undefined {
    const { rip, physical, user } = place
    const { blocks } = this.#reader
    blocks.clear()
    // Where blocks start: in front, and where the branches of others lead.
    const starts = [0]
    for (const start of starts) {
      const block = this.#decode(code, start, place, flagsDead)
      blocks.set(block.address, block)
      for (const next of targets(block, start, BigInt(rip)))
        if (next >= 0 && next < code.length && !starts.includes(next)) starts.push(next)
    }
    const view: CodeView = {
      reader: this.#reader,
      findBlock: (at) => (blocks.has(at) ? at : 0),
      runs: () => 1,
      blocksOf: () => [...blocks.keys()],
      translated: () => false,
      pageAt: (linear) => {
        const offset = Number(linear) - rip
        return offset > -0x1000 && offset < code.length ? physical + offset : -1
      },
    }
    const asked = { block: physical, rip: BigInt(rip), user, promote: false }
    return formRegion(view, asked, { instructions: 400, minimumRuns: 1, overlapping })
  }

  /** The block at `start`, as core/decode.ts would cut it. */
  #decode(code: Uint8Array, start: number, { rip, physical }: Place, flagsDead: boolean): DecodedBlock {
    const first = physical + start
    const pageEnd = (first & ~0xfff) + 0x1000 - physical
    const operations: Operation[] = []
    let secondPage = 0
    let at = start
    // Bounded: a block's instructions.
    while (operations.length < BLOCK_LIMIT && at < Math.min(code.length, pageEnd)) {
      const { operation, valid } = this.#operation(code.subarray(at), at - start)
      if (at + operation.length > pageEnd) {
        // Across pages it is a block of its own.
        if (operations.length > 0) break
        secondPage = physical + pageEnd
      }
      operations.push(operation)
      at += operation.length
      if (!valid || secondPage !== 0 || operation.handler!.row.attributes.has('end')) break
    }
    if (flagsDead) {
      // Of no bytes: the code that the interpreter sees does not have it.
      const { operation } = this.#operation(Uint8Array.from(TEST_EAX_EAX), 0)
      operations.push({ ...operation, end: at - start, length: 0 })
    }
    const lastTarget = lastTargetOf(operations, BigInt(rip + start))
    return {
      address: first,
      physical: first,
      bytes: at - start,
      secondPage,
      operations,
      raw: new Uint8Array(),
      lastTarget,
    }
  }

  /** The first instruction, as it is `offset` bytes behind its block's start. */
  #operation(code: Uint8Array, offset: number): { operation: Operation; valid: boolean } {
    this.#bytes.fill(0, this.#scratch, this.#scratch + LOOKAHEAD)
    this.#bytes.set(code.subarray(0, LOOKAHEAD), this.#scratch)
    const valid = (this.#core.decodeLength(this.#scratch) & UNDEFINED_OR_TOO_LONG) === 0
    const pointer = this.#nextOperation
    this.#nextOperation += OPERATION_SIZE
    this.#bytes.copyWithin(pointer, DECODED, DECODED + OPERATION_SIZE)
    const view = this.#view
    view.setUint16(pointer + 8, view.getUint16(pointer + 8, true) + offset, true)
    if (view.getUint8(pointer + 4) === BLOCK_RIP)
      view.setBigInt64(pointer + 24, view.getBigInt64(pointer + 24, true) + BigInt(offset), true)
    return { operation: this.#reader.operation(pointer), valid }
  }
}

/** Where a block's indirect jump or call is said to have led: to one of the places that a LEA in front of it names. */
function lastTargetOf(operations: readonly Operation[], rip: bigint): bigint {
  const name = operations.at(-1)!.handler?.row.name
  if (name !== 'jmpE' && name !== 'callE') return 0n
  const places = operations.filter(({ handler, base }) => handler?.row.name === 'lea' && base === BLOCK_RIP)
  if (places.length === 0) return 0n
  return rip + BigInt(places[Number(rip) % places.length]!.displacement)
}

/** Where a block at `start`, counted from `origin`, goes on, as far as that can be said. */
function targets(block: DecodedBlock, start: number, origin: bigint): number[] {
  const ending = endingOf(block, start, origin)
  const next = 'next' in ending ? [ending.next] : []
  const target = 'target' in ending ? [ending.target] : []
  return [...next, ...target, ...('guess' in ending && ending.guess !== undefined ? [ending.guess] : [])]
}
