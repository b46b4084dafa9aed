// Programs that write code while they run, as just-in-time compilers do: functions are made, called, changed in single
// bytes and called again, moved, and written through another mapping of the same memory; and instructions that change
// the one after them.

import type { ChapterMaker } from '../chapter.ts'
import { block, type Piece } from '../piece.ts'

const HELPERS = `#ifndef CODE_HELPERS
#define CODE_HELPERS
typedef u64 (*made_code)(u64);
/* Code is written at one address and executed at another; both are the same memory if need be. */
static u8 *code_to_write, *code_to_run;
enum { CODE_BYTES = 4 * 4096 };
static void make_room_for_code(int two) {
  if (code_to_write) { munmap(code_to_write, CODE_BYTES); if (code_to_run != code_to_write) munmap(code_to_run, CODE_BYTES); }
  int file = memfd_create("code", 0);
  if (file < 0 || ftruncate(file, CODE_BYTES)) abort();
  code_to_run = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, file, 0);
  code_to_write = two ? mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : code_to_run;
  if (code_to_run == MAP_FAILED || code_to_write == MAP_FAILED) abort();
  close(file);
}
/* Through another address a processor need not see new code before it has serialized. */
static void code_written(void) {
  u32 a = 0, c = 0;
  __asm__ volatile("cpuid" : "+a"(a), "+c"(c) : : "ebx", "edx", "memory");
}
static u8 *emit(u8 *at, u32 length, u64 bytes) { memcpy(at, &bytes, length); return at + length; }
/* One operation on RAX, RDI is the argument. Returns where its number is, if it has one. */
static u8 *emit_operation(u8 *at, u32 kind, u32 number, u8 **where) {
  *where = NULL;
  switch (kind % 12) {
  case 0: at = emit(at, 2, 0x0548); *where = at; return emit(at, 4, number);       /* add rax, number */
  case 1: at = emit(at, 2, 0x3548); *where = at; return emit(at, 4, number);       /* xor */
  case 2: at = emit(at, 3, 0xc06948); *where = at; return emit(at, 4, number | 1); /* imul */
  case 3: at = emit(at, 2, 0x2d48); *where = at; return emit(at, 4, number);       /* sub */
  case 4: at = emit(at, 3, 0xc0c148); *where = at; return emit(at, 1, number & 63); /* rol */
  case 5: return emit(at, 3, 0xd0f748);                                             /* not */
  case 6: return emit(at, 3, 0xc80f48);                                             /* bswap */
  case 7: return emit(at, 3, 0xf80148);                                             /* add rax, rdi */
  case 8: at = emit(at, 2, 0x00eb); at[-1] = number & 7; return emit(at, number & 7, 0x9090909090909090); /* jmp */
  case 9: return emit(at, 3, 0xf83148);                                             /* xor rax, rdi */
  case 10: at = emit(at, 3, 0xe8c148); *where = at; return emit(at, 1, number & 31); /* shr */
  default: return emit(at, 7, 0xc7ff480375 << 16 | 0x01a8);                         /* test al, 1; jnz over inc rdi */
  }
}
#endif`

export const writtencode: ChapterMaker = ({ random, names }) => {
  const name = names.fresh('compiler')
  const count = 3 + random.below(30)
  const start = random.pick(['0', '0', `${4096 - random.below(120)}`, `${random.below(8000)}`])
  const body: Piece[] = [
    `u8 *numbers[${count}], *at = code_to_write + ${start};
made_code code = (made_code)(code_to_run + ${start});
u64 sum = 0;
at = emit(at, 3, 0xf88948);
for (u32 i = 0; i < ${count}; i++) at = emit_operation(at, (u32)(seed >> (i % 29)) + i * ${random.below(100)}, (u32)random_word(), &numbers[i]);
at = emit(at, 1, 0xc3);
code_written();`,
    `for (u32 i = 0; i < ${1 + random.below(40)}; i++) sum = sum * 3 + code(seed + i);`,
    `check(${names.check()}, sum);`,
    // Single numbers change between calls.
    `for (u32 i = 0; i < ${5 + random.below(60)}; i++) {
  u32 k = (u32)random_word() % ${count};
  if (numbers[k]) *numbers[k] ^= (u8)(random_word() & 15);
  code_written();
  sum = sum * 3 + code(sum);
}`,
    `check(${names.check()}, sum);`,
    // The same bytes elsewhere, other bytes here.
    `memmove(code_to_write + 9000, code_to_write + ${start}, 400);
emit(code_to_write + ${start}, 3, ${random.pick(['0x90f889', '0x078d48', '0xf88948'])});
code_written();
sum += ((made_code)(code_to_run + 9000))(seed) * 7 + code(seed);`,
    'return sum;',
  ]
  const itself = names.fresh('itself')
  return {
    declarations: [
      HELPERS,
      block(`static NOINLINE u64 ${name}(u64 seed)`, body),
      // mov eax, edi; mov [rip + 1], dil; add eax, NUMBER, of which it has just written the first byte; ret
      `static NOINLINE u64 ${itself}(u32 n) {
  static const u8 text[] = {0x89, 0xf8, 0x40, 0x88, 0x3d, 0x01, 0, 0, 0, 0x05, 0, 0, 0, 0, 0xc3};
  u8 *at = code_to_run + ${4096 - random.below(16)};
  u64 sum = 0;
  memcpy(at, text, sizeof text);
  for (u32 i = 0; i < n; i++) sum = sum * 5 + ((made_code)at)(i * 37 + (u32)sum);
  return sum;
}`,
    ],
    calls: [
      `make_room_for_code(turn & 1 ? ${random.below(2)} : ${random.below(2)});`,
      `check(${names.check()}, ${name}(random_word()));`,
      `make_room_for_code(0);\ncheck(${names.check()}, ${itself}(${3 + random.below(60)}));`,
    ],
  }
}
