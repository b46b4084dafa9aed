// The __atomic builtins on all widths, compare-and-swap loops, 16 bytes at once, and threads that share a counter.

import type { ChapterMaker } from '../chapter.ts'
import { integerLiteral } from '../integer-forms.ts'
import { block, type Piece } from '../piece.ts'
import { words, wrapping } from '../types.ts'

const ORDERS = ['__ATOMIC_SEQ_CST', '__ATOMIC_ACQ_REL', '__ATOMIC_RELAXED']

export const atomics: ChapterMaker = ({ random, names }) => {
  const declarations: Piece[] = []
  const calls: Piece[] = []
  for (let i = 0; i < 3; i++) {
    const type = random.pick(words)
    const [cell, name] = [names.fresh('cell'), names.fresh('atomic')]
    const w = wrapping(type)
    const body: Piece[] = [`${type.name} old = 0, expected = 0;\nu64 sum = 0;`]
    for (let line = 0; line < 10; line++) {
      const order = random.pick(ORDERS)
      const value =
        random.below(2) === 0 ? integerLiteral(random, type) : `(${type.name})(sum + ${random.below(100)})`
      body.push(
        random.pick([
          `old = __atomic_fetch_${random.pick(['add', 'sub', 'and', 'or', 'xor', 'nand'])}(&${cell}, ${value}, ${order}); sum = sum * 3 + (u64)old;`,
          `old = __atomic_${random.pick(['add', 'sub', 'and', 'or', 'xor', 'nand'])}_fetch(&${cell}, ${value}, ${order}); sum ^= (u64)old;`,
          `__atomic_fetch_${random.pick(['add', 'sub', 'or'])}(&${cell}, ${value}, ${order});`,
          `if (__atomic_sub_fetch(&${cell}, ${value}, ${order}) ${random.pick(['==', '<', '>'])} 0) sum += 5;`,
          `old = __atomic_exchange_n(&${cell}, ${value}, ${order}); sum += (u64)old * 7;`,
          `expected = ${random.pick(['old', value])}; sum = sum * 2 + __atomic_compare_exchange_n(&${cell}, &expected, ${value}, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED); sum ^= (u64)expected;`,
          `old = __atomic_load_n(&${cell}, __ATOMIC_SEQ_CST); sum += (u64)old;`,
          `__atomic_store_n(&${cell}, ${value}, __ATOMIC_SEQ_CST);`,
          `expected = __atomic_load_n(&${cell}, __ATOMIC_RELAXED);\nwhile (!__atomic_compare_exchange_n(&${cell}, &expected, (${type.name})((${w})expected * ${3 + random.below(90)} + 1), 1, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));`,
          `sum += (u64)__sync_val_compare_and_swap(&${cell}, old, ${value}) + ${random.below(9)};`,
          // A bit of memory: LOCK BTS and its like.
          `if (__atomic_fetch_or(&${cell}, (${type.name})((${w})1 << ${random.below(type.bits)}), ${order}) & (${w})1 << ${random.below(type.bits)}) sum++;`,
        ]),
      )
    }
    body.push('return sum;')
    declarations.push(
      `static ${type.name} ${cell} = ${random.below(100)};`,
      block(`static NOINLINE u64 ${name}(void)`, body),
    )
    calls.push(`check(${names.check()}, ${name}());\ncheck(${names.check()}, (u64)${cell});`)
  }
  const [pair, both] = [names.fresh('pair'), names.fresh('both')]
  declarations.push(
    `static u128 ${pair} __attribute__((aligned(16))) = ${random.below(100)};`,
    `static NOINLINE __attribute__((target("cx16"))) u64 ${both}(u64 n) {
  u64 failures = 0;
  for (u64 i = 0; i < n; i++) {
    u128 old = i % 3 ? ${pair} : i;
    u128 seen = __sync_val_compare_and_swap(&${pair}, old, (old * ${(random.next() | 1) >>> 0}ULL << 7) + i);
    failures += seen != old;
  }
  return failures;
}`,
  )
  calls.push(`check(${names.check()}, ${both}(9));\ncheck_wide(${names.check()}, ${pair});`)
  return { declarations, calls }
}
