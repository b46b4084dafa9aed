// The oracle of the differential tests: runs instructions on the real processor, from any state, and tells what
// became of it. The layout of requests and results is drawn in ../record.ts; ../soft.ts does the same in our core.
//
// stdin carries batches: a header (count, verbose), an image of the data area, then the requests. Each request's
// state is loaded, its bytes run at a fixed address, and a jump to STUB ends it; all that happens instead arrives
// here as a signal on an alternate stack. Stdout gets one result a request, with the data area when verbose.
//
// FS and GS point into the data area while instructions run, for good: so after main's last preparation nothing
// of the C library is called any more (it keeps its thread state behind FS), only system calls.
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096ul
#define CODE 0x20000000ul /* two pages, readable and executable, then nothing */
#define CODE_SIZE (2 * PAGE)
#define STUB 0x28000000ul
#define DATA 0x30000000ul /* two pages to write, one only to read, nothing before or after */
#define DATA_WRITABLE (2 * PAGE)
#define DATA_SIZE (3 * PAGE)
#define FS_BASE (DATA + 0x1230)
#define GS_BASE 0x10000ul
#define USER_END 0x7ffffffff000ul
#define NO_VECTOR 0xffffffffu
#define SECONDS_PER_BATCH 60

struct request {
  uint64_t registers[16];
  uint64_t rflags, rflags_mask, rip;
  uint32_t code_length, patch_offset;
  uint8_t reserved[88];
  uint32_t ignored_offset, ignored_length; /* of the data area: what the architecture leaves open */
  uint8_t patch[64];
  uint8_t fxsave[512];
  uint8_t code[512];
};
struct result {
  uint64_t registers[16];
  uint64_t rflags, rip;
  uint32_t vector, error;
  uint64_t cr2;
  uint32_t memory_hash, words_changed;
  uint64_t reserved;
  uint8_t fxsave[416];
};
struct batch {
  uint32_t count, verbose, reserved[2];
  uint8_t data[DATA_SIZE];
};
#define REQUESTS 4096

static struct request requests[REQUESTS] __attribute__((aligned(64)));
static struct batch batch __attribute__((aligned(64)));
static uint8_t *code_alias; /* where the code pages can be written */
static uint8_t *data_alias; /* where all of the data area can be written */

// Written by the assembly below, so not static.
struct result outcome __attribute__((aligned(64)));
uint8_t saved_fpu[512] __attribute__((aligned(64)));
uint64_t host_rsp, target;
void enter(struct request *);
extern char leave_guest[], after_fault[];

__asm__(
    ".text\n"
    "enter:\n"
    "  push %rbx\n  push %rbp\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
    "  mov %rsp, host_rsp(%rip)\n"
    "  fxrstor64 320(%rdi)\n"
    "  mov 144(%rdi), %rax\n  mov %rax, target(%rip)\n"
    "  push 128(%rdi)\n  popfq\n"
    "  mov 0(%rdi), %rax\n  mov 8(%rdi), %rcx\n  mov 16(%rdi), %rdx\n  mov 24(%rdi), %rbx\n"
    "  mov 32(%rdi), %rsp\n  mov 40(%rdi), %rbp\n  mov 48(%rdi), %rsi\n"
    "  mov 64(%rdi), %r8\n  mov 72(%rdi), %r9\n  mov 80(%rdi), %r10\n  mov 88(%rdi), %r11\n"
    "  mov 96(%rdi), %r12\n  mov 104(%rdi), %r13\n  mov 112(%rdi), %r14\n  mov 120(%rdi), %r15\n"
    "  mov 56(%rdi), %rdi\n"
    "  jmp *target(%rip)\n"
    "leave_guest:\n"
    "  mov %rax, outcome+0(%rip)\n  mov %rcx, outcome+8(%rip)\n  mov %rdx, outcome+16(%rip)\n"
    "  mov %rbx, outcome+24(%rip)\n  mov %rsp, outcome+32(%rip)\n  mov %rbp, outcome+40(%rip)\n"
    "  mov %rsi, outcome+48(%rip)\n  mov %rdi, outcome+56(%rip)\n  mov %r8, outcome+64(%rip)\n"
    "  mov %r9, outcome+72(%rip)\n  mov %r10, outcome+80(%rip)\n  mov %r11, outcome+88(%rip)\n"
    "  mov %r12, outcome+96(%rip)\n  mov %r13, outcome+104(%rip)\n  mov %r14, outcome+112(%rip)\n"
    "  mov %r15, outcome+120(%rip)\n"
    "  mov host_rsp(%rip), %rsp\n"
    "  pushfq\n  pop outcome+128(%rip)\n"
    "  push $2\n  popfq\n"
    "  fxsave64 saved_fpu(%rip)\n"
    "after_fault:\n"
    "  fninit\n"
    "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbp\n  pop %rbx\n"
    "  ret\n");

static long call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}
static void stop(int code) {
  call(SYS_exit_group, code, 0, 0);
  __builtin_unreachable();
}
static void copy(void *to, const void *from, uint64_t size) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}
static void fill(void *to, uint8_t byte, uint64_t size) {
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
}

/** @returns 0 at the end of the input */
static int receive(void *to, uint64_t size) {
  for (uint64_t got = 0; got < size;) {
    long n = call(SYS_read, 0, (long)to + got, size - got);
    if (n <= 0) return 0;
    got += n;
  }
  return 1;
}
static void send(const void *from, uint64_t size) {
  for (uint64_t sent = 0; sent < size;) {
    long n = call(SYS_write, 1, (long)from + sent, size - sent);
    if (n <= 0) stop(4);
    sent += n;
  }
}

static uint64_t code_end; /* of the running request: where its jump to STUB lies */

static void on_signal(int number, siginfo_t *info, void *context) {
  static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  ucontext_t *uc = context;
  greg_t *registers = uc->uc_mcontext.gregs;
  uint64_t rip = registers[REG_RIP];
  uint32_t vector = registers[REG_TRAPNO];
  (void)info;
  if (number == SIGALRM) stop(5);
  for (int i = 0; i < 16; i++) outcome.registers[i] = registers[order[i]];
  outcome.rflags = registers[REG_EFL];
  outcome.error = registers[REG_ERR];
  outcome.cr2 = vector == 14 ? registers[REG_CR2] : 0;
  // The filler of the code pages: a jump got there. And the jump to STUB with TF or AC set by POPF.
  if (vector == 3) vector = NO_VECTOR, rip--;
  if (vector == 1 && rip == STUB) vector = NO_VECTOR, rip = code_end;
  if (vector == 17 && rip == code_end) vector = NO_VECTOR;
  outcome.vector = vector;
  outcome.rip = rip;
  copy(saved_fpu, uc->uc_mcontext.fpregs, 512);
  registers[REG_RIP] = (greg_t)after_fault;
  registers[REG_RSP] = (greg_t)host_rsp;
  registers[REG_EFL] = 2;
}

/** Hashes what the data area's words became where they changed, and puts the old ones back. */
static void take_memory(uint32_t ignored_offset, uint32_t ignored_length) {
  uint32_t *now = (uint32_t *)data_alias, *before = (uint32_t *)batch.data;
  uint32_t hash = 0, changed = 0;
  copy(data_alias + ignored_offset, batch.data + ignored_offset, ignored_length);
  for (uint32_t i = 0; i < DATA_WRITABLE / 4; i += 2) {
    if (*(uint64_t *)(now + i) == *(uint64_t *)(before + i)) continue;
    for (uint32_t k = i; k < i + 2; k++) {
      if (now[k] == before[k]) continue;
      changed++;
      hash = (hash ^ (now[k] + k * 0x9e3779b1u)) * 0x85ebca6bu;
      hash ^= hash >> 15;
    }
  }
  outcome.memory_hash = hash;
  outcome.words_changed = changed;
}

static void execute(struct request *request) {
  static const uint8_t leave[14] = {0xff, 0x25, 0, 0, 0, 0, 0, 0, 0, STUB >> 24};
  uint64_t offset = request->rip - CODE, room = CODE_SIZE - offset, length = request->code_length;
  if (offset >= CODE_SIZE || length > sizeof request->code || request->patch_offset > DATA_SIZE - 64) stop(6);
  if (request->ignored_offset > DATA_SIZE || request->ignored_length > DATA_SIZE - request->ignored_offset) stop(6);
  copy(code_alias + offset, request->code, length < room ? length : room);
  if (length < room) copy(code_alias + offset + length, leave, room - length < 14 ? room - length : 14);
  copy(data_alias + request->patch_offset, request->patch, 64);
  code_end = request->rip + length;
  outcome.vector = NO_VECTOR;
  outcome.error = 0;
  outcome.cr2 = 0;
  outcome.rip = code_end;
  enter(request);
  // Whether the kernel's half is mapped where a user touched it is nobody's business: Linux says so too.
  if (outcome.vector == 14 && outcome.cr2 >= USER_END) outcome.error |= 1;
  if (outcome.vector != NO_VECTOR && outcome.vector != 14) outcome.error &= 0xffff;
  if (outcome.vector == NO_VECTOR) outcome.error = 0;
  outcome.rflags &= request->rflags_mask;
  // Instruction and data pointers of the x87 unit: AMD and Intel keep them in different cases.
  copy(outcome.fxsave, saved_fpu, 416);
  fill(outcome.fxsave + 6, 0, 18);
  fill(outcome.fxsave + 28, 0, 4);
  for (int i = 0; i < 8; i++) fill(outcome.fxsave + 32 + 16 * i + 10, 0, 6);
  take_memory(request->ignored_offset, request->ignored_length);
  fill(code_alias + offset, 0xcc, length + 14 < room ? length + 14 : room);
}

static uint8_t *shared_pages(uint64_t at, uint64_t size, int protection) {
  int file = memfd_create("differential", 0);
  if (file < 0 || ftruncate(file, size)) exit(2);
  if (mmap((void *)at, size, protection, MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, file, 0) != (void *)at) exit(2);
  uint8_t *alias = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (alias == MAP_FAILED) exit(2);
  return alias;
}

int main(void) {
  static struct result results[REQUESTS];
  static uint8_t signal_stack[1 << 17];
  static const int signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGBUS, SIGALRM};
  stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack};
  struct sigaction action = {0};
  struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  sigaltstack(&stack, 0);
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, 0);
  code_alias = shared_pages(CODE, CODE_SIZE, PROT_READ | PROT_EXEC);
  data_alias = shared_pages(DATA, DATA_SIZE, PROT_READ | PROT_WRITE);
  if (mprotect((void *)(DATA + DATA_WRITABLE), DATA_SIZE - DATA_WRITABLE, PROT_READ)) exit(2);
  uint8_t *stub = shared_pages(STUB, PAGE, PROT_READ | PROT_EXEC);
  uint64_t where = (uint64_t)leave_guest;
  copy(stub, "\xff\x25\2\0\0\0", 6); /* jmp [rip+2]: aligned, for POPF may have set AC */
  copy(stub + 8, &where, 8);
  fill(code_alias, 0xcc, CODE_SIZE);
  if (call(SYS_arch_prctl, ARCH_SET_GS, GS_BASE, 0) || call(SYS_arch_prctl, ARCH_SET_FS, FS_BASE, 0)) stop(3);
  // From here on no C library.
  while (receive(&batch, sizeof batch)) {
    if (batch.count > REQUESTS || !receive(requests, batch.count * sizeof *requests)) stop(7);
    copy(data_alias, batch.data, DATA_SIZE);
    call(SYS_alarm, SECONDS_PER_BATCH, 0, 0);
    for (uint32_t i = 0; i < batch.count; i++) {
      execute(requests + i);
      if (batch.verbose) {
        send(&outcome, sizeof outcome);
        send(data_alias, DATA_SIZE);
      } else {
        copy(results + i, &outcome, sizeof outcome);
      }
      if (outcome.words_changed) copy(data_alias, batch.data, DATA_WRITABLE);
      copy(data_alias + requests[i].patch_offset, batch.data + requests[i].patch_offset, 64);
    }
    call(SYS_alarm, 0, 0, 0);
    if (!batch.verbose) send(results, batch.count * sizeof *results);
  }
  stop(0);
}
