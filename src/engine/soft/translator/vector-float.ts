// SSE floating-point arithmetic: add, subtract, multiply, divide, square root, horizontal forms. vector-numbers.ts says
// when WebAssembly's operation is all that there is to do.

import type { Value } from './frame.ts'
import type { Context, MeaningEntry, Meanings } from './meaning.ts'
import { op } from './opcodes.ts'
import { pushInexactIsKnown, pushNearestMode } from './vector-mode.ts'
import { DOUBLE, type FloatFormat, type Lanes, lanesOf, Numbers, SINGLE } from './vector-numbers.ts'
import { bytesOfElements, entry, pushShuffle } from './vector-write.ts'

type Operation = 'add' | 'sub' | 'mul' | 'div'

const SCALARS: Readonly<Record<4 | 8, Readonly<Record<Operation | 'sqrt', number>>>> = {
  4: { add: op.f32_add, sub: op.f32_sub, mul: op.f32_mul, div: op.f32_div, sqrt: op.f32_sqrt },
  8: { add: op.f64_add, sub: op.f64_sub, mul: op.f64_mul, div: op.f64_div, sqrt: op.f64_sqrt },
}

/** One arithmetic instruction. `r` has a scalar's result in all lanes. */
interface Arithmetic {
  readonly numbers: Numbers
  readonly operation: Operation
  readonly a: Value
  readonly b: Value
  readonly r: Value
}

/** Leaves the region unless the result is as it should be and raises nothing. */
function demandPlainArithmetic(arithmetic: Arithmetic): void {
  const { numbers, a, b, r } = arithmetic
  const { code, format } = numbers
  numbers.pushMagnitude(r)
  const magnitude = numbers.keep()
  const asked = [a, b].filter((value) => !numbers.isKnown(value))
  const likely = (): void => {
    // A NaN among the operands is one in the result.
    numbers.writer.push(magnitude)
    for (const [i, value] of asked.entries()) {
      numbers.pushMagnitude(value)
      if (i > 0) code.op(format.pmin)
    }
    if (asked.length > 0) code.op(format.pmin)
    numbers.pushSplat(format.smallest)
    code.op(format.gt)
    numbers.compare(magnitude, format.le, format.largest)
    code.op(op.v128_and)
    numbers.all()
    numbers.pushOrdinaryMode()
    code.op(op.i32_and)
  }
  numbers.demand(likely, () => {
    numbers.pushSafe(magnitude)
    pushZeroIsRight(arithmetic)
    code.op(op.v128_or)
    for (const value of asked) {
      numbers.pushPlain(value)
      code.op(op.v128_and)
    }
    numbers.all()
    pushNearestMode(code)
    code.op(op.i32_and)
    pushInexactIsKnown(code)
    if (pushExact(arithmetic)) code.op(op.i32_or)
    code.op(op.i32_and)
  })
  numbers.learn(a, b)
}

/** Pushes a mask: the result is 0 and nothing was lost. */
function pushZeroIsRight({ numbers, operation, a, b, r }: Arithmetic): void {
  const { code, format } = numbers
  numbers.compare(r, format.eq, 0)
  if (operation === 'add' || operation === 'sub') return
  numbers.compare(a, format.eq, 0)
  if (operation === 'mul') {
    numbers.compare(b, format.eq, 0)
    code.op(op.v128_or)
  }
  code.op(op.v128_and)
}

/** Pushes 1 if the result is exact. @returns false, and nothing pushed, where that is too long a question */
function pushExact(arithmetic: Arithmetic): boolean {
  const { numbers, operation } = arithmetic
  if (operation === 'add' || operation === 'sub') pushSumIsExact(arithmetic)
  else if (numbers.lanes === 1) pushProductIsExact(arithmetic)
  else return false
  return true
}

/** What rounding took from the sum r of x and y: Knuth's TwoSum, x − (r − (r − x)) + (y − (r − x)). */
function pushSumIsExact({ numbers, operation, a, b, r }: Arithmetic): void {
  const { writer, code, format } = numbers
  writer.push(r)
  writer.push(a)
  code.op(format.sub)
  const part = numbers.keep()
  writer.push(a)
  writer.push(r)
  writer.push(part)
  code.op(format.sub)
  code.op(format.sub)
  if (operation === 'add') {
    writer.push(b)
    writer.push(part)
    code.op(format.sub)
    code.op(format.add)
  } else {
    writer.push(b)
    writer.push(part)
    code.op(format.add)
    code.op(format.sub)
  }
  const error = numbers.keep()
  numbers.compare(error, format.eq, 0)
  numbers.all()
}

/** A product whose factors are short is exact: a × b, or quotient × divisor. */
function pushProductIsExact({ numbers, operation, a, b, r }: Arithmetic): void {
  const { code, format } = numbers
  pushTrailingZeros(numbers, operation === 'mul' ? a : r)
  pushTrailingZeros(numbers, b)
  code.op(op.i32_add)
  code.i32(format.precision)
  code.op(op.i32_ge_u)
  if (operation === 'mul') return
  numbers.pushScalar(r)
  numbers.pushScalar(b)
  code.op(SCALARS[format.bytes].mul)
  numbers.pushScalar(a)
  code.op(format.bytes === 8 ? op.f64_eq : op.f32_eq)
  code.op(op.i32_and)
}

/** Pushes how many bits of a significand are not used, as an i32. */
function pushTrailingZeros({ writer, code, format }: Numbers, value: Value): void {
  writer.push(value)
  if (format.bytes === 8) {
    code.lane(op.i64x2_extract_lane, 0)
    code.i64(2 ** 52)
    code.op(op.i64_or)
    code.op(op.i64_ctz)
    code.op(op.i32_wrap_i64)
  } else {
    code.lane(op.i32x4_extract_lane, 0)
    code.i32(2 ** 23)
    code.op(op.i32_or)
    code.op(op.i32_ctz)
  }
}

/** Pushes the destination with lane 0 replaced by that of a vector's. */
function pushMerged({ writer, operation }: Context, numbers: Numbers, push: () => void): void {
  writer.code.get(writer.xmm(operation.g))
  push()
  writer.code.lane(numbers.format.replace, 0)
}

const scalar = (format: FloatFormat, operation: Operation): MeaningEntry => ({
  whole: true,
  meaning: (context, [a, b]) => {
    const { writer } = context
    const numbers = new Numbers(writer, format, 1)
    numbers.pushScalar(a!)
    numbers.pushScalar(b!)
    writer.code.op(SCALARS[format.bytes][operation])
    const result = writer.temporary(format.type)
    writer.code.tee(result)
    writer.code.op(format.splat)
    demandPlainArithmetic({ numbers, operation, a: a!, b: b!, r: numbers.keep() })
    numbers.announce()
    pushMerged(context, numbers, () => writer.code.get(result))
  },
})

function pushPacked(numbers: Numbers, operation: Operation, a: Value, b: Value): void {
  const { writer, code, format } = numbers
  writer.push(a)
  writer.push(b)
  code.op(format[operation])
  const r = numbers.keep()
  demandPlainArithmetic({ numbers, operation, a, b, r })
  numbers.announce()
  writer.push(r)
}

const packed = (format: FloatFormat, operation: Operation): MeaningEntry =>
  entry(({ writer }, [a, b]) => pushPacked(new Numbers(writer, format, lanesOf(format)), operation, a!, b!))

/** Of neighbours: first those of a, then those of b. */
const horizontal = (format: FloatFormat, operation: Operation): MeaningEntry => {
  const even = format.bytes === 8 ? [0, 2] : [0, 2, 4, 6]
  const bytes = bytesOfElements(format.bytes, even)
  const next = bytes.map((byte) => byte + format.bytes)
  return entry((context, [a, b]) => {
    const numbers = new Numbers(context.writer, format, lanesOf(format))
    pushShuffle(context, a!, b!, bytes)
    const first = numbers.keep()
    pushShuffle(context, a!, b!, next)
    pushPacked(numbers, operation, first, numbers.keep())
  })
}

/** Subtracts the even elements, adds the odd ones: that is, adds with the signs of b's even elements changed. */
const alternating = (format: FloatFormat): MeaningEntry => {
  const signs = new Array<number>(16).fill(0)
  for (let i = 0; i < 16; i += 2 * format.bytes) signs[i + format.bytes - 1] = 0x80
  return entry(({ writer }, [a, b]) => {
    const numbers = new Numbers(writer, format, lanesOf(format))
    writer.push(b!)
    writer.code.v128(signs)
    writer.code.op(op.v128_xor)
    pushPacked(numbers, 'add', a!, numbers.keep())
  })
}

/** Of numbers from the smallest normal to the largest finite one, and of zeros. */
const squareRoot = (format: FloatFormat, lanes: Lanes): MeaningEntry => ({
  whole: lanes === 1,
  meaning: (context, [b]) => {
    const { writer } = context
    const { code } = writer
    const numbers = new Numbers(writer, format, lanes)
    const pushPositive = (): void => {
      numbers.compare(b!, format.ge, format.smallest)
      numbers.compare(b!, format.le, format.largest)
      code.op(op.v128_and)
    }
    if (lanes === 1) {
      numbers.pushScalar(b!)
      code.op(SCALARS[format.bytes].sqrt)
      code.op(format.splat)
    } else {
      writer.push(b!)
      code.op(format.sqrt)
    }
    const r = numbers.keep()
    const likely = (): void => {
      pushPositive()
      numbers.all()
      numbers.pushOrdinaryMode()
      code.op(op.i32_and)
    }
    numbers.demand(likely, () => {
      pushPositive()
      numbers.compare(b!, format.eq, 0)
      code.op(op.v128_or)
      numbers.all()
      pushNearestMode(code)
      code.op(op.i32_and)
      pushInexactIsKnown(code)
      if (lanes === 1) {
        // The root of a zero, or of a square.
        pushProductIsExact({ numbers, operation: 'div', a: b!, b: r, r })
        numbers.compare(b!, format.eq, 0)
        numbers.all()
        code.op(op.i32_or)
        code.op(op.i32_or)
      }
      code.op(op.i32_and)
    })
    numbers.learn(b!)
    numbers.announce()
    if (lanes === 1) pushMerged(context, numbers, () => numbers.pushScalar(r))
    else writer.push(r)
  },
})

const OPERATIONS = ['add', 'sub', 'mul', 'div'] as const

export const vectorFloats: Meanings = {
  ...Object.fromEntries(
    OPERATIONS.flatMap((operation) => [
      [`${operation}ss`, scalar(SINGLE, operation)],
      [`${operation}sd`, scalar(DOUBLE, operation)],
      [`${operation}ps`, packed(SINGLE, operation)],
      [`${operation}pd`, packed(DOUBLE, operation)],
    ]),
  ),
  sqrtss: squareRoot(SINGLE, 1),
  sqrtsd: squareRoot(DOUBLE, 1),
  sqrtps: squareRoot(SINGLE, 4),
  sqrtpd: squareRoot(DOUBLE, 2),
  haddps: horizontal(SINGLE, 'add'),
  haddpd: horizontal(DOUBLE, 'add'),
  hsubps: horizontal(SINGLE, 'sub'),
  hsubpd: horizontal(DOUBLE, 'sub'),
  addsubps: alternating(SINGLE),
  addsubpd: alternating(DOUBLE),
}
