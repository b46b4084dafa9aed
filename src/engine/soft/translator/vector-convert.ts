// SSE conversions between single, double and integers, and rounding to an integral value: the fast paths of
// core/sse-convert.ts. What does not fit into the integer, and what is not exact before PE is set and masked, is left
// to the interpreter.

import { F32, F64, V128 } from './encoder.ts'
import type { FunctionWriter } from './function-writer.ts'
import type { Context, MeaningEntry, Meanings } from './meaning.ts'
import { op } from './opcodes.ts'
import { pushInexactIsKnown, pushNearestMode } from './vector-mode.ts'
import { DOUBLE, type FloatFormat, type Lanes, lanesOf, Numbers, SINGLE } from './vector-numbers.ts'
import { constantOf, entry } from './vector-write.ts'

/** Leaves the region unless PE is set and masked and rounding is to nearest, or what `exact` pushes is 1. */
function demandOrdinaryOrExact(numbers: Numbers, exact: () => void): void {
  const { code, writer } = numbers
  numbers.pushOrdinaryMode()
  exact()
  code.op(op.i32_or)
  code.op(op.i32_eqz)
  writer.exits.leaveWhen()
}

/** Pushes the destination with lane 0 replaced by the float that `push` pushes. */
function pushMerged({ writer, operation }: Context, format: FloatFormat, push: () => void): void {
  writer.code.get(writer.xmm(operation.g))
  push()
  writer.code.lane(format.replace, 0)
}

// From integers.

/** Pushes 1 if a number of so many bits that has a sign fits into a significand. */
function pushFits({ code }: FunctionWriter, push: () => void, precision: number): void {
  push()
  code.i64(2 ** precision)
  code.op(op.i64_add)
  code.i64(2 ** (precision + 1))
  code.op(op.i64_le_u)
}

/** CVTSI2SS, CVTSI2SD. */
const fromGeneral = (format: FloatFormat): MeaningEntry => ({
  whole: true,
  meaning: (context, [b]) => {
    const { writer } = context
    const { code } = writer
    const wide = b!.bytes === 8
    const double = format === DOUBLE
    if (wide || !double)
      demandOrdinaryOrExact(new Numbers(writer, format, 1), () =>
        pushFits(
          writer,
          () => {
            writer.push(b!)
            if (!wide) code.op(op.i64_extend_i32_s)
          },
          format.precision,
        ),
      )
    writer.known.announce(format.bytes, 1)
    pushMerged(context, format, () => {
      writer.push(b!)
      if (wide) code.op(double ? op.f64_convert_i64_s : op.f32_convert_i64_s)
      else code.op(double ? op.f64_convert_i32_s : op.f32_convert_i32_s)
    })
  },
})

/** CVTDQ2PS and the two lanes of CVTPI2PS. */
const singlesOfIntegers = (lanes: Lanes): MeaningEntry =>
  entry(({ writer }, [b]) => {
    const { code } = writer
    const numbers = new Numbers(writer, SINGLE, lanes)
    demandOrdinaryOrExact(numbers, () => {
      // |b| ≤ 2^24; the smallest integer's magnitude is 2^31 as an unsigned number.
      writer.push(b!)
      code.op(op.i32x4_abs)
      const magnitude = numbers.keep()
      writer.push(magnitude)
      writer.push(magnitude)
      code.i32(2 ** 24)
      code.op(op.i32x4_splat)
      code.op(op.i32x4_min_u)
      code.op(op.i32x4_eq)
      numbers.all()
    })
    numbers.announce()
    writer.push(b!)
    code.op(op.f32x4_convert_i32x4_s)
  })

// To integers.

const RANGES: Readonly<Record<4 | 8, number>> = { 4: 2 ** 31, 8: 2 ** 63 }

const TRUNCATIONS: Readonly<Record<4 | 8, Readonly<Record<4 | 8, number>>>> = {
  4: { 4: op.i32_trunc_sat_f32_s, 8: op.i64_trunc_sat_f32_s },
  8: { 4: op.i32_trunc_sat_f64_s, 8: op.i64_trunc_sat_f64_s },
}

/** CVTTSS2SI and its kin: in the mode of MXCSR, which is to nearest here, or toward zero. */
const toGeneral = (format: FloatFormat, rounding: 'nearest' | 'trunc'): MeaningEntry =>
  entry(({ writer }, [b], bytes) => {
    const { code } = writer
    const numbers = new Numbers(writer, format, 1)
    const double = format === DOUBLE
    const [nearest, trunc, ge, lt, eq] = double
      ? [op.f64_nearest, op.f64_trunc, op.f64_ge, op.f64_lt, op.f64_eq]
      : [op.f32_nearest, op.f32_trunc, op.f32_ge, op.f32_lt, op.f32_eq]
    const rounded = writer.temporary(double ? F64 : F32)
    const limit = RANGES[bytes as 4 | 8]
    numbers.pushScalar(b!)
    code.op(rounding === 'nearest' ? nearest : trunc)
    code.set(rounded)
    code.get(rounded)
    format.constant(code, -limit)
    code.op(ge)
    code.get(rounded)
    format.constant(code, limit)
    code.op(lt)
    code.op(op.i32_and)
    numbers.pushOrdinaryMode()
    code.get(rounded)
    numbers.pushScalar(b!)
    code.op(eq)
    code.op(op.i32_or)
    code.op(op.i32_and)
    code.op(op.i32_eqz)
    writer.exits.leaveWhen()
    code.get(rounded)
    code.op(TRUNCATIONS[format.bytes][bytes as 4 | 8])
  })

/** CVTPS2DQ and its kin: to 32-bit integers. */
const toIntegers = (format: FloatFormat, rounding: 'nearest' | 'trunc'): MeaningEntry =>
  entry(({ writer }, [b]) => {
    const { code } = writer
    const numbers = new Numbers(writer, format, lanesOf(format))
    writer.push(b!)
    code.op(format[rounding])
    const rounded = numbers.keep()
    numbers.compare(rounded, format.ge, -(2 ** 31))
    numbers.compare(rounded, format.lt, 2 ** 31)
    code.op(op.v128_and)
    numbers.all()
    numbers.pushOrdinaryMode()
    writer.push(rounded)
    writer.push(b!)
    code.op(format.eq)
    numbers.all()
    code.op(op.i32_or)
    code.op(op.i32_and)
    code.op(op.i32_eqz)
    writer.exits.leaveWhen()
    writer.push(rounded)
    code.op(format === DOUBLE ? op.i32x4_trunc_sat_f64x2_s_zero : op.i32x4_trunc_sat_f32x4_s)
  })

// Between the two formats.

/** CVTSS2SD, CVTPS2PD. */
const toDoubles = (lanes: 1 | 2): MeaningEntry => ({
  whole: lanes === 1,
  meaning: (context, [b]) => {
    const { writer } = context
    const { code } = writer
    const numbers = new Numbers(writer, SINGLE, lanes)
    numbers.demandPlain(b!)
    writer.known.announce(DOUBLE.bytes, lanes)
    if (lanes === 1) {
      pushMerged(context, DOUBLE, () => {
        numbers.pushScalar(b!)
        code.op(op.f64_promote_f32)
      })
      return
    }
    writer.push(b!)
    code.op(op.f64x2_promote_low_f32x4)
  },
})

/** CVTSD2SS, CVTPD2PS: into a normal single, or a zero. */
const toSingles = (lanes: 1 | 2): MeaningEntry => ({
  whole: lanes === 1,
  meaning: (context, [b]) => {
    const { writer } = context
    const { code } = writer
    const numbers = new Numbers(writer, DOUBLE, lanes)
    writer.push(b!)
    code.op(op.f32x4_demote_f64x2_zero)
    const result = writer.keep(V128, 16)
    writer.push(result)
    code.op(op.f64x2_promote_low_f32x4)
    const back = numbers.keep()
    numbers.pushMagnitude(back)
    const magnitude = numbers.keep()
    const pushSafe = (): void => {
      numbers.compare(magnitude, DOUBLE.gt, SINGLE.smallest)
      numbers.compare(magnitude, DOUBLE.le, SINGLE.largest)
      code.op(op.v128_and)
    }
    const likely = (): void => {
      pushSafe()
      numbers.all()
      numbers.pushOrdinaryMode()
      code.op(op.i32_and)
    }
    numbers.demand(likely, () => {
      // A zero; or a number that is safe and, by the mode or by itself, as exact as it must be.
      numbers.compare(b!, DOUBLE.eq, 0)
      pushSafe()
      writer.push(back)
      writer.push(b!)
      code.op(DOUBLE.eq)
      code.i64(0)
      numbers.pushOrdinaryMode()
      code.op(op.i64_extend_i32_u)
      code.op(op.i64_sub)
      code.op(op.i64x2_splat)
      code.op(op.v128_or)
      code.op(op.v128_and)
      code.op(op.v128_or)
      numbers.all()
    })
    writer.known.announce(SINGLE.bytes, lanes)
    if (lanes === 2) writer.push(result)
    else
      pushMerged(context, SINGLE, () => {
        writer.push(result)
        code.lane(op.f32x4_extract_lane, 0)
      })
  },
})

/** ROUND: bits 1 and 0 of the immediate are the mode unless bit 2 says RC, which is to nearest here; bit 3 suppresses PE. */
const integral = (format: FloatFormat, lanes: Lanes): MeaningEntry =>
  entry(({ writer }, [b, control]) => {
    const { code } = writer
    const numbers = new Numbers(writer, format, lanes)
    const bits = constantOf(control!)
    const modes = [format.nearest, format.floor, format.ceil, format.trunc]
    writer.push(b!)
    code.op(bits & 4 ? format.nearest : modes[bits & 3]!)
    const rounded = numbers.keep()
    numbers.demandPlain(b!)
    if (bits & 4) {
      pushNearestMode(code)
      code.op(op.i32_eqz)
      writer.exits.leaveWhen()
    }
    if (!(bits & 8)) {
      pushInexactIsKnown(code)
      writer.push(rounded)
      writer.push(b!)
      code.op(format.eq)
      numbers.all()
      code.op(op.i32_or)
      code.op(op.i32_eqz)
      writer.exits.leaveWhen()
    }
    writer.push(rounded)
  })

export const vectorConversions: Meanings = {
  cvtsi2ss: fromGeneral(SINGLE),
  cvtsi2sd: fromGeneral(DOUBLE),
  cvtdq2ps: singlesOfIntegers(4),
  cvtpi2psLoad: singlesOfIntegers(2),
  cvtdq2pd: entry(({ writer }, [b]) => {
    writer.push(b!)
    writer.code.op(op.f64x2_convert_low_i32x4_s)
  }),
  cvtss2si: toGeneral(SINGLE, 'nearest'),
  cvtsd2si: toGeneral(DOUBLE, 'nearest'),
  cvttss2si: toGeneral(SINGLE, 'trunc'),
  cvttsd2si: toGeneral(DOUBLE, 'trunc'),
  cvtps2dq: toIntegers(SINGLE, 'nearest'),
  cvttps2dq: toIntegers(SINGLE, 'trunc'),
  cvtpd2dq: toIntegers(DOUBLE, 'nearest'),
  cvttpd2dq: toIntegers(DOUBLE, 'trunc'),
  cvtss2sd: toDoubles(1),
  cvtps2pd: toDoubles(2),
  cvtsd2ss: toSingles(1),
  cvtpd2ps: toSingles(2),
  roundss: integral(SINGLE, 1),
  roundsd: integral(DOUBLE, 1),
  roundps: integral(SINGLE, 4),
  roundpd: integral(DOUBLE, 2),
}
