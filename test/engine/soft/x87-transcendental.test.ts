// The last bit of the transcendental x87 instructions, judged by exact arithmetic instead of a processor: rounded
// to nearest, every result must be the nearest float. Also the constant tables, computed again.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { before, test } from 'node:test'
import {
  arctangent,
  cosine66,
  FRACTION,
  LN2,
  logarithm2,
  ONE,
  over,
  PI,
  power,
  sine66,
  tangent66,
  times,
} from './x87-exact.ts'
import { drawRecords, floatText, RECORD, within } from './x87-records.ts'
import { core, type Ours, openOurs } from './x87-sides.ts'

const CASES = 150
const REGISTERS = 28
/** What the series may add to half a unit: 2^-24 of a unit. */
const SLACK_BITS = 24n

let ours: Ours
before(async () => {
  ours = await openOurs()
})

/** The float at `at` in fixed point; all operands here have room in the fraction bits. */
function fixed(record: Buffer, at: number): bigint {
  const shift = BigInt((record.readUInt16LE(at + 8) & 0x7fff) - 16383 - 63) + FRACTION
  const value = record.readBigUInt64LE(at)
  const magnitude = shift >= 0n ? value << shift : value >> -shift
  return record[at + 9]! & 0x80 ? -magnitude : magnitude
}

const signed = (value: bigint, negative: boolean) => (negative ? -value : value)
/** atan2 with ST(1) = y and ST(0) = x. */
const angle = (x: bigint, y: bigint) => {
  const magnitude = (a: bigint) => (a < 0n ? -a : a)
  const slope = arctangent(over(magnitude(y), magnitude(x)))
  return signed(x < 0n ? PI - slope : slope, y < 0n)
}

// name, second opcode byte, operands, results from ST(0) upwards as functions of old ST(0) and ST(1)
const table = [
  ['F2XM1', 0xf0, within(-30, -1), [(x: bigint) => power(x) - ONE]],
  ['FYL2X', 0xf1, within(-12, 12, 1), [(x: bigint, y: bigint) => times(y, logarithm2(x))]],
  ['FYL2XP1', 0xf9, within(-30, -3), [(x: bigint, y: bigint) => times(y, logarithm2(ONE + x))]],
  ['FPATAN', 0xf3, within(-12, 12), [angle]],
  ['FPTAN', 0xf2, within(-20, 60), [() => ONE, tangent66]],
  ['FSIN', 0xfe, within(-20, 60), [sine66]],
  ['FCOS', 0xff, within(-20, 60), [cosine66]],
  ['FSINCOS', 0xfb, within(-20, 60), [cosine66, sine66]],
] as const

for (const [name, modrm, register, results] of table) {
  test(`${name} gives the nearest float`, () => {
    const records = drawRecords(modrm, CASES, [[0xd9, modrm]], { control: 0x37f, register })
    for (let at = 0; at < records.length; at += RECORD) makeValid(records, at)
    const after = ours.run(records)
    for (let at = 0; at < records.length; at += RECORD) {
      const x = fixed(records, at + REGISTERS)
      const y = fixed(records, at + REGISTERS + 10)
      results.forEach((exact, i) => {
        const to = at + REGISTERS + i * 10
        const error = fixed(after, to) - exact(x, y)
        const unit = BigInt((after.readUInt16LE(to + 8) & 0x7fff) - 16383 - 63) + FRACTION
        const bound = (1n << (unit - 1n)) + (1n << (unit - SLACK_BITS))
        const operands = `${floatText(records, at + REGISTERS)}, ${floatText(records, at + REGISTERS + 10)}`
        assert.ok(error <= bound && -error <= bound, `${name} of ${operands}: ${floatText(after, to)}`)
      })
    }
  })
}

/** ST(0) and ST(1) valid, everything else empty. */
function makeValid(records: Buffer, at: number): void {
  const top = (records.readUInt16LE(at + 4) >> 11) & 7
  let tags = 0xffff
  for (const register of [top, (top + 1) & 7]) tags &= ~(3 << (2 * register))
  records.writeUInt16LE(tags, at + 8)
}

test('the constant tables hold what their comments say', () => {
  const source = readFileSync(path.join(core, 'float80-tables.ts'), 'utf8')
  const reciprocal = (n: bigint) => ONE / n
  const factorial = (n: number): bigint => (n < 2 ? 1n : BigInt(n) * factorial(n - 1))
  const expected: Record<string, [number, (k: number) => bigint]> = {
    SINE: [127, (k) => reciprocal(factorial(2 * k + 1))],
    COSINE: [127, (k) => reciprocal(factorial(2 * k))],
    ODD_RECIPROCALS: [127, (k) => reciprocal(BigInt(2 * k + 1))],
    EXPONENTIAL: [127, (k) => reciprocal(factorial(k + 1))],
    ARCTANGENTS: [126, (k) => arctangent((BigInt(k) * ONE) / 16n)],
    POWERS: [126, (k) => power((BigInt(k) * ONE) / 32n)],
  }
  const rounded = (value: bigint, bits: number) => {
    const cut = FRACTION - BigInt(bits)
    return (value + (1n << (cut - 1n))) >> cut
  }
  for (const [name, [bits, exact]] of Object.entries(expected)) {
    const body =
      source.match(new RegExp(`const ${name}: usize = memory\\.data<u64>\\(\\[([^\\]]*)\\]`))?.[1] ?? ''
    const words = [...body.matchAll(/0x([0-9a-f]+)/g)].map((match) => BigInt(`0x${match[1]}`))
    assert.ok(words.length >= 20, `${name} was found`)
    for (let k = 0; k < words.length / 2; k++) {
      const entry = (words[2 * k + 1]! << 64n) | words[2 * k]!
      assert.equal(entry, rounded(exact(k), bits), `${name}[${k}]`)
    }
  }
  const constant = (name: string) =>
    BigInt(source.match(new RegExp(`${name}: u64 = (0x[0-9a-f]+)`))?.[1] ?? -1)
  const pair = (name: string) => (constant(`${name}_HIGH`) << 64n) | constant(`${name}_LOW`)
  assert.equal(pair('PI'), rounded(PI, 126))
  assert.equal(pair('LN2'), rounded(LN2, 128))
  assert.equal(pair('TWO_LOG2E'), rounded(over(ONE / 2n, LN2), 128))
})
