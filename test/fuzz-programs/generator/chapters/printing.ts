// Numbers to text and back: printf with every conversion, strtod, strtoll, sscanf. The C library does this with long
// multiplications and divisions, and switches with large jump tables.

import type { Random } from '../../../engine/soft/differential/random.ts'
import type { ChapterMaker } from '../chapter.ts'
import { expression } from '../expressions.ts'
import type { Piece } from '../piece.ts'
import type { Scope } from '../scope.ts'
import { DOUBLE, I32, I64, LONG_DOUBLE, U32, U64 } from '../types.ts'

export const printing: ChapterMaker = ({ random, names, globals }) => {
  const name = names.fresh('show')
  const calls: Piece[] = []
  for (let i = 0; i < 8; i++) {
    const { format, value } = conversion(random, globals)
    calls.push(`${name}(${names.check()}, "${format}", ${value});`)
  }
  return {
    declarations: [
      `static NOINLINE void ${name}(u32 id, const char *format, ...) {
  char text[6000];
  va_list list;
  va_start(list, format);
  i32 length = vsnprintf(text, sizeof text, format, list);
  va_end(list);
  check(id, (u64)length);
  if (checks_left > 0 && length < 100) printf("  [%s]\\n", text);
  check_bytes(id, text, strlen(text));
  char *end;
  double d = strtod(text, &end);
  check(id, double_bits(d) + (u64)(end - text));
  check(id, long_double_bits(strtold(text, NULL)) ^ float_bits(strtof(text, NULL)));
  check(id, (u64)strtoll(text, &end, 0) * 3 + strtoull(text, NULL, 16) + (u64)(end - text));
  i32 n = 0;
  float f = 0;
  check(id, (u64)sscanf(text, "%d%f", &n, &f) + (u64)n * 5 + float_bits(f));
}`,
    ],
    calls,
  }
}

/** NaN in text has the sign of the NaN, in which optimization levels may differ. */
const tamed = (text: string): string => `(SAME && (${text}) != (${text}) ? 0 : (${text}))`

function conversion(random: Random, scope: Scope): { format: string; value: string } {
  const flags = random.pick(['', '', '-', '+', ' ', '#', '0'])
  const width = random.pick(['', '', '5', '12', '40'])
  const precision = random.pick(['', '', '.0', '.3', '.17', '.40'])
  const start = `%${flags}${width}${precision}`
  switch (random.below(6)) {
    case 0: {
      const type = random.pick([I32, U32])
      return {
        format: `${start}${random.pick(['d', 'u', 'x', 'o', 'hhd', 'hx'])}`,
        value: `(${type.name})${expression(scope, type, 2)}`,
      }
    }
    case 1: {
      const type = random.pick([I64, U64])
      return {
        format: `${start}l${random.pick(['d', 'u', 'X', 'o'])}`,
        value: `(${type.name})${expression(scope, type, 2)}`,
      }
    }
    case 2: {
      const text = `(long double)${expression(scope, LONG_DOUBLE, 2)}`
      return { format: `${start}L${random.pick(['g', 'e', 'a'])}`, value: `(long double)${tamed(text)}` }
    }
    case 3:
      // A double of any size, from its bits.
      return {
        format: `${start}${random.pick(['g', 'e', 'a', 'f', 'G'])}`,
        value: `((union { u64 bits; double value; }){random_word() & 0xffefffffffffffff}).value`,
      }
    default: {
      const text = `(double)${expression(scope, DOUBLE, 2)}`
      return { format: `${start}${random.pick(['g', 'e', 'f', 'a', 'E'])}`, value: `(double)${tamed(text)}` }
    }
  }
}
