// The frame of a region's function: its locals, what they are for, and values that are pushed from them. Guest
// registers are in locals of their own (registers.ts); temporaries are free again at the next operation.

import { Code, I32, I64, type ValueType } from './encoder.ts'
import { FlagLocals } from './flag-states.ts'
import { Flags } from './flags.ts'
import { takePage } from './look-aside.ts'
import { op } from './opcodes.ts'
import { type BankUse, GENERAL, RegisterBank, RSP, VECTOR } from './registers.ts'
import { KnownNumbers } from './vector-known.ts'

/** An operand's value: pushed as often as it is wanted. Narrow values are zero-extended in an i32. */
export type Value =
  | { readonly kind: 'local'; readonly local: number; readonly bytes: number }
  | { readonly kind: 'register'; readonly local: number; readonly bytes: number }
  | { readonly kind: 'constant'; readonly value: number | bigint; readonly bytes: number }

/** What one pass over a region finds out for the next. */
export interface FrameUse {
  readonly general: BankUse
  readonly vectors: BankUse
  calls: boolean
  /** Floating-point instructions ask for MXCSR. */
  mxcsr: boolean
}

export const noUse = (): FrameUse => ({
  general: { used: new Set(), changed: new Set() },
  vectors: { used: new Set(), changed: new Set() },
  calls: false,
  mxcsr: false,
})

export class Frame {
  readonly code: Code = new Code()
  readonly use: FrameUse
  readonly flags: Flags
  readonly known: KnownNumbers = new KnownNumbers()
  readonly general: RegisterBank
  readonly vectors: RegisterBank
  /** Local (i32): which entry or node is meant (structure.ts). */
  readonly selector: number
  /** Local (i64): linear address of the region's first page. */
  readonly origin: number
  /** Local (i32): instructions that may still run. */
  readonly budget: number
  readonly #locals: ValueType[] = []
  readonly #temporaries = new Map<ValueType, { all: number[]; taken: number }>()
  #ordinaryMode: number | undefined

  constructor(use: FrameUse) {
    this.use = use
    const newLocal = (type: ValueType): number => this.local(type)
    this.general = new RegisterBank(GENERAL, use.general, newLocal)
    this.vectors = new RegisterBank(VECTOR, use.vectors, newLocal)
    this.selector = this.local(I32)
    this.origin = this.local(I64)
    this.budget = this.local(I32)
    this.flags = new Flags(this.code, new FlagLocals(newLocal))
  }

  // Locals.

  get locals(): readonly ValueType[] {
    return this.#locals
  }

  /** A local of its own. Parameter 0 is the jump-table slot through which the region is entered. */
  local(type: ValueType): number {
    this.#locals.push(type)
    return this.#locals.length
  }

  /** A local that is free again at the next operation. */
  temporary(type: ValueType): number {
    let pool = this.#temporaries.get(type)
    if (!pool) {
      pool = { all: [], taken: 0 }
      this.#temporaries.set(type, pool)
    }
    if (pool.taken === pool.all.length) pool.all.push(this.local(type))
    return pool.all[pool.taken++]!
  }

  freeTemporaries(): void {
    for (const pool of this.#temporaries.values()) pool.taken = 0
  }

  /** Local: is MXCSR as floating-point code wants it (vector-mode.ts)? */
  get ordinaryMode(): number {
    this.use.mxcsr = true
    this.#ordinaryMode ??= this.local(I32)
    return this.#ordinaryMode
  }

  /** Does the code ask for it? */
  get asksForMode(): boolean {
    return this.#ordinaryMode !== undefined
  }

  // Registers.

  /** Local of the general register at this offset from REGS (of a byte register: of the whole one). */
  register(offset: number): number {
    return this.general.at(offset)
  }

  get stackPointer(): number {
    return this.register(RSP)
  }

  registerValue(offset: number, bytes: number): Value {
    const local = this.register(offset)
    if (bytes >= 4) return { kind: 'register', local, bytes }
    const { code } = this
    const narrow = this.temporary(I32)
    code.get(local)
    code.op(op.i32_wrap_i64)
    if (bytes === 1 && (offset & 1) === 1) {
      code.i32(8)
      code.op(op.i32_shr_u)
    }
    code.i32(bytes === 1 ? 0xff : 0xffff)
    code.op(op.i32_and)
    code.set(narrow)
    return { kind: 'local', local: narrow, bytes }
  }

  /** Takes the value on the stack (i64 for 8 bytes, else i32) into a register, as the processor does for its size. */
  setRegister(offset: number, bytes: number): void {
    const { code } = this
    const local = this.general.toChange(offset)
    if (bytes === 8) {
      code.set(local)
      return
    }
    code.op(op.i64_extend_i32_u)
    if (bytes === 4) {
      code.set(local)
      return
    }
    const high = bytes === 1 && (offset & 1) === 1
    const mask = bytes === 2 ? 0xffff : 0xff
    code.i64(mask)
    code.op(op.i64_and)
    if (high) {
      code.i64(8)
      code.op(op.i64_shl)
    }
    code.get(local)
    code.i64(bytes === 2 ? -0x10000 : high ? -0xff01 : -0x100)
    code.op(op.i64_and)
    code.op(op.i64_or)
    code.set(local)
  }

  /** Adds to RSP. */
  moveStack(by: number): void {
    const { code } = this
    code.get(this.stackPointer)
    code.i64(by)
    code.op(op.i64_add)
    this.setRegister(RSP, 8)
  }

  /** Local of the XMM register at this offset from XMM. */
  xmm(offset: number): number {
    return this.vectors.at(offset)
  }

  setXmm(offset: number): void {
    const local = this.vectors.toChange(offset)
    this.code.set(local)
    this.known.written(local)
  }

  // Values.

  push(value: Value): void {
    const { code } = this
    switch (value.kind) {
      case 'local':
        code.get(value.local)
        break
      case 'register':
        code.get(value.local)
        if (value.bytes === 4) code.op(op.i32_wrap_i64)
        break
      default:
        if (value.bytes === 8) code.i64(value.value)
        else code.i32(Number(value.bytes === 4 ? BigInt.asIntN(32, BigInt(value.value)) : value.value))
    }
  }

  /** A value in a temporary local, from the stack. */
  keep(type: ValueType, bytes: number): Value {
    const local = this.temporary(type)
    this.code.set(local)
    return { kind: 'local', local, bytes }
  }

  /** Pushes the linear address of the byte `delta` bytes behind the region's origin. */
  pushLinear(delta: number): void {
    const { code } = this
    code.get(this.origin)
    if (delta !== 0) {
      code.i64(delta)
      code.op(op.i64_add)
    }
  }

  /**
   * Sets selector and origin from the entry in a slot of the jump table (installed.ts), which is in a local.
   * @param pushAddress pushes the linear address that is entered
   */
  enter(code: Code, slot: number, at: number, pushAddress: () => void): void {
    code.get(slot)
    code.memory(op.i32_load, at)
    code.i32(0xfff)
    code.op(op.i32_and)
    code.set(this.selector)
    pushAddress()
    takePage(code)
    code.get(slot)
    code.memory(op.i64_load32_s, at)
    takePage(code)
    code.op(op.i64_sub)
    code.set(this.origin)
  }
}
