// long double functions that end in the x87's transcendental instructions (F2XM1, FYL2X, FPATAN, …). Processors may
// differ there in the last bit, so each result is judged against 113-bit arithmetic instead of being printed:
// the bounds are glibc's own for this architecture plus one.
#include <math.h>
#include <quadmath.h>
#include <stdio.h>

static double distance(long double got, __float128 exact) {
  if (isnan(got)) return isnanq(exact) ? 0 : 1e9;
  if (!finiteq((__float128)(long double)exact)) return got == (long double)exact ? 0 : 1e9;
  int exponent;
  frexpq(exact, &exponent);
  if (exponent < -16381) exponent = -16381;
  return (double)fabsq(((__float128)got - exact) / scalbnq(1, exponent - 64));
}

#define ONE(name, bound, from, to) do { \
  double worst = 0; \
  for (int i = 0; i < 400; i++) { \
    volatile long double x = (from) + ((to) - (from)) * (i + 0.5L) / 400; \
    double d = distance(name##l(x), name##q(x)); \
    if (d > worst) worst = d; \
  } \
  if (worst <= bound) printf("%s: within %d ulp\n", #name, bound); \
  else printf("%s: off by %g ulp\n", #name, worst); \
} while (0)

int main(void) {
  ONE(exp, 2, -11000, 11000);
  ONE(exp, 2, -1, 1);
  ONE(exp2, 2, -16000, 16000);
  ONE(expm1, 4, -2, 2);
  ONE(log, 2, 1e-5L, 1e5L);
  ONE(log2, 2, 1e-5L, 10);
  ONE(log10, 3, 0.5L, 2);
  ONE(log1p, 4, -0.9L, 3);
  ONE(atan, 2, -5, 5);
  ONE(asin, 3, -1, 1);
  ONE(acos, 3, -1, 1);
  ONE(sinh, 4, -3, 3);
  ONE(cosh, 4, -3, 3);
  ONE(tanh, 5, -2, 2);
  ONE(asinh, 5, -4, 4);
  ONE(acosh, 5, 1, 9);
  ONE(atanh, 5, -1, 1);
  ONE(sin, 2, -50, 50);
  ONE(cos, 2, -50, 50);
  ONE(tan, 3, -50, 50);
  ONE(tgamma, 8, 0.5L, 20);
  ONE(lgamma, 8, 3, 90);
  ONE(cbrt, 4, -9, 9);
  ONE(sqrt, 1, 0, 9);
  ONE(erf, 3, -2, 2);
  double worst = 0;
  for (int i = 1; i < 40; i++) for (int j = -20; j < 20; j++) {
      volatile long double x = i * 0.37L, y = j * 1.93L;
      double d = distance(powl(x, y), powq(x, y)), e = distance(atan2l(y, x), atan2q(y, x));
      if (d > worst) worst = d;
      if (e > worst) worst = e;
    }
  if (worst <= 2) puts("pow, atan2: within 2 ulp");
  else printf("pow, atan2: off by %g ulp\n", worst);
  return 0;
}
