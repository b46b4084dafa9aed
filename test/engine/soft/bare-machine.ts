// A processor with page tables, descriptor tables and a HLT behind every vector, for tests of what no program in user
// mode can see: paging, exceptions, interrupts, debugging. Programs are given as bytes; each test says what they are.
//
//   KERNEL    GDT, IDT, TSS, then one page of HLTs (vector v at HALTS + v), RSP0's stack, the IST's stacks
//   CODE      two pages that user and kernel may read, write and execute
//   DATA      three such pages
//
// All of them can be mapped otherwise. Time is virtual: one instruction is one nanosecond. INLINUX_TRANSLATOR says how
// code is run (translator/environment.ts); without it everything is interpreted.

import type { VcpuCounters } from '../../../src/engine/contract.ts'
import { REQUESTS } from '../../../src/engine/soft/translator/addresses.ts'
import {
  Translation,
  type TranslatorOptions,
  translatorFromEnvironment,
} from '../../../src/engine/soft/translator/index.ts'
import { readCounters } from '../../../src/engine/soft/vcpu.ts'
import { type CoreExports, openCore } from './differential/soft.ts'

const STATE = 0x2000
const MAILBOX = 0x80000
export const RAM = 0x200_0000
const PAGE_TABLES = 0x10_0000
const KERNEL_PHYSICAL = 0x30_0000
export const KERNEL = 0xffff_8000_0000_0000n
export const HALTS: bigint = KERNEL + 0x3000n
/** Top of the stack that interrupts from user mode get. */
export const RSP0: bigint = KERNEL + 0x8000n
export const IST1: bigint = KERNEL + 0xa000n
export const CODE = 0x40_0000
export const CODE_PHYSICAL = 0x50_0000
export const DATA = 0x60_0000
export const DATA_PHYSICAL = 0x70_0000

export const P = 1n
export const W = 2n
export const U = 4n
export const A = 0x20n
export const D = 0x40n
export const LARGE = 0x80n
export const G = 0x100n
export const NX: bigint = 1n << 63n

export const KERNEL_CS = 0x10
export const KERNEL_SS = 0x18
export const USER_SS = 0x2b
export const USER_CS = 0x33

const NAMES = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
] as const
export type Register = (typeof NAMES)[number]
const CONTROL = {
  rip: 0xa0,
  rflags: 0xa8,
  icount: 0xe0,
  cr0: 0x100,
  cr2: 0x108,
  cr3: 0x110,
  cr4: 0x118,
  cr8: 0x120,
  efer: 0x130,
  star: 0x138,
  lstar: 0x140,
  fmask: 0x150,
  dr0: 0x1c0,
  dr1: 0x1c8,
  dr6: 0x1f0,
  dr7: 0x1f8,
} as const

/** What ended a run. */
export interface Ending {
  /** The vector whose HLT was reached; undefined: another HLT. */
  readonly vector: number | undefined
  /** From the stack frame, when there is a vector. */
  readonly error: number | undefined
  readonly rip: bigint
  readonly cs: number
  readonly rflags: bigint
  readonly rsp: bigint
  readonly ss: number
}

const WITH_ERROR = [8, 10, 11, 12, 13, 14, 17]

export class BareMachine {
  readonly core: CoreExports
  readonly view: DataView
  readonly memory: WebAssembly.Memory
  /** Guest-physical memory starts here. */
  readonly base: number
  readonly #bytes: Uint8Array
  readonly #translation: Translation | undefined
  #nextTable = PAGE_TABLES + 0x1000

  constructor(
    ram: number = RAM,
    coreFile?: string,
    translator: TranslatorOptions | false = process.env.INLINUX_TRANSLATOR
      ? translatorFromEnvironment()
      : false,
  ) {
    const { exports, memory, guestBase } = openCore(ram, true, coreFile)
    this.core = exports
    this.memory = memory
    this.view = new DataView(memory.buffer)
    this.#bytes = new Uint8Array(memory.buffer)
    this.base = guestBase
    for (let page = 0; page < 16; page++)
      this.map(KERNEL + BigInt(page * 0x1000), KERNEL_PHYSICAL + page * 0x1000, W)
    for (let page = 0; page < 2; page++) this.map(CODE + page * 0x1000, CODE_PHYSICAL + page * 0x1000, W | U)
    for (let page = 0; page < 3; page++) this.map(DATA + page * 0x1000, DATA_PHYSICAL + page * 0x1000, W | U)
    this.#descriptors()
    this.set('cr3', BigInt(PAGE_TABLES))
    this.set('cr0', 0x8001_0033n) // PG WP NE ET MP PE
    this.set('cr4', 0x6a0n) // OSXMMEXCPT OSFXSR PGE PAE
    this.set('efer', 0xd01n) // NXE LMA LME SCE
    this.set('rflags', 2n)
    this.core.flushAll()
    this.mode('kernel')
    if (translator) this.#translation = new Translation(memory, exports, translator)
  }

  get(name: Register | keyof typeof CONTROL): bigint {
    return this.view.getBigUint64(this.#place(name), true)
  }
  set(name: Register | keyof typeof CONTROL, value: bigint | number): void {
    this.view.setBigUint64(this.#place(name), BigInt.asUintN(64, BigInt(value)), true)
    if (name === 'rflags') this.view.setUint32(STATE + 0xb0, 0, true)
  }

  /** Privilege level with its segments; the stack is DATA's second page for a user, the kernel's own otherwise. */
  mode(mode: 'user' | 'kernel'): void {
    this.view.setUint32(STATE + 0xd0, mode === 'user' ? 3 : 0, true)
    this.view.setUint32(STATE + 0x244, mode === 'user' ? USER_CS : KERNEL_CS, true)
    this.view.setUint32(STATE + 0x248, mode === 'user' ? USER_SS : KERNEL_SS, true)
    this.set('rsp', mode === 'user' ? DATA + 0x2000 : KERNEL + 0x7000n)
    this.core.modeChanged()
  }
  cpl(): number {
    return this.view.getUint32(STATE + 0xd0, true)
  }
  selectors(): { cs: number; ss: number } {
    return { cs: this.view.getUint32(STATE + 0x244, true), ss: this.view.getUint32(STATE + 0x248, true) }
  }

  /** Enters a 4 KiB page: P is added. @returns guest-physical address of the entry */
  map(address: bigint | number, physical: number, flags: bigint): number {
    return this.#enter(BigInt(address), 12n, BigInt(physical) | flags | P)
  }
  /** Enters a page of 2 MiB (`shift` 21) or 1 GiB (30) with all bits as given. */
  mapLarge(address: bigint | number, shift: 21 | 30, entry: bigint): number {
    return this.#enter(BigInt(address), BigInt(shift), entry)
  }
  unmap(address: bigint | number): void {
    this.#enter(BigInt(address), 12n, 0n)
  }
  /** The entries that translate `address`, from PML4 down. */
  entries(address: bigint | number): bigint[] {
    const list: bigint[] = []
    let table = PAGE_TABLES
    for (const shift of [39n, 30n, 21n, 12n]) {
      const entry = this.read64(table + Number((BigInt(address) >> shift) & 0x1ffn) * 8)
      list.push(entry)
      if (!(entry & P) || (entry & LARGE && shift !== 39n)) break
      table = Number(entry & 0xffff_f000n)
    }
    return list
  }

  /** Guest-physical memory. */
  read64(physical: number): bigint {
    return this.view.getBigUint64(this.base + physical, true)
  }
  write64(physical: number, value: bigint): void {
    this.view.setBigUint64(this.base + physical, BigInt.asUintN(64, value), true)
  }
  read8(physical: number): number {
    return this.#bytes[this.base + physical]!
  }
  /** Puts bytes into memory as a device would: decoded code there is forgotten. */
  load(physical: number, ...bytes: readonly number[]): void {
    this.#bytes.set(bytes, this.base + physical)
    this.core.invalidateCode(physical, bytes.length)
  }
  /** Puts a program at CODE and makes it the next to run. */
  program(...bytes: readonly number[]): void {
    this.load(CODE_PHYSICAL, ...bytes)
    this.set('rip', CODE)
  }

  /** Makes vector `vector` use the IST stack `ist`, or `target` instead of its HLT. */
  gate(
    vector: number,
    {
      ist = 0,
      target = HALTS + BigInt(vector),
      type = 0x8e,
    }: { ist?: number; target?: bigint; type?: number },
  ): void {
    const low = (target & 0xffffn) | (BigInt(KERNEL_CS) << 16n) | (BigInt(ist) << 32n) | (BigInt(type) << 40n)
    this.write64(KERNEL_PHYSICAL + 0x1000 + vector * 16, low | (((target >> 16n) & 0xffffn) << 48n))
    this.write64(KERNEL_PHYSICAL + 0x1008 + vector * 16, target >> 32n)
  }

  /** Runs to a HLT with interrupts off; gives up after `patience` times some million instructions. */
  run(patience = 20): Ending {
    const reason = this.runRaw(patience)
    if (reason !== 3) throw new Error(`run() ended with ${reason} at ${this.get('rip').toString(16)}`)
    this.core.setHalted(0)
    const at = this.get('rip') - 1n - HALTS
    const vector = at >= 0n && at < 256n ? Number(at) : undefined
    const frame = Number(this.get('rsp') - KERNEL) + KERNEL_PHYSICAL
    // SYSCALL may lead to a HLT of these too: then there is no frame.
    const framed = vector !== undefined && frame >= KERNEL_PHYSICAL && frame < KERNEL_PHYSICAL + 0x10000
    const hasError = framed && WITH_ERROR.includes(vector)
    const word = (i: number): bigint =>
      vector === undefined || frame < KERNEL_PHYSICAL ? 0n : this.read64(frame + (hasError ? 8 : 0) + i * 8)
    return {
      vector,
      error: hasError ? Number(this.read64(frame)) : undefined,
      rip: vector === undefined ? this.get('rip') : word(0),
      cs: Number(word(1)),
      rflags: word(2),
      rsp: word(3),
      ss: Number(word(4)),
    }
  }
  /** @returns run()'s reason: 0 kicked, 1 halted, 2 triple fault, 3 halted for ever */
  runRaw(patience = 20): number {
    // A kick: tests change flags behind the processor's back, TF among them.
    this.view.setUint32(MAILBOX, 1, true)
    let reason = this.runOnce()
    // Bounded: `run` comes back by itself every few million instructions.
    for (let i = 0; reason === 0 && i < patience; i++) reason = this.runOnce()
    return reason
  }

  /** The core's `run`, past the places where it comes back for a translation only. */
  runOnce(): number {
    let reason: number
    let asked: boolean
    do {
      reason = this.core.run()
      asked = this.view.getUint32(REQUESTS, true) !== 0
      this.#translation?.work()
    } while (reason === 0 && asked && this.#translation)
    return reason
  }
  counters(): VcpuCounters {
    return readCounters(this.view.buffer)
  }

  /** Raises inputs of the IO-APIC as a device's thread does. */
  raise(...pins: readonly number[]): void {
    let bits = 0
    for (const pin of pins) bits |= 1 << pin
    this.view.setUint32(MAILBOX + 4, bits, true)
    this.view.setUint32(MAILBOX, 1, true)
  }

  #place(name: Register | keyof typeof CONTROL): number {
    const number = NAMES.indexOf(name as Register)
    return STATE + (number >= 0 ? number * 8 : CONTROL[name as keyof typeof CONTROL])
  }

  #enter(address: bigint, leaf: bigint, value: bigint): number {
    let table = PAGE_TABLES
    for (const shift of [39n, 30n, 21n].filter((s) => s > leaf)) {
      const slot = table + Number((address >> shift) & 0x1ffn) * 8
      if (this.read64(slot) === 0n) {
        this.write64(slot, BigInt(this.#nextTable) | U | W | P)
        this.#nextTable += 0x1000
      }
      table = Number(this.read64(slot) & 0xffff_f000n)
    }
    const slot = table + Number((address >> leaf) & 0x1ffn) * 8
    this.write64(slot, value)
    return slot
  }

  #descriptors(): void {
    const gdt = KERNEL_PHYSICAL
    this.write64(gdt + KERNEL_CS, 0x00af_9b00_0000_ffffn)
    this.write64(gdt + KERNEL_SS, 0x00cf_9300_0000_ffffn)
    this.write64(gdt + 0x28, 0x00cf_f300_0000_ffffn)
    this.write64(gdt + 0x30, 0x00af_fb00_0000_ffffn)
    for (let vector = 0; vector < 256; vector++) {
      this.gate(vector, vector === 3 ? { type: 0xee } : {})
      this.#bytes[this.base + KERNEL_PHYSICAL + 0x3000 + vector] = 0xf4
    }
    this.write64(KERNEL_PHYSICAL + 0x2004, RSP0)
    this.write64(KERNEL_PHYSICAL + 0x2024, IST1)
    this.view.setUint16(this.base + KERNEL_PHYSICAL + 0x2066, 0x68, true) // no I/O permission bitmap
    this.view.setBigUint64(STATE + 0x200, KERNEL, true)
    this.view.setUint32(STATE + 0x208, 0x7f, true)
    this.view.setBigUint64(STATE + 0x210, KERNEL + 0x1000n, true)
    this.view.setUint32(STATE + 0x218, 0xfff, true)
    this.view.setBigUint64(STATE + 0x230, KERNEL + 0x2000n, true)
    this.view.setUint32(STATE + 0x238, 0x67, true)
    this.view.setUint32(STATE + 0x23c, 0x40, true)
  }
}
