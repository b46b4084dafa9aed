// Functions with any number of arguments: integers, doubles, long doubles and structs, in registers and on the stack,
// passed on as va_list and copied on the way.

import type { Random } from '../../../engine/soft/differential/random.ts'
import type { ChapterMaker } from '../chapter.ts'
import { expression } from '../expressions.ts'
import type { Scope } from '../scope.ts'
import { DOUBLE, I32, I64, LONG_DOUBLE } from '../types.ts'

export const varargs: ChapterMaker = ({ random, names, globals }) => {
  const [sum, listed, tag] = [names.fresh('sum'), names.fresh('listed'), names.fresh('V')]
  const fields = random.pick([
    'i32 x; float y;',
    'double x; i64 y;',
    'u8 x[3];',
    'i64 x[3];',
    'double x; double y;',
  ])
  const calls = Array.from({ length: 6 }, () => {
    const { format, values } = someArguments(random, globals, tag)
    return `check(${names.check()}, ${sum}("${format}"${values.map((value) => `,\n    ${value}`).join('')}));`
  })
  return {
    declarations: [
      `struct ${tag} { ${fields} };`,
      `static NOINLINE u64 ${listed}(const char *format, va_list list) {
  u64 sum = 1;
  for (; *format; format++) {
    sum = sum * 31 + (u8)*format;
    switch (*format) {
    case 'i': sum += (u64)va_arg(list, i32); break;
    case 'l': sum += (u64)va_arg(list, i64); break;
    case 'd': sum ^= double_bits(va_arg(list, double)); break;
    case 'L': sum ^= long_double_bits(va_arg(list, long double)); break;
    case 's': {
      struct ${tag} s = va_arg(list, struct ${tag});
      u8 bytes[sizeof s];
      memcpy(bytes, &s, sizeof s);
      for (size_t i = 0; i < sizeof s; i++) sum = sum * 3 + bytes[i];
    }
    }
  }
  return sum;
}`,
      `static NOINLINE u64 ${sum}(const char *format, ...) {
  va_list list, copy;
  va_start(list, format);
  va_copy(copy, list);
  u64 first = ${listed}(format, list), second = ${listed}(format, copy);
  va_end(copy);
  va_end(list);
  return first == second ? first : ~first;
}`,
    ],
    calls,
  }
}

function someArguments(random: Random, globals: Scope, tag: string): { format: string; values: string[] } {
  let format = ''
  const values: string[] = []
  for (let i = random.below(14); i > 0; i--) {
    const letter = random.pick(['i', 'l', 'd', 'd', 'L', 's'])
    format += letter
    if (letter === 'i') values.push(`(i32)${expression(globals, I32, 2)}`)
    else if (letter === 'l') values.push(`(i64)${expression(globals, I64, 2)}`)
    else if (letter === 'd') values.push(`(double)${expression(globals, DOUBLE, 2)}`)
    else if (letter === 'L') values.push(`(long double)${expression(globals, LONG_DOUBLE, 2)}`)
    else values.push(`(struct ${tag}){${random.below(100)}, ${random.below(100)}}`)
  }
  return { format, values }
}
