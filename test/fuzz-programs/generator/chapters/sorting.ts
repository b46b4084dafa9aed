// qsort and bsearch with callbacks, and sorts of our own making: quick, heap, shell, radix, merge. Elements are
// integers, doubles, strings and structs of odd sizes.

import type { Random } from '../../../engine/soft/differential/random.ts'
import type { ChapterMaker } from '../chapter.ts'
import type { Piece } from '../piece.ts'
import { type Arithmetic, DOUBLE, FLOAT, words } from '../types.ts'

export const sorting: ChapterMaker = ({ random, names }) => {
  const declarations: Piece[] = []
  const calls: Piece[] = []
  for (let i = 0; i < 3; i++) {
    const key = random.pick<Arithmetic>([...words, DOUBLE, FLOAT])
    const n = 5 + random.below(90)
    const [tag, array, compare, own] = ['E', 'elements', 'compare', 'sort'].map((name) => names.fresh(name))
    const padding = random.below(12)
    declarations.push(
      `struct ${tag} { ${padding > 0 ? `u8 padding[${padding}]; ` : ''}${key.name} key; u16 number; }${random.below(2) === 0 ? ' __attribute__((packed))' : ''};`,
      `static struct ${tag} ${array}[${n}];`,
      // By the number when keys are equal, so that there is one right order.
      `static int ${compare}(const void *a, const void *b) {
  const struct ${tag} *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? ${random.pick(['-1', '-100', 'INT32_MIN'])} : 1;
  return (int)x->number - (int)y->number;
}`,
      ownSort(random, own!, tag!, compare!),
    )
    const key_ =
      key.kind === 'float'
        ? `(${key.name})(i16)random_word() / 4`
        : `(${key.name})random_word() % ${5 + random.below(100)}`
    calls.push(`{
  for (u32 i = 0; i < ${n}; i++) { memset(&${array}[i], (i32)i, sizeof ${array}[i]); ${array}[i].key = ${key_}; ${array}[i].number = (u16)i; }
  ${random.below(2) === 0 ? `qsort(${array}, ${n}, sizeof ${array}[0], ${compare});` : `${own}(${array}, ${n});`}
  u64 sum = 0;
  for (u32 i = 0; i < ${n}; i++) sum = sum * 31 + ${array}[i].number + (u64)(i64)${array}[i].key;
  check(${names.check()}, sum);
  struct ${tag} wanted = ${array}[${random.below(n)}], *found = bsearch(&wanted, ${array}, ${n}, sizeof wanted, ${compare});
  check(${names.check()}, found ? (u64)(found - ${array}) : 999);
}`)
  }
  return { declarations, calls }
}

function ownSort(random: Random, name: string, tag: string, compare: string): string {
  const swap = '{ T t = a[i]; a[i] = a[j]; a[j] = t; }'
  const text = random
    .pick([
      // Quick, with the smaller part by recursion.
      `while (n > 1) {
    i32 i = -1, j = n;
    T middle = a[(n - 1) / 2];
    for (;;) {
      do i++; while (C(&a[i], &middle) < 0);
      do j--; while (C(&a[j], &middle) > 0);
      if (i >= j) break;
      ${swap}
    }
    if (j + 1 < n - j - 1) { NAME(a, j + 1); a += j + 1; n -= j + 1; }
    else { NAME(a + j + 1, n - j - 1); n = j + 1; }
  }`,
      // Heap.
      `for (i32 start = n / 2 - 1, end = n; end > 1;) {
    i32 i;
    if (start >= 0) i = start--;
    else { i = 0; i32 j = --end; ${swap} }
    for (i32 j; (j = 2 * i + 1) < end; i = j) {
      if (j + 1 < end && C(&a[j], &a[j + 1]) < 0) j++;
      if (C(&a[i], &a[j]) >= 0) break;
      ${swap}
    }
  }`,
      // Shell, of which insertion is the last pass.
      `for (i32 gap = n / 2; gap > 0; gap /= 2)
    for (i32 k = gap; k < n; k++)
      for (i32 j = k, i = k - gap; i >= 0 && C(&a[i], &a[j]) > 0; j = i, i -= gap) ${swap}`,
      // Merge, bottom up.
      `T *from = a, *to = alloca(sizeof(T) * (size_t)n), *other = to;
  for (i32 width = 1; width < n; width *= 2) {
    for (i32 i = 0; i < n; i += 2 * width) {
      i32 l = i, m = i + width < n ? i + width : n, r = m, end = i + 2 * width < n ? i + 2 * width : n;
      for (i32 k = i; k < end; k++) to[k] = l < m && (r >= end || C(&from[l], &from[r]) <= 0) ? from[l++] : from[r++];
    }
    T *t = from; from = to; to = t;
  }
  if (from != a) memcpy(a, other, sizeof(T) * (size_t)n);`,
    ])
    .replaceAll('NAME', name)
    .replaceAll('C(', `${compare}(`)
    .replace(/\bT\b/g, `struct ${tag}`)
  return `static NOINLINE void ${name}(struct ${tag} *a, i32 n) {\n  ${text}\n}`
}
