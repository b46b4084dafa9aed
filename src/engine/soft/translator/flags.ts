// The status flags in translated code. An instruction that sets them leaves its operands and result in locals, and the
// translator remembers, without any code, how the flags follow from them: their state. A condition is then a compare
// of these locals, and flags that nothing asks for cost nothing.
//
//   memory    as core/flags.ts has them (CC_OP, CC_A, CC_B, CC_RES, RFLAGS)
//   dead      no instruction can read them before they are set again
//   sub       a, b: CMP, SUB, NEG        add  a, r         logic  r: carry and overflow 0
//   inc, dec  r, carry                   adc, sbb  a, b, r
//   cooked    r, carry (bit 0: CF, bit 1: OF; AF 0): shifts, multiplications
//   explicit  carry holds the bits as in RFLAGS
//   floats    x, y: COMISS and its kin, of two numbers that are ordered; OF, SF, AF and PF are 0
//
// The locals are i32 for operands of up to 32 bits, zero-extended, and i64 for 64 bits; x and y are f64.

import { CC_A, CC_B, CC_CARRY, CC_OP, CC_RES, RFLAGS } from './addresses.ts'
import type { Code } from './encoder.ts'
import { op } from './opcodes.ts'
import type { Operation } from './operations.ts'

export type FlagKind =
  | 'memory'
  | 'dead'
  | 'sub'
  | 'add'
  | 'logic'
  | 'inc'
  | 'dec'
  | 'adc'
  | 'sbb'
  | 'cooked'
  | 'explicit'
  | 'floats'

export interface FlagState {
  readonly kind: FlagKind
  /** Operand size, 1 to 8; 4 where it does not matter. */
  readonly bytes: number
}

export const MEMORY: FlagState = { kind: 'memory', bytes: 4 }
export const DEAD: FlagState = { kind: 'dead', bytes: 4 }
export const EXPLICIT: FlagState = { kind: 'explicit', bytes: 4 }

export const sameState = (a: FlagState, b: FlagState): boolean => a.kind === b.kind && a.bytes === b.bytes

// Sets of flags.
const O = 1
const S = 2
const Z = 4
const A = 8
const P = 16
const C = 32
export const ALL_FLAGS = 63
export const CARRY_FLAG: number = C
const LETTERS: Record<string, number> = { o: O, s: S, z: Z, a: A, p: P, c: C }
const maskOf = (letters: string): number => [...letters].reduce((mask, letter) => mask | LETTERS[letter]!, 0)

/** What an operation does to liveness, backwards: live before = (live after & ~kills) | reads. */
export interface FlagEffect {
  readonly reads: number
  readonly kills: number
}

const TRANSPARENT: FlagEffect = { reads: 0, kills: 0 }
const READS_ALL: FlagEffect = { reads: ALL_FLAGS, kills: 0 }

/** Conditional on a count, or leaving some flags as they are. */
const PARTIAL = new Set([
  'rol',
  'ror',
  'rcl',
  'rcr',
  'btImm',
  'btsImm',
  'btrImm',
  'btcImm',
  'bt',
  'bts',
  'btr',
  'btc',
])
const SHIFTS = new Set(['shl', 'shr', 'sar', 'shld', 'shrd', 'rol', 'ror', 'rcl', 'rcr'])

/** The count of a shift by a constant; undefined when it is in CL. */
export function constantCount(operation: Operation): number | undefined {
  const { row, size } = operation.handler!
  const count = row.operands.at(-1)!
  if (count.kind === 'C') return undefined
  const value = count.kind === '1' ? 1 : Number(operation.immediate)
  const wide = row.operands[0]!.size !== 'b' && size === 8
  return value & (wide ? 63 : 31)
}

const effects = new WeakMap<object, FlagEffect>()

/** @param leaves the operation is not translated: whatever runs it may read the flags */
export function flagEffect(operation: Operation, leaves: boolean): FlagEffect {
  if (leaves || !operation.handler) return READS_ALL
  const { row } = operation.handler
  if (SHIFTS.has(row.name)) {
    const count = constantCount(operation)
    if (count === undefined) return row.name.startsWith('rc') ? { reads: C, kills: 0 } : TRANSPARENT
    if (count === 0) return TRANSPARENT
    if (row.name.startsWith('r'))
      return row.name.startsWith('rc') ? { reads: C, kills: C | O } : { reads: 0, kills: C | O }
    return { reads: 0, kills: ALL_FLAGS }
  }
  let effect = effects.get(row)
  if (!effect) {
    const { written, undefined: undef, read } = row.flags
    const kills = PARTIAL.has(row.name) ? maskOf(written) : maskOf(written + undef)
    effect = { reads: maskOf(read), kills }
    effects.set(row, effect)
  }
  return effect
}

const SETTERS: Readonly<Record<string, FlagKind>> = {
  add: 'add',
  xadd: 'add',
  sub: 'sub',
  cmp: 'sub',
  neg: 'sub',
  cmpxchg: 'sub',
  and: 'logic',
  or: 'logic',
  xor: 'logic',
  test: 'logic',
  inc: 'inc',
  dec: 'dec',
  adc: 'adc',
  sbb: 'sbb',
  shl: 'cooked',
  shr: 'cooked',
  sar: 'cooked',
  shld: 'cooked',
  shrd: 'cooked',
  imul2: 'cooked',
  imul3: 'cooked',
  mul: 'cooked',
  imul1: 'cooked',
  bsf: 'logic',
  bsr: 'logic',
  popcnt_: 'explicit',
  btImm: 'cooked',
  btsImm: 'cooked',
  btrImm: 'cooked',
  btcImm: 'cooked',
  bt: 'cooked',
  bts: 'cooked',
  btr: 'cooked',
  btc: 'cooked',
  rol: 'cooked',
  ror: 'cooked',
  ucomiss: 'floats',
  ucomisd: 'floats',
  comiss: 'floats',
  comisd: 'floats',
  ptest: 'explicit',
}

/** The kind of state an operation leaves when all of the flags it does not keep are needed; undefined: it sets none. */
export function flagKind(operation: Operation): FlagKind | undefined {
  const name = operation.handler!.row.name
  if (SHIFTS.has(name) && constantCount(operation) === 0) return undefined
  return SETTERS[name]
}

/** The locals that hold a state's parts. */
export interface FlagLocals {
  a32(): number
  b32(): number
  r32(): number
  a64(): number
  b64(): number
  r64(): number
  carry(): number
  x(): number
  y(): number
}

export class Flags {
  readonly #code: Code
  readonly #locals: FlagLocals
  /** Index of the imported function that asks core/flags.ts. */
  readonly #conditionFunction: number

  constructor(code: Code, locals: FlagLocals, conditionFunction: number) {
    this.#code = code
    this.#locals = locals
    this.#conditionFunction = conditionFunction
  }

  /** The same flags, written into other code. */
  in(code: Code): Flags {
    return new Flags(code, this.#locals, this.#conditionFunction)
  }

  a(bytes: number): number {
    return bytes === 8 ? this.#locals.a64() : this.#locals.a32()
  }
  b(bytes: number): number {
    return bytes === 8 ? this.#locals.b64() : this.#locals.b32()
  }
  r(bytes: number): number {
    return bytes === 8 ? this.#locals.r64() : this.#locals.r32()
  }

  /** The local of `carry`, as the states draw it above. */
  get carryLocal(): number {
    return this.#locals.carry()
  }

  /** The locals of `floats`. */
  get x(): number {
    return this.#locals.x()
  }
  get y(): number {
    return this.#locals.y()
  }

  /** Pushes one of the sixteen conditions (SDM volume 1, appendix B) as 0 or 1. */
  condition(state: FlagState, condition: number): void {
    const code = this.#code
    const inverted = (condition & 1) === 1
    if (state.kind === 'memory' || state.kind === 'dead') {
      code.i32(condition)
      code.call(this.#conditionFunction)
      return
    }
    if (state.kind === 'sub' && this.#compare(state, condition)) return
    if (state.kind === 'floats') {
      this.#compareFloats(condition)
      return
    }
    switch (condition >> 1) {
      case 0:
        this.#overflow(state)
        break
      case 1:
        this.#carry(state)
        break
      case 2:
        this.#zero(state)
        break
      case 3:
        this.#carry(state)
        this.#zero(state)
        code.op(op.i32_or)
        break
      case 4:
        this.#sign(state)
        break
      case 5:
        this.#parity(state)
        break
      case 6:
        this.#less(state)
        break
      default:
        this.#less(state)
        this.#zero(state)
        code.op(op.i32_or)
    }
    if (inverted) code.op(op.i32_eqz)
  }

  /** After a compare: one instruction for most conditions. */
  #compare({ bytes }: FlagState, condition: number): boolean {
    const code = this.#code
    const wide = bytes === 8
    const signed = condition >= 12
    let instruction: number | undefined
    switch (condition) {
      case 2:
        instruction = wide ? op.i64_lt_u : op.i32_lt_u
        break
      case 3:
        instruction = wide ? op.i64_ge_u : op.i32_ge_u
        break
      case 4:
        instruction = wide ? op.i64_eq : op.i32_eq
        break
      case 5:
        instruction = wide ? op.i64_ne : op.i32_ne
        break
      case 6:
        instruction = wide ? op.i64_le_u : op.i32_le_u
        break
      case 7:
        instruction = wide ? op.i64_gt_u : op.i32_gt_u
        break
      case 12:
        instruction = wide ? op.i64_lt_s : op.i32_lt_s
        break
      case 13:
        instruction = wide ? op.i64_ge_s : op.i32_ge_s
        break
      case 14:
        instruction = wide ? op.i64_le_s : op.i32_le_s
        break
      case 15:
        instruction = wide ? op.i64_gt_s : op.i32_gt_s
        break
    }
    if (instruction === undefined) return false
    code.get(this.a(bytes))
    if (signed) this.#extend(bytes)
    code.get(this.b(bytes))
    if (signed) this.#extend(bytes)
    code.op(instruction)
    return true
  }

  /** The numbers are no NaNs, so that one compare is the opposite of another. */
  #compareFloats(condition: number): void {
    const code = this.#code
    const instruction = FLOAT_COMPARES[condition]
    if (instruction === undefined) {
      code.i32(condition & 1)
      return
    }
    code.get(this.x)
    code.get(this.y)
    code.op(instruction)
  }

  /** Sign-extends a narrow value within its i32. */
  #extend(bytes: number): void {
    if (bytes === 1) this.#code.op(op.i32_extend8_s)
    else if (bytes === 2) this.#code.op(op.i32_extend16_s)
  }

  /** Pushes the result, whose bits above the operand size may be anything. */
  #result({ kind, bytes }: FlagState): void {
    const code = this.#code
    if (kind === 'sub') {
      code.get(this.a(bytes))
      code.get(this.b(bytes))
      code.op(bytes === 8 ? op.i64_sub : op.i32_sub)
    } else {
      code.get(this.r(bytes))
    }
  }

  #bit(bit: number): void {
    const code = this.#code
    code.get(this.#locals.carry())
    if (bit > 0) {
      code.i32(bit)
      code.op(op.i32_shr_u)
    }
    code.i32(1)
    code.op(op.i32_and)
  }

  #zero(state: FlagState): void {
    const code = this.#code
    const { kind, bytes } = state
    if (kind === 'explicit') {
      this.#bit(6)
      return
    }
    if (kind === 'sub') {
      this.#compare(state, 4)
      return
    }
    this.#result(state)
    if (bytes < 4) {
      code.i32(bytes === 1 ? 0xff : 0xffff)
      code.op(op.i32_and)
    }
    code.op(bytes === 8 ? op.i64_eqz : op.i32_eqz)
  }

  /** Turns the value before it into its sign: 0 or 1. */
  #signOf(bytes: number): void {
    const code = this.#code
    if (bytes === 8) {
      code.i64(0)
      code.op(op.i64_lt_s)
      return
    }
    this.#extend(bytes)
    code.i32(0)
    code.op(op.i32_lt_s)
  }

  #sign(state: FlagState): void {
    if (state.kind === 'explicit') {
      this.#bit(7)
      return
    }
    this.#result(state)
    this.#signOf(state.bytes)
  }

  #parity(state: FlagState): void {
    const code = this.#code
    if (state.kind === 'explicit') {
      this.#bit(2)
      return
    }
    this.#result(state)
    if (state.bytes === 8) code.op(op.i32_wrap_i64)
    code.i32(0xff)
    code.op(op.i32_and)
    code.op(op.i32_popcnt)
    code.i32(1)
    code.op(op.i32_and)
    code.op(op.i32_eqz)
  }

  #masked(bytes: number): void {
    if (bytes >= 4) return
    this.#code.i32(bytes === 1 ? 0xff : 0xffff)
    this.#code.op(op.i32_and)
  }

  /** Pushes CF. */
  carry(state: FlagState): void {
    if (state.kind === 'memory' || state.kind === 'dead' || state.kind === 'floats') this.condition(state, 2)
    else this.#carry(state)
  }

  #carry(state: FlagState): void {
    const code = this.#code
    const { kind, bytes } = state
    const wide = bytes === 8
    switch (kind) {
      case 'sub':
        this.#compare(state, 2)
        return
      case 'add':
        code.get(this.r(bytes))
        this.#masked(bytes)
        code.get(this.a(bytes))
        code.op(wide ? op.i64_lt_u : op.i32_lt_u)
        return
      case 'logic':
        code.i32(0)
        return
      case 'inc':
      case 'dec':
        code.get(this.#locals.carry())
        return
      case 'adc':
      case 'sbb': {
        // The carry out of the highest bit: majority of a, b and the inverted result (a inverted for a borrow).
        const [and, or, xor] = wide
          ? [op.i64_and, op.i64_or, op.i64_xor]
          : [op.i32_and, op.i32_or, op.i32_xor]
        const ones = (): void => (wide ? code.i64(-1) : code.i32(-1))
        const first = (): void => {
          code.get(this.a(bytes))
          if (kind === 'sbb') {
            ones()
            code.op(xor)
          }
        }
        first()
        code.get(this.b(bytes))
        code.op(and)
        first()
        code.get(this.b(bytes))
        code.op(or)
        code.get(this.r(bytes))
        if (kind === 'adc') {
          ones()
          code.op(xor)
        }
        code.op(and)
        code.op(or)
        this.#signOf(bytes)
        return
      }
      default:
        this.#bit(0)
    }
  }

  #overflow(state: FlagState): void {
    const code = this.#code
    const { kind, bytes } = state
    const wide = bytes === 8
    const [and, xor] = wide ? [op.i64_and, op.i64_xor] : [op.i32_and, op.i32_xor]
    switch (kind) {
      case 'logic':
        code.i32(0)
        return
      case 'cooked':
        this.#bit(1)
        return
      case 'explicit':
        this.#bit(11)
        return
      case 'inc':
      case 'dec': {
        // The one result that is on the other side of the sign.
        code.get(this.r(bytes))
        this.#masked(bytes)
        const top = 2 ** (bytes * 8 - 1)
        if (wide) code.i64(kind === 'inc' ? -(2n ** 63n) : 2n ** 63n - 1n)
        else code.i32(kind === 'inc' ? top : top - 1)
        code.op(wide ? op.i64_eq : op.i32_eq)
        return
      }
      case 'sub':
      case 'sbb':
        code.get(this.a(bytes))
        code.get(this.b(bytes))
        code.op(xor)
        code.get(this.a(bytes))
        this.#result(state)
        code.op(xor)
        break
      default:
        code.get(this.a(bytes))
        code.get(this.r(bytes))
        code.op(xor)
        this.#addend(state)
        code.get(this.r(bytes))
        code.op(xor)
    }
    code.op(and)
    this.#signOf(bytes)
  }

  /** Pushes b, which for ADD follows from the others. */
  #addend({ kind, bytes }: FlagState): void {
    const code = this.#code
    if (kind === 'add') {
      code.get(this.r(bytes))
      code.get(this.a(bytes))
      code.op(bytes === 8 ? op.i64_sub : op.i32_sub)
    } else {
      code.get(this.b(bytes))
    }
  }

  #less(state: FlagState): void {
    if (state.kind === 'sub') {
      this.#compare(state, 12)
      return
    }
    this.#sign(state)
    if (state.kind === 'logic') return
    this.#overflow(state)
    this.#code.op(op.i32_xor)
  }

  /** Writes a state to memory as core/flags.ts keeps it. */
  flush(state: FlagState): void {
    const code = this.#code
    const { kind, bytes } = state
    if (kind === 'memory' || kind === 'dead') return
    if (kind === 'explicit' || kind === 'floats') {
      code.i32(0)
      code.i32(0)
      if (kind === 'explicit') code.get(this.#locals.carry())
      else this.#pushFloatFlags()
      code.i32(0)
      code.memory(op.i32_load, RFLAGS)
      code.i32(~0x8d5)
      code.op(op.i32_and)
      code.op(op.i32_or)
      code.memory(op.i32_store, RFLAGS)
      code.i32(0)
      code.memory(op.i32_store, CC_OP)
      return
    }
    const store = (at: number, push: () => void): void => {
      code.i32(0)
      push()
      this.#signExtended(bytes)
      code.memory(op.i64_store, at)
    }
    code.i32(0)
    code.i32(CC_NUMBERS[kind])
    code.memory(op.i32_store, CC_OP)
    store(CC_RES, () => this.#result(state))
    if (kind === 'inc' || kind === 'dec') {
      store(CC_A, () => {
        code.get(this.r(bytes))
        if (bytes === 8) code.i64(1)
        else code.i32(1)
        if (kind === 'inc') code.op(bytes === 8 ? op.i64_sub : op.i32_sub)
        else code.op(bytes === 8 ? op.i64_add : op.i32_add)
      })
      code.i32(0)
      code.i64(1)
      code.memory(op.i64_store, CC_B)
    } else if (kind !== 'logic' && kind !== 'cooked') {
      store(CC_A, () => code.get(this.a(bytes)))
      store(CC_B, () => this.#addend(state))
    }
    if (kind === 'inc' || kind === 'dec' || kind === 'cooked') {
      code.i32(0)
      code.get(this.#locals.carry())
      code.memory(op.i32_store, CC_CARRY)
    }
  }

  /** Pushes ZF and CF as in RFLAGS. */
  #pushFloatFlags(): void {
    const code = this.#code
    this.#compareFloats(4)
    code.i32(6)
    code.op(op.i32_shl)
    this.#compareFloats(2)
    code.op(op.i32_or)
  }

  #signExtended(bytes: number): void {
    const code = this.#code
    if (bytes === 8) return
    this.#extend(bytes)
    code.op(op.i64_extend_i32_s)
  }
}

/** Conditions of an ordered compare that are not always or never true. */
const FLOAT_COMPARES: Readonly<Record<number, number>> = {
  2: op.f64_lt,
  3: op.f64_ge,
  4: op.f64_eq,
  5: op.f64_ne,
  6: op.f64_le,
  7: op.f64_gt,
  // Signed conditions, with SF and OF 0: "less" never holds, "less or equal" is ZF.
  14: op.f64_eq,
  15: op.f64_ne,
}

/** CC_… in core/flags.ts. */
const CC_NUMBERS: Readonly<Record<Exclude<FlagKind, 'memory' | 'dead' | 'explicit' | 'floats'>, number>> = {
  add: 1,
  sub: 2,
  logic: 3,
  adc: 4,
  sbb: 5,
  inc: 6,
  dec: 7,
  cooked: 8,
}
