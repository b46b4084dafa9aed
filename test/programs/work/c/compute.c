// Numerical work in all three precisions, and the calling convention: n bodies, LU, FFT, Mandelbrot, spectral norm,
// Runge-Kutta, matrix product, hashing, structures passed by value, recursion, function pointers, tail calls.
#include <complex.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define FOR(i, n) for (int i = 0; i < (n); i++)
#define SUITE(T, S, F) \
static T lu_##S(int n) { T *a = malloc(n * n * sizeof(T)), det = 1; FOR(i, n) FOR(j, n) a[i * n + j] = (T)((i * 37 + j * 101 + i * j) % 29) / 7 + (i == j) * 5; FOR(k, n) { T p = a[k * n + k]; det *= p / 6; for (int i = k + 1; i < n; i++) { T f = a[i * n + k] /= p; for (int j = k + 1; j < n; j++) a[i * n + j] -= f * a[k * n + j]; } } free(a); return det; } \
static T orbit_##S(int steps) { T x = 1, y = 0, u = 0, v = (T)1.1, h = (T)0.01; FOR(i, steps) { T r = x * x + y * y, c = 1 / (r * sqrt##F(r)); u -= h * x * c; v -= h * y * c; x += h * u; y += h * v; } return x * y + u * v; } \
static T norm_##S(int n) { T u[64], v[64], w[64], a = 0, b = 0; FOR(i, n) u[i] = 1; FOR(r, 6) { FOR(i, n) { w[i] = 0; FOR(j, n) w[i] += u[j] / ((i + j) * (i + j + 1) / 2 + i + 1); } FOR(i, n) { v[i] = 0; FOR(j, n) v[i] += w[j] / ((i + j) * (i + j + 1) / 2 + j + 1); } FOR(i, n) { T t = u[i]; u[i] = v[i]; v[i] = t; } } FOR(i, n) { a += u[i] * v[i]; b += v[i] * v[i]; } return sqrt##F(a / b); } \
static int brot_##S(int n) { int t = 0; FOR(i, n) FOR(j, n) { T a = (T)2 * i / n - (T)1.5, b = (T)2 * j / n - 1, x = 0, y = 0; int k = 0; while (k < 60 && x * x + y * y < 4) { T z = x * x - y * y + a; y = 2 * x * y + b; x = z; k++; } t = t * 31 + k; } return t; } \
static T series_##S(int n) { T s = 0; for (int i = n; i > 0; i--) s += sin##F((T)i) * exp##F(-(T)i / n) / log##F((T)i + 1) + pow##F((T)i, (T)0.3); return s; } \
static T sum_##S(T a, int b, T c, T d, long e, T f, T g, T h, T i, T j, T k) { return a + b * c - d / (e + 1) + f * g - h + i * j * k; }
SUITE(float, f, f) SUITE(double, d, ) SUITE(long double, l, l)
static void fft(double complex *x, int n) {
  if (n == 1) return;
  double complex e[n / 2], o[n / 2];
  FOR(i, n / 2) e[i] = x[2 * i], o[i] = x[2 * i + 1];
  fft(e, n / 2);
  fft(o, n / 2);
  FOR(k, n / 2) {
    double complex t = cexp(-2 * M_PI * I * k / n) * o[k];
    x[k] = e[k] + t;
    x[k + n / 2] = e[k] - t;
  }
}
typedef struct {
  char c;
  double d;
} small;
typedef struct {
  long double x;
  int y[5];
} large;
typedef struct {
  float a, b, c;
} three;
typedef struct {
  int64_t a, b;
} pair;
__attribute__((noinline)) static large pass(small s, large l, three t, pair p, int n) {
  l.x += s.d * s.c + t.a * t.b - t.c;
  l.y[n % 5] += p.a - p.b;
  return n ? pass(s, l, (three) {
    t.b, t.c, t.a
  }, (pair) {
    p.b, p.a + 1
  }, n - 1) : l;
}
static uint32_t crc(const unsigned char *p, size_t n) {
  uint32_t c = ~0u;
  while (n--) {
    c ^= *p++;
    FOR(k, 8) c = c >> 1 ^ (0xedb88320 & -(c & 1));
  }
  return ~c;
}
static int ack(int m, int n) {
  return m == 0 ? n + 1 : n == 0 ? ack(m - 1, 1) : ack(m - 1, ack(m, n - 1));
}
static long add(long a, long b) {
  return a + b;
}
static long mul(long a, long b) {
  return a * b;
}
static long sub(long a, long b) {
  return a - b;
}
static int queens(int n, int row, unsigned c, unsigned l, unsigned r) {
  if (row == n) return 1;
  int t = 0;
  for (unsigned f = ~(c | l | r) & ((1u << n) - 1); f; f &= f - 1) {
    unsigned b = f & -f;
    t += queens(n, row + 1, c | b, (l | b) << 1, (r | b) >> 1);
  }
  return t;
}
int main(int argc, char **argv) {
  int scale = argc > 1 ? atoi(argv[1]) : 1;
  printf("lu %a %a %La\n", lu_f(24), lu_d(24 * scale), lu_l(24));
  printf("orbit %a %a %La\n", orbit_f(1500), orbit_d(1500 * scale), orbit_l(1500));
  printf("norm %a %a %La\n", norm_f(40), norm_d(40), norm_l(40));
  printf("brot %d %d %d\n", brot_f(40), brot_d(40 * scale), brot_l(40));
  printf("series %a %a %.15Lg\n", series_f(800), series_d(800), series_l(800));
  printf("sum %a %a %La\n", sum_f(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), sum_d(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
         sum_l(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  double complex x[256];
  FOR(i, 256) x[i] = i % 17 + I * (i % 5);
  fft(x, 256);
  double e = 0;
  FOR(i, 256) e += cabs(x[i]);
  printf("fft %a %a %a\n", e, creal(x[3]), cimag(x[200]));
  large l = pass((small) {
    3, 1.25
  }, (large) {
    0.1L, { 1, 2, 3, 4, 5 }
  }, (three) {
    1, 2, 3
  }, (pair) {
    10, 20
  }, 50);
  printf("pass %La %d %d %d\n", l.x, l.y[0], l.y[2], l.y[4]);
  static unsigned char data[20000];
  FOR(i, 20000) data[i] = i * i >> 3;
  printf("crc %08x\n", crc(data, sizeof data));
  printf("ack %d queens %d\n", ack(2, 200), queens(7 + scale / 2, 0, 0, 0, 0));
  long (*ops[])(long, long) = { add, mul, sub }, v = 1;
  FOR(i, 5000) v = ops[i % 3](v, i | 1) ^ (v >> 7);
  printf("ops %ld\n", v);
  static float m[48][48], n[48][48], p[48][48];
  FOR(i, 48) FOR(j, 48) m[i][j] = i - j * 0.5f, n[i][j] = (i * j) % 7;
  FOR(i, 48) FOR(j, 48) {
    float s = 0;
    FOR(k, 48) s += m[i][k] * n[k][j];
    p[i][j] = s;
  }
  uint64_t h = 0;
  FOR(i, 48) FOR(j, 48) h = h * 31 + (int64_t)p[i][j];
  printf("product %lu\n", h);
  static int16_t s16[1024];
  static int32_t s32[1024];
  static uint8_t s8[1024];
  FOR(i, 1024) s16[i] = i * 77, s32[i] = i * 7919, s8[i] = i * 13;
  long total = 0;
  FOR(r, 20) FOR(i, 1023) {
    s16[i] += s16[i + 1] * 3;
    s32[i] = s32[i] > s32[i + 1] ? s32[i] - s16[i] : s32[i] * 5;
    s8[i] = s8[i] / 3 + s8[i + 1];
  }
  FOR(i, 1024) total += s16[i] + (long)s32[i] * 3 - s8[i];
  printf("loops %ld\n", total);
  return 0;
}
