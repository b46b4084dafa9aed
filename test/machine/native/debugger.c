// What a debugger needs of the processor: single steps, breakpoints, watchpoints, also over system calls.
// Prints the same natively and in a machine.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long watched, other;
extern char loop_start[], loop_end[], breakpoint_here[];

// Ten rounds of three instructions, a string instruction, a system call.
__attribute__((noinline)) static void traced(void) {
  char from[64], to[64];
  memset(from, 7, sizeof from);
  asm volatile(
      "mov $10, %%rcx\n"
      ".globl loop_start\nloop_start:\n"
      "add $1, %%rax\n"
      "dec %%rcx\n"
      "jnz loop_start\n"
      "mov $64, %%rcx\n"
      "rep movsb\n"
      "mov $39, %%eax\n"  // getpid
      "syscall\n"
      ".globl breakpoint_here\nbreakpoint_here:\n"
      "nop\n"
      ".globl loop_end\nloop_end:\n"
      "nop\n"
      :
      : "S"(from), "D"(to)
      : "rax", "rcx", "r11", "memory");
  other = 1;
  watched = 42;
  other = watched + 1;
  watched = 43;
}

static unsigned long rip_of(pid_t child) {
  struct user_regs_struct regs;
  ptrace(PTRACE_GETREGS, child, 0, &regs);
  return regs.rip;
}

static int wait_stop(pid_t child) {
  int status;
  waitpid(child, &status, 0);
  return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
}

static long set_debug(pid_t child, int number, unsigned long value) {
  return ptrace(PTRACE_POKEUSER, child, offsetof(struct user, u_debugreg) + number * sizeof(long), value);
}

static long get_debug(pid_t child, int number) {
  errno = 0;
  return ptrace(PTRACE_PEEKUSER, child, offsetof(struct user, u_debugreg) + number * sizeof(long), 0);
}

static pid_t begin(void) {
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    traced();
    _exit(watched == 43 ? 5 : 6);
  }
  wait_stop(child);
  return child;
}

static void finish(pid_t child, const char *what) {
  int status;
  for (int i = 0; i < 8; i++) set_debug(child, 7, 0);
  ptrace(PTRACE_CONT, child, 0, 0);
  waitpid(child, &status, 0);
  printf("%s: ended with %d\n", what, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);

  pid_t child = begin();
  set_debug(child, 0, (unsigned long)loop_start);
  set_debug(child, 7, 1);  // L0, execute
  ptrace(PTRACE_CONT, child, 0, 0);
  int signal = wait_stop(child);
  printf("execution breakpoint: signal %d, at the loop %d, DR6 %lx\n", signal, rip_of(child) == (unsigned long)loop_start,
         get_debug(child, 6) & 0xf);
  set_debug(child, 7, 0);
  int steps = 0;
  while (rip_of(child) != (unsigned long)loop_end && steps < 1000) {
    ptrace(PTRACE_SINGLESTEP, child, 0, 0);
    if (wait_stop(child) != SIGTRAP) break;
    steps++;
  }
  printf("single steps to the end: %d\n", steps);
  finish(child, "stepped");

  child = begin();
  set_debug(child, 1, (unsigned long)&watched);
  set_debug(child, 7, (1 << 2) | (1u << 20) | (2u << 22));  // L1, write, 8 bytes
  for (int i = 0; i < 2; i++) {
    ptrace(PTRACE_CONT, child, 0, 0);
    signal = wait_stop(child);
    long value = ptrace(PTRACE_PEEKDATA, child, (void *)&watched, 0);
    printf("write watchpoint: signal %d, value %ld, DR6 %lx\n", signal, value, get_debug(child, 6) & 0xf);
  }
  finish(child, "watched writes");

  child = begin();
  set_debug(child, 3, (unsigned long)&watched);
  set_debug(child, 7, (1 << 6) | (3u << 28) | (3u << 30));  // L3, read or write, 4 bytes
  int hits = 0;
  for (;;) {
    ptrace(PTRACE_CONT, child, 0, 0);
    int status;
    waitpid(child, &status, 0);
    if (!WIFSTOPPED(status)) {
      printf("access watchpoint: %d hits, ended with %d\n", hits, WEXITSTATUS(status));
      break;
    }
    if (++hits > 100) break;
  }

  child = begin();
  long word = ptrace(PTRACE_PEEKTEXT, child, breakpoint_here, 0);
  ptrace(PTRACE_POKETEXT, child, breakpoint_here, (word & ~0xff) | 0xcc);
  ptrace(PTRACE_CONT, child, 0, 0);
  signal = wait_stop(child);
  printf("int3: signal %d, one byte behind it %d\n", signal, rip_of(child) == (unsigned long)breakpoint_here + 1);
  struct user_regs_struct regs;
  ptrace(PTRACE_GETREGS, child, 0, &regs);
  regs.rip--;
  ptrace(PTRACE_SETREGS, child, 0, &regs);
  ptrace(PTRACE_POKETEXT, child, breakpoint_here, word);
  finish(child, "int3 taken back");
  return 0;
}
