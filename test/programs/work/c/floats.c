// float, double and long double: printing and reading in every format, the edges of each type, conversions,
// rounding modes, exception flags, and every libm function over a grid (folded into one number each).
#include <complex.h>
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double grid[] = { 0.0, -0.0, 1.0, -1.0, 0.5, 1.5, -2.5, 3.0, 10.0, 1e-5, 1e5, 123456.789, 1e17, -1e17, 1e300, 1e-300,
                               5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, INFINITY, -INFINITY, NAN, M_PI, M_E, 0.1, 1.0 / 3, 709.7, -745.1, 4503599627370497.5
                             };
#define GRID (int)(sizeof grid / sizeof *grid)

static uint64_t fold(uint64_t hash, const void *bytes, int length) {
  for (int i = 0; i < length; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
  return hash;
}
static uint64_t foldf(uint64_t h, float x) {
  if (isnan(x)) return fold(h, "nan", 3);
  return fold(h, &x, 4);
}
static uint64_t foldd(uint64_t h, double x) {
  if (isnan(x)) return fold(h, "nan", 3);
  return fold(h, &x, 8);
}
static uint64_t foldl(uint64_t h, long double x) {
  if (isnan(x)) return fold(h, "nan", 3);
  return fold(h, &x, 10);
}

#define ONE(name) do { \
  uint64_t f = 1, d = 1, l = 1; \
  for (int i = 0; i < GRID; i++) { volatile double v = grid[i]; f = foldf(f, name##f((float)v)); d = foldd(d, name(v)); l = foldl(l, name##l(v)); } \
  for (int i = -150; i < 150; i++) { volatile double v = i * 0.3719; f = foldf(f, name##f((float)v)); d = foldd(d, name(v)); l = foldl(l, name##l(v)); } \
  printf("%-10s %016lx %016lx %016lx  %a %La\n", #name, f, d, l, name(0.7), name##l(0.7L)); } while (0)
// Without long double: its last bit is the processor's choice there, see longdoubles.c.
#define ONE_SHORT(name) do { \
  uint64_t f = 1, d = 1; \
  for (int i = 0; i < GRID; i++) { volatile double v = grid[i]; f = foldf(f, name##f((float)v)); d = foldd(d, name(v)); } \
  for (int i = -150; i < 150; i++) { volatile double v = i * 0.3719; f = foldf(f, name##f((float)v)); d = foldd(d, name(v)); } \
  printf("%-10s %016lx %016lx  %a\n", #name, f, d, name(0.7)); } while (0)
#define TWO_SHORT(name) do { \
  uint64_t f = 1, d = 1; \
  for (int i = 0; i < GRID; i++) for (int j = 0; j < GRID; j++) { volatile double a = grid[i], b = grid[j]; \
    f = foldf(f, name##f((float)a, (float)b)); d = foldd(d, name(a, b)); } \
  printf("%-10s %016lx %016lx\n", #name, f, d); } while (0)
#define TWO(name) do { \
  uint64_t f = 1, d = 1, l = 1; \
  for (int i = 0; i < GRID; i++) for (int j = 0; j < GRID; j++) { volatile double a = grid[i], b = grid[j]; \
    f = foldf(f, name##f((float)a, (float)b)); d = foldd(d, name(a, b)); l = foldl(l, name##l(a, b)); } \
  printf("%-10s %016lx %016lx %016lx\n", #name, f, d, l); } while (0)

static void show(const char *name, double x) {
  printf("%s %g %a %.17g %f %e %d\n", name, x, x, x, x, x, fpclassify(x));
}
static void showl(const char *name, long double x) {
  printf("%s %Lg %La %.21Lg %Lf %Le %d\n", name, x, x, x, x, x, fpclassify(x));
}

int main(void) {
  for (int i = 0; i < GRID; i++) {
    printf("%d %g %a %.0f %.3f %10.4e|%G|%+.2f|% .1f|%#.0f|%-12g|%012g\n", i, grid[i], grid[i], grid[i], grid[i],
           grid[i], grid[i], grid[i], grid[i], grid[i], grid[i], grid[i]);
    showl("L", grid[i]);
  }
  show("FLT_MAX", FLT_MAX);
  show("FLT_MIN", FLT_MIN);
  show("DBL_MAX", DBL_MAX);
  show("DBL_TRUE_MIN", DBL_TRUE_MIN);
  show("DBL_EPSILON", DBL_EPSILON);
  showl("LDBL_MAX", LDBL_MAX);
  showl("LDBL_MIN", LDBL_MIN);
  showl("LDBL_TRUE_MIN", LDBL_TRUE_MIN);
  showl("LDBL_EPSILON", LDBL_EPSILON);
  showl("pi", acosl(-1));

  static const char *const texts[] = { "0.1", "1e23", "9007199254740993", "1.7976931348623158e308", "1.8e308", "4.9e-324", "2e-324", "0x1.fffffffffffff8p0", "-inf", "nan(123)", "1e-4950", "3.14159265358979323846264338327950288419716939937510" };
  for (int i = 0; i < 12; i++) {
    printf("%s: %a %a %La\n", texts[i], strtof(texts[i], 0), strtod(texts[i], 0), strtold(texts[i], 0));
  }

  static const int modes[] = { FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO };
  for (int m = 0; m < 4; m++) {
    fesetround(modes[m]);
    volatile double one = 1, three = 3, big = 1e308, half = 2.5;
    volatile float onef = 1, threef = 3;
    volatile long double onel = 1, threel = 3;
    printf("mode %d: %a %a %La %a %g %ld %ld %lld %La %La ", m, one / three, onef / threef, onel / threel,
           -one / three, big * 10, lrint(half), lrint(-half), llrintl(3.5L), rintl(2.5L), nearbyintl(-0.5L));
    printf("%.1f %.1f %a %a\n", 0.25, 0.35, sqrt(2), (double)(float)0.1);
    volatile uint64_t huge = 0xfffffffffffffc01;
    volatile int64_t odd = 0x7ffffffffffffdff;
    printf("%a %a %La %a\n", (double)huge, (double)odd, (long double)huge, (float)odd);
  }
  fesetround(FE_TONEAREST);
  struct {
    const char *name;
    double (*f)(double, double);
    double a, b;
  } ops[] = { { "hypot", hypot, 1e308, 1e308 }, { "pow", pow, 10, -400 }, { "fmod", fmod, 1, 0 }, { "remainder", remainder, 7, 0 } };
  for (int i = 0; i < 4; i++) {
    feclearexcept(FE_ALL_EXCEPT);
    volatile double r = ops[i].f(ops[i].a, ops[i].b);
    int raised = fetestexcept(FE_ALL_EXCEPT);
    printf("%s %g %#x\n", ops[i].name, r, raised);
  }
  {
    feclearexcept(FE_ALL_EXCEPT);
    volatile double z = 0, o = 1, r = o / z;
    printf("1/0 %g %#x ", r, fetestexcept(FE_ALL_EXCEPT));
    feclearexcept(FE_ALL_EXCEPT);
    r = z / z;
    printf("0/0 %d %#x ", isnan(r), fetestexcept(FE_ALL_EXCEPT));
    feclearexcept(FE_ALL_EXCEPT);
    r = 5e-324;
    r = r * 0.5;
    printf("tiny %#x ", fetestexcept(FE_ALL_EXCEPT));
    feclearexcept(FE_ALL_EXCEPT);
    volatile long double lz = 0, lr = 1 / lz;
    printf("L %Lg %#x\n", lr, fetestexcept(FE_ALL_EXCEPT));
  }

  volatile double conv[] = { 1e10, -1e10, 3.99, -3.99, 255.5, 1e19, 2147483647.5 };
  for (int i = 0; i < 7;
       i++) printf("%ld %d %u %lu %f %Lf\n", (long)(conv[i] < 9e18 ? conv[i] : 0),
                     (int)(fabs(conv[i]) < 2e9 ? conv[i] : 0), (unsigned)(conv[i] > 0 &&
                         conv[i] < 4e9 ? conv[i] : 0), (unsigned long)(conv[i] > 0 ? conv[i] : 0), (double)(float)conv[i],
                     (long double)conv[i] / 7);
  for (int i = 0; i < 64; i += 7) {
    int64_t s = (int64_t)((uint64_t)0x8000000000000001 >> i);
    printf("%a %a %La %a %a\n", (double)s, (float)s, (long double)s, (double)(uint64_t)s, (double)(int)s);
  }

  ONE(sin);
  ONE(cos);
  ONE(tan);
  ONE_SHORT(asin);
  ONE_SHORT(acos);
  ONE_SHORT(atan);
  ONE_SHORT(sinh);
  ONE_SHORT(cosh);
  ONE_SHORT(tanh);
  ONE_SHORT(asinh);
  ONE_SHORT(acosh);
  ONE_SHORT(atanh);
  ONE_SHORT(exp);
  ONE_SHORT(exp2);
  ONE_SHORT(expm1);
  ONE_SHORT(log);
  ONE_SHORT(log2);
  ONE_SHORT(log10);
  ONE_SHORT(log1p);
  ONE(logb);
  ONE(sqrt);
  ONE(cbrt);
  ONE_SHORT(erf);
  ONE_SHORT(erfc);
  ONE_SHORT(tgamma);
  ONE_SHORT(lgamma);
  ONE(ceil);
  ONE(floor);
  ONE(trunc);
  ONE(round);
  ONE(rint);
  ONE(nearbyint);
  ONE(fabs);
  ONE_SHORT(j0);
  ONE_SHORT(y1);
  ONE_SHORT(exp10);
  TWO_SHORT(atan2);
  TWO_SHORT(pow);
  TWO(fmod);
  TWO(remainder);
  TWO(hypot);
  TWO(fdim);
  TWO(fmax);
  TWO(fmin);
  TWO(copysign);
  TWO(nextafter);
  {
    uint64_t h = 1;
    for (int i = 0; i < GRID; i++) {
      int e;
      long double whole;
      h = foldl(h, frexpl(grid[i], &e));
      if (isfinite(grid[i])) h = fold(h, &e, 4);
      h = foldl(h, modfl(grid[i], &whole));
      h = foldl(h, whole);
      h = foldl(h, ldexpl(grid[i], -1074));
      h = foldd(h, scalbn(grid[i], 37));
      h = foldd(h, fma(grid[i], 1.0000001, 0.3));
      h = foldl(h, fmal(grid[i], 1.0000001L, 0.3L));
      int q;
      h = foldd(h, remquo(grid[i], 0.7, &q));
    }
    printf("parts %016lx\n", h);
  }
  double complex z = csqrt(-2 + 3 * I) * cexp(I * 1.25);
  long double complex zl = cpowl(2 + I, 0.5L - I);
  printf("%a %a %.15Lg %.15Lg\n", creal(z), cimag(z), creall(zl), cimagl(zl));

  long double harmonic = 0;
  for (int i = 1; i < 20000; i++) harmonic += 1.0L / i;
  double h = 0;
  for (int i = 1; i < 20000; i++) h += 1.0 / i;
  float hf = 0;
  for (int i = 1; i < 20000; i++) hf += 1.0f / i;
  printf("%.21Lg %.17g %.9g %La\n", harmonic, h, hf, harmonic);
  return 0;
}
