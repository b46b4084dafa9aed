// The translator as the third party of the differential tests: each request's code becomes a region of its own, written
// by the translator from operations that the core has decoded, and the functions of a whole batch become one module.
// When a request is executed, the jump table says that its code is translated, so `run` enters the function exactly as
// it does in a machine; what the function leaves to the interpreter, and every fault, takes the usual way from there.
//
// Regions are made here from the code's bytes without running them: the blocks that `formRegion` sees are ours, not
// those in the core's arena. The tests of whole programs (../translator/) go through the arena and `Translator`.

import {
  JUMPS,
  JUMPS_MASK,
  JUMPS_VIEW,
  REGION_STATISTICS,
} from '../../../../src/engine/soft/translator/addresses.ts'
import {
  encodeModule,
  type FunctionBody,
  type FunctionType,
  I32,
} from '../../../../src/engine/soft/translator/encoder.ts'
import { IMPORTS } from '../../../../src/engine/soft/translator/function-writer.ts'
import type { TranslatedCore } from '../../../../src/engine/soft/translator/index.ts'
import type { FunctionTable } from '../../../../src/engine/soft/translator/installed.ts'
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
  type RegionNode,
} from '../../../../src/engine/soft/translator/region.ts'
import { translateRegion } from '../../../../src/engine/soft/translator/region-function.ts'
import * as R from './record.ts'

/** Where core/inspection.ts decodes an instruction to, for `decodeLength`. */
const DECODED = 0x1140
const OPERATION_SIZE = 32
const UNDEFINED_OR_TOO_LONG = 0x300
const NOWHERE = 0xffff_ffff
const TEST_EAX_EAX = [0x85, 0xc0]
/** core/blocks.ts */
const BLOCK_LIMIT = 64
/** Bytes behind an instruction that the decoder may look at. */
const LOOKAHEAD = 32

export interface DecodingCore extends TranslatedCore {
  decodeLength(code: number): number
}

/**
 * What is known of the flags behind the code.
 *   live    everything may read them, for the region ends there
 *   exact   likewise, and no flag counts as dead in between either
 *   dead    an instruction that sets them all follows: those of the code need not come about
 */
export type Variant = 'live' | 'exact' | 'dead'

/** How often translated code was entered, and how it was left. */
export interface RegionStatistics {
  readonly entered: number
  readonly leftToInterpreter: number
  readonly leftAfterCall: number
}

/** Blocks from a list instead of the core's arena. */
class ListedBlocks extends BlockReader {
  readonly blocks = new Map<number, DecodedBlock>()
  override read(address: number): DecodedBlock | undefined {
    return this.blocks.get(address)
  }
  override physical(address: number): number {
    return address
  }
}

export interface TranslatedCasesOptions {
  readonly memory: WebAssembly.Memory
  readonly core: DecodingCore
  /** Room in `memory` for an instruction to decode, and for the operations of a batch. */
  readonly scratch: number
  readonly operations: number
  /** Guest-physical address of the code pages. */
  readonly codePhysical: number
}

export class TranslatedCases {
  readonly #memory: WebAssembly.Memory
  readonly #core: DecodingCore
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #scratch: number
  readonly #operations: number
  readonly #codePhysical: number
  readonly #reader: ListedBlocks
  readonly #firstFunction: number
  #room = 0
  #nextOperation = 0
  /** By request. */
  #entries: (readonly RegionNode[])[] = []
  #slots: number[] = []

  constructor({ memory, core, scratch, operations, codePhysical }: TranslatedCasesOptions) {
    this.#memory = memory
    this.#core = core
    this.#bytes = new Uint8Array(memory.buffer)
    this.#view = new DataView(memory.buffer)
    this.#scratch = scratch
    this.#operations = operations
    this.#codePhysical = codePhysical
    this.#reader = new ListedBlocks(memory.buffer, core.handlerNumbers())
    this.#firstFunction = (core.table as FunctionTable).length
  }

  /** Translates the code of a batch. @returns for each request whether it has become a function */
  prepare(requests: readonly Uint8Array[], variantOf: (i: number) => Variant): boolean[] {
    this.#nextOperation = this.#operations
    const bodies: FunctionBody[] = []
    this.#entries = []
    const done = requests.map((request, i) => {
      const variant = variantOf(i)
      const region = this.#region(request, variant === 'dead')
      if (!region) return false
      const index = this.#firstFunction + i
      const { locals, code } = translateRegion(region, index, ({ pointer }) => pointer, {
        exactFlags: variant === 'exact',
      })
      bodies.push({ locals, code, exportName: String(i) })
      this.#entries[i] = region.entries
      return true
    })
    const type: FunctionType = { parameters: [I32], results: [I32] }
    const imports = Object.keys(IMPORTS).map((name) => ({
      name: name === 'condition' ? 'holds' : name,
      type,
    }))
    const module = new WebAssembly.Module(encodeModule(imports, type, bodies))
    const { holds, perform, table } = this.#core
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.#memory, holds, perform } })
    if (requests.length > this.#room) {
      table.grow(requests.length - this.#room)
      this.#room = requests.length
    }
    for (const { exportName } of bodies)
      table.set(this.#firstFunction + Number(exportName), exports[exportName])
    return done
  }

  /** The code of the batch's request `i` is translated from here on. @param all otherwise only its first byte is an entry */
  enter(i: number, all: boolean): void {
    const view = this.#view
    for (const { block, delta, entry } of this.#entries[i]!.slice(0, all ? undefined : 1)) {
      const { physical } = block
      const slot = JUMPS + JUMPS_VIEW + ((((physical >>> 2) ^ (physical >>> 14)) & JUMPS_MASK) << 4)
      view.setUint32(slot, physical, true)
      view.setUint32(slot + 4, this.#firstFunction + i, true)
      view.setInt32(slot + 8, entry | (Math.floor(delta / 0x1000) * 0x1000), true)
      this.#slots.push(slot)
    }
  }

  /** No code is translated any more. */
  leave(): void {
    for (const slot of this.#slots) this.#view.setUint32(slot, NOWHERE, true)
    this.#slots = []
  }

  statistics(): RegionStatistics {
    const at = (i: number): number => Number(this.#view.getBigUint64(REGION_STATISTICS + 8 * i, true))
    return { entered: at(0), leftToInterpreter: at(1), leftAfterCall: at(2) }
  }

  #region(request: Uint8Array, flagsDead: boolean): Region | undefined {
    const view = new DataView(request.buffer, request.byteOffset, request.byteLength)
    const rip = view.getUint32(R.REQUEST.rip, true)
    const length = view.getUint32(R.REQUEST.codeLength, true)
    const code = request.subarray(R.REQUEST.code, R.REQUEST.code + length)
    const physical = this.#physicalOf(rip)
    const { blocks } = this.#reader
    blocks.clear()
    // Where blocks start: in front, and where the branches of others lead.
    const starts = [0]
    for (const start of starts) {
      const block = this.#decode(code, start, physical, flagsDead)
      blocks.set(block.address, block)
      for (const next of targets(block, start, BigInt(rip)))
        if (next >= 0 && next < length && !starts.includes(next)) starts.push(next)
    }
    const codeView: CodeView = {
      reader: this.#reader,
      findBlock: (at) => (blocks.has(at) ? at : 0),
      runs: () => 1,
      blocksOf: () => [...blocks.keys()],
      translated: () => false,
      pageAt: (linear) => {
        const page = Number(linear)
        return page >= R.CODE && page < R.CODE + R.CODE_SIZE ? this.#physicalOf(page) : -1
      },
    }
    const asked = { block: physical, rip: BigInt(rip), user: true, promote: false }
    return formRegion(codeView, asked, { instructions: 400, minimumRuns: 1, overlapping: length % 2 === 0 })
  }

  #physicalOf(rip: number): number {
    return this.#codePhysical + (rip - R.CODE)
  }

  /** The block at `start`, as core/decode.ts would cut it; a block's address is here its physical one. */
  #decode(code: Uint8Array, start: number, physical: number, flagsDead: boolean): DecodedBlock {
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
    const rip = BigInt(first - this.#codePhysical + R.CODE)
    const lastTarget = lastTargetOf(operations, rip)
    return { address: first, physical: first, bytes: at - start, secondPage, operations, lastTarget }
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
