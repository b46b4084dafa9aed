// Networks of additions, rotations and exclusive ors on a few words, tables of substitution, checksums by table and by
// bit, streams: code as in hash functions and ciphers, hot and in registers.

import type { Random } from '../../../engine/soft/differential/random.ts'
import type { ChapterMaker } from '../chapter.ts'
import { block, type Piece } from '../piece.ts'
import { type IntegerType, U8, U16, U32, U64 } from '../types.ts'

export const ciphers: ChapterMaker = ({ random, names }) => {
  const declarations: Piece[] = []
  const calls: Piece[] = []
  for (let i = 0; i < 3; i++) {
    const type = random.pick([U32, U64, U32, U16])
    const [name, state] = [names.fresh('mix'), names.fresh('state')]
    const count = random.pick([2, 4, 8, 16])
    declarations.push(
      `static ${type.name} ${state}[${count}];`,
      block(`static NOINLINE void ${name}(${type.name} *s, i32 steps)`, network(random, type, count)),
    )
    calls.push(
      `${state}[0] ^= (${type.name})random_word();\n${name}(${state}, ${5 + random.below(40)});\ncheck_bytes(${names.check()}, ${state}, sizeof ${state});`,
    )
  }
  const [box, substitute, crc, stream] = ['box', 'substitute', 'crc', 'stream'].map((name) =>
    names.fresh(name),
  )
  declarations.push(
    `static u8 ${box}[256];`,
    `static NOINLINE void ${stream}(const u8 *key, u32 length) {
  u8 j = 0;
  for (u32 i = 0; i < 256; i++) ${box}[i] = (u8)i;
  for (u32 i = 0; i < 256; i++) {
    j = (u8)(j + ${box}[i] + key[i % length]);
    u8 t = ${box}[i];
    ${box}[i] = ${box}[j];
    ${box}[j] = t;
  }
}`,
    `static NOINLINE u64 ${substitute}(u64 x, i32 rounds) {
  for (i32 r = 0; r < rounds; r++) {
    u64 y = 0;
    for (u32 i = 0; i < 8; i++) y |= (u64)${box}[(u8)(x >> 8 * i)] << 8 * ${random.pick(['(7 - i)', '((i * 3) & 7)', '(i ^ 1)'])};
    x = rotate_u64(y, ${1 + random.below(63)}) + ${random.next()}U;
  }
  return x;
}`,
    `static NOINLINE u32 ${crc}(const u8 *bytes, u32 length) {
  u32 sum = ~0U;
  for (u32 i = 0; i < length; i++) {
    sum ^= bytes[i];
    for (u32 k = 0; k < 8; k++) sum = ${random.pick([`sum & 1 ? sum >> 1 ^ ${random.next()}U : sum >> 1`, `sum >> 1 ^ (-(sum & 1) & ${random.next()}U)`])};
  }
  return ~sum;
}`,
  )
  calls.push(
    `{
  u8 key[${3 + random.below(20)}];
  fill(key, sizeof key);
  ${stream}(key, sizeof key);
  check_bytes(${names.check()}, ${box}, 256);
  check(${names.check()}, ${substitute}(random_word(), ${5 + random.below(20)}));
  check(${names.check()}, ${crc}(${box}, 256));
}`,
  )
  return { declarations, calls }
}

function network(random: Random, type: IntegerType, count: number): Piece[] {
  const t = type.name
  const word = (): string => `s[${random.below(count)}]`
  const body: Piece[] = []
  for (let i = 0; i < 10; i++) {
    const [a, b, c] = [word(), word(), word()]
    const n = 1 + random.below(type.bits - 1)
    body.push(
      random.pick([
        `${a} = (${t})(${a} + (${t})(${b} ^ ${c}));`,
        `${a} = rotate_${t}((${t})(${a} ^ ${b}), ${n});`,
        `${a} ^= (${t})(${b} + (${t})(${c} << ${n}));`,
        `${a} = (${t})(${a} - ((${b} & ${c}) | (~${b} & ${a})));`,
        `${a} = (${t})(${a} * (u64)(${b} | 1));`,
        `${a} = rotate_${t}(${a}, (u32)${b}) ^ (${t})step;`,
        `${a} = (${t})(${a} + ((${b} >> ${n}) ^ ${random.next()}U));`,
        `${a} ^= (${t})__builtin_bswap${type === U8 ? 16 : type.bits}(${b});`,
      ]),
    )
  }
  return [block('for (i32 step = 0; step < steps; step++)', body)]
}
