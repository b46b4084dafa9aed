// Two bare machines that are told the same, one that interprets and one that translates, and what differs between them
// after each program. Programs are those of ../differential/programs.ts, in user mode; their code lives on, at several
// linear addresses, and is changed and remapped while it does.
//
//   windows   where code is mapped: four times two pages from R.CODE on, each onto one of the parts
//   parts     the physical code: four times two pages
//   R.DATA    as in the differential tests: two pages to write, one to read
//
// Kernel routines (copying, INVLPG, CR3) lie at the bare machine's own CODE; they become translated code as well.

import type { TranslatorOptions } from '../../../../src/engine/soft/translator/index.ts'
import type { CodeView, Request } from '../../../../src/engine/soft/translator/region.ts'
import {
  BareMachine,
  CODE,
  CODE_PHYSICAL,
  DATA,
  DATA_PHYSICAL,
  type Ending,
  G,
  NX,
  U,
  W,
} from '../bare-machine.ts'
import * as R from '../differential/record.ts'
import { REGISTER_NAMES } from '../differential/record.ts'

const STATE = 0x2000
const FS_BASE = STATE + 0x90
const GS_BASE = STATE + 0x98
const BUDGET = STATE + 0xe8
const MXCSR = STATE + 0x260
const XMM = STATE + 0x300
const MAILBOX = 0x80000
const WRITTEN_HEAD = MAILBOX + 8
const WRITTEN_RING = MAILBOX + 0x400
const WRITTEN_ENTRIES = 256

export const WINDOWS = 4
export const PARTS = 4
export const PART_SIZE = 0x2000
const PARTS_PHYSICAL = 0x80_0000
const PAIR_DATA_PHYSICAL = 0x90_0000
const FXSAVE_PHYSICAL = 0xa0_0000
const STATUS_FLAGS = 0x8d5n
/** Calls of `run`: programs have some thousand instructions at most. */
const PATIENCE = 2

/** How code gets into memory: by a device, by a device that tells late, by the guest's own stores. */
export type Writer = 'device' | 'ring' | 'rep movsb' | 'loop'
/** How the processor comes to know of a new mapping. */
export type Flush = 'host' | 'cr3' | 'invlpg'

// Kernel routines, each ended by HLT.
const REP_MOVSB = { at: CODE + 0x100, bytes: [0xf3, 0xa4, 0xf4] }
// mov al, [rsi]; mov [rdi], al; inc rsi; inc rdi; dec rcx; jnz; hlt
const COPY_LOOP = {
  at: CODE + 0x140,
  bytes: [0x8a, 0x06, 0x88, 0x07, 0x48, 0xff, 0xc6, 0x48, 0xff, 0xc7, 0x48, 0xff, 0xc9, 0x75, 0xf1, 0xf4],
}
const RELOAD_CR3 = { at: CODE + 0x180, bytes: [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8, 0xf4] }
const INVLPG = { at: CODE + 0x1c0, bytes: [0x0f, 0x01, 0x38, 0xf4] } // of [rax]
const IRETQ = { at: CODE + 0x200, bytes: [0x48, 0xcf] }

/** A return address that the program had changed led into the middle of something that does not end: start anew. */
export const ENDLESS = 'endless'

export interface RunOptions {
  /** Linear address at which the request's code lies. */
  readonly rip: number
  readonly singleStep?: boolean
  readonly budget?: number
  /** Flags to compare when everything was executed. */
  readonly flags: bigint
}

export class MachinePair {
  readonly interpreting: BareMachine
  readonly translating: BareMachine
  readonly #both: readonly BareMachine[]
  readonly #exact: boolean
  /** Part that each window shows. */
  readonly shows: number[] = [0, 1, 2, 3]

  constructor(translator: TranslatorOptions) {
    this.interpreting = new BareMachine(undefined, undefined, false)
    this.translating = new BareMachine(undefined, undefined, translator)
    this.#both = [this.interpreting, this.translating]
    this.#exact = translator.exactFlags === true
    for (const machine of this.#both) {
      for (let page = 0; page < 3; page++)
        machine.map(
          R.DATA + page * 0x1000,
          PAIR_DATA_PHYSICAL + page * 0x1000,
          page < 2 ? U | W | NX : U | NX,
        )
      for (const { at, bytes } of [REP_MOVSB, COPY_LOOP, RELOAD_CR3, INVLPG, IRETQ])
        machine.load(CODE_PHYSICAL + (at - CODE), ...bytes)
      machine.gate(1, { target: BigInt(IRETQ.at) })
    }
    for (let window = 0; window < WINDOWS; window++) this.#enter(window)
    for (const machine of this.#both) machine.core.flushAll()
  }

  /** @param global its entries survive a CR3 that is loaded */
  #enter(window: number, global = false): void {
    for (const machine of this.#both)
      for (let page = 0; page < PART_SIZE; page += 0x1000)
        machine.map(
          R.CODE + window * PART_SIZE + page,
          PARTS_PHYSICAL + this.shows[window]! * PART_SIZE + page,
          U | W | (global ? G : 0n),
        )
  }

  /** The translating machine's decoded blocks, at all places where its programs may run them. */
  decodedBlocks({ blocksOf, reader }: CodeView): Request[] {
    const requests: Request[] = []
    for (const [window, part] of this.shows.entries())
      for (let page = 0; page < PART_SIZE; page += 0x1000)
        for (const block of blocksOf(PARTS_PHYSICAL + part * PART_SIZE + page)) {
          const rip = BigInt(R.CODE + window * PART_SIZE + page + (reader.physical(block) & 0xfff))
          requests.push({ block, rip, user: true, promote: false })
        }
    return requests
  }

  /** Lets a window show a part, and the processors know of it. */
  remap(window: number, part: number, flush: Flush): void {
    this.shows[window] = part
    this.#enter(window, flush === 'invlpg')
    for (const machine of this.#both) {
      if (flush === 'host') machine.core.flushAll()
      else if (flush === 'cr3') routine(machine, RELOAD_CR3.at, {})
      else
        for (let page = 0; page < PART_SIZE; page += 0x1000)
          routine(machine, INVLPG.at, { rax: R.CODE + window * PART_SIZE + page })
    }
  }

  /** Puts bytes at an offset in a part. */
  write(part: number, offset: number, bytes: Uint8Array, writer: Writer): void {
    const physical = PARTS_PHYSICAL + part * PART_SIZE + offset
    const window = this.shows.indexOf(part)
    for (const machine of this.#both) {
      if (writer === 'device' || window < 0) {
        machine.load(physical, ...bytes)
      } else if (writer === 'ring') {
        const { view } = machine
        new Uint8Array(view.buffer).set(bytes, machine.base + physical)
        for (let page = physical >>> 12; page <= (physical + bytes.length - 1) >>> 12; page++) {
          const head = view.getUint32(WRITTEN_HEAD, true)
          view.setUint32(WRITTEN_RING + (head % WRITTEN_ENTRIES) * 4, page, true)
          view.setUint32(WRITTEN_HEAD, head + 1, true)
        }
      } else {
        machine.load(DATA_PHYSICAL, ...bytes)
        const to = R.CODE + window * PART_SIZE + offset
        const { at } = writer === 'loop' ? COPY_LOOP : REP_MOVSB
        routine(machine, at, { rsi: DATA, rdi: to, rcx: bytes.length })
      }
    }
  }

  /** Runs a request's code, which is in place, on both. @returns what differs afterwards */
  run(request: Uint8Array, data: Uint8Array, options: RunOptions): string | undefined {
    let one: Run
    try {
      one = this.#run(this.interpreting, request, data, options)
    } catch {
      return ENDLESS
    }
    return differenceOf(one, this.#run(this.translating, request, data, options), options.flags, this.#exact)
  }

  #run(machine: BareMachine, request: Uint8Array, data: Uint8Array, options: RunOptions): Run {
    const { view, base, core } = machine
    const from = new DataView(request.buffer, request.byteOffset, request.byteLength)
    const bytes = new Uint8Array(view.buffer)
    const moved = options.rip - from.getUint32(R.REQUEST.rip, true)
    bytes.set(data, base + PAIR_DATA_PHYSICAL)
    const patch = base + PAIR_DATA_PHYSICAL + from.getUint32(R.REQUEST.patchOffset, true)
    for (let i = 0; i < R.PATCH_SIZE; i += 8)
      view.setBigUint64(patch + i, from.getBigUint64(R.REQUEST.patch + i, true) + BigInt(moved), true)
    machine.mode('user')
    bytes.set(request.subarray(0, 128), STATE)
    const singleStep = options.singleStep ? 0x100n : 0n
    machine.set('rflags', (from.getBigUint64(R.REQUEST.rflags, true) & ~0x200n) | singleStep)
    machine.set('rip', options.rip)
    view.setBigUint64(FS_BASE, BigInt(R.FS_BASE), true)
    view.setBigUint64(GS_BASE, BigInt(R.GS_BASE), true)
    bytes.set(request.subarray(R.REQUEST.xmm, R.REQUEST.xmm + 256), XMM)
    view.setUint32(MXCSR, from.getUint32(R.REQUEST.fxsave + 24, true), true)
    bytes.set(request.subarray(R.REQUEST.fxsave, R.REQUEST.fxsave + 160), base + FXSAVE_PHYSICAL)
    core.x87LoadFxsave(base + FXSAVE_PHYSICAL, 1)
    machine.set('cr2', 0)
    if (options.budget !== undefined) view.setInt32(BUDGET, options.budget, true)
    const counted = machine.get('icount')
    const ending = machine.run(PATIENCE)
    const instructions = machine.get('icount') - counted
    const registers = REGISTER_NAMES.map((name) => (name === 'rsp' ? ending.rsp : machine.get(name as 'rax')))
    core.x87StoreFxsave(base + FXSAVE_PHYSICAL, 1)
    return {
      ending,
      registers,
      instructions,
      cr2: machine.get('cr2'),
      mxcsr: view.getUint32(MXCSR, true),
      xmm: Buffer.from(bytes.slice(XMM, XMM + 256)),
      x87: Buffer.from(bytes.slice(base + FXSAVE_PHYSICAL, base + FXSAVE_PHYSICAL + 160)),
      data: Buffer.from(bytes.slice(base + PAIR_DATA_PHYSICAL, base + PAIR_DATA_PHYSICAL + R.DATA_SIZE)),
      code: Buffer.from(bytes.slice(base + PARTS_PHYSICAL, base + PARTS_PHYSICAL + PARTS * PART_SIZE)),
    }
  }
}

interface Run {
  readonly ending: Ending
  readonly registers: readonly bigint[]
  readonly instructions: bigint
  readonly cr2: bigint
  readonly mxcsr: number
  readonly xmm: Buffer
  readonly x87: Buffer
  readonly data: Buffer
  readonly code: Buffer
}

/** Runs a kernel routine to its HLT. */
function routine(
  machine: BareMachine,
  at: number,
  registers: Partial<Record<'rax' | 'rcx' | 'rsi' | 'rdi', number>>,
): void {
  machine.mode('kernel')
  machine.set('rflags', 2)
  machine.set('rip', at)
  for (const [name, value] of Object.entries(registers)) machine.set(name as 'rax', value)
  const { vector } = machine.run()
  if (vector !== undefined) throw new Error(`a kernel routine raised ${vector}`)
}

function differenceOf(one: Run, other: Run, flags: bigint, exact: boolean): string | undefined {
  const both = (name: string, a: unknown, b: unknown): string => `${name}: interpreted ${a}, translated ${b}`
  for (const field of ['vector', 'rip', 'error', 'cs', 'ss'] as const)
    if (one.ending[field] !== other.ending[field])
      return both(field, one.ending[field]?.toString(16), other.ending[field]?.toString(16))
  for (const [i, name] of REGISTER_NAMES.entries())
    if (one.registers[i] !== other.registers[i])
      return both(name, one.registers[i]!.toString(16), other.registers[i]!.toString(16))
  const ended = one.ending.rip === BigInt(R.STUB)
  // In front of an instruction that sets a flag nobody cares for it, unless that instruction faults.
  const mask = ended || exact ? flags : flags & ~STATUS_FLAGS
  if ((one.ending.rflags ^ other.ending.rflags) & mask)
    return both('rflags', one.ending.rflags.toString(16), other.ending.rflags.toString(16))
  for (const field of ['cr2', 'mxcsr', 'instructions'] as const)
    if (one[field] !== other[field]) return both(field, one[field].toString(16), other[field].toString(16))
  for (const field of ['xmm', 'x87', 'data', 'code'] as const) {
    const at = one[field].findIndex((byte, i) => byte !== other[field][i])
    if (at >= 0) return both(`${field} at ${at.toString(16)}`, one[field][at], other[field][at])
  }
  return undefined
}
