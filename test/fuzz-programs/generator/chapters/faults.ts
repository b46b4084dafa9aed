// Faults in the middle of computations: a handler of signals looks at all registers, and the program goes on. Memory
// accesses meet a page that is out of reach, which the handler gives back; other instructions fault always, and are
// skipped. An engine that keeps registers elsewhere must have them in their places just then.

import { AREA, assemblyFunction } from '../assembly.ts'
import type { ChapterMaker } from '../chapter.ts'
import type { Piece } from '../piece.ts'
import { quoted, STATE } from './assembler.ts'

/** The second page is the one that comes and goes; half of what R14 reaches lies in it. */
const BASE = AREA + 4096 - 256

const HANDLER = `#ifndef FAULT_HANDLER
#define FAULT_HANDLER
__asm__(".pushsection fault_table,\\"a\\"\\n.quad 0, 0, 0\\n.popsection\\n");
extern const struct { u64 at, next, flags; } __start_fault_table[], __stop_fault_table[];
static volatile u64 faults_seen, faults_hash;
static int page_protection = PROT_READ | PROT_WRITE;

static void seen(u64 value) { faults_hash = (faults_hash ^ value) * 0x100000001b3 + (faults_hash >> 31); }

static void on_fault(int signal, siginfo_t *info, void *context) {
  mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
  u64 rip = (u64)machine->gregs[REG_RIP], k = 0, count = (u64)(__stop_fault_table - __start_fault_table);
  while (k < count && __start_fault_table[k].at != rip && !(signal == SIGTRAP && __start_fault_table[k].next == rip)) k++;
  if (k == count || ++faults_seen > 100000) died(signal, info, context);
  seen(k);
  seen((u64)signal << 32 | (u32)info->si_code);
  const int registers[] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_R8, REG_R9, REG_R10,
                           REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_TRAPNO, REG_ERR};
  for (u32 i = 0; i < sizeof registers / sizeof registers[0]; i++) seen((u64)machine->gregs[registers[i]]);
  seen((u64)machine->gregs[REG_EFL] & __start_fault_table[k].flags);
  for (u32 i = 0; i < 8; i++)
    for (u32 j = 0; j < 4; j++) seen(machine->fpregs->_xmm[i].element[j]);
  u64 address = (u64)(uintptr_t)info->si_addr, page = address - (u64)(uintptr_t)assembly_area;
  if (signal == SIGSEGV) seen(page < 3 * 4096 ? page >> 12 : address);
  if (signal == SIGSEGV && page >> 12 == 1 && page_protection != (PROT_READ | PROT_WRITE)) {
    page_protection = PROT_READ | PROT_WRITE;
    mprotect(assembly_area + 4096, 4096, page_protection);
  } else machine->gregs[REG_RIP] = (i64)__start_fault_table[k].next;
}
static void handle_faults(void) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  for (u32 i = 0; i < 5; i++) sigaction((int[]){SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP}[i], &action, NULL);
}
#endif`

export const faults: ChapterMaker = ({ random, names }) => {
  const declarations: Piece[] = [STATE, HANDLER]
  const calls: Piece[] = ['set_assembly_state();']
  for (let i = 0; i < 3; i++) {
    const name = names.fresh('faulting')
    const text = assemblyFunction(random, name, { faults: true, count: 20 + random.below(30), base: BASE })
    declarations.push(`__asm__(\n${quoted(text)});\nvoid ${name}(u64 *state);`)
    const protection = random.pick(['PROT_NONE', 'PROT_NONE', 'PROT_READ'])
    calls.push(`for (u32 i = 0; i < ${2 + random.below(8)}; i++) {
  page_protection = i & 1 ? PROT_READ | PROT_WRITE : ${protection};
  mprotect(assembly_area + 4096, 4096, page_protection);
  ${name}(assembly_state);
  check_bytes(${names.check()}, assembly_state, sizeof assembly_state);
  check(${names.check()}, faults_hash);
  check(${names.check()}, faults_seen);
}
page_protection = PROT_READ | PROT_WRITE;
mprotect(assembly_area + 4096, 4096, page_protection);
check_bytes(${names.check()}, assembly_area + 4096 - 256, 1024);`)
  }
  return { declarations, setUp: ['map_area();', 'handle_faults();'], calls }
}
