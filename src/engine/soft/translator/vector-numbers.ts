// Floating point in translated code: the two formats, and how an instruction makes sure that WebAssembly's result is all
// that there is to it. That is so as long as no exception flag of MXCSR can change: operands and result are normal
// numbers (or zero), PE is set and masked already or the result is exact, and rounding is to nearest (core/sse-float.ts).
// Whatever is not so leaves the region in front of the instruction, and the interpreter does it exactly.
//
// A check has two steps. The first is short and takes nearly every number: all magnitudes are above the smallest normal
// one and below infinity, and MXCSR is as in any program that has ever rounded. The second, in a branch that is seldom
// taken, asks exactly what the interpreter's fast path asks: zeros, exact results before PE is set.
//
// Scalars are looked at in lane 0 of vectors: what lies in the other lanes is computed too, and left out of account.

import { type Code, F32, F64, V128 } from './encoder.ts'
import type { Value } from './frame.ts'
import type { FunctionWriter } from './function-writer.ts'
import { op } from './opcodes.ts'

/** The operations of a vector of singles or of doubles. */
export interface FloatFormat {
  readonly type: typeof F32 | typeof F64
  readonly bytes: 4 | 8
  /** Bits of a significand. */
  readonly precision: number
  /** Smallest normal and largest finite number. */
  readonly smallest: number
  readonly largest: number
  readonly constant: (code: Code, value: number) => void
  readonly extract: number
  readonly replace: number
  readonly splat: number
  readonly bitmask: number
  readonly abs: number
  readonly pmin: number
  readonly pmax: number
  readonly eq: number
  readonly lt: number
  readonly gt: number
  readonly le: number
  readonly ge: number
  readonly add: number
  readonly sub: number
  readonly mul: number
  readonly div: number
  readonly sqrt: number
  readonly nearest: number
  readonly floor: number
  readonly ceil: number
  readonly trunc: number
}

export const SINGLE: FloatFormat = {
  type: F32,
  bytes: 4,
  precision: 24,
  smallest: 2 ** -126,
  largest: (2 - 2 ** -23) * 2 ** 127,
  constant: (code, value) => code.f32(value),
  extract: op.f32x4_extract_lane,
  replace: op.f32x4_replace_lane,
  splat: op.f32x4_splat,
  bitmask: op.i32x4_bitmask,
  abs: op.f32x4_abs,
  pmin: op.f32x4_pmin,
  pmax: op.f32x4_pmax,
  eq: op.f32x4_eq,
  lt: op.f32x4_lt,
  gt: op.f32x4_gt,
  le: op.f32x4_le,
  ge: op.f32x4_ge,
  add: op.f32x4_add,
  sub: op.f32x4_sub,
  mul: op.f32x4_mul,
  div: op.f32x4_div,
  sqrt: op.f32x4_sqrt,
  nearest: op.f32x4_nearest,
  floor: op.f32x4_floor,
  ceil: op.f32x4_ceil,
  trunc: op.f32x4_trunc,
}

export const DOUBLE: FloatFormat = {
  type: F64,
  bytes: 8,
  precision: 53,
  smallest: 2 ** -1022,
  largest: Number.MAX_VALUE,
  constant: (code, value) => code.f64(value),
  extract: op.f64x2_extract_lane,
  replace: op.f64x2_replace_lane,
  splat: op.f64x2_splat,
  bitmask: op.i64x2_bitmask,
  abs: op.f64x2_abs,
  pmin: op.f64x2_pmin,
  pmax: op.f64x2_pmax,
  eq: op.f64x2_eq,
  lt: op.f64x2_lt,
  gt: op.f64x2_gt,
  le: op.f64x2_le,
  ge: op.f64x2_ge,
  add: op.f64x2_add,
  sub: op.f64x2_sub,
  mul: op.f64x2_mul,
  div: op.f64x2_div,
  sqrt: op.f64x2_sqrt,
  nearest: op.f64x2_nearest,
  floor: op.f64x2_floor,
  ceil: op.f64x2_ceil,
  trunc: op.f64x2_trunc,
}

/** How many lanes of a vector an instruction is about: the lowest ones. */
export type Lanes = 1 | 2 | 4

export const lanesOf = ({ bytes }: FloatFormat): Lanes => (16 / bytes) as Lanes

/** Writes floating-point code for numbers of one format in the lowest lanes. */
export class Numbers {
  readonly writer: FunctionWriter
  readonly code: Code
  readonly format: FloatFormat
  readonly lanes: Lanes

  constructor(writer: FunctionWriter, format: FloatFormat, lanes: Lanes) {
    this.writer = writer
    this.code = writer.code
    this.format = format
    this.lanes = lanes
  }

  /** A vector from the stack, to be pushed again. */
  keep(): Value {
    return this.writer.keep(V128, 16)
  }

  /** Pushes lane 0 as a float. */
  pushScalar(value: Value): void {
    this.writer.push(value)
    this.code.lane(this.format.extract, 0)
  }

  /** Pushes a constant in all lanes. */
  pushSplat(value: number): void {
    this.format.constant(this.code, value)
    this.code.op(this.format.splat)
  }

  pushMagnitude(value: Value): void {
    this.writer.push(value)
    this.code.op(this.format.abs)
  }

  /** Turns a vector of masks into an i32 (0 or 1): are they set in all lanes that count? */
  all(): void {
    const { code, lanes, format } = this
    code.op(format.bitmask)
    if (lanes < lanesOf(format)) {
      code.i32((1 << lanes) - 1)
      code.op(op.i32_and)
    }
    if (lanes === 1) return
    code.i32((1 << lanes) - 1)
    code.op(op.i32_eq)
  }

  // Masks.

  compare(a: Value, instruction: number, constant: number): void {
    this.writer.push(a)
    this.pushSplat(constant)
    this.code.op(instruction)
  }

  /** Not a NaN, not a denormal. */
  pushPlain(value: Value): void {
    const { code, format } = this
    this.pushNormal(value)
    this.compare(value, format.eq, 0)
    code.op(op.v128_or)
  }
  /** Normal or infinite. */
  pushNormal(value: Value): void {
    this.pushMagnitude(value)
    this.pushSplat(this.format.smallest)
    this.code.op(this.format.ge)
  }
  /** Finite and above the smallest normal number, which may have been rounded up to. `magnitude` has no sign. */
  pushSafe(magnitude: Value): void {
    const { code, format } = this
    this.compare(magnitude, format.gt, format.smallest)
    this.compare(magnitude, format.le, format.largest)
    code.op(op.v128_and)
  }

  /** Pushes 1 when rounding is to nearest and PE is set and masked, else 0. */
  pushOrdinaryMode(): void {
    this.code.get(this.writer.ordinaryMode)
  }

  /** Leaves the region unless what `likely` pushes is 1, or else what `precise` pushes. */
  demand(likely: () => void, precise: () => void): void {
    const { code, writer } = this
    likely()
    code.op(op.i32_eqz)
    code.whenUnlikely()
    precise()
    code.op(op.i32_eqz)
    writer.exits.leaveWhen()
    code.end()
  }

  isKnown(value: Value): boolean {
    return this.writer.known.isPlain(value, this.format.bytes, this.lanes)
  }
  /** The instruction has not left: these operands are plain. */
  learn(...values: readonly Value[]): void {
    for (const value of values) this.writer.known.learn(value, this.format.bytes, this.lanes)
  }
  /** The result is plain; called just before it is written. */
  announce(): void {
    this.writer.known.announce(this.format.bytes, this.lanes)
  }

  /** Leaves the region if one of the operands is a NaN or a denormal. */
  demandPlain(...operands: readonly Value[]): void {
    const { code } = this
    const values = operands.filter((value) => !this.isKnown(value))
    if (values.length === 0) return
    const each = (push: (value: Value) => void): void => {
      for (const [i, value] of values.entries()) {
        push(value)
        if (i > 0) code.op(op.v128_and)
      }
      this.all()
    }
    this.demand(
      () => each((value) => this.pushNormal(value)),
      () => each((value) => this.pushPlain(value)),
    )
    this.learn(...values)
  }
}
