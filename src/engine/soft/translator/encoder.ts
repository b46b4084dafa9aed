// WebAssembly's binary format (core specification 2.0, chapter 5), as much of it as translated code needs: a buffer that
// grows while a function's body is written into it, labels that know their depth, and the module around the bodies.

import { op } from './opcodes.ts'

export const I32 = 0x7f
export const I64 = 0x7e
export const F32 = 0x7d
export const F64 = 0x7c
export const V128 = 0x7b
export type ValueType = typeof I32 | typeof I64 | typeof F32 | typeof F64 | typeof V128

const VOID = 0x40
const BLOCK = 0x02
const LOOP = 0x03
const IF = 0x04
const ELSE = 0x05
const END = 0x0b
const BR = 0x0c
const BR_IF = 0x0d
const BR_TABLE = 0x0e
const CALL = 0x10
const RETURN_CALL = 0x12
const RETURN_CALL_INDIRECT = 0x13
const LOCAL_GET = 0x20
const LOCAL_SET = 0x21
const LOCAL_TEE = 0x22
const GLOBAL_GET = 0x23
const I32_CONST = 0x41
const I64_CONST = 0x42
const F32_CONST = 0x43
const F64_CONST = 0x44

/** A place that `branch` can name: how many structures were open when its own had been opened. */
export type Label = number

/** Bytes that are being written. Structures opened with `block`, `loop` and `when` are closed with `end`. */
export class Code {
  bytes: Uint8Array = new Uint8Array(4096)
  length = 0
  /** Where the `if`s are whose condition hardly ever holds. */
  readonly unlikely: number[] = []
  #depth = 0

  byte(value: number): void {
    if (this.length === this.bytes.length) this.#grow(1)
    this.bytes[this.length++] = value
  }

  /** An opcode of `op`, with its prefix. */
  op(code: number): void {
    if (code < 0x100) {
      this.byte(code)
      return
    }
    this.byte(code >>> 8)
    this.unsigned(code & 0xff)
  }

  unsigned(value: number): void {
    if (value < 0x80) {
      this.byte(value)
      return
    }
    // Bounded: five bytes at most.
    while (value >= 0x80) {
      this.byte((value & 0x7f) | 0x80)
      value >>>= 7
    }
    this.byte(value)
  }

  /** An opcode of one byte and its number. This is most of what is written, so it is not left to `byte`. */
  #opcode(code: number, number: number): void {
    const { length } = this
    if (number > 0x7f || length + 2 > this.bytes.length) {
      this.byte(code)
      this.unsigned(number)
      return
    }
    this.bytes[length] = code
    this.bytes[length + 1] = number
    this.length = length + 2
  }

  #signed32(value: number): void {
    // Bounded: five bytes at most.
    while (value < -64 || value > 63) {
      this.byte((value & 0x7f) | 0x80)
      value >>= 7
    }
    this.byte(value & 0x7f)
  }

  append(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.bytes.length) this.#grow(bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  /** What another has written, with what it knows of its branches. */
  appendCode(other: Code): void {
    for (const at of other.unlikely) this.unlikely.push(this.length + at)
    this.append(other.written())
  }

  #grow(by: number): void {
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + by))
    larger.set(this.bytes)
    this.bytes = larger
  }

  written(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }

  i32(value: number): void {
    if (value >= 0 && value < 64) {
      this.#opcode(I32_CONST, value)
      return
    }
    this.byte(I32_CONST)
    this.#signed32(value | 0)
  }

  /** A constant of 64 bits; numbers must be safe integers. */
  i64(value: number | bigint): void {
    this.byte(I64_CONST)
    if (typeof value === 'number' && value === (value | 0)) {
      this.#signed32(value)
      return
    }
    let rest = BigInt.asIntN(64, BigInt(value))
    // Bounded: ten bytes at most.
    while (rest < -64n || rest > 63n) {
      this.byte(Number(rest & 0x7fn) | 0x80)
      rest >>= 7n
    }
    this.byte(Number(rest & 0x7fn))
  }

  f32(value: number): void {
    this.byte(F32_CONST)
    this.append(new Uint8Array(Float32Array.of(value).buffer))
  }
  f64(value: number): void {
    this.byte(F64_CONST)
    this.append(new Uint8Array(Float64Array.of(value).buffer))
  }

  /** `bytes`: the sixteen of the constant, the lowest first. */
  v128(bytes: readonly number[]): void {
    this.op(op.v128_const)
    for (let i = 0; i < 16; i++) this.byte(bytes[i]! & 0xff)
  }

  /** i8x16.shuffle of the two operands before it. */
  shuffle(lanes: readonly number[]): void {
    this.op(op.i8x16_shuffle)
    for (let i = 0; i < 16; i++) this.byte(lanes[i]!)
  }

  /** extract_lane, replace_lane. */
  lane(code: number, lane: number): void {
    this.op(code)
    this.byte(lane)
  }

  /** A load or store at the address before it plus `offset`. No alignment is promised. */
  memory(code: number, offset: number): void {
    this.op(code)
    this.byte(0)
    this.unsigned(offset)
  }

  /** v128.load64_lane and its kin. */
  memoryLane(code: number, offset: number, lane: number): void {
    this.memory(code, offset)
    this.byte(lane)
  }

  get(local: number): void {
    this.#opcode(LOCAL_GET, local)
  }
  set(local: number): void {
    this.#opcode(LOCAL_SET, local)
  }
  tee(local: number): void {
    this.#opcode(LOCAL_TEE, local)
  }

  getGlobal(global: number): void {
    this.byte(GLOBAL_GET)
    this.unsigned(global)
  }

  call(index: number): void {
    this.byte(CALL)
    this.unsigned(index)
  }

  /** Calls a function of the module in the place of this one. */
  tailCall(index: number): void {
    this.byte(RETURN_CALL)
    this.unsigned(index)
  }
  /** Likewise the function at an index of the table. */
  tailCallIndirect(type: number): void {
    this.byte(RETURN_CALL_INDIRECT)
    this.unsigned(type)
    this.byte(0)
  }

  /** What is written here will stand inside this many open structures. */
  assumeOpen(count: number): void {
    this.#depth = count
  }

  block(): Label {
    this.#opcode(BLOCK, VOID)
    return ++this.#depth
  }
  loop(): Label {
    this.#opcode(LOOP, VOID)
    return ++this.#depth
  }
  /** `if`, of the i32 before it. */
  when(): Label {
    this.#opcode(IF, VOID)
    return ++this.#depth
  }
  /** `if`, of an i32 before it that is 0 nearly always: the optimizing compiler moves what follows out of the way. */
  whenUnlikely(): Label {
    this.unlikely.push(this.length)
    return this.when()
  }
  /** `if` that leaves a value. */
  whenValue(type: ValueType): Label {
    this.byte(IF)
    this.byte(type)
    return ++this.#depth
  }
  otherwise(): void {
    this.byte(ELSE)
  }
  end(): void {
    this.byte(END)
    this.#depth--
  }

  branch(to: Label): void {
    this.#opcode(BR, this.#depth - to)
  }
  branchIf(to: Label): void {
    this.#opcode(BR_IF, this.#depth - to)
  }
  branchTable(to: readonly Label[], otherwise: Label): void {
    this.byte(BR_TABLE)
    this.unsigned(to.length)
    for (const label of to) this.unsigned(this.#depth - label)
    this.unsigned(this.#depth - otherwise)
  }
}

export interface FunctionType {
  readonly parameters: readonly ValueType[]
  readonly results: readonly ValueType[]
}

export interface FunctionImport {
  readonly name: string
  readonly type: FunctionType
}

export interface FunctionBody {
  /** Types of the locals behind the parameters. */
  readonly locals: readonly ValueType[]
  /** Instructions without the closing `end`. */
  readonly code: Uint8Array
  /** Offsets in `code` of the `if`s that are hardly ever taken, ascending. */
  readonly unlikely?: readonly number[]
  /** Without a name it is called within the module only. */
  readonly exportName?: string
}

/**
 * A module that imports `env.memory` (shared, 64-bit guests see at most 65536 pages), functions of `env`, and globals of
 * 32 bits that are called `env.0` and so on. All bodies have `type`, which is the one behind those of the imports.
 * @param table imports `env.table`, too
 */
export function encodeModule(
  imports: readonly FunctionImport[],
  type: FunctionType,
  bodies: readonly FunctionBody[],
  { globals = 0, table = false }: { readonly globals?: number; readonly table?: boolean } = {},
): Uint8Array {
  const module = new Code()
  module.append(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
  section(module, 1, (to) => {
    to.unsigned(imports.length + 1)
    for (const each of [...imports.map((one) => one.type), type]) {
      to.byte(0x60)
      for (const list of [each.parameters, each.results]) {
        to.unsigned(list.length)
        for (const one of list) to.byte(one)
      }
    }
  })
  section(module, 2, (to) => {
    to.unsigned(imports.length + 1 + globals + (table ? 1 : 0))
    name(to, 'env')
    name(to, 'memory')
    to.byte(2)
    to.byte(3) // shared, with a maximum
    to.unsigned(1)
    to.unsigned(65536)
    for (const [i, one] of imports.entries()) {
      name(to, 'env')
      name(to, one.name)
      to.byte(0)
      to.unsigned(i)
    }
    for (let i = 0; i < globals; i++) {
      name(to, 'env')
      name(to, String(i))
      to.byte(3)
      to.byte(I32)
      to.byte(1) // mutable
    }
    if (!table) return
    name(to, 'env')
    name(to, 'table')
    to.byte(1)
    to.byte(0x70) // funcref
    to.byte(0) // no maximum
    to.unsigned(0)
  })
  section(module, 3, (to) => {
    to.unsigned(bodies.length)
    for (const _ of bodies) to.unsigned(imports.length)
  })
  section(module, 7, (to) => {
    to.unsigned(bodies.filter(({ exportName }) => exportName !== undefined).length)
    for (const [i, { exportName }] of bodies.entries()) {
      if (exportName === undefined) continue
      name(to, exportName)
      to.byte(0)
      to.unsigned(imports.length + i)
    }
  })
  const heads = bodies.map(({ locals }) => localDeclarations(locals))
  section(module, 0, (to) => branchHints(to, imports.length, heads, bodies))
  section(module, 10, (to) => {
    to.unsigned(bodies.length)
    for (const [i, { code }] of bodies.entries()) {
      const head = heads[i]!
      to.unsigned(head.length + code.length + 1)
      to.append(head)
      to.append(code)
      to.byte(END)
    }
  })
  return module.written()
}

function localDeclarations(locals: readonly ValueType[]): Uint8Array {
  const head = new Code()
  const runs: [ValueType, number][] = []
  for (const local of locals) {
    const last = runs.at(-1)
    if (last?.[0] === local) last[1]++
    else runs.push([local, 1])
  }
  head.unsigned(runs.length)
  for (const [local, count] of runs) {
    head.unsigned(count)
    head.byte(local)
  }
  return head.written()
}

/** The branch hinting proposal's custom section. Whoever does not know it skips it. */
function branchHints(
  to: Code,
  firstFunction: number,
  heads: readonly Uint8Array[],
  bodies: readonly FunctionBody[],
): void {
  name(to, 'metadata.code.branch_hint')
  to.unsigned(bodies.length)
  for (const [i, { unlikely = [] }] of bodies.entries()) {
    to.unsigned(firstFunction + i)
    to.unsigned(unlikely.length)
    for (const at of unlikely) {
      to.unsigned(heads[i]!.length + at)
      to.byte(1)
      to.byte(0)
    }
  }
}

function section(module: Code, id: number, write: (to: Code) => void): void {
  const content = new Code()
  write(content)
  module.byte(id)
  module.unsigned(content.length)
  module.append(content.written())
}

function name(to: Code, text: string): void {
  const bytes = new TextEncoder().encode(text)
  to.unsigned(bytes.length)
  to.append(bytes)
}
