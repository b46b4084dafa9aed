// Integer arithmetic as compilers emit it: every width, 128 bits, shifts, rotates, bit counting, overflow checks,
// division by constants and variables, bit fields, switch tables, comparisons.
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 88172645463325252u;
static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}
static uint64_t hash = 14695981039346656037u;
static void mix(uint64_t v) {
  hash = (hash ^ v) * 1099511628211u;
  hash ^= hash >> 29;
}
struct bits {
  unsigned a : 3;
  int b : 7;
  unsigned long c : 40;
  int d : 14;
};

#define EACH(T) static void each_##T(T a, T b) { \
  mix((uint64_t)(a + b)); mix((uint64_t)(a - b)); mix((uint64_t)(a * b)); if (b != 0 && !((T)-1 < 0 && b == (T)-1)) { mix((uint64_t)(a / b)); mix((uint64_t)(a % b)); } \
  mix((uint64_t)(a / 7)); mix((uint64_t)(a % 10)); mix((uint64_t)(a / 3)); mix((uint64_t)(a >> (b & 7))); mix((uint64_t)(T)((uint64_t)a << (b & 7))); mix(a < b); mix(a == b); mix((uint64_t)~a); mix((uint64_t)-a); mix((uint64_t)(a & b)); mix((uint64_t)(a | b)); mix((uint64_t)(a ^ b)); \
  T r; mix(__builtin_add_overflow(a, b, &r)); mix((uint64_t)r); mix(__builtin_sub_overflow(a, b, &r)); mix(__builtin_mul_overflow(a, b, &r)); mix((uint64_t)r); }
EACH(int8_t) EACH(uint8_t) EACH(int16_t) EACH(uint16_t) EACH(int32_t) EACH(uint32_t) EACH(int64_t) EACH(
  uint64_t)

static int table(unsigned v) {
  switch (v) {
  case 0:
    return 5;
  case 1:
    return 3;
  case 2:
    return 99;
  case 3:
    return -4;
  case 4:
    return 17;
  case 5:
    return 8;
  case 7:
    return 1;
  case 9:
    return 77;
  default:
    return 0;
  }
}
static uint64_t power(uint64_t b, uint64_t e, uint64_t m) {
  uint64_t r = 1;
  for (; e; e >>= 1, b = (unsigned __int128)b * b % m) if (e & 1) r = (unsigned __int128)r * b % m;
  return r;
}

int main(void) {
  for (int i = 0; i < 4000; i++) {
    uint64_t a = next(), b = next() >> (i & 63);
    each_int8_t(a, b);
    each_uint8_t(a, b);
    each_int16_t(a, b);
    each_uint16_t(a, b);
    each_int32_t(a, b);
    each_uint32_t(a, b);
    each_int64_t(a, b);
    each_uint64_t(a, b);
  }
  printf("widths %016" PRIx64 "\n", hash);
  for (int i = 0; i < 3000; i++) {
    unsigned __int128 a = (unsigned __int128)next() << 64 | next(),
                      b = (unsigned __int128)(next() >> (i & 63)) << 64 | next();
    unsigned __int128 v[] = { a * b, a / (b | 1), a % (b | 1), a >> (i & 127), a << (i & 127), a + b, a - b };
    for (int j = 0; j < 7; j++) mix((uint64_t)v[j]), mix((uint64_t)(v[j] >> 64));
    __int128 s = (__int128)a;
    mix((uint64_t)(s / 12345));
    mix((uint64_t)(s >> 65));
    mix(s < (__int128)b);
  }
  printf("int128 %016" PRIx64 "\n", hash);
  for (int i = 0; i < 3000; i++) {
    uint64_t a = next() >> (i & 63);
    mix(__builtin_popcountll(a));
    if (a) {
      mix(__builtin_clzll(a));
      mix(__builtin_ctzll(a));
    }
    mix(__builtin_ffsll(a));
    mix(__builtin_parityll(a));
    mix(__builtin_bswap64(a));
    mix(__builtin_bswap32(a));
    mix(__builtin_bswap16(a));
    unsigned n = i & 63;
    mix(a << n | a >> (-n & 63));
    uint32_t w = a;
    n &= 31;
    mix(w << n | w >> (-n & 31));
    uint16_t h = a;
    n &= 15;
    mix((uint16_t)(h << n | h >> (-n & 15)));
    mix(table(a % 12));
  }
  printf("bits %016" PRIx64 "\n", hash);
  struct bits x = { 0 };
  for (int i = 0; i < 3000; i++) {
    x.a += next();
    x.b ^= next();
    x.c *= next() | 1;
    x.d -= x.b;
    mix(x.a);
    mix((uint64_t)x.b);
    mix(x.c);
    mix((uint64_t)x.d);
  }
  printf("fields %016" PRIx64 " %u %d %lu %d\n", hash, x.a, x.b, (unsigned long)x.c, x.d);
  printf("%" PRIu64 " %" PRIu64 "\n", power(3, 1000000006, 1000000007), power(7, 0xfffffffffffffffe,
         0xffffffffffffffc5));
  unsigned sieve[2000] = { 0 }, primes = 0;
  for (unsigned p = 2; p < 60000; p++) if (!(sieve[p / 32] >> p % 32 & 1)) {
      primes++;
      for (unsigned m = p + p; m < 60000; m += p) sieve[m / 32] |= 1u << m % 32;
    }
  printf("primes %u\n", primes);
  printf("%d %d %ld %lld %u %hhd %hd %#x %#o %+d %05d %-5d| %zu %td %jd\n", INT_MIN, INT_MAX, LONG_MIN,
         LLONG_MAX, UINT_MAX, (char)200, (short)40000, 255, 8, 3, 42, 42, sizeof(long), (char *)&x - (char *)&x,
         INTMAX_MAX);
  printf("%ld %lu %lld %ld %d\n", strtol("-0x7fffffffffffffff", 0, 16), strtoul("18446744073709551615", 0, 10),
         atoll("123456789012345678"), labs(-5L), abs(-7));
  lldiv_t d = lldiv(-17, 5);
  printf("%lld %lld\n", d.quot, d.rem);
  return 0;
}
