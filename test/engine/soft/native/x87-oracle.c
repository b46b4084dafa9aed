// The oracle of the x87 tests: runs one x87 instruction on the real processor, from any recorded FPU state.
//
// Reads records from stdin until it ends, writes each back to stdout after execution. A record has 240 bytes:
//   0    FNSAVE image, 108 bytes (32-bit protected-mode format, what 64-bit code gets)
//   112  memory operand, 112 bytes; a memory form must use ModRM rm = 7, that is [rdi]
//   224  rflags u32 (CF, PF, ZF go in; the low 12 bits come out)
//   228  instruction, 2 bytes
//   232  outcome u32: 0 executed, 1 #UD (SIGILL), 2 #MF (SIGFPE)
// FNSTSW AX puts AX into bytes 0–1 of the operand. A pending exception in the image is real: a waiting instruction
// then dies with SIGFPE, which the handler turns into the outcome by moving RIP behind the instruction.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define RECORD 240
#define BATCH 4096

static uint8_t *code;
static volatile uint32_t outcome;

static void on_signal(int number, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  (void)info;
  if ((uint8_t *)uc->uc_mcontext.gregs[REG_RIP] != code) _exit(3);
  outcome = number == SIGILL ? 1 : 2;
  uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(code + 2);
}

static void execute(uint8_t *record) {
  uint64_t flags = *(uint32_t *)(record + 224) & 0x8d5;
  uint64_t ax;
  outcome = 0;
  // Two bytes of instruction, then RET: an image of a pending exception is loaded without being reported,
  // because FRSTOR itself starts from a clean unit.
  code[0] = record[228];
  code[1] = record[229];
  code[2] = 0xc3;
  __asm__ volatile(
      "fninit\n\t"
      "frstor (%[state])\n\t"
      "pushf\n\t"
      "andl $0xfffff72a, (%%rsp)\n\t"
      "orq %[flags], (%%rsp)\n\t"
      "popf\n\t"
      "call *%[code]\n\t"
      "pushf\n\t"
      "pop %[flags]\n\t"
      "fnsave (%[state])\n\t"
      : [flags] "+r"(flags), "=&a"(ax)
      : [state] "r"(record), [code] "r"(code), "D"(record + 112)
      : "memory", "cc");
  *(uint32_t *)(record + 224) = (uint32_t)flags & 0xfff;
  *(uint32_t *)(record + 232) = outcome;
  if (record[228] == 0xdf && record[229] == 0xe0) memcpy(record + 112, &ax, 2);
}

int main(void) {
  static uint8_t records[RECORD * BATCH];
  struct sigaction action = {0};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &action, 0);
  sigaction(SIGFPE, &action, 0);
  code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) return 2;
  for (;;) {
    size_t count = fread(records, RECORD, BATCH, stdin);
    if (count == 0) return 0;
    for (size_t i = 0; i < count; i++) execute(records + i * RECORD);
    fwrite(records, RECORD, count, stdout);
    fflush(stdout);
  }
}
