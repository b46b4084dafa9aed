// The x87: long double arithmetic, its conversions to and from everything else, remainders, and precision and rounding
// as the control word has them. Sines and logarithms are missing: processors differ in their last bit.

import type { Random } from '../../../engine/soft/differential/random.ts'
import type { ChapterMaker } from '../chapter.ts'
import { expression } from '../expressions.ts'
import { block, type Piece } from '../piece.ts'
import { DOUBLE, FLOAT, I16, I32, I64, LONG_DOUBLE, U64 } from '../types.ts'

const HELPERS = `#ifndef X87_HELPERS
#define X87_HELPERS
static void set_control(u16 word) { __asm__ volatile("fldcw %0" : : "m"(word)); }
#endif`

export const longdouble: ChapterMaker = ({ random, names, globals }) => {
  const [chain, controlled, array] = [names.fresh('chain'), names.fresh('controlled'), names.fresh('l')]
  const scope = globals.inner()
  const variables = ['x', 'y', 'z', 'w']
  for (const variable of variables) scope.declare(variable, LONG_DOUBLE)
  scope.declare('n', I32, false)
  scope.arrays.push({ text: array, type: LONG_DOUBLE, length: 8 })
  const body: Piece[] = ['longdouble x = n, y = x / 3, z = 1.5L, w = -n * 0.1L;']
  for (let i = 0; i < 12; i++) {
    const to = random.pick([...variables, `${array}[${random.below(8)}]`])
    body.push(`${to} = ${term(random, variables)};`)
    if (random.below(3) === 0) body.push(`${to} = ${expression(scope, LONG_DOUBLE, 3)};`)
    // Keeps numbers where operations do not all give infinity.
    if (random.below(3) === 0)
      body.push(`if (!(${to} > -1e30L && ${to} < 1e30L)) ${to} = n + ${random.below(100)}.375L;`)
    if (random.below(3) === 0) body.push(`check_long_double(${names.check()}, ${to});`)
    if (random.below(4) === 0) {
      const type = random.pick([I16, I32, I64, U64])
      body.push(`check(${names.check()}, (u64)${type.name}_of_longdouble(${to}));`)
    }
    if (random.below(4) === 0)
      body.push(
        `check_double(${names.check()}, (double)${to});\ncheck_float(${names.check()}, (float)${to});`,
      )
  }
  body.push('return x + y * z - w;')

  const inner: Piece[] = ['volatile longdouble x = a, y = b, z;']
  for (let i = 0; i < 6; i++)
    inner.push(
      `z = x ${random.pick(['+', '-', '*', '/'])} y; x = ${random.pick(['z', '__builtin_sqrtl(z < 0 ? -z : z)', 'rintl(z)', `(${random.pick([DOUBLE, FLOAT]).name})z`])};`,
      `check_long_double(${names.check()}, z);`,
    )
  return {
    declarations: [
      HELPERS,
      `static longdouble ${array}[8] = {1, 0.1L, -2.5L, 1e18L, 0x1p-70L, 3, -1e-5L, 12345.678L};`,
      block(`static NOINLINE longdouble ${chain}(i32 n)`, body),
      // Precision of 24, 53 or 64 bits, and four ways to round: bits 8 to 11.
      block(`static NOINLINE void ${controlled}(u16 word, longdouble a, longdouble b)`, [
        'set_control(word);',
        ...inner,
        'set_control(0x37f);',
      ]),
    ],
    calls: [
      `for (i32 i = -2; i < 4; i++) check_long_double(${names.check()}, ${chain}(i * ${1 + random.below(1000)} + turn));`,
      `for (u32 mode = 0; mode < 16; mode++) if ((mode & 3) != 1) ${controlled}((u16)(0x7f | mode << 8), ${random.below(1000)}.1L + turn, ${1 + random.below(50)} / 7.0L);`,
    ],
  }
}

function term(random: Random, variables: readonly string[]): string {
  const [a, b, c] = [random.pick(variables), random.pick(variables), random.pick(variables)]
  return random.pick([
    `${a} * ${b} + ${c}`,
    `(${a} - ${b}) * (${b} - ${c}) / (1 + ${c} * ${c})`,
    `${a} < ${b} ? ${c} : -${c}`,
    `__builtin_sqrtl(${a} * ${a} + ${b} * ${b})`,
    `fmodl(${a}, 0.5L + fabsl(${b}))`,
    `remainderl(${a}, 0.5L + fabsl(${b}))`,
    `ldexpl(${a}, ${random.below(20) - 10})`,
    `floorl(${a}) + ceill(${b}) - truncl(${c})`,
    `(longdouble)(i64)(n * ${random.next()}LL) + ${a}`,
    `(longdouble)(float)${a} + (longdouble)(double)${b}`,
    `nextafterl(${a}, ${b})`,
    `copysignl(${a}, ${b}) + logbl(1 + fabsl(${c}))`,
    `((${a} * 0.5L + ${b}) * 0.25L + ${c}) * 0.125L + 1`,
  ])
}
