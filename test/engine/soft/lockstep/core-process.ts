// A copy of a native process in our core: the same memory at the same addresses in user mode, the same registers.
// System calls are not executed here; after each, what it did to memory and registers is copied from the original.

import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { GUEST_BASE } from '../../../../src/engine/soft/layout.ts'
import { BareMachine, NX, U, W } from '../bare-machine.ts'
import type { NativeState } from './native-process.ts'

const RAM = 0x1800_0000
const FIRST_PAGE = 0x80_0000
const PAGE = 0x1000
const STATE = 0x2000
const FS_BASE = STATE + 0x90
const GS_BASE = STATE + 0x98
const MXCSR = STATE + 0x260
const XMM = STATE + 0x300
/** Guest-physical scratch for an FXSAVE image. */
const FXSAVE = 0x7f_0000
/** How far the kernel lets a stack grow by itself. */
const STACK_LIMIT = 8 << 20

/** Calls of `run` between two system calls, two million instructions each. */
const PATIENCE = 5000
const FAULT = 1
const AGAIN = 6

interface Page {
  readonly physical: number
  readonly writable: boolean
  readonly executable: boolean
}

export class CoreProcess {
  readonly machine: BareMachine
  readonly #memoryFile: number
  readonly #pid: number
  readonly #bytes: Uint8Array
  readonly #pages = new Map<number, Page>()
  #free: number[] = []
  #next = FIRST_PAGE
  #stackTop = 0

  constructor(pid: number, start: NativeState, coreFile?: string) {
    this.machine = new BareMachine(RAM, coreFile)
    this.#pid = pid
    this.#memoryFile = openSync(`/proc/${pid}/mem`, 'r')
    this.#bytes = new Uint8Array(this.machine.view.buffer)
    for (const address of [0x40_0000, 0x40_1000, 0x60_0000, 0x60_1000, 0x60_2000]) this.machine.unmap(address)
    // SYSCALL leads to the HLT of vector 255.
    this.machine.set('star', (0x23n << 48n) | (0x10n << 32n))
    this.machine.set('lstar', 0xffff_8000_0000_30ffn)
    this.machine.set('fmask', 0x4_7700n)
    this.machine.mode('user')
    this.takeMappings()
    this.takeState(start)
  }

  close(): void {
    closeSync(this.#memoryFile)
  }

  /** Enters what /proc says is mapped now, forgets what is not. New pages come with their content. */
  takeMappings(): void {
    const seen = new Set<number>()
    for (const line of readFileSync(`/proc/${this.#pid}/maps`, 'latin1').split('\n')) {
      const match = /^([0-9a-f]+)-([0-9a-f]+) (.)(.)(.)/.exec(line)
      if (!match || line.includes('[vvar') || line.includes('[vdso]') || line.includes('[vsyscall]')) continue
      const [start, end] = [Number.parseInt(match[1]!, 16), Number.parseInt(match[2]!, 16)]
      if (line.includes('[stack]')) this.#stackTop = end
      if (match[3] !== 'r') continue
      const writable = match[4] === 'w'
      const executable = match[5] === 'x'
      for (let page = start; page < end; page += PAGE) {
        seen.add(page)
        const known = this.#pages.get(page)
        if (known && known.writable === writable && known.executable === executable) continue
        this.#enter(page, known?.physical ?? this.#allocate(), writable, executable)
        if (!known) this.#load(page)
      }
    }
    for (const [page, { physical }] of this.#pages) {
      if (seen.has(page)) continue
      this.machine.unmap(page)
      this.#pages.delete(page)
      this.#free.push(physical)
    }
    this.machine.core.flushAll()
  }

  /** Copies all writable pages from the original. */
  takeMemory(): void {
    for (const [page, { writable }] of this.#pages) if (writable) this.#load(page)
  }

  /** @returns the first address at which a writable page differs from the original */
  differentMemory(): { address: number; ours: number; native: number } | undefined {
    const native = Buffer.alloc(PAGE)
    for (const [page, { writable, physical }] of this.#pages) {
      if (!writable) continue
      this.#read(page, native)
      const ours = Buffer.from(this.#bytes.buffer, GUEST_BASE + physical, PAGE)
      if (native.equals(ours)) continue
      const at = native.findIndex((byte, i) => byte !== ours[i])
      return { address: page + at, ours: ours[at]!, native: native[at]! }
    }
    return undefined
  }

  takeState(state: NativeState): void {
    const { view, core } = this.machine
    state.copyRegisters(new Uint32Array(view.buffer, STATE, 32))
    view.setBigUint64(FS_BASE, state.fsBase, true)
    view.setBigUint64(GS_BASE, state.gsBase, true)
    this.machine.mode('user')
    this.machine.set('rsp', state.register(4))
    this.machine.set('rip', state.rip)
    this.machine.set('rflags', BigInt(state.rflags & 0x244dd5) | 2n)
    this.#bytes.set(state.fxsave.subarray(0, 512), GUEST_BASE + FXSAVE)
    core.x87LoadFxsave(GUEST_BASE + FXSAVE, 1)
    this.#bytes.set(state.fxsave.subarray(160, 416), XMM)
    view.setUint32(
      MXCSR,
      new DataView(state.fxsave.buffer, state.fxsave.byteOffset).getUint32(24, true),
      true,
    )
  }

  code(): Uint8Array {
    return this.bytesAt(this.machine.get('rip'))
  }
  /** Up to 15 bytes of code, as many as lie in mapped pages. */
  bytesAt(address: bigint): Uint8Array {
    const rip = Number(address)
    const list: number[] = []
    for (let i = 0; i < 15; i++) {
      const page = this.#pages.get(Math.floor((rip + i) / PAGE) * PAGE)
      if (!page) break
      list.push(this.#bytes[GUEST_BASE + page.physical + ((rip + i) % PAGE)]!)
    }
    return Uint8Array.from(list)
  }
  /** The byte at RIP + `offset`, cheaply. */
  codeByte(offset: number): number {
    const rip = Number(this.machine.get('rip')) + offset
    const page = this.#pages.get(Math.floor(rip / PAGE) * PAGE)
    return page ? this.#bytes[GUEST_BASE + page.physical + (rip % PAGE)]! : 0
  }

  /** Executes one instruction. @returns the exception that it raised */
  step(): number | undefined {
    const { core } = this.machine
    // A page fault just below the stack makes it grow, then the instruction runs again.
    for (let tries = 0; tries < 3; tries++) {
      let result = core.executeOne()
      // As `run`, a single step natively executes one iteration of a repetition: see lockstep.ts.
      for (let i = 0; result === AGAIN && i < 1 << 20; i++) result = core.executeOne()
      if (result !== FAULT) return undefined
      if (!this.#growStack()) break
    }
    return this.machine.view.getUint32(STATE + 0xd4, true)
  }

  /** Runs to the next system call. @returns the exception that ended it before one */
  runToSystemCall(): number | undefined {
    for (;;) {
      const end = this.machine.run(PATIENCE)
      if (end.vector === 255) return undefined
      if (end.vector === undefined) throw new Error('HLT in user mode')
      if (end.vector !== 14 || !this.#growStack()) return end.vector
      this.machine.mode('user')
      this.machine.set('rsp', end.rsp)
      this.machine.set('rip', end.rip)
      this.machine.set('rflags', end.rflags & ~0x1_0000n)
    }
  }

  /** Copies x87, MXCSR and XMM in FXSAVE's layout to `to`. */
  copyFxsave(to: Uint8Array): void {
    this.machine.core.x87StoreFxsave(GUEST_BASE + FXSAVE, 1)
    this.#bytes.copyWithin(GUEST_BASE + FXSAVE + 160, XMM, XMM + 256)
    this.#bytes.copyWithin(GUEST_BASE + FXSAVE + 24, MXCSR, MXCSR + 4)
    to.set(this.#bytes.subarray(GUEST_BASE + FXSAVE, GUEST_BASE + FXSAVE + 416))
  }
  copyRegisters(to: Uint8Array): void {
    to.set(this.#bytes.subarray(STATE, STATE + 128))
  }

  #growStack(): boolean {
    if (this.machine.view.getUint32(STATE + 0xd4, true) !== 14) return false
    const address = Number(this.machine.get('cr2'))
    const page = Math.floor(address / PAGE) * PAGE
    if (address >= this.#stackTop || address < this.#stackTop - STACK_LIMIT || this.#pages.has(page))
      return false
    const physical = this.#allocate()
    this.#bytes.fill(0, GUEST_BASE + physical, GUEST_BASE + physical + PAGE)
    this.#enter(page, physical, true, false)
    return true
  }

  #allocate(): number {
    const page = this.#free.pop()
    if (page !== undefined) return page
    if (this.#next + PAGE > RAM) throw new Error('the program needs more memory than the lock-step tool has')
    this.#next += PAGE
    return this.#next - PAGE
  }

  #enter(page: number, physical: number, writable: boolean, executable: boolean): void {
    this.#pages.set(page, { physical, writable, executable })
    this.machine.map(page, physical, U | (writable ? W : 0n) | (executable ? 0n : NX))
  }

  #load(page: number): void {
    const { physical, executable } = this.#pages.get(page)!
    const content = Buffer.alloc(PAGE)
    this.#read(page, content)
    this.#bytes.set(content, GUEST_BASE + physical)
    if (executable) this.machine.core.invalidateCode(physical, PAGE)
  }

  #read(page: number, to: Buffer): void {
    try {
      readSync(this.#memoryFile, to, 0, PAGE, page)
    } catch {
      to.fill(0) // a page that the kernel has not even made yet, behind the end of a mapped file for example
    }
  }
}
