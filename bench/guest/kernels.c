// Small pieces of work, each of which stresses one thing that a CPU does: the same static binary runs natively, in QEMU
// and in our machine.
//
//    kernels NAME AMOUNT [MARKS]      writes \2, works, writes \3 (to MARKS, else to stdout), then a check value
//
// The host looks at its own clock when the two marks arrive, so the clocks in the machines are not asked. The check value
// depends on everything that was computed, so nothing is optimized away and all sides must agree on it. No kernel uses
// instructions beyond SSE2, except what the C library picks for the processor that it finds itself on.
#define _GNU_SOURCE
#include <emmintrin.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int happened, const char *what) {
  if (happened) return;
  perror(what);
  exit(1);
}

static uint64_t next_random(uint64_t *state) {
  uint64_t x = *state;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return *state = x;
}

static const uint64_t SEED = 88172645463325252u;

// Two real calls a step: without the attributes gcc unrolls one of them and turns the other into a loop.
__attribute__((noipa, optimize("no-optimize-sibling-calls"))) static uint64_t fibonacci(unsigned n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static uint64_t calls(long amount) { return fibonacci((unsigned)amount); }

// Registers only: shifts, adds, a multiplication, a branch that is hard to foretell.
static uint64_t integers(long amount) {
  uint64_t x = SEED, sum = 0;
  for (long i = 0; i < amount; i++) {
    next_random(&x);
    if (x & 1) sum += x * 0x9e3779b97f4a7c15u;
    else sum ^= (uint64_t)i;
  }
  return sum;
}

// Byte stores at growing strides over 1 MiB, then a count.
static uint64_t sieve(long amount) {
  enum { SIZE = 1 << 20 };
  static uint8_t composite[SIZE];
  uint64_t primes = 0;
  for (long round = 0; round < amount; round++) {
    memset(composite, 0, SIZE);
    for (uint32_t i = 2; i * i < SIZE; i++)
      if (!composite[i])
        for (uint32_t k = i * i; k < SIZE; k += i) composite[k] = 1;
    for (uint32_t i = 2; i < SIZE; i++) primes += !composite[i];
  }
  return primes;
}

// Each load needs the one before it: one random cycle through `count` pointers.
static uint64_t chase(size_t count, long steps) {
  void **cells = malloc(count * sizeof *cells);
  uint32_t *order = malloc(count * sizeof *order);
  must(cells != NULL && order != NULL, "malloc");
  uint64_t random = SEED;
  for (size_t i = 0; i < count; i++) order[i] = (uint32_t)i;
  for (size_t i = count - 1; i > 0; i--) {
    size_t other = next_random(&random) % (i + 1);
    uint32_t kept = order[i];
    order[i] = order[other];
    order[other] = kept;
  }
  for (size_t i = 0; i < count; i++) cells[order[i]] = &cells[order[(i + 1) % count]];
  void **at = cells;
  for (long i = 0; i < steps; i++) at = *at;
  return (uint64_t)(at - cells);
}

static uint64_t chase_near(long amount) { return chase(2048, amount); }
static uint64_t chase_far(long amount) { return chase(1 << 20, amount); }

static uint32_t rotate(uint32_t x, int by) { return x >> by | x << (32 - by); }

// FIPS 180-4, section 6.2.2. The constants are what section 4.2.2 says they are: fractions of cube roots of primes.
static void sha256_block(uint32_t hash[8], const uint32_t constants[64], const uint8_t *block) {
  uint32_t w[64], s[8];
  for (int i = 0; i < 16; i++) {
    const uint8_t *byte = block + 4 * i;
    w[i] = (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 | byte[3];
  }
  for (int i = 16; i < 64; i++) {
    uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
    uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  memcpy(s, hash, sizeof s);
  for (int i = 0; i < 64; i++) {
    uint32_t s1 = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
    uint32_t t1 = s[7] + s1 + ((s[4] & s[5]) ^ (~s[4] & s[6])) + constants[i] + w[i];
    uint32_t s0 = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
    uint32_t t2 = s0 + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    memmove(s + 1, s, 7 * sizeof *s);
    s[4] += t1;
    s[0] = t1 + t2;
  }
  for (int i = 0; i < 8; i++) hash[i] += s[i];
}

// The first 32 bits of the fraction of the cube (square) root of n: the largest r with r³ (r²) <= n · 2^96 (2^64), mod 2^32.
static uint32_t root_fraction(unsigned n, int cube) {
  unsigned __int128 target = (unsigned __int128)n << (cube ? 96 : 64);
  uint64_t low = 0, high = (uint64_t)1 << 37;
  while (high - low > 1) {
    uint64_t middle = (low + high) / 2;
    unsigned __int128 power = (unsigned __int128)middle * middle;
    int above = cube ? power > target / middle : power > target;
    if (above) high = middle;
    else low = middle;
  }
  return (uint32_t)low;
}

static uint64_t sha256(long amount) {
  uint32_t constants[64], hash[8];
  unsigned prime = 2;
  for (int found = 0; found < 64; prime++) {
    int composite = 0;
    for (unsigned d = 2; d * d <= prime; d++) composite |= prime % d == 0;
    if (composite) continue;
    constants[found] = root_fraction(prime, 1);
    if (found < 8) hash[found] = root_fraction(prime, 0);
    found++;
  }
  static uint8_t data[64 * 1024];
  uint64_t random = SEED;
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)next_random(&random);
  for (long round = 0; round < amount; round++)
    for (size_t i = 0; i < sizeof data; i += 64) sha256_block(hash, constants, data + i);
  return (uint64_t)hash[0] << 32 | hash[7];
}

static double square_root(double x) {
  __m128d value = _mm_set_sd(x);
  return _mm_cvtsd_f64(_mm_sqrt_sd(value, value));
}

// Five bodies that attract each other, in double precision: +, -, ·, / and square root in a fixed order.
static uint64_t nbody(long amount) {
  enum { BODIES = 5 };
  static struct body {
    double position[3], velocity[3], mass;
  } bodies[BODIES];
  uint64_t random = SEED;
  for (int i = 0; i < BODIES; i++) {
    for (int k = 0; k < 3; k++) {
      bodies[i].position[k] = (double)(next_random(&random) % 20000) / 1000 - 10;
      bodies[i].velocity[k] = (double)(next_random(&random) % 2000) / 1000 - 1;
    }
    bodies[i].mass = 0.01 + (double)(next_random(&random) % 1000) / 1000;
  }
  const double step = 0.001;
  for (long round = 0; round < amount; round++) {
    for (int i = 0; i < BODIES; i++)
      for (int j = i + 1; j < BODIES; j++) {
        struct body *a = &bodies[i], *b = &bodies[j];
        double away[3], distance2 = 0.01;
        for (int k = 0; k < 3; k++) {
          away[k] = a->position[k] - b->position[k];
          distance2 += away[k] * away[k];
        }
        double pull = step / (distance2 * square_root(distance2));
        for (int k = 0; k < 3; k++) {
          a->velocity[k] -= away[k] * b->mass * pull;
          b->velocity[k] += away[k] * a->mass * pull;
        }
      }
    for (int i = 0; i < BODIES; i++)
      for (int k = 0; k < 3; k++) bodies[i].position[k] += step * bodies[i].velocity[k];
  }
  uint64_t bits, check = 0;
  for (int i = 0; i < BODIES; i++)
    for (int k = 0; k < 3; k++) {
      memcpy(&bits, &bodies[i].position[k], sizeof bits);
      check = check * 31 + bits;
    }
  return check;
}

// 32 KiB in 16-byte loads and stores, with a little SSE2 arithmetic in between so that the loop stays a loop.
static uint64_t copies(long amount) {
  enum { COUNT = 2048 };
  static __m128i from[COUNT], to[COUNT];
  uint64_t random = SEED;
  for (int i = 0; i < COUNT; i++) from[i] = _mm_set_epi64x((long long)next_random(&random), (long long)next_random(&random));
  for (long round = 0; round < amount; round++) {
    const __m128i add = _mm_set1_epi32((int)round);
    for (int i = 0; i < COUNT; i++) _mm_store_si128(&to[i], _mm_add_epi32(_mm_load_si128(&from[i]), add));
    for (int i = 0; i < COUNT; i++) _mm_storeu_si128(&from[i], _mm_xor_si128(_mm_loadu_si128(&to[i]), add));
  }
  __m128i all = _mm_setzero_si128();
  for (int i = 0; i < COUNT; i++) all = _mm_add_epi64(all, from[i]);
  return (uint64_t)_mm_cvtsi128_si64(all) ^ (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(all, all));
}

// A bytecode machine with a stack; its program is a loop with arithmetic, variables and branches. One indirect jump a step.
static uint64_t interpreter(long amount) {
  enum { PUSH, LOAD, STORE, ADD, MULTIPLY, XOR, SHIFT, DUPLICATE, DECREMENT, JUMP_EVEN, JUMP_NOT_ZERO, HALT };
  enum { COUNT, SUM, STATE, VARIABLES };
  static const uint8_t code[] = {
      /*  0 */ LOAD, STATE, PUSH, 13, MULTIPLY, PUSH, 7, ADD,     // STATE * 13 + 7
      /*  8 */ DUPLICATE, PUSH, 3, SHIFT, XOR, STORE, STATE,      // x ^ x >> 3
      /* 15 */ LOAD, STATE, JUMP_EVEN, 26,                        //
      /* 19 */ LOAD, SUM, LOAD, STATE, ADD, STORE, SUM,           //
      /* 26 */ LOAD, STATE, LOAD, SUM, XOR, STORE, SUM,           //
      /* 33 */ DECREMENT, COUNT, LOAD, COUNT, JUMP_NOT_ZERO, 0,   //
      /* 39 */ HALT,
  };
  uint64_t variables[VARIABLES] = {[COUNT] = (uint64_t)amount, [STATE] = 1}, stack[8];
  uint64_t *top = stack;  // of the value on top; stack[0] stays free
  const uint8_t *at = code;
  for (;;) switch (*at++) {
      case PUSH: *++top = *at++; break;
      case LOAD: *++top = variables[*at++]; break;
      case STORE: variables[*at++] = *top--; break;
      case ADD: top--; *top += top[1]; break;
      case MULTIPLY: top--; *top *= top[1]; break;
      case XOR: top--; *top ^= top[1]; break;
      case SHIFT: top--; *top >>= top[1]; break;
      case DUPLICATE: top[1] = *top; top++; break;
      case DECREMENT: variables[*at++]--; break;
      case JUMP_EVEN: at = (*top-- & 1) == 0 ? code + *at : at + 1; break;
      case JUMP_NOT_ZERO: at = *top-- != 0 ? code + *at : at + 1; break;
      case HALT: return variables[SUM];
    }
}

// memcpy, memmove and memset of the C library, called so that gcc does not see what is called.
static void *(*volatile copy_bytes)(void *, const void *, size_t) = memcpy;
static void *(*volatile move_bytes)(void *, const void *, size_t) = memmove;
static void *(*volatile set_bytes)(void *, int, size_t) = memset;

static uint64_t library_memory(const size_t *sizes, int count, long amount) {
  enum { SIZE = 1 << 20 };
  static uint8_t from[SIZE + 64], to[SIZE + 64];
  uint64_t random = SEED, check = 0;
  for (int i = 0; i < SIZE; i++) from[i] = (uint8_t)next_random(&random);
  for (long round = 0; round < amount; round++)
    for (int i = 0; i < count; i++) {
      size_t size = sizes[i], shift = (size_t)round & 31;
      copy_bytes(to + shift, from + (i & 7), size);
      move_bytes(to + 8, to + shift, size);
      check = check * 31 + to[8 + size / 2];
      set_bytes(to + (shift ^ 5), (int)round, size);
      check = check * 31 + to[(shift ^ 5) + size - 1];
    }
  return check;
}

static uint64_t memory_short(long amount) {
  static const size_t sizes[] = {3, 8, 15, 16, 24, 31, 48, 64, 100, 128, 200, 256};
  return library_memory(sizes, sizeof sizes / sizeof *sizes, amount);
}

static uint64_t memory_long(long amount) {
  static const size_t sizes[] = {1000, 4096, 10000, 65536, 300000, 1 << 20};
  return library_memory(sizes, sizeof sizes / sizeof *sizes, amount);
}

// The x87: loads, stores, +, ·, / of 80-bit numbers.
static uint64_t longdoubles(long amount) {
  long double x = 0.5L, sum = 0;
  for (long i = 1; i <= amount; i++) {
    x = 3.7L * x * (1 - x);
    sum += x / (long double)i;
  }
  uint64_t bits = 0;
  memcpy(&bits, &sum, sizeof bits);
  return bits;
}

static uint64_t atomics(long amount) {
  static _Atomic uint64_t counter, word;
  for (long i = 0; i < amount; i++) {
    uint64_t ticket = atomic_fetch_add(&counter, 3);
    uint64_t old = atomic_load_explicit(&word, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&word, &old, old * 5 + ticket)) continue;
  }
  return counter ^ word;
}

static uint64_t getppids(long amount) {
  uint64_t same = 0;
  long parent = syscall(SYS_getppid);
  for (long i = 0; i < amount; i++) same += syscall(SYS_getppid) == parent;
  return same;
}

// A byte to another process and one back: two context switches a round.
static uint64_t pingpong(long amount) {
  int there[2], back[2];
  must(pipe(there) == 0 && pipe(back) == 0, "pipe");
  uint8_t byte = 1;
  pid_t child = fork();
  must(child >= 0, "fork");
  if (child == 0) {
    close(there[1]);
    while (read(there[0], &byte, 1) == 1) {
      byte = (uint8_t)(byte * 5 + 1);
      if (write(back[1], &byte, 1) != 1) _exit(1);
    }
    _exit(0);
  }
  uint64_t check = 0;
  for (long i = 0; i < amount; i++) {
    must(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1, "pipe");
    check += byte;
  }
  close(there[1]);
  must(waitpid(child, NULL, 0) == child, "waitpid");
  return check;
}

// fork, exec of this very program, which ends at once, and wait.
static uint64_t processes(long amount) {
  uint64_t check = 0;
  for (long i = 0; i < amount; i++) {
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
      char code[8];
      snprintf(code, sizeof code, "%ld", i % 100);
      execl("/proc/self/exe", "kernels", "exit", code, NULL);
      _exit(127);
    }
    int status = 0;
    must(waitpid(child, &status, 0) == child && WIFEXITED(status), "waitpid");
    check = check * 3 + (uint64_t)WEXITSTATUS(status);
  }
  return check;
}

// Fresh memory: map 1 MiB, touch each page, unmap.
static uint64_t pagefaults(long amount) {
  enum { PAGE = 4096, SIZE = 1 << 20 };
  uint64_t check = 0;
  for (long i = 0; i < amount; i++) {
    uint8_t *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(memory != MAP_FAILED, "mmap");
    for (int at = 0; at < SIZE; at += PAGE) {
      memory[at] = (uint8_t)(memory[at + 1] + 1 + at / PAGE);
      check += memory[at];
    }
    munmap(memory, SIZE);
  }
  return check;
}

// What a compiler at run time does: there are 64 functions of machine code; one of them is written anew, with other
// instructions, and then a thousand calls go to it and, every fourth, to one of the others.
static uint64_t writescode(long amount) {
  enum { FUNCTIONS = 64, SIZE = 128, STEPS = 12, CALLS = 1000 };
  uint8_t *code = mmap(NULL, FUNCTIONS * SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  must(code != MAP_FAILED, "mmap");
  uint64_t x = SEED, value = 1;
  for (long i = 0; i < amount + FUNCTIONS; i++) {
    // First each of them once.
    long number = i < FUNCTIONS ? i : (long)(next_random(&x) % FUNCTIONS);
    uint8_t *at = code + number * SIZE;
    memcpy(at, "\x48\x89\xf8", 3); // mov rax, rdi
    at += 3;
    for (int step = 0; step < STEPS; step++) {
      static const uint8_t OPCODES[] = {0x05, 0x35, 0x2d}; // add, xor, sub rax, imm32
      uint64_t random = next_random(&x);
      int32_t immediate = (int32_t)(random >> 32);
      if (random & 64) {
        memcpy(at, "\x48\xc1\xc0", 3); // rol rax, imm8
        at[3] = 1 + (random & 31);
        at += 4;
        continue;
      }
      at[0] = 0x48;
      at[1] = OPCODES[random % sizeof OPCODES];
      memcpy(at + 2, &immediate, sizeof immediate);
      at += 6;
    }
    *at = 0xc3; // ret
    if (i < FUNCTIONS) continue;
    for (int call = 0; call < CALLS; call++) {
      long which = call % 4 == 0 ? (number + call) % FUNCTIONS : number;
      uint64_t (*function)(uint64_t) = (uint64_t(*)(uint64_t))(uintptr_t)(code + which * SIZE);
      value = function(value);
    }
  }
  munmap(code, FUNCTIONS * SIZE);
  return value;
}

static const struct kernel {
  const char *name;
  uint64_t (*work)(long amount);
} KERNELS[] = {
    {"calls", calls},           {"integers", integers},         {"sieve", sieve},
    {"chase-near", chase_near}, {"chase-far", chase_far},       {"sha256", sha256},
    {"nbody", nbody},           {"copies", copies},             {"interpreter", interpreter},
    {"memory-long", memory_long}, {"memory-short", memory_short}, {"longdoubles", longdoubles},
    {"atomics", atomics},       {"getppids", getppids},         {"pingpong", pingpong},
    {"processes", processes},   {"pagefaults", pagefaults},
    {"writescode", writescode},
};

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  long amount = atol(argv[2]);
  if (strcmp(argv[1], "exit") == 0) return (int)amount;
  int marks = 1;
  if (argc > 3) must((marks = open(argv[3], O_WRONLY | O_CLOEXEC)) >= 0, argv[3]);
  for (size_t i = 0; i < sizeof KERNELS / sizeof *KERNELS; i++) {
    if (strcmp(argv[1], KERNELS[i].name) != 0) continue;
    must(write(marks, "\2", 1) == 1, "mark");
    uint64_t check = KERNELS[i].work(amount);
    must(write(marks, "\3", 1) == 1, "mark");
    printf("%016llx\n", (unsigned long long)check);
    return 0;
  }
  fprintf(stderr, "kernels: no %s here\n", argv[1]);
  return 2;
}
