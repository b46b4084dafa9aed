// SSE floating-point comparison: CMP, COMI, UCOMI, MIN, MAX. Of normal numbers, zeros and infinities WebAssembly's
// comparison says all; NaNs and denormals raise flags and are left to the interpreter.

import type { Meaning, MeaningEntry, Meanings } from './meaning.ts'
import { op } from './opcodes.ts'
import { DOUBLE, type FloatFormat, type Lanes, Numbers, SINGLE } from './vector-numbers.ts'
import { constantOf, entry, ZERO } from './vector-write.ts'

/** The smaller or larger one; the second operand when they are equal. WebAssembly's pmin(x, y) is y < x ? y : x. */
const chosen = (format: FloatFormat, lanes: Lanes, which: 'pmin' | 'pmax'): MeaningEntry =>
  entry(({ writer }, [a, b]) => {
    const numbers = new Numbers(writer, format, lanes)
    numbers.demandPlain(a!, b!)
    numbers.announce()
    writer.push(b!)
    writer.push(a!)
    writer.code.op(format[which])
  })

/** A mask of ones where the predicate holds: 0 EQ, 1 LT, 2 LE, 3 UNORD, and with 4 their opposites. */
const masked = (format: FloatFormat, lanes: Lanes): MeaningEntry =>
  entry(({ writer }, [a, b, control]) => {
    const { code } = writer
    const predicate = constantOf(control!)
    new Numbers(writer, format, lanes).demandPlain(a!, b!)
    const instruction = [format.eq, format.lt, format.le, undefined][predicate & 3]
    if (instruction === undefined) {
      code.v128(ZERO)
    } else {
      writer.push(a!)
      writer.push(b!)
      code.op(instruction)
    }
    if (predicate & 4) code.op(op.v128_not)
  })

/** COMI and UCOMI: the flags follow from two numbers in locals (flag-states.ts). */
const flagged =
  (format: FloatFormat): Meaning =>
  ({ writer, after }, [a, b]) => {
    const { code, flags } = writer
    const numbers = new Numbers(writer, format, 1)
    numbers.demandPlain(a!, b!)
    if (after.kind === 'dead') return
    for (const [value, local] of [
      [a!, flags.x],
      [b!, flags.y],
    ] as const) {
      numbers.pushScalar(value)
      // A single is a double too, and compares the same.
      if (format === SINGLE) code.op(op.f64_promote_f32)
      code.set(local)
    }
  }

export const vectorCompares: Meanings = {
  minss: chosen(SINGLE, 1, 'pmin'),
  minsd: chosen(DOUBLE, 1, 'pmin'),
  minps: chosen(SINGLE, 4, 'pmin'),
  minpd: chosen(DOUBLE, 2, 'pmin'),
  maxss: chosen(SINGLE, 1, 'pmax'),
  maxsd: chosen(DOUBLE, 1, 'pmax'),
  maxps: chosen(SINGLE, 4, 'pmax'),
  maxpd: chosen(DOUBLE, 2, 'pmax'),
  cmpss: masked(SINGLE, 1),
  cmpsd: masked(DOUBLE, 1),
  cmpps: masked(SINGLE, 4),
  cmppd: masked(DOUBLE, 2),
  ucomiss: entry(flagged(SINGLE)),
  ucomisd: entry(flagged(DOUBLE)),
  comiss: entry(flagged(SINGLE)),
  comisd: entry(flagged(DOUBLE)),
}
