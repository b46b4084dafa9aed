// memcpy, memset, strlen and their family with random lengths and alignments: as calls of the C library, and with
// constant sizes, which the compiler turns into code of its own.

import type { ChapterMaker } from '../chapter.ts'
import { block, type Piece } from '../piece.ts'

const SIZE = 512

export const memory: ChapterMaker = ({ random, names }) => {
  const buffer = names.fresh('buffer')
  const text = names.fresh('text')
  const name = names.fresh('memory')
  const setUp = [
    `fill(${buffer}, sizeof ${buffer});`,
    `for (u32 i = 0; i < sizeof ${text}; i++) ${text}[i] = (char)('a' + random_word() % 13);`,
  ]
  const constant = (most: number): number => random.below(most)
  /** Numbers that the statement at hand draws: before it, since arguments have no order. */
  const drawn: string[] = []
  /** Any number below `most`, known to the compiler or not. */
  const number = (most: number): string => {
    if (random.below(3) === 0) return String(constant(most))
    drawn.push(`u32 n${drawn.length} = (next = next * 1103515245 + 12345) / 256 % ${most};`)
    return `n${drawn.length - 1}`
  }
  const half = SIZE / 2

  const moves: (() => string)[] = [
    () => `memcpy(b + ${number(half - 64)}, b + ${half} + ${number(64)}, ${number(65)});`,
    () => `memcpy(b + ${number(16)}, b + ${half} + ${number(16)}, ${number(half - 16)});`,
    () => `memmove(b + ${number(half)}, b + ${number(half)}, ${number(half)});`,
    () => `memmove(b + ${constant(20)}, b + ${constant(20)}, ${constant(100)});`,
    () => `memset(b + ${number(half)}, (i32)${number(256)}, ${number(half)});`,
    () => `memset(b + ${constant(half)}, ${random.pick([0, 255, 65])}, ${constant(80)});`,
    () => `__builtin_memcpy(b + ${constant(32)}, &sum, 8); sum ^= b[${constant(64)}];`,
    () => `u64 w = 0; memcpy(&w, b + ${number(SIZE - 8)}, ${random.pick([8, 8, 4, 2])}); sum += w & 0xffff;`,
    () => `for (u32 i = 0; i < ${constant(100)}; i++) b[i * 2] = b[${SIZE - 1} - i];`,
    () => 'fill(b, 64);',
  ]
  const looks: (() => string)[] = [
    () => `sum = sum * 3 + (u64)(memcmp(b + ${number(64)}, b + ${number(half)}, ${number(half)}) > 0);`,
    () => `sum += memchr(b, (i32)${number(256)}, ${number(SIZE)}) != NULL;`,
    () => `{ u8 *at = memrchr(b + 3, (i32)${number(256)}, ${number(half)}); if (at) sum ^= (u64)(at - b); }`,
    () => `sum = sum * 5 + strlen(t + ${number(200)});`,
    () => `sum = sum * 5 + strnlen(t + ${number(200)}, ${number(100)});`,
    () => `sum += (u64)(strcmp(t + ${number(200)}, t + ${number(200)}) < 0);`,
    () => `sum += (u64)(strncmp(t + ${number(200)}, t + ${number(200)}, ${number(5)}) == 0) * 77;`,
    () =>
      `{ char *at = strchr(t + ${number(200)}, 'a' + (i32)${number(13)}); sum += at ? (u64)(at - t) : 9; }`,
    () =>
      `{ char *at = strrchr(t + ${number(200)}, 'a' + (i32)${number(13)}); sum += at ? (u64)(at - t) : 8; }`,
    () =>
      `{ char two[3] = {'a' + (char)(${number(13)}), 'a' + (char)(${number(13)}), 0}; char *at = strstr(t, two); sum += at ? (u64)(at - t) : 7; }`,
    () => `sum += strspn(t + ${number(200)}, "abcdefg") * 3 + strcspn(t + ${number(200)}, "klm");`,
    () =>
      `{ char copy[300]; strcpy(copy, t + ${number(100)}); strcat(copy, "xyz"); sum += strlen(copy) + (u8)copy[${constant(3)}] ; }`,
    () =>
      `{ char copy[64] = ""; strncpy(copy, t + ${number(250)}, ${number(60)}); sum += strlen(copy) * 11; }`,
    () => `{ char copy[300]; char *at = stpcpy(copy, t + ${number(250)}); sum += (u64)(at - copy); }`,
    () =>
      `{ wchar_t w[40]; for (u32 i = 0; i < 39; i++) w[i] = L'a' + t[i]; w[${number(39)}] = 0; w[39] = 0; sum += wcslen_here(w); }`,
  ]
  const body: Piece[] = [`u8 *b = ${buffer};\nchar *t = ${text};\nu64 sum = 0;\nu32 next = seed;`]
  for (let i = 0; i < 24; i++) {
    const kind = random.pick(random.below(2) === 0 ? moves : looks)
    const text = kind()
    body.push(`{ ${[...drawn.splice(0), text].join(' ')} }`)
    if (random.below(6) === 0)
      body.push(`t[${constant(255)}] = '\\0';`, `t[${constant(255)}] = (char)('a' + ${constant(13)});`)
    if (random.below(5) === 0) body.push(`check_bytes(${names.check()}, b, ${SIZE});`)
  }
  body.push('return sum;')
  return {
    declarations: [
      `static u8 ${buffer}[${SIZE}];\n/* Ends with a NUL that nothing overwrites. */\nstatic char ${text}[257];`,
      `#ifndef WCSLEN_HERE\n#define WCSLEN_HERE\nstatic NOINLINE u64 wcslen_here(const wchar_t *s) { u64 n = 0; while (*s++) n++; return n; }\n#endif`,
      block(`static NOINLINE u64 ${name}(u32 seed)`, body),
    ],
    setUp: [...setUp, `${text}[256] = '\\0';`],
    calls: [
      `for (u32 i = 0; i < 6; i++) check(${names.check()}, ${name}(i * 7919 + (u32)turn));`,
      `check_bytes(${names.check()}, ${buffer}, sizeof ${buffer});`,
    ],
  }
}
