// Four kinds of work for a CPU, each of a fixed size: the same binary runs in our machine, in QEMU, and natively.
//
//    work KIND ROUNDS      writes a byte before the work and a byte after it; the host looks at its own clock
//
// The clocks in the machines are thus not asked. Results are consumed through `result`, so no loop is optimized away.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile uint64_t result;

// Registers only: shifts, adds, a multiplication, a branch that is hard to foretell.
static void integer(long rounds) {
  uint64_t x = 88172645463325252u, sum = 0;
  for (long i = 0; i < rounds * 1000000; i++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    if (x & 1) sum += x * 0x9e3779b97f4a7c15u;
    else sum ^= (uint64_t)i;
  }
  result = sum;
}

// Loads and stores all over 4 MiB: a sieve of bytes, then a walk along a permutation.
static void memory(long rounds) {
  enum { SIZE = 1 << 22 };
  static uint8_t sieve[SIZE];
  static uint32_t next[SIZE / 4];
  for (uint32_t i = 0; i < SIZE / 4; i++) next[i] = (i * 5 + 12345) & (SIZE / 4 - 1);
  for (long r = 0; r < rounds; r++) {
    memset(sieve, 0, SIZE);
    for (uint32_t i = 2; i * i < SIZE; i++)
      if (!sieve[i])
        for (uint32_t k = i * i; k < SIZE; k += i) sieve[k] = 1;
    uint32_t at = 0;
    for (int i = 0; i < SIZE / 4; i++) at = next[at];
    result = at + sieve[SIZE - 1];
  }
}

static int __attribute__((noinline)) fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

static void calls(long rounds) {
  for (long i = 0; i < rounds; i++) result = (uint64_t)fibonacci(25);
}

// Into the kernel and back.
static void systemcalls(long rounds) {
  for (long i = 0; i < rounds * 1000; i++) result = (uint64_t)syscall(SYS_getppid);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  long rounds = atol(argv[2]);
  void (*work)(long) = strcmp(argv[1], "integer") == 0       ? integer
                       : strcmp(argv[1], "memory") == 0      ? memory
                       : strcmp(argv[1], "calls") == 0       ? calls
                       : strcmp(argv[1], "systemcalls") == 0 ? systemcalls
                                                             : NULL;
  if (work == NULL) return 2;
  if (write(1, "<", 1) != 1) return 1;
  work(rounds);
  return write(1, ">", 1) == 1 ? 0 : 1;
}
