// Faults and signals as a program sees them: number, si_code and address of each fault, jumps out of handlers,
// alternate stacks, timers, nested delivery, masks, registers and floating point kept across a handler.
#define _GNU_SOURCE
#include <errno.h>
#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile int seen, code;
static void *volatile address;
static volatile int skip;
static volatile uint64_t trap, error;
static void handler(int number, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  seen = number;
  code = info->si_code;
  address = info->si_addr;
  trap = u->uc_mcontext.gregs[REG_TRAPNO];
  error = u->uc_mcontext.gregs[REG_ERR];
  if (skip) {
    u->uc_mcontext.gregs[REG_RIP] += skip;
    return;
  }
  siglongjmp(back, 1);
}
#define TRY(name, statement) do { seen = 0; if (!sigsetjmp(back, 1)) { statement; printf("%s survived\n", name); } else printf("%s: %s code %d trap %lu error %#lx\n", name, strsignal(seen), code, trap, error); } while (0)
static volatile int ticks;
static void tick(int n) {
  (void)n;
  ticks++;
}
static void nested(int n) {
  static volatile int depth;
  depth++;
  if (n == SIGUSR1) raise(SIGUSR2);
  printf("in %s depth %d\n", n == SIGUSR1 ? "usr1" : "usr2", depth);
  depth--;
}
static void spoil(int n) {
  (void)n;
  volatile double x = 1.0 / 3;
  volatile long double y = x;
  x = y * y;
  __asm__ volatile("pxor %%xmm7,%%xmm7\n pxor %%xmm8,%%xmm8\n fninit\n fldpi\n fldz" ::: "xmm7", "xmm8", "st", "st(1)");
  fesetround(FE_UPWARD);
}
__attribute__((noinline)) static int deep(volatile char *p, int n) {
  volatile char frame[4096];
  frame[0] = n;
  return n > 100000000 ? *p : deep(frame, n + 1) + frame[0];
}

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  stack_t alternate = { .ss_sp = malloc(65536), .ss_size = 65536 };
  sigaltstack(&alternate, 0);
  struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };
  int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
  for (int i = 0; i < 5; i++) sigaction(faults[i], &action, 0);
  volatile int zero = 0;
  volatile int least = -2147483647 - 1, minus = -1;
  volatile long r;
  TRY("divide", r = 5 / zero);
  TRY("quotient", r = least / minus);
  TRY("null", r = *(volatile int *)zero);
  printf("  at %p\n", address);
  TRY("kernel", r = *(volatile int *)0xffffffff80000000);
  TRY("non-canonical", r = *(volatile int *)0x1234567812345678);
  TRY("write constant", *(volatile char *)"abc" = 1);
  TRY("jump to data", ((void (*)(void))&action)());
  TRY("ud2", __builtin_trap());
  TRY("lock nop", __asm__ volatile(".byte 0xf0,0x90"));
  TRY("hlt", __asm__ volatile("hlt"));
  TRY("cli", __asm__ volatile("cli"));
  TRY("in", __asm__ volatile("inb $0x70,%%al" ::: "rax"));
  TRY("int3", __asm__ volatile("int3"));
  TRY("int 0x80 gate", __asm__ volatile("int $0x13"));
  TRY("mov cr3", __asm__ volatile("mov %%cr3,%%rax" ::: "rax"));
  TRY("rdmsr", __asm__ volatile("rdmsr" ::: "rax", "rdx"));
  TRY("bad segment", __asm__ volatile("mov %0,%%fs" :: "r"(0x73)));
  TRY("aligned sse", __asm__ volatile("movaps (%0),%%xmm0" :: "r"(((uintptr_t)&action | 1)) : "xmm0"));
  char *page = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  TRY("read only", page[5] = 1);
  printf("  offset %ld\n", (long)((char *)address - page));
  mprotect(page + 4096, 4096, PROT_NONE);
  TRY("across", r = *(volatile long *)(page + 4092));
  printf("  offset %ld\n", (long)((char *)address - page));
  munmap(page, 8192);
  TRY("unmapped", r = *page);
  char name[] = "/tmp/sigbusXXXXXX";
  int file = mkstemp(name);
  unlink(name);
  char *past = mmap(0, 4096, PROT_READ, MAP_SHARED, file, 0);
  TRY("past the end", r = *past);
  TRY("stack overflow", r = deep((char *)&zero, 0));
  volatile double dz = 0, big = 1e308, d;
  volatile long double lz = 0, l;
#define UNMASKED(statement) feclearexcept(FE_ALL_EXCEPT); feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW); statement; fesetenv(FE_DFL_ENV)
  TRY("sse divide", UNMASKED(d = 1 / dz));
  TRY("sse invalid", UNMASKED(d = dz / dz));
  TRY("sse overflow", UNMASKED(d = big * big));
  TRY("x87 divide", UNMASKED(l = 1 / lz; __asm__ volatile("fwait")));
  TRY("x87 invalid", UNMASKED(l = lz / lz; __asm__ volatile("fwait")));
  fesetenv(FE_DFL_ENV);
  skip = 2;
  code = 0;
  __asm__ volatile("ud2");
  skip = 0;
  printf("skipped ud2, code %d\n", code);
  action.sa_sigaction = (void *)nested;
  action.sa_flags = 0;
  sigaction(SIGUSR1, &action, 0);
  sigaction(SIGUSR2, &action, 0);
  raise(SIGUSR1);
  sigset_t set, old;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, &old);
  raise(SIGUSR2);
  raise(SIGUSR2);
  sigpending(&set);
  printf("pending %d\n", sigismember(&set, SIGUSR2));
  sigprocmask(SIG_SETMASK, &old, 0);
  struct sigaction timer = { .sa_handler = tick };
  sigaction(SIGALRM, &timer, 0);
  struct itimerval every = { { 0, 20000 }, { 0, 20000 } };
  setitimer(ITIMER_REAL, &every, 0);
  while (ticks < 5) pause();
  setitimer(ITIMER_REAL, &(struct itimerval) {
    0
  }, 0);
  printf("ticks %d\n", ticks >= 5);
  struct sigaction spoiler = { .sa_handler = spoil };
  sigaction(SIGHUP, &spoiler, 0);
  double keep = 2.5;
  long double kept = 1;
  for (int i = 0; i < 10; i++) {
    kept = kept / 3 + i;
    __asm__ volatile("movsd %0,%%xmm8\n\tfld1\n\tsyscall\n\tfstp %%st\n\tmovsd %%xmm8,%0" : "+m"(keep) : "a"(62), "D"(getpid()), "S"(SIGHUP) : "rcx", "r11", "memory", "xmm8", "st");
  }
  printf("kept %La %a %d\n", kept, keep, fegetround() == FE_TONEAREST);
  ticks = 0;
  setitimer(ITIMER_REAL, &every, 0);
  double s = 0;
  while (ticks < 5) for (int i = 1; i < 1000; i++) s += 1.0 / i;
  setitimer(ITIMER_REAL, &(struct itimerval) {
    0
  }, 0);
  printf("interrupted sums %d\n", s > 7);
  sigset_t wait;
  sigemptyset(&wait);
  sigaddset(&wait, SIGRTMIN + 1);
  sigprocmask(SIG_BLOCK, &wait, 0);
  sigqueue(getpid(), SIGRTMIN + 1, (union sigval) {
    .sival_int = 77
  });
  siginfo_t info;
  sigwaitinfo(&wait, &info);
  printf("queued %d code %d\n", info.si_value.sival_int, info.si_code);
  pid_t child = fork();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);
    *(volatile int *)zero = 1;
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  printf("child %d %d\n", WIFSIGNALED(status), WTERMSIG(status));
  child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  kill(child, SIGSTOP);
  waitpid(child, &status, WUNTRACED);
  printf("stopped %d\n", WIFSTOPPED(status));
  kill(child, SIGCONT);
  waitpid(child, &status, WCONTINUED);
  printf("continued %d\n", WIFCONTINUED(status));
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  printf("killed %d\n", WTERMSIG(status));
  jmp_buf j;
  volatile int count = 0;
  int value = setjmp(j);
  if (count++ < 5) longjmp(j, count);
  printf("jumped %d %d\n", value, count);
  abort();
}
