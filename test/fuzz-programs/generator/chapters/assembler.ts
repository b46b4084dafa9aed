// Random functions in assembly language (../assembly.ts), with any values in their registers.

import { AREA, assemblyFunction } from '../assembly.ts'
import type { ChapterMaker } from '../chapter.ts'
import type { Piece } from '../piece.ts'

export const STATE: string = `#ifndef ASSEMBLY_STATE
#define ASSEMBLY_STATE
static u64 assembly_state[32];
static u8 *const assembly_area = (u8 *)${AREA}ULL;
static void map_area(void) {
  if (mmap(assembly_area, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != assembly_area) abort();
  fill(assembly_area, 3 * 4096);
}
/* Any bits, or small numbers. */
static void set_assembly_state(void) {
  for (u32 i = 0; i < 32; i++) {
    u64 word = random_word(), shift = random_word();
    assembly_state[i] = word >> (shift & 64 ? shift & 63 : 0);
  }
}
#endif`

export const assembler: ChapterMaker = ({ random, names }) => {
  const declarations: Piece[] = [STATE]
  const calls: Piece[] = ['set_assembly_state();']
  for (let i = 0; i < 3; i++) {
    const name = names.fresh('assembly')
    const text = assemblyFunction(random, name, { faults: false, count: 25 + random.below(40), base: AREA })
    declarations.push(`__asm__(\n${quoted(text)});\nvoid ${name}(u64 *state);`)
    calls.push(`for (u32 i = 0; i < ${1 + random.below(8)}; i++) {
  ${name}(assembly_state);
  check_bytes(${names.check()}, assembly_state, sizeof assembly_state);
  if (i % 4 == 3) set_assembly_state();
}
check_bytes(${names.check()}, assembly_area, 1024);`)
  }
  return { declarations, setUp: ['map_area();'], calls }
}

/** A line of C for a line of assembly language. */
export function quoted(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${JSON.stringify(`${line}\n`)}`)
    .join('\n')
}
