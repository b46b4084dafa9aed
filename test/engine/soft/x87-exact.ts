// Elementary functions in exact enough arithmetic: fixed point with 400 fraction bits on BigInt. The judge of the
// last bit of the transcendental x87 instructions, independent of both the core's code and the host CPU.

export const FRACTION = 400n
export const ONE: bigint = 1n << FRACTION

const multiply = (a: bigint, b: bigint) => (a * b) >> FRACTION
const divide = (a: bigint, b: bigint) => (a << FRACTION) / b
const fromNumber = (value: number) => BigInt(Math.round(value * 2 ** 50)) << (FRACTION - 50n)
const toNumber = (value: bigint) => Number(value >> (FRACTION - 60n)) / 2 ** 60

/** Σ term, while next(term, k) is not zero. */
function series(first: bigint, next: (term: bigint, k: bigint) => bigint): bigint {
  let sum = 0n
  let term = first
  for (let k = 1n; term !== 0n && term !== -1n; k++) {
    sum += term
    term = next(term, k)
  }
  return sum
}

const sine = (x: bigint): bigint => {
  const square = multiply(x, x)
  return series(x, (term, k) => -multiply(term, square) / (2n * k * (2n * k + 1n)))
}

const cosine = (x: bigint): bigint => {
  const square = multiply(x, x)
  return series(ONE, (term, k) => -multiply(term, square) / (2n * k * (2n * k - 1n)))
}

const exponential = (x: bigint): bigint => series(ONE, (term, k) => multiply(term, x) / k)

/** ln x, x near 1: a double's logarithm, then the series of what is left. */
const logarithm = (x: bigint): bigint => {
  const guess = fromNumber(Math.log(toNumber(x)))
  const rest = multiply(x, exponential(-guess)) - ONE
  let power = rest
  let sum = 0n
  for (let k = 1n; k < 12n; k++) {
    sum += (k & 1n ? power : -power) / k
    power = multiply(power, rest)
  }
  return guess + sum
}

/** atan x: a double's arctangent, then the series of what is left. */
export const arctangent = (x: bigint): bigint => {
  const guess = fromNumber(Math.atan(toNumber(x)))
  const s = sine(guess)
  const c = cosine(guess)
  const rest = divide(multiply(x, c) - s, c + multiply(x, s))
  const square = multiply(rest, rest)
  let power = rest
  let sum = 0n
  for (let k = 0n; k < 6n; k++) {
    sum += (k & 1n ? -power : power) / (2n * k + 1n)
    power = multiply(power, square)
  }
  return guess + sum
}

export const PI: bigint = 4n * arctangent(ONE)
export const LN2: bigint = logarithm(2n * ONE)

/** 2^x. */
export const power = (x: bigint): bigint => exponential(multiply(x, LN2))

/** log2 x for any positive x with room in the fraction bits. */
export const logarithm2 = (x: bigint): bigint => {
  const whole = BigInt(x.toString(2).length - 1) - FRACTION
  const one = whole >= 0n ? x >> whole : x << -whole
  return (whole << FRACTION) + divide(logarithm(one), LN2)
}

export const times: (a: bigint, b: bigint) => bigint = multiply
export const over: (a: bigint, b: bigint) => bigint = divide

/** Half of π as the x87 takes it for argument reduction: 66 bits. */
const HALF_PI_66 = 0x3243f6a8885a308d3n << (FRACTION - 65n)

/**
 * x = quadrant · π/2 + rest, |rest| ≤ π/4, with the 66-bit π. What follows treats that π as the true one: the
 * sine in the first quadrant is the cosine of the rest, as in every x87 unit.
 */
const reduce = (x: bigint): { rest: bigint; quadrant: number } => {
  const turns = (2n * x + HALF_PI_66) / (2n * HALF_PI_66) - (2n * x + HALF_PI_66 < 0n ? 1n : 0n)
  return { rest: x - turns * HALF_PI_66, quadrant: Number(BigInt.asUintN(2, turns)) }
}

export const sine66 = (x: bigint): bigint => {
  const { rest, quadrant } = reduce(x)
  const value = quadrant & 1 ? cosine(rest) : sine(rest)
  return quadrant & 2 ? -value : value
}

export const cosine66 = (x: bigint): bigint => {
  const { rest, quadrant } = reduce(x)
  const value = quadrant & 1 ? sine(rest) : cosine(rest)
  return quadrant === 1 || quadrant === 2 ? -value : value
}

export const tangent66 = (x: bigint): bigint => divide(sine66(x), cosine66(x))
