// SSE instructions that no loop of C becomes: saturation, horizontal sums, string comparison, blends, dot products.
// The functions are compiled for SSE4.2 whatever the options say. RCPPS and RSQRTPS are missing: processors differ.

import type { Random } from '../../../engine/soft/differential/random.ts'
import type { ChapterMaker } from '../chapter.ts'
import { block, type Piece } from '../piece.ts'

const SIZES = ['8', '16', '32', '64']

const families = (names: readonly string[], ...suffixes: readonly string[]): string[] =>
  names.flatMap((name) => suffixes.map((suffix) => `${name}_${suffix}`))

/** `_mm_NAME(a, b)`, integers. */
const BINARY: readonly string[] = [
  ...families(['add', 'sub'], 'epi8', 'epi16', 'epi32', 'epi64'),
  ...families(['adds', 'subs'], 'epi8', 'epi16', 'epu8', 'epu16'),
  ...families(['cmpeq', 'cmpgt', 'unpacklo', 'unpackhi'], 'epi8', 'epi16', 'epi32', 'epi64'),
  ...families(['min', 'max'], 'epi8', 'epi16', 'epi32', 'epu8', 'epu16', 'epu32'),
  ...families(['avg'], 'epu8', 'epu16'),
  ...families(['and', 'or', 'xor', 'andnot'], 'si128'),
  ...['mullo_epi16', 'mulhi_epi16', 'mulhi_epu16', 'mul_epu32', 'madd_epi16', 'sad_epu8', 'mullo_epi32'],
  ...['packs_epi16', 'packs_epi32', 'packus_epi16', 'packus_epi32', 'shuffle_epi8', 'mul_epi32'],
  ...families(['hadd', 'hsub'], 'epi16', 'epi32'),
  ...['hadds_epi16', 'hsubs_epi16', 'maddubs_epi16', 'mulhrs_epi16'],
  ...families(['sign'], 'epi8', 'epi16', 'epi32'),
]
const UNARY: readonly string[] = [
  ...families(['abs'], 'epi8', 'epi16', 'epi32'),
  'minpos_epu16',
  ...families(['cvtepi8', 'cvtepu8'], 'epi16', 'epi32', 'epi64'),
  ...families(['cvtepi16', 'cvtepu16'], 'epi32', 'epi64'),
  ...families(['cvtepi32', 'cvtepu32'], 'epi64'),
]
/** `_mm_NAME(a, b, number)`, with how many numbers there are. */
const IMMEDIATE_BINARY: readonly (readonly [string, number])[] = [
  ['alignr_epi8', 34],
  ['blend_epi16', 256],
  ['mpsadbw_epu8', 8],
]
const IMMEDIATE_UNARY: readonly (readonly [string, number])[] = [
  ['shuffle_epi32', 256],
  ['shufflelo_epi16', 256],
  ['shufflehi_epi16', 256],
  ['slli_si128', 18],
  ['srli_si128', 18],
  ...families(['slli', 'srli'], 'epi16', 'epi32', 'epi64').map((name) => [name, 70] as const),
  ...families(['srai'], 'epi16', 'epi32').map((name) => [name, 40] as const),
]
const COUNTED: readonly string[] = [
  ...families(['sll', 'srl'], 'epi16', 'epi32', 'epi64'),
  ...families(['sra'], 'epi16', 'epi32'),
]
/** Vectors to a number. */
const NUMBERS: readonly string[] = [
  '_mm_movemask_epi8(a)',
  '_mm_testz_si128(a, b)',
  '_mm_testc_si128(a, b)',
  '_mm_testnzc_si128(a, b)',
  '_mm_movemask_ps(_mm_castsi128_ps(a))',
  '_mm_movemask_pd(_mm_castsi128_pd(a))',
  '(i32)_mm_crc32_u8((u32)_mm_cvtsi128_si32(a), (u8)_mm_extract_epi8(b, 3))',
  '(i32)_mm_crc32_u32((u32)_mm_cvtsi128_si32(a), (u32)_mm_extract_epi32(b, 2))',
  '(i32)_mm_crc32_u64((u64)_mm_cvtsi128_si64(a), (u64)_mm_extract_epi64(b, 1))',
  '_mm_comilt_ss(_mm_castsi128_ps(a), _mm_castsi128_ps(b))',
  '_mm_ucomieq_sd(_mm_castsi128_pd(a), _mm_castsi128_pd(b))',
  '_mm_cvttss_si32(_mm_castsi128_ps(a))',
  '(i32)_mm_cvtsd_si64(_mm_castsi128_pd(b))',
]
/** `ps` or `pd`; results go through `clean`, which hides NaNs when all levels must be the same. */
const FLOATING: readonly string[] = ['add', 'sub', 'mul', 'div', 'min', 'max', 'hadd', 'hsub', 'addsub']
const COMPARISONS = ['eq', 'lt', 'le', 'neq', 'nlt', 'nle', 'ord', 'unord', 'gt', 'ge', 'ngt', 'nge']

export const intrinsics: ChapterMaker = ({ random, names }) => {
  const memory = names.fresh('sse')
  const count = 12
  const declarations: Piece[] = [
    `#ifndef SSE_HELPERS
#define SSE_HELPERS
#define SSE42 __attribute__((target("sse4.2,popcnt")))
static SSE42 __m128i clean_ps(__m128 x) {
  return _mm_castps_si128(SAME ? _mm_and_ps(x, _mm_cmpord_ps(x, x)) : x);
}
static SSE42 __m128i clean_pd(__m128d x) {
  return _mm_castpd_si128(SAME ? _mm_and_pd(x, _mm_cmpord_pd(x, x)) : x);
}
#endif`,
    `static __m128i ${memory}[${count + 1}];`,
  ]
  const calls: Piece[] = []
  for (let i = 0; i < 6; i++) {
    const name = names.fresh('sse')
    const body: Piece[] = []
    for (let line = 0; line < 10; line++) body.push(`${random.pick(['a', 'b', 'c'])} = ${operation(random)};`)
    body.push('return _mm_add_epi64(_mm_xor_si128(a, b), c);')
    declarations.push(block(`static NOINLINE SSE42 __m128i ${name}(__m128i a, __m128i b, __m128i c)`, body))
    const [x, y, z] = [random.below(count), random.below(count), random.below(count)]
    // The first operand comes from anywhere, the others from aligned memory.
    const first = `_mm_loadu_si128((__m128i *)((u8 *)&${memory}[${x}] + ${random.below(16)}))`
    calls.push(
      `${memory}[${z}] = ${name}(${first}, ${memory}[${y}], ${memory}[${z}]);\ncheck_bytes(${names.check()}, &${memory}[${z}], 16);`,
    )
  }
  return {
    includes: ['nmmintrin.h'],
    declarations,
    setUp: [`fill(${memory}, sizeof ${memory});`],
    calls,
  }
}

function operation(random: Random): string {
  const v = (): string => random.pick(['a', 'b', 'c'])
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
      return `_mm_${random.pick(BINARY)}(${v()}, ${v()})`
    case 3:
      return `_mm_${random.pick(UNARY)}(${v()})`
    case 4: {
      const [name, most] = random.pick(IMMEDIATE_BINARY)
      return `_mm_${name}(${v()}, ${v()}, ${random.below(most)})`
    }
    case 5: {
      const [name, most] = random.pick(IMMEDIATE_UNARY)
      return `_mm_${name}(${v()}, ${random.below(most)})`
    }
    case 6:
      // A count that is in range as often as not.
      return `_mm_${random.pick(COUNTED)}(${v()}, _mm_and_si128(${v()}, _mm_cvtsi32_si128(${random.pick([15, 31, 63, 127])})))`
    case 7:
      return `_mm_add_epi${random.pick(SIZES)}(${v()}, _mm_set1_epi32(${random.pick(NUMBERS)}))`
    case 8:
      return text(random, v)
    case 9:
      return insertion(random, v)
    default:
      return floating(random, v)
  }
}

/** SSE4.2's comparison of strings: the modes are in the immediate. */
function text(random: Random, v: () => string): string {
  const mode = random.below(128)
  // Letters a to p, and zeros that end a string.
  const letters = (x: string): string =>
    `_mm_add_epi8(_mm_and_si128(${x}, _mm_set1_epi8(15)), _mm_set1_epi8(${random.pick([0, 97, -3])}))`
  const [a, b] = [letters(v()), letters(v())]
  const lengths = [`_mm_cvtsi128_si32(${v()}) % 20`, `_mm_cvtsi128_si32(${v()}) % 20`]
  const flag = random.pick(['i', 'a', 'c', 'o', 's', 'z'])
  return random.pick([
    `_mm_cmpistrm(${a}, ${b}, ${mode})`,
    `_mm_cmpestrm(${a}, ${lengths[0]}, ${b}, ${lengths[1]}, ${mode})`,
    `_mm_set1_epi16((i16)_mm_cmpistr${flag}(${a}, ${b}, ${mode}))`,
    `_mm_set1_epi16((i16)_mm_cmpestr${flag}(${a}, ${lengths[0]}, ${b}, ${lengths[1]}, ${mode}))`,
  ])
}

function insertion(random: Random, v: () => string): string {
  const [a, b] = [v(), v()]
  return random.pick([
    `_mm_insert_epi8(${a}, _mm_extract_epi8(${b}, ${random.below(16)}), ${random.below(16)})`,
    `_mm_insert_epi16(${a}, _mm_extract_epi16(${b}, ${random.below(8)}), ${random.below(8)})`,
    `_mm_insert_epi32(${a}, _mm_extract_epi32(${b}, ${random.below(4)}), ${random.below(4)})`,
    `_mm_insert_epi64(${a}, _mm_extract_epi64(${b}, ${random.below(2)}), ${random.below(2)})`,
    `_mm_castps_si128(_mm_insert_ps(_mm_castsi128_ps(${a}), _mm_castsi128_ps(${b}), ${random.below(256)}))`,
    `_mm_blendv_epi8(${a}, ${b}, ${v()})`,
    `_mm_castps_si128(_mm_blendv_ps(_mm_castsi128_ps(${a}), _mm_castsi128_ps(${b}), _mm_castsi128_ps(${v()})))`,
    `_mm_castpd_si128(_mm_shuffle_pd(_mm_castsi128_pd(${a}), _mm_castsi128_pd(${b}), ${random.below(4)}))`,
    `_mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(${a}), _mm_castsi128_ps(${b}), ${random.below(256)}))`,
    `_mm_castps_si128(_mm_movehl_ps(_mm_castsi128_ps(${a}), _mm_castsi128_ps(${b})))`,
    `_mm_castpd_si128(_mm_movedup_pd(_mm_castsi128_pd(${a})))`,
    `_mm_move_epi64(${a})`,
  ])
}

function floating(random: Random, v: () => string): string {
  const p = random.pick(['ps', 'pd'])
  // Half of the operands are small integers, the others any bits: NaNs, denormals, infinities.
  const operand = (): string =>
    random.below(2) === 0
      ? `_mm_castsi128_${p}(${v()})`
      : `_mm_cvtepi32_${p}(_mm_srai_epi32(${v()}, ${random.below(31)}))`
  const rounding = random.pick([0, 1, 2, 3, 4, 8, 9, 10, 11])
  const single = random.pick(['add', 'sub', 'mul', 'div', 'min', 'max'])
  const comparison = random.pick(COMPARISONS)
  return random.pick([
    `clean_${p}(_mm_${random.pick(FLOATING)}_${p}(${operand()}, ${operand()}))`,
    `clean_${p}(_mm_${random.pick(FLOATING)}_${p}(${operand()}, ${operand()}))`,
    `clean_${p}(_mm_${single}_${p === 'ps' ? 'ss' : 'sd'}(${operand()}, ${operand()}))`,
    `clean_${p}(_mm_sqrt_${p}(${operand()}))`,
    `clean_${p}(_mm_round_${p}(${operand()}, ${rounding}))`,
    `clean_${p}(_mm_dp_${p}(${operand()}, ${operand()}, ${random.below(256)}))`,
    `_mm_cast${p}_si128(_mm_cmp${comparison}_${p}(${operand()}, ${operand()}))`,
    `_mm_cvt${random.pick(['', 't'])}${p}_epi32(${operand()})`,
    p === 'ps' ? `clean_pd(_mm_cvtps_pd(${operand()}))` : `clean_ps(_mm_cvtpd_ps(${operand()}))`,
  ])
}
