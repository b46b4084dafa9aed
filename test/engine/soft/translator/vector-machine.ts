// Two processors with the same state, one that interprets and one that runs translated code, for tests of single SSE
// instructions: any number of states for one translation. Kernel mode, so that HLT ends a run; page 1 of the data area
// lies elsewhere in physical memory than behind page 0.

import {
  REGION_STATISTICS,
  type TranslatedCore,
  Translation,
} from '../../../../src/engine/soft/translator/index.ts'
import { BareMachine, CODE, DATA, DATA_PHYSICAL, W } from '../bare-machine.ts'
import { fillMixed, type Random } from '../differential/random.ts'

const STATE = 0x2000
const CC_OP = STATE + 0xb0
const MXCSR = STATE + 0x260
const XMM = STATE + 0x300
const PAGE_1 = DATA_PHYSICAL + 0x8000
const HLT = 0xf4

/** What an instruction starts from. */
export interface State {
  readonly registers: BigUint64Array
  readonly xmm: BigUint64Array
  readonly memory: BigUint64Array
  rflags: number
  mxcsr: number
}

export function randomState(random: Random, floats: boolean, mxcsr: number): State {
  const registers = new BigUint64Array(16)
  const xmm = new BigUint64Array(32)
  const memory = new BigUint64Array(16)
  fillMixed(random, registers, floats)
  fillMixed(random, xmm, floats)
  fillMixed(random, memory, floats)
  return { registers, xmm, memory, rflags: (random.next() & 0x8d5) | 2, mxcsr }
}

/** One of the two processors. */
class Side {
  readonly machine = new BareMachine()
  readonly #translation: Translation | undefined
  readonly #bytes: Uint8Array

  constructor(translated: boolean) {
    const { machine } = this
    machine.map(DATA + 0x1000, PAGE_1, W)
    machine.core.flushAll()
    this.#bytes = new Uint8Array(machine.view.buffer)
    if (translated) {
      const core = machine.core as unknown as TranslatedCore
      this.#translation = new Translation(machine.memory, core, { threshold: 1, exactFlags: true })
    }
  }

  program(code: readonly number[]): void {
    this.machine.program(...code, HLT)
  }

  /** Memory in front of and behind the border of the data area's first two pages. */
  #border(write: BigUint64Array | undefined): BigUint64Array {
    const { view } = this.machine
    const now = new BigUint64Array(16)
    for (let i = 0; i < 16; i++) {
      const physical = i < 8 ? DATA_PHYSICAL + 0x1000 - 64 + i * 8 : PAGE_1 + (i - 8) * 8
      const at = this.machine.base + physical
      if (write) view.setBigUint64(at, write[i]!, true)
      else now[i] = view.getBigUint64(at, true)
    }
    return now
  }

  /** Runs the program once. @returns a line of text of everything that it left */
  run(state: State): string {
    const { machine } = this
    machine.mode('kernel')
    new BigUint64Array(machine.view.buffer, STATE, 16).set(state.registers)
    this.#bytes.set(new Uint8Array(state.xmm.buffer), XMM)
    machine.view.setUint32(MXCSR, state.mxcsr, true)
    machine.set('rflags', state.rflags)
    machine.set('rsp', 0xffff_8000_0000_7000n)
    machine.set('rip', CODE)
    machine.view.setUint32(CC_OP, 0, true)
    this.#border(state.memory)
    const { vector, error, rip } = machine.run()
    this.#translation?.work()
    const hex = (values: Iterable<bigint>): string => [...values].map((value) => value.toString(16)).join(' ')
    return [
      `vector ${vector} error ${error} rip ${rip.toString(16)}`,
      `mxcsr ${machine.view.getUint32(MXCSR, true).toString(16)}`,
      `rflags ${(machine.core.readRflags() & 0x8d5n).toString(16)}`,
      `registers ${hex(new BigUint64Array(machine.view.buffer, STATE, 16))}`,
      `xmm ${hex(new BigUint64Array(machine.view.buffer.slice(XMM, XMM + 256)))}`,
      `memory ${hex(this.#border(undefined))}`,
    ].join('\n')
  }

  #statistic(number: number): number {
    return Number(this.machine.view.getBigUint64(REGION_STATISTICS + number * 8, true))
  }
  get entered(): number {
    return this.#statistic(0)
  }
  get left(): number {
    return this.#statistic(1)
  }
}

export interface Outcome {
  readonly interpreted: string
  readonly translated: string
  /** No instruction was left to the interpreter. (HLT is a call of its handler.) */
  readonly inline: boolean
}

export class TwoProcessors {
  readonly #one = new Side(false)
  readonly #other = new Side(true)
  #warm = false

  /** Puts a program in place; it must be one block. */
  program(code: readonly number[]): void {
    this.#one.program(code)
    this.#other.program(code)
    this.#warm = false
  }

  compare(state: State): Outcome {
    if (!this.#warm) this.#other.run(state)
    this.#warm = true
    const interpreted = this.#one.run(state)
    const { entered, left } = this.#other
    const translated = this.#other.run(state)
    if (this.#other.entered === entered) throw new Error('the code was not translated')
    return { interpreted, translated, inline: this.#other.left === left }
  }
}

/** Address of the border between the two pages that `memory` lies around, 64 bytes on each side. */
export const BORDER: number = DATA + 0x1000
