// The translator as the third party of the differential tests: each request's code becomes a region of its own, written
// by the translator from operations that the core has decoded, and the functions of a whole batch become one module.
// When a request is executed, the jump table says that its code is translated, so `run` enters the function exactly as
// it does in a machine; what the function leaves to the interpreter, and every fault, takes the usual way from there.
//
// Regions are made here from the code's bytes without running them: the blocks that `formRegion` sees are ours, not
// those in the core's arena. The tests of whole programs (../translator/) go through the arena and `Translator`.

import {
  JUMP_BITS,
  JUMP_BITS_VIEW,
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
import { IMPORTS } from '../../../../src/engine/soft/translator/imports.ts'
import type { FunctionTable } from '../../../../src/engine/soft/translator/installed.ts'
import { fixedPlaces } from '../../../../src/engine/soft/translator/places.ts'
import type { Region, RegionNode } from '../../../../src/engine/soft/translator/region.ts'
import { translateRegion } from '../../../../src/engine/soft/translator/region-function.ts'
import { CodeRegions, type CodeRegionsOptions, type DecodingCore } from '../translator/code-regions.ts'
import * as R from './record.ts'

const NOWHERE = 0xffff_ffff

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

export interface TranslatedCasesOptions extends CodeRegionsOptions {
  /** Guest-physical address of the code pages. */
  readonly codePhysical: number
}

export class TranslatedCases {
  readonly #memory: WebAssembly.Memory
  readonly #core: DecodingCore
  readonly #view: DataView
  readonly #codePhysical: number
  readonly #regions: CodeRegions
  readonly #firstFunction: number
  #room = 0
  /** By request. */
  #entries: (readonly RegionNode[])[] = []
  #slots: number[] = []

  constructor(options: TranslatedCasesOptions) {
    const { memory, core, codePhysical } = options
    this.#memory = memory
    this.#core = core
    this.#view = new DataView(memory.buffer)
    this.#codePhysical = codePhysical
    this.#regions = new CodeRegions(options)
    this.#firstFunction = (core.table as FunctionTable).length
  }

  /** Translates the code of a batch. @returns for each request whether it has become a function */
  prepare(requests: readonly Uint8Array[], variantOf: (i: number) => Variant): boolean[] {
    this.#regions.reset()
    const bodies: FunctionBody[] = []
    this.#entries = []
    const done = requests.map((request, i) => {
      const variant = variantOf(i)
      const region = this.#region(request, variant === 'dead')
      if (!region) return false
      const index = this.#firstFunction + i
      const { locals, code } = translateRegion(region, fixedPlaces(index), ({ pointer }) => pointer, {
        exactFlags: variant === 'exact',
      })
      bodies.push({ locals, code, exportName: String(i) })
      this.#entries[i] = region.entries
      return true
    })
    const type: FunctionType = { parameters: [I32], results: [I32] }
    const imports = Object.keys(IMPORTS).map((name) => ({ name, type }))
    const module = new WebAssembly.Module(encodeModule(imports, type, bodies))
    const { holds, perform, table } = this.#core
    // Regions by themselves: none goes on in another.
    const unused = { chainKernel: holds, chainUser: holds }
    const { exports } = new WebAssembly.Instance(module, {
      env: { memory: this.#memory, holds, perform, ...unused },
    })
    if (requests.length > this.#room) {
      table.grow(requests.length - this.#room)
      this.#room = requests.length
    }
    for (const { exportName } of bodies)
      table.set(this.#firstFunction + Number(exportName), exports[exportName!])
    return done
  }

  /** The code of the batch's request `i` is translated from here on. @param all otherwise only its first byte is an entry */
  enter(i: number, all: boolean): void {
    const view = this.#view
    for (const { block, delta, entry } of this.#entries[i]!.slice(0, all ? undefined : 1)) {
      const { physical } = block
      const index = ((physical >>> 2) ^ (physical >>> 14)) & JUMPS_MASK
      const slot = JUMPS + JUMPS_VIEW + (index << 4)
      const bits = JUMP_BITS + JUMP_BITS_VIEW + (index >>> 3)
      view.setUint8(bits, view.getUint8(bits) | (1 << (index & 7)))
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
    const place = { rip, physical: this.#codePhysical + (rip - R.CODE), user: true }
    return this.#regions.region(code, place, { flagsDead, overlapping: length % 2 === 0 })
  }
}
