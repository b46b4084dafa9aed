// Control that does not nest: setjmp and longjmp, jumps to computed labels, interpreters of random byte code, state
// machines of functions that end in calls of each other, and functions within functions, whose trampolines lie on the
// stack.

import type { Book, ChapterMaker } from '../chapter.ts'
import { expression } from '../expressions.ts'
import type { Piece } from '../piece.ts'
import { U64 } from '../types.ts'

interface Part {
  readonly declarations: readonly Piece[]
  readonly calls: readonly Piece[]
}

export const jumps: ChapterMaker = (book) => {
  const parts = [longjmps(book), interpreter(book), states(book), trampolines(book)]
  return {
    declarations: parts.flatMap(({ declarations }) => declarations),
    calls: parts.flatMap(({ calls }) => calls),
  }
}

function longjmps({ random, names }: Book): Part {
  const [target, thrower, name] = [names.fresh('target'), names.fresh('thrower'), names.fresh('catcher')]
  const floating = random.below(2) === 0
  return {
    declarations: [
      `static jmp_buf ${target};`,
      `static NOINLINE u64 ${thrower}(u64 x, u32 depth) {
  volatile u8 room[${8 + random.below(200)}];
  room[0] = (u8)x;
  if (x % ${2 + random.below(9)} == 0 && depth > 2) longjmp(${target}, (i32)(x & 63));
  if (depth >= 12) return x;
  return ${thrower}(x * ${3 + random.below(50)} + room[0], depth + 1) + 1;
}`,
      `static NOINLINE u64 ${name}(u64 seed) {
  volatile u64 sum = 0, i = 0;
  ${floating ? 'volatile double d = 1.5;' : 'volatile u32 d = 7;'}
  int code = setjmp(${target});
  if (code) sum = sum * 31 + (u64)code;
  while (i < ${3 + random.below(20)}) {
    i++;
    d = d * ${floating ? '1.25' : '5'} + i;
    sum += ${thrower}(seed + i, 0);
  }
  return sum + ${floating ? 'double_bits(d)' : 'd'};
}`,
    ],
    calls: [`check(${names.check()}, ${name}(random_word() >> ${random.below(60)}));`],
  }
}

/** The same byte code by a switch and by a table of labels. */
function interpreter({ random, names, globals }: Book): Part {
  const name = names.fresh('interpret')
  const code = names.fresh('code')
  const scope = globals.inner()
  for (const variable of ['x', 'y', 'z']) scope.declare(variable, U64)
  const count = 5 + random.below(8)
  const length = 20 + random.below(60)
  const operations = Array.from(
    { length: count },
    () => `${random.pick(['x', 'y', 'z'])} = ${expression(scope, U64, 2)};`,
  )
  operations.push(`if (x & 1) pc = (pc + operand) % ${length};`, 'y = rotate_u64(y, operand) + z;')
  const total = operations.length
  const frame = (next: string, body: string): string => `  u64 x = seed, y = 1, z = 2;
  u32 pc = 0, steps = 0;
  u8 operand = 0;
${body.replaceAll('NEXT', next)}
  return x ^ y * 3 ^ z * 5;`
  const program = Array.from({ length }, () => random.below(256)).join(', ')
  return {
    declarations: [
      `static const u8 ${code}[${length}] = {${program}};`,
      `static NOINLINE u64 ${name}_switch(u64 seed, u32 most) {
  const u8 *const program = ${code};
${frame(
  'break;',
  `  while (steps++ < most) {
    u8 byte = program[pc];
    pc = (pc + 1) % ${length};
    operand = byte >> 2;
    switch (byte % ${total}) {
${operations.map((text, i) => `    case ${i}: ${text} NEXT`).join('\n')}
    }
  }`,
)}
}`,
      `static NOINLINE u64 ${name}_labels(u64 seed, u32 most) {
  static void *const labels[] = {${operations.map((_, i) => `&&label${i}`).join(', ')}};
  const u8 *const program = ${code};
${frame(
  'goto dispatch;',
  `dispatch:
  if (steps++ >= most) goto out;
  u8 byte = program[pc];
  pc = (pc + 1) % ${length};
  operand = byte >> 2;
  goto *labels[byte % ${total}];
${operations.map((text, i) => `label${i}: ${text} NEXT`).join('\n')}
out:;`,
)}
}`,
    ],
    calls: [
      `{
  u64 seed = random_word();
  check(${names.check()}, ${name}_switch(seed, ${200 + random.below(1000)}));
  check(${names.check()}, ${name}_labels(seed, ${200 + random.below(1000)}));
}`,
    ],
  }
}

/** From -O2 on these calls are jumps. */
function states({ random, names }: Book): Part {
  const count = 3 + random.below(4)
  const members = Array.from({ length: count }, () => names.fresh('state'))
  const declarations = members.map((name) => `static u64 ${name}(u64 x, u32 left);`)
  for (const name of members) {
    const [one, other] = [random.pick(members), random.pick(members)]
    declarations.push(`static NOINLINE u64 ${name}(u64 x, u32 left) {
  if (!left) return x;
  if (x >> ${random.below(64)} & 1) return ${one}(x * ${random.next()}ULL + left, left - 1);
  return ${other}(x ^ x >> ${1 + random.below(60)}, left - 1);
}`)
  }
  return {
    declarations,
    calls: [`check(${names.check()}, ${random.pick(members)}(random_word(), ${50 + random.below(400)}));`],
  }
}

function trampolines({ random, names }: Book): Part {
  const [apply, name] = [names.fresh('apply'), names.fresh('outer')]
  return {
    declarations: [
      `static NOINLINE u64 ${apply}(u64 (*each)(u64), u32 n) {
  u64 sum = 0;
  for (u32 i = 0; i < n; i++) sum = sum * ${1 + 2 * random.below(50)} + each(sum + i);
  return sum;
}`,
      `static NOINLINE u64 ${name}(u64 x, u32 depth) {
  u64 seen = 0;
  u64 inner(u64 y) {
    seen++;
    return y * x + seen;
  }
  u64 sum = ${apply}(inner, ${2 + random.below(20)});
  if (depth) sum += ${name}(x ^ sum, depth - 1);
  return sum + seen;
}`,
    ],
    calls: [`check(${names.check()}, ${name}(random_word(), ${random.below(6)}));`],
  }
}
