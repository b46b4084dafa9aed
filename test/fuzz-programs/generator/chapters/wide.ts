// Numbers of many words: carries from limb to limb, products of 128 bits, division of 128 bits by 64 as an instruction,
// and all of that in __int128, where the compiler calls its library.

import type { ChapterMaker } from '../chapter.ts'
import { expression } from '../expressions.ts'
import { block, type Piece } from '../piece.ts'
import { I128, U64, U128 } from '../types.ts'

const HELPERS = `#ifndef WIDE_HELPERS
#define WIDE_HELPERS
/* (high, low) by divisor, for high < divisor: the quotient fits. */
static u64 divide_wide(u64 high, u64 low, u64 divisor, u64 *rest) {
  u64 quotient;
  __asm__("divq %4" : "=a"(quotient), "=d"(*rest) : "0"(low), "1"(high), "r"(divisor) : "cc");
  return quotient;
}
static u32 divide_32(u32 high, u32 low, u32 divisor, u32 *rest) {
  u32 quotient;
  __asm__("divl %4" : "=a"(quotient), "=d"(*rest) : "0"(low), "1"(high), "rm"(divisor) : "cc");
  return quotient;
}
static u16 divide_8(u16 dividend, u8 divisor) {
  __asm__("divb %1" : "+a"(dividend) : "q"(divisor) : "cc");
  return dividend;
}
static i64 divide_signed(i64 high, i64 low, i64 divisor, i64 *rest) {
  i64 quotient;
  __asm__("idivq %4" : "=a"(quotient), "=d"(*rest) : "0"(low), "1"(high), "r"(divisor) : "cc");
  return quotient;
}
static u64 product(u64 a, u64 b, u64 *high) {
  u64 low;
  __asm__("mulq %3" : "=a"(low), "=d"(*high) : "0"(a), "rm"(b) : "cc");
  return low;
}
static i64 signed_product(i64 a, i64 b, i64 *high) {
  i64 low;
  __asm__("imulq %3" : "=a"(low), "=d"(*high) : "0"(a), "rm"(b) : "cc");
  return low;
}
static NOINLINE u64 add_limbs(u64 *a, const u64 *b, u32 n) {
  u64 carry = 0;
  for (u32 i = 0; i < n; i++) {
    u64 sum, c1 = __builtin_add_overflow(a[i], b[i], &sum), c2 = __builtin_add_overflow(sum, carry, &a[i]);
    carry = c1 | c2;
  }
  return carry;
}
/* The flag itself goes from limb to limb: LEA and DEC leave it alone. */
static NOINLINE u64 subtract_limbs(u64 *a, const u64 *b, u64 n) {
  u64 borrow, word;
  __asm__ volatile("clc\\n1: movq (%2), %1\\n sbbq %1, (%0)\\n leaq 8(%0), %0\\n leaq 8(%2), %2\\n decq %3\\n jnz 1b\\n sbbq %1, %1"
                   : "+r"(a), "=&r"(word), "+r"(b), "+r"(n) : : "cc", "memory");
  borrow = word;
  return borrow;
}
static NOINLINE void multiply_limbs(u64 *to, const u64 *a, const u64 *b, u32 n) {
  memset(to, 0, 16 * n);
  for (u32 i = 0; i < n; i++) {
    u64 carry = 0;
    for (u32 j = 0; j < n; j++) {
      u128 sum = (u128)a[i] * b[j] + to[i + j] + carry;
      to[i + j] = (u64)sum;
      carry = (u64)(sum >> 64);
    }
    to[i + n] = carry;
  }
}
static NOINLINE u64 decimal(u64 *a, u32 n, char *to) {
  u32 length = 0;
  do {
    u64 rest = 0, any = 0;
    for (u32 i = n; i-- > 0;) {
      a[i] = divide_wide(rest, a[i], 10000000000000000000ULL, &rest);
      any |= a[i];
    }
    for (u32 k = 0; k < 19; k++, rest /= 10) to[length++] = (char)('0' + rest % 10);
    if (!any) break;
  } while (1);
  return length;
}
#endif`

export const wide: ChapterMaker = ({ random, names, globals }) => {
  const limbs = 2 + random.below(6)
  const [a, b, c, text] = [names.fresh('a'), names.fresh('b'), names.fresh('c'), names.fresh('text')]
  const name = names.fresh('wide')
  const power = names.fresh('power')
  const scope = globals.inner()
  const body: Piece[] = ['u128 u = (u128)seed << 64 | ~seed;\ni128 s = (i128)(u * seed);']
  scope.declare('u', U128)
  scope.declare('s', I128)
  scope.declare('seed', U64, false)
  for (let i = 0; i < 8; i++) {
    const [target, type] = random.below(2) === 0 ? (['u', U128] as const) : (['s', I128] as const)
    body.push(`${target} = ${expression(scope, type, 3)};`)
    if (random.below(3) === 0) body.push(`check_wide(${names.check()}, (u128)${target});`)
  }
  body.push('return (u64)(u ^ (u128)s);')
  return {
    declarations: [
      HELPERS,
      `static u64 ${a}[${limbs}], ${b}[${limbs}], ${c}[${2 * limbs}];\nstatic char ${text}[${2 * limbs * 20 + 40}];`,
      block(`static NOINLINE u64 ${name}(u64 seed)`, body),
      // 64-bit modular powers, as in tests for primes.
      `static NOINLINE u64 ${power}(u64 base, u64 exponent, u64 modulus) {
  u64 result = 1;
  for (base %= modulus; exponent; exponent >>= 1) {
    if (exponent & 1) result = (u64)((u128)result * base % modulus);
    base = (u64)((u128)base * base % modulus);
  }
  return result;
}`,
    ],
    setUp: [`fill(${a}, sizeof ${a});\nfill(${b}, sizeof ${b});`],
    calls: [
      `for (u64 i = 0; i < 5; i++) check(${names.check()}, ${name}(random_word() >> (i * 13)));`,
      `check(${names.check()}, add_limbs(${a}, ${b}, ${limbs}));\ncheck_bytes(${names.check()}, ${a}, sizeof ${a});`,
      `check(${names.check()}, subtract_limbs(${b}, ${a}, ${limbs}));\ncheck_bytes(${names.check()}, ${b}, sizeof ${b});`,
      `multiply_limbs(${c}, ${a}, ${b}, ${limbs});\ncheck_bytes(${names.check()}, ${c}, sizeof ${c});\ncheck(${names.check()}, decimal(${c}, ${2 * limbs}, ${text}));\ncheck_bytes(${names.check()}, ${text}, sizeof ${text});`,
      // One at a time: arguments have no order.
      `{
  u64 a = random_word(), b = random_word(), c = random_word(), divisor = random_word() >> ${random.below(60)} | 1, rest, high;
  check(${names.check()}, ${power}(a, b >> 40, c >> ${random.below(40)} | ${1 + 2 * random.below(50)}));
  check(${names.check()}, divide_wide(a % divisor, b, divisor, &rest));
  check(${names.check()}, rest);
  u32 small = (u32)divisor | 1, rest32;
  check(${names.check()}, divide_32((u32)a % small, (u32)b, small, &rest32));
  check(${names.check()}, rest32);
  u8 tiny = (u8)divisor | 1;
  check(${names.check()}, divide_8((u16)((a & 255) % tiny << 8 | (b & 255)), tiny));
  i64 signed_divisor = (i64)(c | 1ULL << 62) >> ${random.below(20)}, dividend = (i64)b, signed_rest, signed_high;
  if (signed_divisor == -1 || signed_divisor == 0) signed_divisor = 7;
  check(${names.check()}, (u64)divide_signed(dividend >> 63, dividend, signed_divisor, &signed_rest));
  check(${names.check()}, (u64)signed_rest);
  check(${names.check()}, product(a, divisor, &high));
  check(${names.check()}, high);
  check(${names.check()}, (u64)signed_product(dividend, signed_divisor, &signed_high));
  check(${names.check()}, (u64)signed_high);
}`,
    ],
  }
}
