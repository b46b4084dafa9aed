// Numerical loops in float and double: matrices, elimination, particles, iterations to convergence, sums of series,
// a transform of integers modulo a prime. Results are printed to their last digit.

import type { ChapterMaker } from '../chapter.ts'
import type { Piece } from '../piece.ts'
import { DOUBLE, FLOAT } from '../types.ts'

export const numerics: ChapterMaker = ({ random, names }) => {
  const declarations: Piece[] = []
  const calls: Piece[] = []
  for (const type of [DOUBLE, FLOAT]) {
    const t = type.name
    const n = 3 + random.below(14)
    const [a, b, c, multiply, solve, particles, iterate] = [
      ...['a', 'b', 'c', 'multiply', 'solve', 'particles', 'iterate'].map((name) => names.fresh(name)),
    ]
    const root = type === FLOAT ? '__builtin_sqrtf' : '__builtin_sqrt'
    const s = type.suffix
    declarations.push(
      `static ${t} ${a}[${n}][${n}], ${b}[${n}][${n}], ${c}[${n}][${n}];`,
      `static NOINLINE void ${multiply}(void) {
  for (i32 i = 0; i < ${n}; i++)
    for (i32 j = 0; j < ${n}; j++) {
      ${t} sum = 0;
      for (i32 k = 0; k < ${n}; k++) sum += ${a}[i][k] * ${b}[${random.pick(['k][j', 'j][k'])}];
      ${c}[i][j] = sum;
    }
}`,
      // With the largest pivot; a singular matrix gives a determinant of 0.
      `static NOINLINE ${t} ${solve}(void) {
  ${t} determinant = 1;
  for (i32 k = 0; k < ${n}; k++) {
    i32 best = k;
    for (i32 i = k + 1; i < ${n}; i++)
      if (${c}[i][k] * ${c}[i][k] > ${c}[best][k] * ${c}[best][k]) best = i;
    if (${c}[best][k] == 0) return 0;
    if (best != k) {
      for (i32 j = 0; j < ${n}; j++) { ${t} x = ${c}[k][j]; ${c}[k][j] = ${c}[best][j]; ${c}[best][j] = x; }
      determinant = -determinant;
    }
    determinant *= ${c}[k][k];
    for (i32 i = k + 1; i < ${n}; i++) {
      ${t} factor = ${c}[i][k] / ${c}[k][k];
      for (i32 j = k; j < ${n}; j++) ${c}[i][j] -= factor * ${c}[k][j];
    }
  }
  return determinant;
}`,
      `static NOINLINE ${t} ${particles}(i32 steps) {
  ${t} x[5][3], v[5][3], energy = 0;
  for (i32 i = 0; i < 5; i++)
    for (i32 k = 0; k < 3; k++) { x[i][k] = (${t})(i * ${1 + random.below(9)} + k * 2 % 5); v[i][k] = (${t})(k - i) / 8; }
  for (i32 step = 0; step < steps; step++) {
    for (i32 i = 0; i < 5; i++)
      for (i32 j = i + 1; j < 5; j++) {
        ${t} d[3], square = 0.${1 + random.below(9)}${s};
        for (i32 k = 0; k < 3; k++) { d[k] = x[i][k] - x[j][k]; square += d[k] * d[k]; }
        ${t} force = 0.01${s} / (square * ${root}(square));
        for (i32 k = 0; k < 3; k++) { v[i][k] -= d[k] * force; v[j][k] += d[k] * force * 0.5${s}; }
      }
    for (i32 i = 0; i < 5; i++)
      for (i32 k = 0; k < 3; k++) x[i][k] += v[i][k] * 0.01${s};
  }
  for (i32 i = 0; i < 5; i++)
    for (i32 k = 0; k < 3; k++) energy += v[i][k] * v[i][k] / 2;
  return energy;
}`,
      // Points of a set like Mandelbrot's: how soon they leave.
      `static NOINLINE u64 ${iterate}(${t} from, ${t} step) {
  u64 sum = 0;
  for (i32 i = 0; i < 12; i++) {
    ${t} cx = from + (${t})i * step, cy = 0.${random.below(1000)}${s}, x = 0, y = 0;
    i32 n = 0;
    while (n < 60 && x * x + y * y < 4) {
      ${t} next = x * x - y * y + cx;
      y = 2 * x * y + cy;
      x = next;
      n++;
    }
    sum = sum * 61 + (u64)n;
  }
  return sum;
}`,
    )
    const check = `check_${t}`
    calls.push(
      `for (i32 i = 0; i < ${n}; i++)
  for (i32 j = 0; j < ${n}; j++) { ${a}[i][j] = (${t})(i16)random_word() / 256; ${b}[i][j] = (${t})(i8)random_word(); }`,
      `${multiply}();\ncheck_bytes(${names.check()}, ${c}, sizeof ${c});\n${check}(${names.check()}, ${solve}());`,
      `${check}(${names.check()}, ${particles}(${5 + random.below(20)} + turn));`,
      `check(${names.check()}, ${iterate}(-2 + 0.01${s} * turn, 0.${1 + random.below(300)}${s}));`,
    )
  }
  const transform = names.fresh('transform')
  declarations.push(`static NOINLINE void ${transform}(u32 *x, u32 n, u32 root) {
  const u32 p = 998244353;
  for (u32 i = 1, j = 0; i < n; i++) {
    u32 bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) { u32 t = x[i]; x[i] = x[j]; x[j] = t; }
  }
  for (u32 length = 2; length <= n; length <<= 1) {
    u64 w = 1, step = 1;
    for (u64 e = (p - 1) / length, b = root; e; e >>= 1, b = b * b % p) if (e & 1) step = step * b % p;
    for (u32 k = 0; k < length / 2; k++, w = w * step % p)
      for (u32 i = k; i < n; i += length) {
        u32 u = x[i], v = (u32)(x[i + length / 2] * w % p);
        x[i] = (u + v) % p;
        x[i + length / 2] = (u + p - v) % p;
      }
  }
}`)
  calls.push(`{
  u32 x[${random.pick([16, 32, 64])}];
  for (u32 i = 0; i < sizeof x / 4; i++) x[i] = (u32)random_word() % 998244353;
  ${transform}(x, sizeof x / 4, 3);
  check_bytes(${names.check()}, x, sizeof x);
}`)
  return { declarations, calls }
}
