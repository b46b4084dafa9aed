// SSE where random operands hardly ever meet: floating-point results at the borders of a format and half-way between
// two numbers, strings of a few letters, masked stores at the end of a page. The host's processor is the oracle, as in
// differential.test.ts, which covers every line of the table with operands that know nothing of each other.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeData, Request } from './differential/cases.ts'
import { NativeProcessor, nativeMissing } from './differential/native.ts'
import { Random } from './differential/random.ts'
import * as R from './differential/record.ts'
import { describe, firstDifference } from './differential/report.ts'
import { SoftProcessor } from './differential/soft.ts'

const CASES = Number(process.env.INLINUX_CPU_CASES ?? 2000)
const SEED = process.env.INLINUX_CPU_SEED ?? '1'
const RIP = R.CODE + 0x100
const ALL_FLAGS = 0x8d5n

type Arrange = (random: Random, request: Request) => readonly number[]

const skip = { skip: nativeMissing }

/** Runs `CASES` cases; `arrange` completes a request with random state and returns the instruction. */
async function compare(name: string, arrange: Arrange): Promise<void> {
  const native = new NativeProcessor()
  const soft = new SoftProcessor()
  const buffer = new ArrayBuffer(R.BATCH_LIMIT * R.REQUEST_SIZE)
  try {
    for (let done = 0; done < CASES; done += R.BATCH_LIMIT) {
      const count = Math.min(R.BATCH_LIMIT, CASES - done)
      const random = new Random(`${SEED}/${name}/${done}`)
      const data = makeData(random)
      const requests = Array.from({ length: count }, (_, i) =>
        makeRequest(random, new Request(buffer, i), arrange),
      )
      const host = await native.run(data, new Uint8Array(buffer, 0, count * R.REQUEST_SIZE), count)
      const mine = Buffer.alloc(R.RESULT_SIZE)
      soft.setData(data)
      for (const [i, request] of requests.entries()) {
        soft.execute(request.bytes, mine, 'single')
        soft.restoreData()
        const theirs = host.subarray(i * R.RESULT_SIZE, (i + 1) * R.RESULT_SIZE)
        const difference = mine.equals(theirs) ? undefined : firstDifference(mine, theirs)
        const memory = { mine: data, host: data }
        assert.equal(
          difference &&
            describe({
              line: name,
              seed: SEED,
              batch: done,
              index: i,
              through: 'single',
              request,
              mine,
              host: theirs,
              difference,
              memory,
            }),
          undefined,
        )
      }
    }
  } finally {
    native.close()
  }
}

function makeRequest(random: Random, request: Request, arrange: Arrange): Request {
  request.randomize(random, true, false)
  request.view.setBigUint64(R.REQUEST.rip, BigInt(RIP), true)
  request.view.setBigUint64(R.REQUEST.rflagsMask, ALL_FLAGS, true)
  const code = arrange(random, request)
  request.bytes.set(code, R.REQUEST.code)
  request.view.setUint32(R.REQUEST.codeLength, code.length, true)
  return request
}

function setXmm(request: Request, register: number, low: bigint, high: bigint): void {
  request.view.setBigUint64(R.REQUEST.xmm + 16 * register, low, true)
  request.view.setBigUint64(R.REQUEST.xmm + 16 * register + 8, high, true)
}

// Floating point: pairs of operands whose result is at an edge.

interface Format {
  readonly fraction: bigint
  readonly exponents: bigint
}
const SINGLE: Format = { fraction: 23n, exponents: 8n }
const DOUBLE: Format = { fraction: 52n, exponents: 11n }

/** A number with this biased exponent, its fraction all random, of few bits, or next to a power of two. */
function number(random: Random, { fraction, exponents }: Format, biased: bigint): bigint {
  const top = (1n << exponents) - 1n
  const exponent = biased < 0n ? 0n : biased > top ? top : biased
  const full = random.uint64() & ((1n << fraction) - 1n)
  const short = (full >> (fraction - 6n)) << (fraction - 6n)
  const edge = random.pick([0n, 1n, (1n << fraction) - 1n, (1n << fraction) - 2n])
  const chosen = random.pick([full, short, edge])
  return (BigInt(random.below(2)) << (fraction + exponents)) | (exponent << fraction) | chosen
}
/** Two factors whose product (or, with the second inverted, quotient) is about 2^`target`. */
function factors(random: Random, format: Format, target: bigint, quotient: boolean): [bigint, bigint] {
  const bias = (1n << (format.exponents - 1n)) - 1n
  const first = BigInt(random.next()) % (2n * bias)
  const a = first - bias
  const b = quotient ? a - target : target - a
  if (!quotient && random.chance(30)) {
    // Fractions whose product is a power of two, or just below: rounding may carry it up to the next exponent.
    const unit = 1n << format.fraction
    const left = unit + 1n + (random.uint64() & (unit - 2n))
    const right = (unit * unit * 2n) / left
    const whole = (fraction: bigint, exponent: bigint): bigint =>
      (number(random, format, exponent) & ~(unit - 1n)) | (fraction & (unit - 1n))
    return [whole(left, first), whole(right, b + bias)]
  }
  return [number(random, format, first), number(random, format, b + bias)]
}
/** Terms that nearly cancel, or of which the second is about half a unit in the first one's last place. */
function terms(random: Random, format: Format): [bigint, bigint] {
  const { fraction, exponents } = format
  const biased = BigInt(random.next()) % (1n << exponents)
  const a = number(random, format, biased)
  if (random.chance(40)) {
    const sign = 1n << (fraction + exponents)
    const b = (a ^ (random.chance(80) ? sign : 0n)) + BigInt(random.below(5) - 2)
    return [a, b < 0n ? 0n : b & (2n * sign - 1n)]
  }
  return [a, number(random, format, biased - fraction + BigInt(random.below(6) - 3))]
}
function pair(random: Random, format: Format, operation: string): [bigint, bigint] {
  const bias = (1n << (format.exponents - 1n)) - 1n
  const jitter = BigInt(random.below(7) - 3)
  const target = random.pick([bias + 1n, 1n - bias, 1n - bias - format.fraction, 0n]) + jitter
  if (operation === 'terms') return terms(random, format)
  return factors(random, format, target, operation === 'quotient')
}
/** A square, or a neighbour of one. */
function square(random: Random, { fraction, exponents }: Format): bigint {
  const bias = (1n << (exponents - 1n)) - 1n
  const root = (1n << (fraction / 2n)) + (random.uint64() & ((1n << (fraction / 2n)) - 1n))
  const squared = root * root
  const length = BigInt(squared.toString(2).length)
  const shifted = squared << (fraction + 1n - length)
  const exponent = bias + ((BigInt(random.below(40)) - 20n) << 1n) + (length - 1n)
  return (exponent << fraction) + (shifted & ((1n << fraction) - 1n)) + BigInt(random.pick([0, 0, 1, -1]))
}

const ARITHMETIC = [
  { opcode: 0x58, operation: 'terms' },
  { opcode: 0x5c, operation: 'terms' },
  { opcode: 0x59, operation: 'product' },
  { opcode: 0x5e, operation: 'quotient' },
  { opcode: 0x51, operation: 'square' },
  { opcode: 0x7c, operation: 'terms' },
  { opcode: 0x7d, operation: 'terms' },
  { opcode: 0xd0, operation: 'terms' },
] as const
const PREFIXES: readonly { readonly bytes: readonly number[]; readonly format: Format }[] = [
  { bytes: [], format: SINGLE },
  { bytes: [0x66], format: DOUBLE },
  { bytes: [0xf3], format: SINGLE },
  { bytes: [0xf2], format: DOUBLE },
]
const HORIZONTAL_PREFIXES: typeof PREFIXES = [
  { bytes: [0x66], format: DOUBLE },
  { bytes: [0xf2], format: SINGLE },
]

/** Fills XMM0 and XMM1; horizontal forms find their pairs inside the registers, too. */
function setOperands(random: Random, request: Request, format: Format, operation: string): void {
  const next = (): [bigint, bigint] =>
    operation === 'square'
      ? [square(random, format), square(random, format)]
      : pair(random, format, operation)
  if (format === DOUBLE) {
    const [a, b] = next()
    const [c, d] = next()
    if (random.chance(50)) setXmm(request, 0, a, b)
    else setXmm(request, 0, a, c)
    setXmm(request, 1, random.chance(50) ? b : c, d)
    return
  }
  const [a, b] = next()
  const [c, d] = next()
  const [e, f] = next()
  const wide = (high: bigint, low: bigint): bigint => ((high & 0xffff_ffffn) << 32n) | (low & 0xffff_ffffn)
  if (random.chance(50)) {
    setXmm(request, 0, wide(b, a), wide(d, c))
    setXmm(request, 1, wide(a, b), wide(e, f))
  } else {
    setXmm(request, 0, wide(a, c), wide(e, a))
    setXmm(request, 1, wide(b, d), wide(f, d))
  }
}

test('sums, products, quotients and roots at the edges of their format', skip, () =>
  compare('float edges', (random, request) => {
    const { opcode, operation } = random.pick(ARITHMETIC)
    const packedOnly = opcode === 0x7c || opcode === 0x7d || opcode === 0xd0
    const prefix = random.pick(packedOnly ? HORIZONTAL_PREFIXES : PREFIXES)
    setOperands(random, request, prefix.format, operation)
    return [...prefix.bytes, 0x0f, opcode, 0xc1]
  }),
)

test('dot products with cancelling and special terms', skip, () =>
  compare('dot products', (random, request) => {
    const opcode = random.pick([0x40, 0x41])
    setOperands(random, request, opcode === 0x40 ? SINGLE : DOUBLE, random.pick(['terms', 'product']))
    // A NaN or infinity among them, in any place.
    if (random.chance(60)) {
      const at = R.REQUEST.xmm + 4 * random.below(8)
      const special = random.pick([
        0x7f800000, 0xff800000, 0x7fc01234, 0xffc05678, 0x7f80abcd, 0x7ff81111, 0xfff82222, 0x7ff03333,
        0x7ff00000,
      ])
      request.view.setUint32(at, special, true)
      if (random.chance(60))
        request.view.setUint32(R.REQUEST.xmm + 4 * random.below(8), special ^ 0x80000077, true)
    }
    return [0x66, 0x0f, 0x3a, opcode, 0xc1, random.below(256)]
  }),
)

/** Doubles on both sides of what a single or an integer can hold, and half-way between two of them. */
test('conversions at the edges of the smaller format', skip, () =>
  compare('conversion edges', (random, request) => {
    const bias = 1023n
    const around = random.pick([
      -150n,
      -149n,
      -127n,
      -126n,
      -1n,
      0n,
      23n,
      24n,
      30n,
      31n,
      52n,
      53n,
      62n,
      63n,
      127n,
      128n,
    ])
    const exponent = bias + around + BigInt(random.below(3) - 1)
    const cut = random.pick([0n, 28n, 29n, 30n, 40n, 51n])
    const body = ((random.uint64() & ((1n << 52n) - 1n)) >> cut) << cut
    const value =
      (BigInt(random.below(2)) << 63n) |
      (exponent << 52n) |
      (random.chance(30) ? (1n << 52n) - (1n << cut) : body)
    setXmm(request, 1, value, random.chance(50) ? value ^ (1n << 63n) : random.uint64())
    const singles = random.chance(40)
    if (singles) {
      for (let i = 0; i < 4; i++) {
        const biased = 127 + random.pick([-126, -1, 0, 22, 23, 24, 30, 31, 62, 63]) + random.below(2)
        const bits =
          ((random.below(2) << 31) |
            (biased << 23) |
            (random.next() & random.pick([0, 0x7fffff, 0x7f0000, 1]))) >>>
          0
        request.view.setUint32(R.REQUEST.xmm + 16 + 4 * i, bits, true)
      }
    }
    const rex = random.chance(40) ? [0x48] : []
    const rounding = random.below(256)
    return random.pick(
      singles
        ? [
            ...[
              [0xf3, ...rex, 0x0f, 0x2c, 0xc1],
              [0xf3, ...rex, 0x0f, 0x2d, 0xc1],
              [0x66, 0x0f, 0x5b, 0xc1],
              [0xf3, 0x0f, 0x5b, 0xc1],
            ],
            ...[
              [0x0f, 0x5a, 0xc1],
              [0xf3, 0x0f, 0x5a, 0xc1],
              [0x66, 0x0f, 0x3a, 8, 0xc1, rounding],
              [0x66, 0x0f, 0x3a, 10, 0xc1, rounding],
            ],
          ]
        : [
            ...[
              [0xf2, ...rex, 0x0f, 0x2c, 0xc1],
              [0xf2, ...rex, 0x0f, 0x2d, 0xc1],
              [0x66, 0x0f, 0x5a, 0xc1],
              [0xf2, 0x0f, 0x5a, 0xc1],
            ],
            ...[
              [0xf2, 0x0f, 0xe6, 0xc1],
              [0x66, 0x0f, 0xe6, 0xc1],
              [0x66, 0x0f, 0x3a, 9, 0xc1, rounding],
              [0x66, 0x0f, 0x3a, 11, 0xc1, rounding],
            ],
          ],
    )
  }),
)

// Strings: a few letters, so that they match; lengths around the register's.

test('string comparisons of strings that resemble each other', skip, () =>
  compare('strings', (random, request) => {
    const control = random.below(256)
    const letters = random.pick([
      [0x61, 0x62],
      [0, 1, 0x80, 0xff],
      [0x61, 0x62, 0x63, 0],
      [0x7f, 0x80, 0x81],
    ])
    for (let i = 0; i < 32; i++) {
      const high = control & 1 && i & 1
      request.bytes[R.REQUEST.xmm + i] = high
        ? random.pick([0, 0, 0, 0x80])
        : random.chance(95)
          ? random.pick(letters)
          : 0
    }
    const length = (): bigint =>
      random.chance(85)
        ? BigInt.asUintN(64, BigInt(random.below(40) - 20))
        : random.uint64() & random.pick([0x8000_0000n, 0xffff_ffff_0000_0003n, 1n << 63n])
    request.registers[0] = length()
    request.registers[2] = length()
    return [0x66, ...(random.chance(30) ? [0x48] : []), 0x0f, 0x3a, 0x60 + random.below(4), 0xc1, control]
  }),
)

// MASKMOVDQU and MASKMOVQ store through RDI.

test('masked stores, also across pages', skip, () =>
  compare('masked stores', (random, request) => {
    const size = random.pick([8, 16])
    request.registers[7] = BigInt(
      random.pick([
        R.DATA + random.below(R.DATA_WRITABLE - 16),
        R.DATA + 0x1000 - random.below(16),
        R.DATA + R.DATA_WRITABLE - size,
      ]),
    )
    const mask = (): bigint =>
      random.pick([random.uint64(), random.uint64(), 0xffff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 0x80n])
    setXmm(request, 1, mask(), mask())
    for (let i = 0; i < 8; i++) request.view.setBigUint64(R.REQUEST.fxsave + 32 + 16 * i, mask(), true)
    return size === 16 ? [0x66, 0x0f, 0xf7, 0xc1] : [0x0f, 0xf7, 0xc1]
  }),
)

// RCP and RSQRT: each processor has its own last bits; the architecture bounds the error by 1.5 × 2^-12.

test('approximations of 1/x and 1/√x are as near as the architecture promises', () => {
  const soft = new SoftProcessor()
  const random = new Random(SEED)
  const request = new Request(new ArrayBuffer(R.REQUEST_SIZE), 0)
  const result = Buffer.alloc(R.RESULT_SIZE)
  soft.setData(makeData(random))
  for (const [opcode, exact] of [
    [0x53, (x: number) => 1 / x],
    [0x52, (x: number) => 1 / Math.sqrt(x)],
  ] as const) {
    for (let i = 0; i < CASES; i++) {
      makeRequest(random, request, () => [0xf3, 0x0f, opcode, 0xc1])
      const x = new Float32Array(
        new Uint32Array([(0x0180_0000 + (random.next() % 0x7c00_0000)) >>> 0]).buffer,
      )[0]!
      request.view.setFloat32(R.REQUEST.xmm + 16, x, true)
      soft.execute(request.bytes, result, 'single')
      const approximation = result.readFloatLE(R.RESULT.fxsave + 160)
      assert.ok(Math.abs(approximation / exact(x) - 1) <= 1.5 / 4096, `${x} → ${approximation}`)
    }
  }
})

test('approximations of special numbers are those of the host', skip, () =>
  compare('approximations', (random, request) => {
    const special = random.pick([
      0, 0x80000000, 1, 0x807fffff, 0x7f800000, 0xff800000, 0x7fc01234, 0xffa04321, 0x7f812345,
    ])
    request.view.setUint32(R.REQUEST.xmm + 16, special, true)
    return [0xf3, 0x0f, random.pick([0x52, 0x53]), 0xc1]
  }),
)
