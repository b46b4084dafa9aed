// What every random program begins with: integer types by width, checks that print where the program is and what it
// has computed, and arithmetic that is defined for all operands. The generator copies this text into each program,
// so that a program which was kept because of a difference needs nothing but itself.
//
//   -DSAME_AT_ALL_LEVELS   leaves out what may depend on how the compiler arranges operations: which NaN comes out of
//                          an operation of two, and the exception flags. Then all optimization levels print the same.
#define _GNU_SOURCE
#include <alloca.h>
#include <fenv.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

typedef int8_t i8;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;
typedef __int128 i128;
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef unsigned __int128 u128;

#define NOINLINE __attribute__((noinline, noclone))
#ifdef SAME_AT_ALL_LEVELS
enum { SAME = 1 };
#else
enum { SAME = 0 };
#endif

// Loops and calls burn fuel, and end when there is none: whatever the random bounds are, a program comes to its end.
static i64 fuel = FUEL;
#define BURN(units) ((fuel -= (units)) > 0)

// A line for each check, as long as there are not too many; after that only the running hash, now and then.
static u64 hash = 0x243f6a8885a308d3;
static i32 checks_left = CHECK_LINES;

static NOINLINE void check(u32 id, u64 value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15;
  hash ^= hash >> 29;
  if (--checks_left >= 0) printf("check %u: %016llx\n", id, (unsigned long long)value);
  else if ((checks_left & 1023) == 0) printf("after %u: %016llx\n", id, (unsigned long long)hash);
}

static u64 double_bits(double value) {
  u64 bits;
  memcpy(&bits, &value, 8);
  return SAME && value != value ? 0x7ff8000000000000 : bits;
}
static u32 float_bits(float value) {
  u32 bits;
  memcpy(&bits, &value, 4);
  return SAME && value != value ? 0x7fc00000 : bits;
}
static u64 long_double_bits(long double value) {
  u64 bits[2] = {0, 0};
  memcpy(bits, &value, 10);
  return SAME && value != value ? 0x7fff : bits[0] ^ (bits[1] << 48) ^ bits[1];
}
static NOINLINE void check_double(u32 id, double value) {
  check(id, double_bits(value));
  if (checks_left > 0) printf("  %.17g\n", SAME && value != value ? 0.0 : value);
}
static NOINLINE void check_float(u32 id, float value) { check(id, float_bits(value)); }
static NOINLINE void check_long_double(u32 id, long double value) {
  check(id, long_double_bits(value));
  if (checks_left > 0) printf("  %.20Lg\n", SAME && value != value ? 0.0L : value);
}
static NOINLINE void check_bytes(u32 id, const void *data, size_t length) {
  const u8 *bytes = data;
  u64 sum = length;
  for (size_t i = 0; i < length; i++) sum = (sum ^ bytes[i]) * 0x100000001b3;
  check(id, sum);
}
static NOINLINE void check_wide(u32 id, u128 value) { check(id, (u64)value ^ (u64)(value >> 64) * 3); }

// Random numbers of the program itself, for filling memory.
static u64 random_state = 0x9e3779b97f4a7c15;
static u64 random_word(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}
static NOINLINE void fill(void *data, size_t length) {
  u8 *bytes = data;
  for (size_t i = 0; i < length; i++) bytes[i] = (u8)(random_word() >> 24);
}

// Division that is defined for all operands: for 0, and for the smallest number by -1, it gives its dividend.
#define DIVISION(T, LOWEST)                                                                  \
  static inline T divide_##T(T a, T b) {                                                     \
    return b == 0 || ((LOWEST) != 0 && a == (T)(LOWEST) && b == (T)-1) ? a : (T)(a / b);     \
  }                                                                                          \
  static inline T modulo_##T(T a, T b) {                                                     \
    return b == 0 || ((LOWEST) != 0 && a == (T)(LOWEST) && b == (T)-1) ? a : (T)(a % b);     \
  }
DIVISION(i8, INT8_MIN)
DIVISION(i16, INT16_MIN)
DIVISION(i32, INT32_MIN)
DIVISION(i64, INT64_MIN)
DIVISION(i128, (u128)1 << 127)
DIVISION(u8, 0)
DIVISION(u16, 0)
DIVISION(u32, 0)
DIVISION(u64, 0)
DIVISION(u128, 0)

// Floating point to integer where the integer can hold it (NaN fails every comparison), else a constant. The bounds
// are exact in all three types.
#define CONVERSION(T, F, ABOVE, BELOW) \
  static inline T T##_of_##F(F x) { return x >= (F)(ABOVE) && x < (F)(BELOW) ? (T)x : (T)0x55; }
typedef long double longdouble;
#define CONVERSIONS(F)                                     \
  CONVERSION(i8, F, -0x1p7, 0x1p7)                         \
  CONVERSION(i16, F, -0x1p15, 0x1p15)                      \
  CONVERSION(i32, F, -0x1p31, 0x1p31)                      \
  CONVERSION(i64, F, -0x1p63, 0x1p63)                      \
  CONVERSION(i128, F, -0x1p127, 0x1p127)                   \
  CONVERSION(u8, F, 0, 0x1p8)                              \
  CONVERSION(u16, F, 0, 0x1p16)                            \
  CONVERSION(u32, F, 0, 0x1p32)                            \
  CONVERSION(u64, F, 0, 0x1p64)                            \
  CONVERSION(u128, F, 0, 0x1p127)
CONVERSIONS(float)
CONVERSIONS(double)
CONVERSIONS(longdouble)

static inline u8 rotate_u8(u8 x, u32 n) { return (u8)(x << (n & 7) | x >> (-n & 7)); }
static inline u16 rotate_u16(u16 x, u32 n) { return (u16)(x << (n & 15) | x >> (-n & 15)); }
static inline u32 rotate_u32(u32 x, u32 n) { return x << (n & 31) | x >> (-n & 31); }
static inline u64 rotate_u64(u64 x, u32 n) { return x << (n & 63) | x >> (-n & 63); }
static inline u128 rotate_u128(u128 x, u32 n) { return x << (n & 127) | x >> (-n & 127); }

// A program that dies says of what, after everything that it had printed before. Without this a wrong jump would take
// along the last lines of the buffer, which are the ones that tell where it was.
static void died(int signal, siginfo_t *info, void *context) {
  static volatile sig_atomic_t dying;
  if (!dying++) {
    fflush(stdout);
    dprintf(1, "died of signal %d at %llx\n", signal,
            (unsigned long long)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP]);
  }
  _exit(128 + signal);
}

static void begin(void) {
#ifndef __SANITIZE_ADDRESS__
  struct sigaction action = {.sa_sigaction = died, .sa_flags = SA_SIGINFO};
  for (int i = 0; i < 5; i++) sigaction((int[]){SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP}[i], &action, NULL);
#endif
}

static void end_of_turn(i32 turn) { printf("turn %d: %016llx\n", turn, (unsigned long long)hash); }

static int end(void) {
  printf("end: %016llx\n", (unsigned long long)hash);
  fflush(stdout);
  return (int)(hash >> 57);
}
