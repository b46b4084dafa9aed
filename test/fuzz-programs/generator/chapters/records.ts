// Structs and unions by value as arguments and results (in general registers, SSE registers, on the stack), lists and
// trees of nodes that point to each other, malloc and realloc.

import type { Random } from '../../../engine/soft/differential/random.ts'
import type { Book, ChapterMaker } from '../chapter.ts'
import { block, type Piece } from '../piece.ts'
import { type Arithmetic, DOUBLE, FLOAT, LONG_DOUBLE, U8, words } from '../types.ts'

export const records: ChapterMaker = (book) => {
  const parts = [byValue(book), byValue(book), byValue(book), tree(book), heap(book)]
  return {
    declarations: parts.flatMap(({ declarations }) => declarations),
    calls: parts.flatMap(({ calls }) => calls),
  }
}

interface Part {
  readonly declarations: readonly Piece[]
  readonly calls: readonly Piece[]
}

/** A function that takes two structs and gives one, for structs of every size. */
function byValue({ random, names }: Book): Part {
  const tag = names.fresh('R')
  const name = names.fresh('record')
  const fields = Array.from({ length: 1 + random.below(random.pick([2, 4, 12])) }, (_, i) => {
    const type = random.pick<Arithmetic>([...words, ...words, DOUBLE, DOUBLE, FLOAT, FLOAT, LONG_DOUBLE])
    return { type, name: `x${i}` }
  })
  const struct = `struct ${tag} { ${fields.map((field) => `${field.type.name} ${field.name};`).join(' ')} };`
  const field = (): (typeof fields)[number] => random.pick(fields)
  const body: Piece[] = [`struct ${tag} c = ${random.pick(['a', 'b'])};`]
  for (let i = 0; i < 4; i++) body.push(fieldStatement(random, field(), field()))
  body.push('return c;')
  const [x, y] = [names.fresh('s'), names.fresh('s')]
  const sums = fields.map((each) => `  sum = sum * 31 + ${bitsText(each.type, `${x}.${each.name}`)};`)
  return {
    declarations: [
      struct,
      `static struct ${tag} ${x}, ${y};`,
      block(`static NOINLINE struct ${tag} ${name}(struct ${tag} a, i32 n, struct ${tag} b, double d)`, body),
    ],
    calls: [
      `{
  ${y} = ${name}(${x}, turn, ${y}, ${random.below(100)}.5);
  ${x} = ${name}(${y}, ${random.below(1000)}, ${x}, 2.25);
  u64 sum = 0;
${sums.join('\n')}
  check(${names.check()}, sum);
}`,
    ],
  }
}

function bitsText(type: Arithmetic, text: string): string {
  if (type.kind === 'integer') return `(u64)${text}`
  return type.name === 'longdouble' ? `long_double_bits(${text})` : `${type.name}_bits(${text})`
}

function fieldStatement(
  random: Random,
  to: { type: Arithmetic; name: string },
  from: { type: Arithmetic; name: string },
): string {
  const target = `c.${to.name}`
  if (to.type.kind === 'float') {
    const value = from.type.kind === 'float' ? `b.${from.name} * 0.5` : `(i8)a.${from.name}`
    return `${target} = (${to.type.name})(${value} ${random.pick(['+', '-', '*'])} ${random.pick(['d', 'n', '1.5'])});`
  }
  const value = from.type.kind === 'float' ? `i64_of_${from.type.name}(a.${from.name})` : `b.${from.name}`
  return `${target} = (${to.type.name})((u64)${value} ${random.pick(['+', '*', '^'])} (u64)(n + ${random.below(1000)}));`
}

/** A binary tree in an array of nodes: pointers, recursion, loads that depend on loads. */
function tree({ random, names }: Book): Part {
  const tag = names.fresh('Node')
  const [nodes, insert, walk] = [names.fresh('nodes'), names.fresh('insert'), names.fresh('walk')]
  const key = random.pick([...words, DOUBLE])
  const count = 20 + random.below(60)
  return {
    declarations: [
      `struct ${tag} { struct ${tag} *left; ${random.pick([U8, ...words]).name} padding; ${key.name} key; struct ${tag} *right; u32 times; };`,
      `static struct ${tag} ${nodes}[${count}];`,
      `static NOINLINE u32 ${insert}(struct ${tag} **root, struct ${tag} *node) {
  u32 depth = 0;
  while (*root) {
    if ((*root)->key == node->key) { (*root)->times++; return depth; }
    root = node->key < (*root)->key ? &(*root)->left : &(*root)->right;
    depth++;
  }
  *root = node;
  return depth;
}`,
      `static u64 ${walk}(const struct ${tag} *node, u64 sum) {
  if (!node) return sum;
  sum = ${walk}(node->left, sum);
  sum = sum * 31 + (u64)(i64)node->key + node->times;
  return ${walk}(node->right, sum);
}`,
    ],
    calls: [
      `{
  struct ${tag} *root = NULL;
  u64 depths = 0;
  memset(${nodes}, 0, sizeof ${nodes});
  for (u32 i = 0; i < ${count}; i++) {
    ${nodes}[i].key = (${key.name})(random_word() >> ${random.pick([40, 50, 57, 60])});
    depths = depths * 3 + ${insert}(&root, &${nodes}[i]);
  }
  check(${names.check()}, depths);
  check(${names.check()}, ${walk}(root, 1));
}`,
    ],
  }
}

/** Blocks of the heap grow, shrink and go; their content must survive. */
function heap({ random, names }: Book): Part {
  const name = names.fresh('heap')
  const most = random.pick([40, 300, 5000])
  return {
    declarations: [
      `static NOINLINE u64 ${name}(u32 rounds) {
  u8 *blocks[8] = {0};
  u32 lengths[8] = {0};
  u64 sum = 0;
  for (u32 i = 0; i < rounds; i++) {
    u32 k = (u32)random_word() & 7, length = 1 + (u32)(random_word() >> 20) % ${most};
    if (random_word() & 32) {
      blocks[k] = realloc(blocks[k], length);
      if (length > lengths[k]) memset(blocks[k] + lengths[k], (i32)(i + k), length - lengths[k]);
      lengths[k] = length;
    } else {
      if (blocks[k]) sum += blocks[k][lengths[k] / 2] + (u64)blocks[k][lengths[k] - 1] * 3;
      free(blocks[k]);
      blocks[k] = calloc(1, length);
      lengths[k] = length;
      blocks[k][length - 1] = (u8)i;
    }
  }
  for (u32 k = 0; k < 8; k++) {
    for (u32 i = 0; i < lengths[k]; i += 1 + lengths[k] / 16) sum = sum * 7 + blocks[k][i];
    free(blocks[k]);
  }
  return sum;
}`,
    ],
    calls: [`check(${names.check()}, ${name}(${10 + random.below(30)}));`],
  }
}
