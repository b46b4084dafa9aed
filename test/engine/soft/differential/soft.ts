// Our core under the differential tests: a machine with page tables for the addresses of record.ts, and the same
// request → result as native/harness.c.
//
// Three ways to execute: `single` calls the handler of one instruction and finds a fault still pending; `block` goes
// through `run`, with decoded blocks, and delivery through an IDT to a HLT in ring 0, whose stack frame tells;
// `translated` is `block` with the code as a WebAssembly function, which `prepare` has made before.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { GUEST_BASE } from '../../../../src/engine/soft/layout.ts'
import type { TranslatedCore } from '../../../../src/engine/soft/translator/index.ts'
import * as R from './record.ts'
import { type RegionStatistics, TranslatedCases, type Variant } from './translated.ts'

const STATE = 0x2000
const RIP = STATE + 0xa0
const RFLAGS = STATE + 0xa8
const CC_OP = STATE + 0xb0
const CPL = STATE + 0xd0
const EXCEPTION_VECTOR = STATE + 0xd4
const EXCEPTION_ERROR = STATE + 0xd8
const INHIBIT = STATE + 0xdc
const ICOUNT = STATE + 0xe0
const BUDGET = STATE + 0xe8
const MXCSR = STATE + 0x260
const XMM = STATE + 0x300
const RAM = 0x100_0000
/** Instructions between two looks at the clock, as in core/run.ts. */
const SLICE = 20_000
const FAULT = 1
const AGAIN = 6
/** Calls of `executeOne` for one instruction: a repetition of 2^32 elements shall not hang the test. */
const AGAIN_LIMIT = 100

// Guest-physical addresses.
const PAGE_TABLES = 0x10_0000
const CODE_PHYSICAL = 0x20_0000
const DATA_PHYSICAL = 0x21_0000
const KERNEL_PHYSICAL = 0x30_0000
const KERNEL = 0xffff_8000_0000_0000n
const FXSAVE_PHYSICAL = 0x40_0000
const SCRATCH_PHYSICAL = 0x41_0000
const OPERATIONS_PHYSICAL = 0x42_0000

/** Exports of core/index.ts that the tests use. */
export interface CoreExports extends TranslatedCore {
  haltNanoseconds(): number
  initialize(ramBytes: number, virtualTime: number): void
  run(): number
  executeOne(): number
  fetchable(): number
  decodeLength(code: number): number
  readRflags(): bigint
  modeChanged(): void
  setHalted(halted: number): void
  flushAll(): void
  invalidateCode(physical: number, size: number): void
  x87LoadFxsave(from: number, wide: number): void
  x87StoreFxsave(to: number, wide: number): void
}

export interface Core {
  readonly exports: CoreExports
  readonly memory: WebAssembly.Memory
  /** Guest-physical memory starts here in `memory`. */
  readonly guestBase: number
}

/** A core of its own, `ram` bytes of guest memory, nothing running. `INLINUX_CORE` names another core.wasm. */
export function openCore(ram: number, virtualTime = true, coreFile?: string): Core {
  const file =
    coreFile ??
    process.env.INLINUX_CORE ??
    fileURLToPath(new URL('../../../../src/engine/soft/core.wasm', import.meta.url))
  const memory = new WebAssembly.Memory({
    initial: Math.ceil((GUEST_BASE + ram) / 0x10000),
    maximum: 65536,
    shared: true,
  })
  const refuse = (): never => {
    throw new Error('the tested code reached a device')
  }
  const module = new WebAssembly.Module(readFileSync(file))
  const env: Record<string, unknown> = {
    memory,
    mmioRead: refuse,
    mmioWrite: refuse,
    notify: refuse,
    portRead: () => 0xffffffff,
    portWrite: () => {},
    monotonicNanoseconds: () => 0,
    wallClockNanoseconds: () => 0,
    abort: () => {
      throw new Error('the core aborted')
    },
  }
  const instance = new WebAssembly.Instance(module, { env } as unknown as Record<
    string,
    Record<string, never>
  >)
  const exports = instance.exports as unknown as CoreExports
  exports.initialize(ram, virtualTime ? 1 : 0)
  return { exports, memory, guestBase: GUEST_BASE }
}

export type Way = 'single' | 'block' | 'translated'

export interface ExecuteOptions {
  /** Of the request among the translated ones. */
  readonly position?: number
  /** Instructions until translated code has to come back to the dispatcher. */
  readonly budget?: number
  /** May a translated region be entered everywhere it can be? Otherwise only at its start. */
  readonly allEntries?: boolean
}

export class SoftProcessor {
  readonly #core: CoreExports
  readonly #bytes: Uint8Array
  readonly #words: Uint32Array
  readonly #view: DataView
  #nextTable = PAGE_TABLES + 0x1000
  readonly #before = new Uint32Array(R.DATA_SIZE / 4)
  readonly #translated: TranslatedCases

  constructor() {
    const { exports, memory } = openCore(RAM)
    this.#core = exports
    this.#bytes = new Uint8Array(memory.buffer)
    this.#words = new Uint32Array(memory.buffer)
    this.#view = new DataView(memory.buffer)
    this.#translated = new TranslatedCases({
      memory,
      core: exports,
      scratch: GUEST_BASE + SCRATCH_PHYSICAL,
      operations: GUEST_BASE + OPERATIONS_PHYSICAL,
      codePhysical: CODE_PHYSICAL,
    })
    this.#prepare()
  }

  /** Translates these requests' code, for `execute` by position. @returns which of them have a function now */
  translate(requests: readonly Uint8Array[], variantOf: (i: number) => Variant): boolean[] {
    return this.#translated.prepare(requests, variantOf)
  }
  statistics(): RegionStatistics {
    return this.#translated.statistics()
  }
  /** Empties the TLBs: the next access to each page has to leave translated code. */
  flush(): void {
    this.#core.flushAll()
  }

  /**
   * Runs one request; `result` is filled as the native harness would.
   * @param position of the request among the translated ones
   * @returns how many instructions `run` has counted
   */
  execute(
    request: Uint8Array,
    result: Buffer,
    through: Way,
    { position = 0, budget = SLICE, allEntries = true }: ExecuteOptions = {},
  ): number {
    const view = new DataView(request.buffer, request.byteOffset, request.byteLength)
    const bytes = this.#bytes
    const rip = view.getUint32(R.REQUEST.rip, true)
    const offset = rip - R.CODE
    const length = view.getUint32(R.REQUEST.codeLength, true)
    const code = GUEST_BASE + CODE_PHYSICAL + offset
    const room = R.CODE_SIZE - offset
    bytes.set(request.subarray(R.REQUEST.code, R.REQUEST.code + Math.min(length, room)), code)
    if (length < room) bytes.set(R.LEAVE.subarray(0, Math.min(14, room - length)), code + length)
    const used = Math.min(length + R.LEAVE.length, room)
    this.#core.invalidateCode(CODE_PHYSICAL + offset, used)
    const patchOffset = view.getUint32(R.REQUEST.patchOffset, true)
    bytes.set(
      request.subarray(R.REQUEST.patch, R.REQUEST.patch + R.PATCH_SIZE),
      GUEST_BASE + DATA_PHYSICAL + patchOffset,
    )

    bytes.set(request.subarray(0, 128), STATE)
    this.#view.setUint32(CC_OP, 0, true)
    this.#view.setBigUint64(RFLAGS, view.getBigUint64(R.REQUEST.rflags, true), true)
    this.#view.setBigUint64(RIP, BigInt(rip), true)
    bytes.set(request.subarray(R.REQUEST.xmm, R.REQUEST.xmm + 256), XMM)
    this.#view.setUint32(MXCSR, view.getUint32(R.REQUEST.fxsave + 24, true), true)
    bytes.set(request.subarray(R.REQUEST.fxsave, R.REQUEST.fxsave + 160), GUEST_BASE + FXSAVE_PHYSICAL)
    this.#core.x87LoadFxsave(GUEST_BASE + FXSAVE_PHYSICAL, 1)

    result.fill(0)
    if (through === 'translated') this.#translated.enter(position, allEntries)
    this.#view.setInt32(BUDGET, budget, true)
    const counted = this.#view.getBigUint64(ICOUNT, true)
    if (through === 'single') this.#single(result)
    else this.#block(result, rip + length)
    this.#translated.leave()
    const instructions = Number(this.#view.getBigUint64(ICOUNT, true) - counted)

    const mask = view.getBigUint64(R.REQUEST.rflagsMask, true)
    result.writeBigUInt64LE(result.readBigUInt64LE(R.RESULT.rflags) & mask, R.RESULT.rflags)
    const ignored = view.getUint32(R.REQUEST.ignoredOffset, true)
    const ignoredLength = view.getUint32(R.REQUEST.ignoredLength, true)
    if (ignoredLength !== 0) {
      const before = new Uint8Array(this.#before.buffer, ignored, ignoredLength)
      bytes.set(before, GUEST_BASE + DATA_PHYSICAL + ignored)
    }
    this.#takeMemory(result)
    this.#core.x87StoreFxsave(GUEST_BASE + FXSAVE_PHYSICAL, 1)
    result.set(
      bytes.subarray(GUEST_BASE + FXSAVE_PHYSICAL, GUEST_BASE + FXSAVE_PHYSICAL + 160),
      R.RESULT.fxsave,
    )
    result.fill(0, R.RESULT.fxsave + 6, R.RESULT.fxsave + 24)
    result.writeUInt32LE(this.#view.getUint32(MXCSR, true), R.RESULT.fxsave + 24)
    result.writeUInt32LE(0, R.RESULT.fxsave + 28)
    result.set(bytes.subarray(XMM, XMM + 256), R.RESULT.fxsave + 160)
    bytes.fill(R.FILLER, code, code + used)
    this.#core.invalidateCode(CODE_PHYSICAL + offset, used)
    return instructions
  }

  /** The data area's image for the requests to come. */
  setData(data: Uint8Array): void {
    this.#bytes.set(data, GUEST_BASE + DATA_PHYSICAL)
    this.#before.set(new Uint32Array(data.buffer, data.byteOffset, data.byteLength / 4))
  }

  /** The data area as the last request left it, then as it was before. */
  takeData(): Uint8Array {
    const area = GUEST_BASE + DATA_PHYSICAL
    return this.#bytes.slice(area, area + R.DATA_SIZE)
  }
  restoreData(): void {
    this.#words.set(this.#before, (GUEST_BASE + DATA_PHYSICAL) / 4)
  }

  #single(result: Buffer): void {
    const core = this.#core
    let outcome = core.executeOne()
    for (let i = 0; outcome === AGAIN && i < AGAIN_LIMIT; i++) outcome = core.executeOne()
    const flags = core.readRflags()
    result.set(this.#bytes.subarray(STATE, STATE + 128))
    result.writeBigUInt64LE(flags, R.RESULT.rflags)
    result.writeBigUInt64LE(this.#view.getBigUint64(RIP, true), R.RESULT.rip)
    if (outcome === FAULT || !core.fetchable()) {
      this.#exception(
        result,
        this.#view.getUint32(EXCEPTION_VECTOR, true),
        this.#view.getUint32(EXCEPTION_ERROR, true),
      )
    } else {
      result.writeUInt32LE(R.NO_VECTOR, R.RESULT.vector)
    }
  }

  #block(result: Buffer, end: number): void {
    const core = this.#core
    const view = this.#view
    let reason = core.run()
    // Bounded: `run` gives up by itself every few million instructions.
    for (let i = 0; reason === 0 && i < AGAIN_LIMIT; i++) reason = core.run()
    if (reason !== 3) throw new Error(`run() ended with ${reason}`)
    const vector = (view.getUint32(RIP, true) & 0xfff) - 1
    const hasError = [8, 10, 11, 12, 13, 14, 17].includes(vector)
    // The frame lies below RSP0 (see #prepare): error code, RIP, CS, RFLAGS, RSP, SS.
    const frame = GUEST_BASE + KERNEL_PHYSICAL + 0x8000 - 40
    const rip = view.getBigUint64(frame, true)
    result.set(this.#bytes.subarray(STATE, STATE + 128))
    result.writeBigUInt64LE(view.getBigUint64(frame + 24, true), R.RESULT.registers + 32)
    result.writeBigUInt64LE(view.getBigUint64(frame + 16, true), R.RESULT.rflags)
    result.writeBigUInt64LE(rip, R.RESULT.rip)
    const cr2 = view.getBigUint64(STATE + 0x108, true)
    // Where the case ends nothing is mapped; with TF set by POPF its trap comes first.
    if (rip === BigInt(R.STUB) && ((vector === 14 && cr2 === rip) || vector === 1)) {
      result.writeUInt32LE(R.NO_VECTOR, R.RESULT.vector)
      result.writeBigUInt64LE(BigInt(end), R.RESULT.rip)
    } else if (vector === 3) {
      result.writeUInt32LE(R.NO_VECTOR, R.RESULT.vector)
      result.writeBigUInt64LE(rip - 1n, R.RESULT.rip)
    } else {
      this.#exception(result, vector, hasError ? view.getUint32(frame - 8, true) : 0)
    }
    // Back to the user's program.
    view.setUint32(CPL, 3, true)
    view.setUint32(STATE + 0x244, 0x33, true)
    view.setUint32(STATE + 0x248, 0x2b, true)
    view.setUint32(INHIBIT, 0, true)
    core.setHalted(0)
    core.modeChanged()
  }

  #exception(result: Buffer, vector: number, error: number): void {
    const cr2 = vector === 14 ? this.#view.getBigUint64(STATE + 0x108, true) : 0n
    result.writeUInt32LE(vector, R.RESULT.vector)
    result.writeUInt32LE(vector === 14 && cr2 >= R.USER_END ? error | 1 : error, R.RESULT.error)
    result.writeBigUInt64LE(cr2, R.RESULT.cr2)
  }

  #takeMemory(result: Buffer): void {
    const now = this.#words
    const before = this.#before
    const start = (GUEST_BASE + DATA_PHYSICAL) / 4
    let hash = 0
    let changed = 0
    for (let i = 0; i < R.DATA_WRITABLE / 4; i++) {
      const word = now[start + i]!
      if (word === before[i]) continue
      changed++
      hash = Math.imul(hash ^ (word + Math.imul(i, 0x9e3779b1)), 0x85ebca6b)
      hash ^= hash >>> 15
    }
    result.writeInt32LE(hash, R.RESULT.memoryHash)
    result.writeUInt32LE(changed, R.RESULT.wordsChanged)
  }

  /** Page tables, descriptor tables, and a HLT for each vector; user mode, interrupts off. */
  #prepare(): void {
    const view = this.#view
    const USER = 4n
    const WRITE = 2n
    const NX = 1n << 63n
    for (let page = 0; page < 2; page++)
      this.#map(BigInt(R.CODE + page * 0x1000), CODE_PHYSICAL + page * 0x1000, USER)
    for (let page = 0; page < 3; page++) {
      const rights = USER | NX | (page < 2 ? WRITE : 0n)
      this.#map(BigInt(R.DATA + page * 0x1000), DATA_PHYSICAL + page * 0x1000, rights)
    }
    for (let page = 0; page < 16; page++)
      this.#map(KERNEL + BigInt(page * 0x1000), KERNEL_PHYSICAL + page * 0x1000, WRITE)
    this.#bytes.fill(R.FILLER, GUEST_BASE + CODE_PHYSICAL, GUEST_BASE + CODE_PHYSICAL + R.CODE_SIZE)

    // The kernel's pages: 0 GDT, 1 IDT, 2 TSS, 3 HLT of each vector (at 3000h + vector; RIP is behind it), 4–7 stack.
    const kernel = GUEST_BASE + KERNEL_PHYSICAL
    view.setBigUint64(kernel + 0x10, 0x00af9b000000ffffn, true)
    view.setBigUint64(kernel + 0x18, 0x00cf93000000ffffn, true)
    view.setBigUint64(kernel + 0x28, 0x00cff3000000ffffn, true)
    view.setBigUint64(kernel + 0x30, 0x00affb000000ffffn, true)
    for (let vector = 0; vector < 256; vector++) {
      const target = KERNEL + 0x3000n + BigInt(vector)
      const privilege = vector === 3 ? 3n : 0n
      const low =
        (target & 0xffffn) |
        (0x10n << 16n) |
        ((0x8en | (privilege << 5n)) << 40n) |
        (((target >> 16n) & 0xffffn) << 48n)
      view.setBigUint64(kernel + 0x1000 + vector * 16, low, true)
      view.setBigUint64(kernel + 0x1008 + vector * 16, target >> 32n, true)
      view.setUint8(kernel + 0x3000 + vector, 0xf4)
    }
    view.setBigUint64(kernel + 0x2004, KERNEL + 0x8000n, true) // RSP0
    const set = (offset: number, value: bigint): void => view.setBigUint64(STATE + offset, value, true)
    set(0x200, KERNEL)
    view.setUint32(STATE + 0x208, 0x7f, true)
    set(0x210, KERNEL + 0x1000n)
    view.setUint32(STATE + 0x218, 0xfff, true)
    set(0x230, KERNEL + 0x2000n)
    view.setUint32(STATE + 0x238, 0x67, true)
    view.setUint32(STATE + 0x23c, 0x40, true)
    set(0x90, BigInt(R.FS_BASE))
    set(0x98, BigInt(R.GS_BASE))
    set(0x100, 0x8001_0033n) // CR0: PG WP NE ET MP PE
    set(0x110, BigInt(PAGE_TABLES)) // CR3
    set(0x118, 0x6a0n) // CR4: OSXMMEXCPT OSFXSR PGE PAE
    set(0x130, 0xd01n) // EFER: NXE LMA LME SCE
    for (const [i, selector] of [0, 0x33, 0x2b, 0, 0, 0].entries())
      view.setUint32(STATE + 0x240 + 4 * i, selector, true)
    view.setUint32(CPL, 3, true)
    this.#core.flushAll()
    this.#core.modeChanged()
  }

  #map(address: bigint, physical: number, rights: bigint): void {
    const view = this.#view
    let table = PAGE_TABLES
    for (const shift of [39n, 30n, 21n]) {
      const slot = GUEST_BASE + table + Number((address >> shift) & 0x1ffn) * 8
      if (view.getBigUint64(slot, true) === 0n) {
        view.setBigUint64(slot, BigInt(this.#nextTable) | 7n, true)
        this.#nextTable += 0x1000
      }
      table = Number(view.getBigUint64(slot, true) & 0xffff_f000n)
    }
    view.setBigUint64(
      GUEST_BASE + table + Number((address >> 12n) & 0x1ffn) * 8,
      BigInt(physical) | rights | 1n,
      true,
    )
  }
}
