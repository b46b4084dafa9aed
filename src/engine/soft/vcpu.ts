// One software CPU: an instance of the core (core/, compiled to core.wasm) over the machine's memory.

import { performance } from 'node:perf_hooks'
import type { CpuEntry, Exit, Vcpu, VcpuCounters, VcpuOutside } from '../contract.ts'
import {
  REGION_STATISTICS,
  TRANSLATOR_COUNTERS,
  TRANSLATOR_STATISTICS,
  type TranslatedCore,
  Translation,
  type TranslatorCounters,
  type TranslatorLink,
  type TranslatorOptions,
} from './translator/index.ts'

/** What core/index.ts exports. */
interface CoreExports extends TranslatedCore {
  initialize(ramBytes: number, virtualTime: number): void
  enterLongMode(rip: bigint, rsi: bigint, rsp: bigint, cr3: bigint, gdt: bigint, gdtLimit: number): void
  run(): number
  haltNanoseconds(): number
}

/** Results of the core's `run`, as in core/run.ts. */
const HALTED = 1
const TRIPLE_FAULT = 2
const HALTED_FOR_EVER = 3

// Addresses in core/state.ts.
const STATE = 0x2000
const ICOUNT = STATE + 0xe0
const UNKNOWN_OPCODE = STATE + 0x600
const STATISTICS = STATE + 0x640

const KICKED_EXIT: Exit = { kind: 'kicked' }

export interface SoftVcpuOptions {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly ramBytes: number
  readonly outside: VcpuOutside
  /** One instruction = one nanosecond: runs repeat exactly. For lock-step and tests. */
  readonly virtualTime?: boolean
  /** How hot code is translated to WebAssembly; false: everything is interpreted. */
  readonly translator?: TranslatorOptions | false
  /** To the process's translator thread; without it this thread translates. */
  readonly translatorLink?: TranslatorLink | undefined
}

export class SoftVcpu implements Vcpu {
  readonly #core: CoreExports
  readonly #memory: WebAssembly.Memory
  readonly #translation: Translation | undefined

  constructor({
    module,
    memory,
    ramBytes,
    outside,
    virtualTime = false,
    translator = {},
    translatorLink,
  }: SoftVcpuOptions) {
    this.#memory = memory
    const origin = performance.now()
    const env = {
      memory,
      mmioRead: (address: number, width: number) => outside.mmioRead(address >>> 0, width as 4),
      mmioWrite: (address: number, width: number, value: bigint) =>
        outside.mmioWrite(address >>> 0, width as 4, BigInt.asUintN(64, value)),
      portRead: (port: number, width: number) => outside.portRead(port, width as 4),
      portWrite: (port: number, width: number, value: number) =>
        outside.portWrite(port, width as 4, value >>> 0),
      notify: (device: number, queue: number) => outside.notify(device, queue >>> 0),
      monotonicNanoseconds: () => (performance.now() - origin) * 1e6,
      wallClockNanoseconds: () => (performance.timeOrigin + performance.now()) * 1e6,
      abort: () => {
        throw new Error('the core aborted')
      },
    }
    this.#core = new WebAssembly.Instance(module, { env }).exports as unknown as CoreExports
    this.#core.initialize(ramBytes, virtualTime ? 1 : 0)
    if (translator) this.#translation = new Translation(memory, this.#core, translator, translatorLink)
  }

  enter({ rip, rsi, rsp, cr3, gdt, gdtLimit }: CpuEntry): void {
    this.#core.enterLongMode(BigInt(rip), BigInt(rsi), BigInt(rsp), BigInt(cr3), BigInt(gdt), gdtLimit)
  }

  run(): Exit {
    const reason = this.#core.run()
    this.#translation?.work()
    if (reason === HALTED) return { kind: 'halt', nanoseconds: this.#core.haltNanoseconds() }
    if (reason === TRIPLE_FAULT) return { kind: 'shutdown', reason: 'triple-fault' }
    if (reason === HALTED_FOR_EVER) return { kind: 'shutdown', reason: 'halted-for-ever' }
    return KICKED_EXIT
  }

  counters(): VcpuCounters {
    return readCounters(this.#memory.buffer)
  }
}

/** The counters lie in shared memory, so the caller's thread can read them while the CPU runs. */
export function readCounters(buffer: ArrayBufferLike): VcpuCounters {
  const view = new DataView(buffer)
  const statistic = (i: number): bigint => view.getBigUint64(STATISTICS + 8 * i, true)
  const length = Math.min(view.getUint32(UNKNOWN_OPCODE + 4, true), 15)
  return {
    instructions: view.getBigUint64(ICOUNT, true),
    blocksDecoded: statistic(0),
    tlbMisses: statistic(1),
    tlbFlushes: statistic(2),
    interrupts: statistic(3),
    exceptions: statistic(4),
    regionsEntered: view.getBigUint64(REGION_STATISTICS, true),
    regionsLeftToInterpreter: view.getBigUint64(REGION_STATISTICS + 8, true),
    regionsLeftAfterCall: view.getBigUint64(REGION_STATISTICS + 16, true),
    instructionsInterpreted: view.getBigUint64(REGION_STATISTICS + 24, true),
    translator: Object.fromEntries(
      TRANSLATOR_COUNTERS.map((name, i) => [name, view.getFloat64(TRANSLATOR_STATISTICS + 8 * i, true)]),
    ) as TranslatorCounters,
    unknownInstructions: view.getUint32(UNKNOWN_OPCODE, true),
    lastUnknownInstruction: Buffer.from(new Uint8Array(buffer, UNKNOWN_OPCODE + 8, length)).toString('hex'),
  }
}
