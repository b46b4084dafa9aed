// What the programs of bench:cpu work on, made up here: the same bytes in every run and on every computer.

/** Numbers that look random, by xorshift; each seed has its own. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed | 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

const SYLLABLES =
  'ba be bo ca ce co da de di do en er est fa fi ga ing ion ka la le li ly ma me mi na ne no on or pa pe ra re ri sa se ' +
  'si ta te ti to un ver wa we'

/** Made-up words; low numbers are drawn more often, as in languages. */
function vocabulary(random: (below: number) => number): () => string {
  const syllables = SYLLABLES.split(' ')
  const words = Array.from({ length: 4096 }, (_, i) => {
    const length = 1 + Math.floor(Math.log2(i + 2) / 4) + random(2)
    return Array.from({ length }, () => syllables[random(syllables.length)]).join('')
  })
  return () => words[Math.min(random(4096), random(4096), random(4096))]!
}

/** Text of sentences and numbers, which gzip makes about a third of. @param size in bytes */
export function text(size: number): Buffer {
  const random = randomNumbers(1)
  const word = vocabulary(random)
  const target = Buffer.alloc(size)
  for (let at = 0; at < size; ) {
    const words = Array.from({ length: 5 + random(12) }, (_, i) => {
      const kind = random(16)
      return kind === 0 ? `${random(100000)}` : kind === 1 && i > 2 ? `${word()},` : word()
    })
    at += target.write(`${words.join(' ')}.${random(4) === 0 ? '\n' : ' '}`, at, 'latin1')
  }
  return target
}

/** A C file of functions that call each other: loops, switches, structures, floating point, strings. @param lines about */
export function cSource(lines: number): string {
  const random = randomNumbers(2)
  const parts = [
    '#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n',
    'struct node { int key; double weight; struct node *left, *right; char name[24]; };',
    'static unsigned table[256];\n',
  ]
  const names: string[] = []
  let count = 9
  for (let i = 0; count + names.length < lines; i++) {
    const make = SHAPES[i % SHAPES.length]!
    const callee = (): string => (names.length === 0 ? 'abs' : names[random(names.length)]!)
    const one = make(`f${i}`, random, callee)
    names.push(`f${i}`)
    parts.push(one)
    count += one.split('\n').length
  }
  const calls = names.map((name, i) => `  sum += (unsigned)${name}(${i});`)
  return `${parts.join('\n')}\nint main(void) {\n  unsigned sum = 0;\n${calls.join('\n')}\n  printf("%u\\n", sum);\n}\n`
}

type Shape = (name: string, random: (below: number) => number, callee: () => string) => string

const SHAPES: readonly Shape[] = [
  (name, random, callee) => `int ${name}(int n) {
  unsigned a = ${random(1000)}u, b = (unsigned)n;
  for (int i = 0; i < (n & 63); i++) {
    a = a * ${random(1000) * 2 + 1}u + (b >> ${1 + random(7)});
    b ^= a << ${1 + random(7)};
    if ((a & ${1 << random(8)}) != 0) b += table[a & 255];
    else table[b & 255] ^= a;
  }
  return (int)(a ^ b) + ${callee()}((int)(a & 15));
}
`,
  (name, random, callee) => {
    const cases = Array.from({ length: 12 }, (_, i) => {
      const what = i % 3 === 0 ? `${callee()}(x - ${i})` : `x ${'+-*^|'[random(5)]} ${random(500) + 1}`
      return `    case ${i}: x = ${what}; break;`
    })
    return `int ${name}(int n) {
  int x = n, steps = 0;
  while (x > ${random(50)} && steps++ < ${4 + random(12)}) {
    switch (x % 13) {
${cases.join('\n')}
    default: x /= 2; break;
    }
  }
  return x;
}
`
  },
  (name, random, callee) => `int ${name}(int n) {
  double matrix[40][40], sum = 0;
  int size = n & 31;
  for (int i = 0; i < size; i++)
    for (int j = 0; j < size; j++) matrix[i][j] = (double)(i * ${random(20)} + j * n) / ${1 + random(30)};
  for (int k = 1; k < size; k++)
    for (int i = k; i < size; i++) {
      double factor = matrix[i][k - 1] / (matrix[k - 1][k - 1] + ${1 + random(5)}.5);
      for (int j = 0; j < size; j++) matrix[i][j] -= factor * matrix[k - 1][j];
    }
  for (int i = 0; i < size; i++) sum += matrix[i][i] > 0 ? matrix[i][i] : -matrix[i][i];
  return sum < 1e6 ? (int)sum : ${callee()}(${random(30)});
}
`,
  (name, random, callee) => `int ${name}(int n) {
  struct node *root = NULL;
  for (int i = 0; i < ${3 + random(12)}; i++) {
    struct node **at = &root, *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) return -1;
    fresh->key = (n * ${random(90) + 7} + i * ${random(90) + 7}) % 101;
    fresh->weight = fresh->key * ${random(9)}.25;
    snprintf(fresh->name, sizeof fresh->name, "node %d of %s", fresh->key, "${name}");
    while (*at != NULL) at = fresh->key < (*at)->key ? &(*at)->left : &(*at)->right;
    *at = fresh;
  }
  int sum = 0;
  for (struct node *at = root; at != NULL; at = (sum & 1) != 0 ? at->left : at->right)
    sum += at->key + (int)at->weight + (int)strlen(at->name);
  return sum + ${callee()}(sum & 7);
}
`,
  (name, random, callee) => `int ${name}(int n) {
  char text[${64 + random(64)}];
  unsigned hash = ${random(100000)}u;
  memset(text, 'a' + n % 26, sizeof text - 1);
  text[sizeof text - 1] = 0;
  for (size_t i = 0; i < sizeof text - 1; i += ${2 + random(5)}) text[i] = (char)('0' + (n + (int)i) % 10);
  for (const char *at = text; *at != 0; at++) {
    if (*at >= '0' && *at <= '9') hash = hash * 10 + (unsigned)(*at - '0');
    else hash = (hash << 5 | hash >> 27) ^ (unsigned char)*at;
  }
  char *found = strchr(text, '${random(10)}');
  return (int)(hash % 100003) + (found != NULL ? (int)(found - text) : ${callee()}(n / 2));
}
`,
]

/** For `git fast-import`: one branch of commits, each of which changes a few lines in one to three files. */
export function gitHistory(commits: number): string {
  const random = randomNumbers(3)
  const word = vocabulary(random)
  const line = (): string => Array.from({ length: 4 + random(8) }, word).join(' ')
  const files = Array.from({ length: 60 }, (_, i) => ({
    path: `${['src', 'docs', 'test'][i % 3]}/${word()}/${word()}-${i}.txt`,
    lines: Array.from({ length: 20 + random(150) }, line),
  }))
  const parts: string[] = []
  const data = (content: string): string => `data ${Buffer.byteLength(content)}\n${content}\n`
  for (let i = 0; i < commits; i++) {
    const author = `Author ${random(7)} <author@example.com> ${1_600_000_000 + i * 5000} +0000`
    const message = `${line()}\n\n${line()}\n${line()}\n`
    parts.push(`commit refs/heads/main\nauthor ${author}\ncommitter ${author}\n${data(message)}`)
    // The first commit has all files.
    const changed =
      i === 0 ? files : Array.from({ length: 1 + random(3) }, () => files[random(files.length)]!)
    for (const { path, lines } of changed) {
      for (let change = 0; change < 1 + random(4); change++)
        lines.splice(random(lines.length), random(4), ...Array.from({ length: random(4) }, line))
      if (lines.length === 0) lines.push(line())
      parts.push(`M 100644 inline ${path}\n${data(`${lines.join('\n')}\n`)}`)
    }
    parts.push('\n')
  }
  return parts.join('')
}
