// Much floating point in little time, for the lock-step tests: functions, conversions, printing, sorting, and
// 128-bit integers. With LONG_DOUBLE the 80-bit variants, which libc computes on the x87 unit.
#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

int main(void) {
  double sum = 0;
  float single = 0;
  char text[300];
  for (int i = 1; i < 4000; i++) {
    double x = i * 0.37;
    sum += sin(x) * cos(x / 3) + exp(-x / 500) * log(x) + pow(x, 1.37) + atan2(x, 3) + cbrt(x) + tgamma(1 + x / 4000);
    sum += erf(x / 1000) + fmod(x, 0.7) + floor(x) + rint(x) + nearbyint(x / 3) + (double)(long)(x * 1e10) / 7;
    single += sinf(x) + expf(-x / 100) + sqrtf(x) + (float)(unsigned)(x * 3);
    if (i % 100 == 0) {
      snprintf(text, sizeof text, "%.17g %g %a %e %d\n", sum, single, sum, (double)single, (int)single);
      fputs(text, stdout);
      sum = strtod(text, 0) / 2;
    }
  }
#ifdef LONG_DOUBLE
  long double wide = 0;
  for (int i = 1; i < 400; i++) {
    long double x = i * 0.37L;
    wide += sinl(x) * expl(-x / 1000) + logl(x) + powl(x, 0.3L) + sqrtl(x) + tanl(x) + atan2l(x, 2) + fmodl(x, 0.3L) + ldexpl(x, -3);
    if (i % 20 == 0) {
      snprintf(text, sizeof text, "%.20Lg %La %lld\n", wide, wide, (long long)wide);
      fputs(text, stdout);
      wide = strtold(text, 0) / 3;
    }
  }
#endif
  double complex z = 1 + 2 * I;
  for (int i = 0; i < 200; i++) z = csqrt(z * z + cexp(z / 50));
  printf("%g %g\n", creal(z), cimag(z));
  static double numbers[3000];
  unsigned state = 1;
  for (int i = 0; i < 3000; i++) numbers[i] = (state = state * 1103515245 + 12345) / 7.0;
  qsort(numbers, 3000, sizeof *numbers, compare);
  printf("%g %g\n", numbers[0], numbers[2999]);
  unsigned __int128 product = 1;
  for (int i = 1; i < 500; i++) product = product * (i | 1) + product / (i + 3) % 77777777777777ull;
  printf("%llx\n", (unsigned long long)(product >> 64));
  return 0;
}
