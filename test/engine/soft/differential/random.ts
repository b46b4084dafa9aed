// Reproducible randomness for the test generators, and the values that break processors: edges of every width,
// small numbers, special floating-point numbers.

/** Small fast counter generator (sfc32); 2^32 numbers at least before it repeats, and seeds that do not overlap. */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** The seed is any text: a number, a table row and a batch number, for example. */
  constructor(seed: string) {
    let hash = 0x811c9dc5
    for (let i = 0; i < seed.length; i++) hash = Math.imul(hash ^ seed.charCodeAt(i), 0x01000193)
    this.#a = hash
    this.#b = 0x9e3779b9
    this.#c = seed.length
    for (let i = 0; i < 12; i++) this.next()
  }

  /** 32 random bits, unsigned. */
  next(): number {
    const result = (this.#a + this.#b + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0
    return result >>> 0
  }

  below(limit: number): number {
    return this.next() % limit
  }

  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean {
    return this.next() % 1000 < percent * 10
  }

  pick<T>(values: readonly T[]): T {
    return values[this.next() % values.length]!
  }

  uint64(): bigint {
    return (BigInt(this.next()) << 32n) | BigInt(this.next())
  }
}

const EDGES: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 7n, 8n, 15n, 16n, 31n, 32n, 33n, 63n, 64n, 65n],
  ...[0x7en, 0x7fn, 0x80n, 0x81n, 0xfen, 0xffn, 0x100n, 0x7fffn, 0x8000n, 0xffffn, 0x10000n],
  ...[0x7fff_ffffn, 0x8000_0000n, 0x8000_0001n, 0xffff_ffffn, 0x1_0000_0000n],
  ...[0x7fff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 0xffff_ffff_ffff_ffffn, 0xffff_ffff_0000_0000n],
  ...[0x8080_8080_8080_8080n, 0x7f7f_7f7f_7f7f_7f7fn, 0x5555_5555_5555_5555n, 0xaaaa_aaaa_aaaa_aaaan],
]

/** A 64-bit integer, often one at the edge of some width. */
export function integer(random: Random): bigint {
  switch (random.below(8)) {
    case 0:
    case 1:
      return random.pick(EDGES)
    case 2:
      return BigInt(random.below(256))
    case 3:
      return BigInt.asUintN(64, BigInt(random.next() | 0))
    case 4:
      return BigInt.asUintN(64, -BigInt(random.below(256)))
    default:
      return random.uint64()
  }
}

const DOUBLES: readonly bigint[] = [
  ...[0n, 0x8000_0000_0000_0000n, 0x3ff0_0000_0000_0000n, 0xbff0_0000_0000_0000n, 0x3fe0_0000_0000_0000n],
  ...[0x7ff0_0000_0000_0000n, 0xfff0_0000_0000_0000n, 0x7ff8_0000_0000_0000n, 0xfff8_0000_0000_0000n],
  ...[0x7ff0_0000_0000_0001n, 0x7ff8_dead_beef_0001n, 0xfff4_0000_0000_1234n, 1n, 0x000f_ffff_ffff_ffffn],
  ...[0x0010_0000_0000_0000n, 0x8010_0000_0000_0000n, 0x7fef_ffff_ffff_ffffn, 0xffef_ffff_ffff_ffffn],
  ...[0x41df_ffff_ffc0_0000n, 0x41e0_0000_0000_0000n, 0xc1e0_0000_0000_0000n, 0xc1e0_0000_0020_0000n],
  ...[0x43df_ffff_ffff_ffffn, 0x43e0_0000_0000_0000n, 0xc3e0_0000_0000_0000n, 0x3ff8_0000_0000_0000n],
  ...[0x4004_0000_0000_0000n, 0x3fdf_ffff_ffff_ffffn, 0x47ef_ffff_e000_0000n, 0x3810_0000_0000_0000n],
  ...[0x36a0_0000_0000_0000n, 0x3690_0000_0000_0000n, 0x3ff0_0000_0000_0001n, 0x4330_0000_0000_0001n],
]
const SINGLES: readonly number[] = [
  ...[0, 0x80000000, 0x3f800000, 0xbf800000, 0x3f000000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000],
  ...[0x7f800001, 0x7fc0beef, 0xffa01234, 1, 0x007fffff, 0x00800000, 0x80800000, 0x7f7fffff, 0xff7fffff],
  ...[0x4effffff, 0x4f000000, 0xcf000000, 0xcf000001, 0x5effffff, 0x5f000000, 0xdf000000, 0x3fc00000],
  ...[0x40200000, 0x3effffff, 0x4b000001, 0x3f800001, 0x33800000, 0x00000002],
]

/** The bits of a double: special ones, numbers near each other, any bits. */
export function double(random: Random): bigint {
  switch (random.below(4)) {
    case 0:
      return random.pick(DOUBLES)
    case 1:
      return random.uint64()
    case 2:
      // Numbers of ordinary size with few significant bits: exact results and ties come from them.
      return (
        (BigInt(random.below(2)) << 63n) |
        (BigInt(1013 + random.below(20)) << 52n) |
        (BigInt(random.below(256)) << 44n)
      )
    default:
      return (
        (BigInt(random.below(2)) << 63n) | (BigInt(1003 + random.below(70)) << 52n) | (random.uint64() >> 12n)
      )
  }
}

/** The bits of a single. */
export function single(random: Random): number {
  switch (random.below(4)) {
    case 0:
      return random.pick(SINGLES)
    case 1:
      return random.next()
    case 2:
      return ((random.below(2) << 31) | ((117 + random.below(20)) << 23) | (random.below(256) << 15)) >>> 0
    default:
      return ((random.below(2) << 31) | ((107 + random.below(40)) << 23) | (random.next() >>> 9)) >>> 0
  }
}

/** Fills 64-bit aligned bytes with integers, doubles and singles in a mixture. */
export function fillMixed(random: Random, words: BigUint64Array, floats: boolean): void {
  for (let i = 0; i < words.length; i++) {
    const kind = floats ? random.below(8) : 7
    if (kind < 3) words[i] = double(random)
    else if (kind < 6) words[i] = (BigInt(single(random)) << 32n) | BigInt(single(random))
    else words[i] = integer(random)
  }
}
