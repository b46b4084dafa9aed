// Corners of the processor that programs see: faults as signals, floating-point environment, alignment of the
// stack in handlers, clocks. Prints the same natively and in a machine.
#define _GNU_SOURCE
#include <fenv.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile int seen_signal, seen_code;
static volatile uintptr_t seen_address;
static volatile long seen_trap, seen_error;

static void handler(int signal, siginfo_t *info, void *context) {
  ucontext_t *c = context;
  seen_signal = signal;
  seen_code = info->si_code;
  seen_address = (uintptr_t)info->si_addr;
  seen_trap = c->uc_mcontext.gregs[REG_TRAPNO];
  seen_error = c->uc_mcontext.gregs[REG_ERR];
  siglongjmp(back, 1);
}

#define TRY(name, what)                                                                                      \
  do {                                                                                                       \
    seen_signal = 0;                                                                                         \
    if (sigsetjmp(back, 1) == 0) { what; }                                                                   \
    printf("%s: signal %d code %d trap %ld error %ld\n", name, seen_signal, seen_code, seen_trap, seen_error); \
    seen_trap = seen_error = seen_code = 0;                                                                  \
  } while (0)

int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER};
  int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);

  volatile int zero = 0, one = 1;
  TRY("divide by zero", one / zero);
  TRY("divide overflow", asm volatile("mov $0x80000000, %%eax; cltd; mov $-1, %%ecx; idiv %%ecx" ::: "eax", "ecx", "edx"));
  TRY("undefined", asm volatile("ud2"));
  TRY("null read", (void)*(volatile int *)(uintptr_t)zero);
  TRY("null write", *(volatile int *)(uintptr_t)zero = 1);
  TRY("not canonical", (void)*(volatile int *)(0x1234567890abcdefUL + zero));
  TRY("kernel read", (void)*(volatile int *)(0xffffffff81000000UL + zero));
  char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  TRY("read-only", *(volatile char *)page = 1);
  TRY("not executable", ((void (*)(void))page)());
  TRY("breakpoint", asm volatile("int3"));
  TRY("privileged", asm volatile("cli"));
  TRY("halt", asm volatile("hlt"));
  TRY("port", asm volatile("inb $0x80, %%al" ::: "al"));
  TRY("misaligned SSE", asm volatile("movaps (%0), %%xmm0" ::"r"((char *)&action + 1) : "xmm0"));
  TRY("int n", asm volatile("int $0x42"));

  feenableexcept(FE_DIVBYZERO | FE_INVALID);
  volatile double d = 0, e = 1;
  volatile long double l = 0, m = 1;
  TRY("SSE divide by zero", d = e / d);
  TRY("SSE invalid", d = sqrt(-e - d * 0));
  l = 0;
  TRY("x87 divide by zero", l = m / l; asm volatile("fwait"));
  asm volatile("fnclex");
  fedisableexcept(FE_ALL_EXCEPT);
  feclearexcept(FE_ALL_EXCEPT);

  int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
  for (int i = 0; i < 4; i++) {
    fesetround(modes[i]);
    volatile double x = 1, y = 3;
    volatile long double lx = 1, ly = 3;
    volatile float fx = 2, fy = 7;
    printf("rounding %d: %a %La %a %ld %.3f\n", i, x / y, lx / ly, fx / fy, lrint(2.5 * x), 1.0005);
  }
  fesetround(FE_TONEAREST);
  printf("flags after 1/3: %d\n", fetestexcept(FE_ALL_EXCEPT) & (FE_INEXACT | FE_DIVBYZERO));
  volatile double tiny = 4.9406564584124654e-324;
  printf("denormals: %a %a %a\n", tiny, tiny * 3, tiny / 2);
  printf("libm: %.17g %.17g %.17g %.17g %.21Lg\n", sin(1e10), exp(1.5), pow(1.1, 50), atan2(1, -2), sinl(2.5L));

  struct timespec t1, t2;
  clock_gettime(CLOCK_MONOTONIC, &t1);
  usleep(20000);
  clock_gettime(CLOCK_MONOTONIC, &t2);
  long elapsed = (t2.tv_sec - t1.tv_sec) * 1000000 + (t2.tv_nsec - t1.tv_nsec) / 1000;
  printf("20 ms of sleep: %s\n", elapsed >= 20000 && elapsed < 2000000 ? "yes" : "no");
  long last = 0;
  int backwards = 0;
  for (int i = 0; i < 2000; i++) {
    clock_gettime(CLOCK_MONOTONIC, &t1);
    long now = t1.tv_sec * 1000000000L + t1.tv_nsec;
    if (now < last) backwards++;
    last = now;
  }
  printf("clock went backwards %d times\n", backwards);
  return 0;
}
