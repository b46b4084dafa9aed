// The native half of the lock-step tool: runs a program under ptrace and obeys ../native-process.ts.
//
//   tracer PROGRAM ARGUMENT…      answers come on descriptor 3; the program has stdin, stdout and stderr
//
// Commands on descriptor 4 are 8 bytes, letter and count:
//   S n   n single steps; the answer is { n done, status }, then n records: user_regs_struct and the FXSAVE image
//   C     run to the entry of the next system call; one record; X: from there to its exit; one record
//   W     a user_regs_struct follows: it becomes the program's registers; no answer
// status: 0 stopped as wanted, otherwise what waitpid said (exit, signal). The first answer is { pid, 0 } and a
// record: the program before its first instruction, without a vDSO (whose clock nobody else can repeat).
#define _GNU_SOURCE
#include <elf.h>

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWERS 3
#define COMMANDS 4
#define RECORDS 4096

struct record {
  struct user_regs_struct registers;
  struct user_fpregs_struct fxsave;
};
static struct record records[RECORDS];
static pid_t child;

static void say(const void *bytes, size_t size) {
  for (size_t sent = 0; sent < size;) {
    ssize_t n = write(ANSWERS, (const char *)bytes + sent, size - sent);
    if (n <= 0) exit(4);
    sent += n;
  }
}
static int hear(void *bytes, size_t size) {
  for (size_t got = 0; got < size;) {
    ssize_t n = read(COMMANDS, (char *)bytes + got, size - got);
    if (n <= 0) return 0;
    got += n;
  }
  return 1;
}

static void take(struct record *record) {
  ptrace(PTRACE_GETREGS, child, 0, &record->registers);
  ptrace(PTRACE_GETFPREGS, child, 0, &record->fxsave);
}

/** @returns 0, or waitpid's status when the program did not stop as wanted */
static int go_on(int how, int wanted) {
  int status;
  if (ptrace(how, child, 0, 0)) return -1;
  if (waitpid(child, &status, __WALL) != child) return -1;
  return WIFSTOPPED(status) && WSTOPSIG(status) == wanted ? 0 : status;
}

/** Entries of the auxiliary vector that would make the program depend on this very machine. */
static void blind(void) {
  struct user_regs_struct registers;
  ptrace(PTRACE_GETREGS, child, 0, &registers);
  uint64_t at = registers.rsp;
  uint64_t count = ptrace(PTRACE_PEEKDATA, child, at, 0);
  at += 8 * (count + 2);
  while (ptrace(PTRACE_PEEKDATA, child, at, 0)) at += 8;
  at += 8;
  for (;; at += 16) {
    uint64_t type = ptrace(PTRACE_PEEKDATA, child, at, 0);
    if (type == AT_NULL) return;
    if (type == AT_SYSINFO_EHDR) ptrace(PTRACE_POKEDATA, child, at, AT_IGNORE);
    if (type == AT_HWCAP2) ptrace(PTRACE_POKEDATA, child, at + 8, 0);
  }
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  child = fork();
  if (child == 0) {
    personality(ADDR_NO_RANDOMIZE);
    close(ANSWERS);
    close(COMMANDS);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execv(argv[1], argv + 1);
    _exit(127);
  }
  int status;
  waitpid(child, &status, 0);
  if (!WIFSTOPPED(status)) return 3;
  ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
  blind();
  uint32_t head[2] = {child, 0};
  say(head, sizeof head);
  take(records);
  say(records, sizeof *records);
  struct {
    uint32_t letter, count;
  } command;
  while (hear(&command, sizeof command)) {
    head[0] = 0;
    head[1] = 0;
    if (command.letter == 'W') {
      struct user_regs_struct registers;
      if (!hear(&registers, sizeof registers)) break;
      ptrace(PTRACE_SETREGS, child, 0, &registers);
      continue;
    }
    if (command.letter == 'S') {
      while (head[0] < command.count && head[0] < RECORDS) {
        int stopped = go_on(PTRACE_SINGLESTEP, SIGTRAP);
        if (stopped) {
          head[1] = stopped;
          break;
        }
        take(records + head[0]++);
      }
    } else {
      head[1] = go_on(PTRACE_SYSCALL, SIGTRAP | 0x80);
      if (head[1] == 0) take(records + head[0]++);
    }
    say(head, sizeof head);
    say(records, head[0] * sizeof *records);
  }
  kill(child, SIGKILL);
  return 0;
}
