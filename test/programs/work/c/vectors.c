// SSE to SSE4.2: GCC's vector extensions of every element type, and the intrinsics of each instruction family,
// over pseudo-random and special values.
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wmmintrin.h>
#define VECTOR(name, type) typedef type name __attribute__((vector_size(16)))
VECTOR(v16i8, int8_t);
VECTOR(v16u8, uint8_t);
VECTOR(v8i16, int16_t);
VECTOR(v8u16, uint16_t);
VECTOR(v4i32, int32_t);
VECTOR(v4u32, uint32_t);
VECTOR(v2i64, int64_t);
VECTOR(v2u64, uint64_t);
VECTOR(v4f, float);
VECTOR(v2d, double);
static uint64_t state = 88172645463325252u, hash;
static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}
static void mix(uint64_t v) {
  hash = (hash ^ v) * 1099511628211u;
  hash ^= hash >> 31;
}
static void mixv(__m128i v) {
  uint64_t w[2];
  memcpy(w, &v, 16);
  mix(w[0]);
  mix(w[1]);
}
static void mixf(__m128 v) {
  float f[4];
  memcpy(f, &v, 16);
  for (int i = 0; i < 4; i++) {
    uint32_t w;
    memcpy(&w, f + i, 4);
    mix(isnan(f[i]) ? 1 : w);
  }
}
static void mixd(__m128d v) {
  double d[2];
  memcpy(d, &v, 16);
  for (int i = 0; i < 2; i++) {
    uint64_t w;
    memcpy(&w, d + i, 8);
    mix(isnan(d[i]) ? 1 : w);
  }
}
static void done(const char *name) {
  printf("%-12s %016lx\n", name, hash);
  hash = 0;
}
static __m128i any(void) {
  uint64_t w[2] = { next(), next() };
  __m128i v;
  memcpy(&v, w, 16);
  switch (next() % 8) {
  case 0:
    return _mm_setzero_si128();
  case 1:
    return _mm_set1_epi8(-1);
  case 2:
    return _mm_set1_epi8(-128);
  case 3:
    return _mm_and_si128(v, _mm_set1_epi8(0x7f));
  default:
    return v;
  }
}
static const float specials[] = { 0, -0.0f, 1, -1, 0.5f, 2.5f, -3.5f, 1e30f, 1e-40f, INFINITY, -INFINITY, 3e9f, -3e9f, 1.1f, 16777217, 0x1p-126f };
static __m128 anyf(void) {
  float f[4];
  for (int i = 0; i < 4;
       i++) f[i] = next() & 1 ? specials[next() % 16] : (float)((double)(int64_t)next() * 0x1p-40);
  __m128 v;
  memcpy(&v, f, 16);
  return v;
}
static __m128d anyd(void) {
  double f[2];
  for (int i = 0; i < 2; i++) f[i] = next() & 1 ? specials[next() % 16] : (double)(int64_t)next() * 0x1p-40;
  __m128d v;
  memcpy(&v, f, 16);
  return v;
}
#define INTEGER(T) do { for (int i = 0; i < 300; i++) { T a = (T)any(), b = (T)any(), m = a & (T){ 7, 3 }; \
  mixv((__m128i)(a + b)); mixv((__m128i)(a - b)); mixv((__m128i)(a * b)); mixv((__m128i)(a & b)); mixv((__m128i)(a | b)); mixv((__m128i)(a ^ b)); mixv((__m128i)~a); mixv((__m128i)-a); mixv((__m128i)(a << 3)); mixv((__m128i)(a >> 2)); mixv((__m128i)(a == b)); mixv((__m128i)(a > b)); mixv((__m128i)(a <= b)); mixv(((__m128i)a & (__m128i)(a > b)) | ((__m128i)b & ~(__m128i)(a > b))); mixv((__m128i)__builtin_shuffle(a, b, m)); mixv((__m128i)(a / ((b & 63) | 1))); } done(#T); } while (0)
#define FLOATING(T, any, mix) do { for (int i = 0; i < 300; i++) { T a = (T)any(), b = (T)any(); mix(a + b); mix(a - b); mix(a * b); mix(a / b); mix(-a); mixv(((__m128i)a & (__m128i)(a > b)) | ((__m128i)b & ~(__m128i)(a > b))); mixv((__m128i)(a < b)); mixv((__m128i)(a != b)); } done(#T); } while (0)
#define B(f) mixv(f(a, b))
int main(void) {
  INTEGER(v16i8);
  INTEGER(v16u8);
  INTEGER(v8i16);
  INTEGER(v8u16);
  INTEGER(v4i32);
  INTEGER(v4u32);
  INTEGER(v2i64);
  INTEGER(v2u64);
  FLOATING(v4f, anyf, mixf);
  FLOATING(v2d, anyd, mixd);
  for (int i = 0; i < 500; i++) {
    __m128i a = any(), b = any(), n = _mm_cvtsi32_si128(next() % 70);
    B(_mm_adds_epi8);
    B(_mm_adds_epi16);
    B(_mm_adds_epu8);
    B(_mm_adds_epu16);
    B(_mm_subs_epi8);
    B(_mm_subs_epi16);
    B(_mm_subs_epu8);
    B(_mm_subs_epu16);
    B(_mm_avg_epu8);
    B(_mm_avg_epu16);
    B(_mm_madd_epi16);
    B(_mm_mulhi_epi16);
    B(_mm_mulhi_epu16);
    B(_mm_mullo_epi16);
    B(_mm_mul_epu32);
    B(_mm_sad_epu8);
    B(_mm_max_epi16);
    B(_mm_min_epu8);
    B(_mm_packs_epi16);
    B(_mm_packs_epi32);
    B(_mm_packus_epi16);
    B(_mm_unpackhi_epi8);
    B(_mm_unpacklo_epi16);
    B(_mm_unpackhi_epi32);
    B(_mm_unpacklo_epi64);
    B(_mm_andnot_si128);
    B(_mm_cmpeq_epi8);
    B(_mm_cmpgt_epi16);
    mixv(_mm_sll_epi16(a, n));
    mixv(_mm_srl_epi32(a, n));
    mixv(_mm_sra_epi16(a, n));
    mixv(_mm_sra_epi32(a, n));
    mixv(_mm_sll_epi64(a, n));
    mixv(_mm_slli_si128(a, 5));
    mixv(_mm_srli_si128(a, 11));
    mixv(_mm_shuffle_epi32(a, 0x1b));
    mixv(_mm_shufflehi_epi16(a, 0x72));
    mixv(_mm_shufflelo_epi16(a, 0x8d));
    mix(_mm_movemask_epi8(a));
    mix(_mm_extract_epi16(a, 3));
    mixv(_mm_insert_epi16(a, 77, 6));
  }
  done("sse2");
  for (int i = 0; i < 500; i++) {
    __m128i a = any(), b = any();
    B(_mm_shuffle_epi8);
    B(_mm_hadd_epi16);
    B(_mm_hadd_epi32);
    B(_mm_hadds_epi16);
    B(_mm_hsub_epi16);
    B(_mm_hsubs_epi16);
    B(_mm_hsub_epi32);
    B(_mm_maddubs_epi16);
    B(_mm_mulhrs_epi16);
    B(_mm_sign_epi8);
    B(_mm_sign_epi16);
    B(_mm_sign_epi32);
    mixv(_mm_abs_epi8(a));
    mixv(_mm_abs_epi16(a));
    mixv(_mm_abs_epi32(a));
    mixv(_mm_alignr_epi8(a, b, 3));
    mixv(_mm_alignr_epi8(a, b, 19));
  }
  done("ssse3");
  for (int i = 0; i < 500; i++) {
    __m128i a = any(), b = any();
    B(_mm_mul_epi32);
    B(_mm_mullo_epi32);
    B(_mm_max_epi8);
    B(_mm_max_epi32);
    B(_mm_max_epu16);
    B(_mm_max_epu32);
    B(_mm_min_epi8);
    B(_mm_min_epi32);
    B(_mm_min_epu16);
    B(_mm_min_epu32);
    B(_mm_packus_epi32);
    B(_mm_cmpeq_epi64);
    B(_mm_cmpgt_epi64);
    mixv(_mm_blendv_epi8(a, b, _mm_xor_si128(a, b)));
    mixv(_mm_blend_epi16(a, b, 0x5a));
    mixv(_mm_mpsadbw_epu8(a, b, 5));
    mixv(_mm_minpos_epu16(a));
    mixv(_mm_cvtepi8_epi16(a));
    mixv(_mm_cvtepu8_epi32(a));
    mixv(_mm_cvtepi8_epi64(a));
    mixv(_mm_cvtepi16_epi32(a));
    mixv(_mm_cvtepu16_epi64(a));
    mixv(_mm_cvtepi32_epi64(a));
    mixv(_mm_cvtepu32_epi64(a));
    mix(_mm_extract_epi8(a, 9));
    mix(_mm_extract_epi32(a, 2));
    mix(_mm_extract_epi64(a, 1));
    mixv(_mm_insert_epi8(a, 5, 13));
    mixv(_mm_insert_epi64(a, 5, 1));
    mix(_mm_testz_si128(a, b));
    mix(_mm_testc_si128(a, b));
    mix(_mm_testnzc_si128(a, b));
    __m128 f = anyf(), g = anyf();
    __m128d d = anyd(), e = anyd();
    mixf(_mm_round_ps(f, 8));
    mixf(_mm_floor_ps(f));
    mixf(_mm_ceil_ps(f));
    mixd(_mm_round_pd(d, 3));
    mixd(_mm_round_sd(d, e, 1));
    mixf(_mm_dp_ps(f, g, 0x7b));
    mixd(_mm_dp_pd(d, e, 0x31));
    mixf(_mm_blendv_ps(f, g, g));
    mixd(_mm_blend_pd(d, e, 2));
    mixf(_mm_insert_ps(f, g, 0x9a));
    mix(_mm_extract_ps(f, 1));
  }
  done("sse4.1");
  for (int i = 0; i < 300; i++) {
    __m128i a = _mm_and_si128(any(), _mm_set1_epi8(0x1f)), b = _mm_and_si128(any(), _mm_set1_epi8(0x1f));
    int la = next() % 20, lb = next() % 20;
#define STRINGS(mode) mixv(_mm_cmpestrm(a, la, b, lb, mode)); mix(_mm_cmpestri(a, la, b, lb, mode)); mix(_mm_cmpestrc(a, la, b, lb, mode) | _mm_cmpestro(a, la, b, lb, mode) << 1 | _mm_cmpestrs(a, la, b, lb, mode) << 2 | _mm_cmpestrz(a, la, b, lb, mode) << 3 | _mm_cmpestra(a, la, b, lb, mode) << 4); mixv(_mm_cmpistrm(a, b, mode)); mix(_mm_cmpistri(a, b, mode)); mix(_mm_cmpistrz(a, b, mode) | _mm_cmpistro(a, b, mode) << 1)
    STRINGS(0);
    STRINGS(4);
    STRINGS(8);
    STRINGS(12);
    STRINGS(0x45);
    STRINGS(0x1a);
    STRINGS(0x3e);
    STRINGS(0x70);
    STRINGS(0x15);
    mix(_mm_crc32_u8(i, next()));
    mix(_mm_crc32_u16(i, next()));
    mix(_mm_crc32_u32(i, next()));
    mix(_mm_crc32_u64(i, next()));
    mix(_mm_popcnt_u64(next()));
    mix(_mm_popcnt_u32(next()));
  }
  done("sse4.2");
#define F(f) mixf(f(a, b))
#define D(f) mixd(f(c, d))
  for (int i = 0; i < 500; i++) {
    __m128 a = anyf(), b = anyf();
    __m128d c = anyd(), d = anyd();
    __m128i n = any();
    F(_mm_min_ps);
    F(_mm_max_ps);
    F(_mm_min_ss);
    F(_mm_add_ss);
    F(_mm_div_ss);
    F(_mm_hadd_ps);
    F(_mm_hsub_ps);
    F(_mm_addsub_ps);
    F(_mm_unpackhi_ps);
    F(_mm_unpacklo_ps);
    F(_mm_movehl_ps);
    F(_mm_movelh_ps);
    F(_mm_andnot_ps);
    F(_mm_cmpunord_ps);
    F(_mm_cmpnge_ps);
    F(_mm_cmpeq_ss);
    D(_mm_min_pd);
    D(_mm_max_sd);
    D(_mm_hadd_pd);
    D(_mm_hsub_pd);
    D(_mm_addsub_pd);
    D(_mm_unpackhi_pd);
    D(_mm_cmpord_pd);
    D(_mm_cmpnlt_sd);
    D(_mm_div_sd);
    D(_mm_mul_sd);
    mixf(_mm_sqrt_ps(a));
    mixd(_mm_sqrt_pd(c));
    mixd(_mm_sqrt_sd(c, d));
    mixf(_mm_shuffle_ps(a, b, 0x9c));
    mixd(_mm_shuffle_pd(c, d, 1));
    mixf(_mm_moveldup_ps(a));
    mixf(_mm_movehdup_ps(a));
    mixd(_mm_movedup_pd(c));
    mix(_mm_movemask_ps(a));
    mix(_mm_movemask_pd(c));
    mixv(_mm_cvtps_epi32(a));
    mixv(_mm_cvttps_epi32(a));
    mixv(_mm_cvtpd_epi32(c));
    mixv(_mm_cvttpd_epi32(c));
    mixf(_mm_cvtepi32_ps(n));
    mixd(_mm_cvtepi32_pd(n));
    mixf(_mm_cvtpd_ps(c));
    mixd(_mm_cvtps_pd(a));
    mixd(_mm_cvtss_sd(c, a));
    mixf(_mm_cvtsd_ss(a, c));
    mix(_mm_cvtsd_si64(c));
    mix(_mm_cvttsd_si32(c));
    mix(_mm_cvtss_si64(a));
    mix(_mm_cvttss_si32(a));
    mixd(_mm_cvtsi64_sd(c, next()));
    mixf(_mm_cvtsi32_ss(a, next()));
    mix(_mm_comieq_ss(a, b) | _mm_comilt_ss(a, b) << 1 | _mm_comigt_sd(c, d) << 2 | _mm_ucomige_sd(c,
        d) << 3 | _mm_ucomineq_ss(a, b) << 4);
  }
  done("floating");
  _Alignas(16) char bytes[64] = { 0 };
  for (int i = 0; i < 100; i++) {
    __m128i a = any();
    _mm_stream_si128((__m128i *)bytes, a);
    _mm_storeu_si128((__m128i *)(bytes + 17), a);
    _mm_storel_epi64((__m128i *)(bytes + 40), a);
    _mm_maskmoveu_si128(a, any(), bytes + 33);
    _mm_sfence();
    mixv(_mm_lddqu_si128((__m128i *)(bytes + 3)));
    mixv(_mm_loadl_epi64((__m128i *)(bytes + 35)));
    mixd(_mm_loadh_pd(anyd(), (double *)(bytes + 8)));
    mixd(_mm_loaddup_pd((double *)bytes));
    _mm_prefetch(bytes, _MM_HINT_T0);
  }
  done("memory");
  _mm_setcsr(0x9fc0);
  for (int i = 0; i < 200; i++) {
    mixf(_mm_mul_ps(anyf(), _mm_set1_ps(1e-30f)));
    mixd(_mm_mul_pd(anyd(), _mm_set1_pd(1e-310)));
  }
  mix(_mm_getcsr() & 0xffc0);
  done("flush to zero");
  _mm_setcsr(0x1f80);
  for (int m = 0; m < 4; m++) {
    _MM_SET_ROUNDING_MODE(m << 13);
    for (int i = 0; i < 100; i++) {
      mixv(_mm_cvtps_epi32(anyf()));
      mixd(_mm_div_pd(anyd(), anyd()));
      mixf(_mm_cvtpd_ps(anyd()));
      mixf(_mm_sqrt_ps(anyf()));
    }
  }
  mix(_mm_getcsr());
  done("rounding");
  _mm_setcsr(0x1f80);
  __m64 m = _mm_set_pi16(1, -2, 300, -32768), o = _mm_set_pi8(1, 2, 3, 4, 250, 6, 127, 128);
  long q;
  __m64 r[] = { _mm_add_pi16(m, o), _mm_madd_pi16(m, o), _mm_packs_pi16(m, o), _mm_shuffle_pi16(m, 0x4e), _mm_sad_pu8(m, o), _mm_mulhi_pu16(m, o), _mm_unpackhi_pi8(m, o), _mm_srai_pi16(m, 3), _mm_cmpgt_pi8(m, o), _mm_cvtps_pi32(_mm_set1_ps(2.5f)) };

  for (int i = 0; i < 10; i++) {
    memcpy(&q, r + i, 8);
    mix(q);
  }
  _mm_empty();
  done("mmx");
  volatile long double after = 1;
  printf("%Lg\n", after / 3);
  return 0;
}
