// String and memory functions of glibc at every alignment (it picks SSE2/SSE4.2 versions), sorting, searching,
// scanning, wide characters, variadic functions.
#define _GNU_SOURCE
#include <ctype.h>
#include <locale.h>
#include <regex.h>
#include <search.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static uint64_t hash = 7;
static void mix(uint64_t v) {
  hash = (hash ^ v) * 1099511628211u;
}
static unsigned seed = 1;
static unsigned rnd(void) {
  seed = seed * 1664525 + 1013904223;
  return seed >> 8;
}
static int by_int(const void *a, const void *b) {
  int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}
static int by_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}
static double sum(int n, ...) {
  va_list l;
  va_start(l, n);
  double s = 0;
  for (int i = 0; i < n;
       i++) s += i % 3 == 0 ? va_arg(l, int) : i % 3 == 1 ? va_arg(l, double) : (double)va_arg(l, long double);
  va_end(l);
  return s;
}

int main(void) {
  setlocale(LC_ALL, "");
  static char a[700], b[700], c[700];
  for (int from = 0; from < 33; from++) for (int length = 0; length < 300;
        length = length < 70 ? length + 1 : length + 29) {
      for (int i = 0; i < 400; i++) a[i] = 'a' + rnd() % 26, b[i] = 0;
      a[from + length] = 0;
      mix(strlen(a + from));
      memcpy(b + from / 2, a + from, length);
      mix(memcmp(b + from / 2, a + from, length) == 0);
      memmove(b + 3, b, length + 20);
      strcpy(c + from % 7, a + from);
      mix(strcmp(c + from % 7, a + from));
      c[from % 7 + length / 2] ^= length > 1;
      mix(strcmp(c + from % 7, a + from) > 0);
      mix(strncmp(c + from % 7, a + from, length / 3));
      char *p = strchr(a + from, 'q');
      mix(p ? p - a : -1);
      p = strrchr(a + from, 'e');
      mix(p ? p - a : -1);
      p = memchr(a + from, 'z', length);
      mix(p ? p - a : -1);
      p = memrchr(a + from, 'k', length);
      mix(p ? p - a : -1);
      p = rawmemchr(a + from, 0);
      mix(p - a);
      mix(strspn(a + from, "abcdefghijklm"));
      mix(strcspn(a + from, "xyz"));
      p = strpbrk(a + from, "uvw");
      mix(p ? p - a : -1);
      p = strstr(a + from, "ab");
      mix(p ? p - a : -1);
      p = memmem(a, 400, "cat", 3);
      mix(p ? p - a : -1);
      p = strcasestr(a + from, "AB");
      mix(p ? p - a : -1);
      mix(strcasecmp(a + from, c) > 0);
      mix(strnlen(a + from, 50));
      memset(b + from, length, length);
      mix(b[from + length / 2]);
      stpcpy(c, a + from);
      strcat(c, "tail");
      mix(strlen(c));
      mix(strcoll(a, c) > 0);
    }
  printf("memory %016lx\n", hash);
  static int numbers[5000];
  for (int i = 0; i < 5000; i++) numbers[i] = rnd();
  qsort(numbers, 5000, sizeof *numbers, by_int);
  for (int i = 0; i < 5000; i += 250) printf("%d ", numbers[i]);
  int key = numbers[777];
  printf("\n%ld\n", (long)((int *)bsearch(&key, numbers, 5000, sizeof *numbers, by_int) - numbers));
  char *words[] = { "pear", "apple", "fig", "Cherry", "banana", "apple2", "" };
  qsort(words, 7, sizeof *words, by_text);
  for (int i = 0; i < 7; i++) printf("[%s]", words[i]);
  puts("");
  printf("%g\n", sum(9, 1, 2.5, 3.25L, 4, 5.5, 6.125L, 7, 8.75, 9.0L));
  int n;
  double d;
  char w[20];
  long double ld;
  unsigned u;
  printf("%d ", sscanf("42 3.5e2 word ff 1.25", "%d %lf %19s %x %Lf", &n, &d, w, &u, &ld));
  printf("%d %g %s %u %Lg\n", n, d, w, u, ld);
  char csv[] = "a,b,,c;d";
  for (char *s, *rest = csv; (s = strsep(&rest, ",;"));) printf("<%s>", s);
  puts("");
  wchar_t wide[50];
  size_t chars = mbstowcs(wide, "grüße 你好 🐱", 50);
  printf("%zu %zu %lc %ls %d\n", chars, wcslen(wide), wide[2], wide, iswalpha(0));
  swprintf(wide, 50, L"%d %ls %.3f", 5, L"wide", 2.5);
  printf("%ls\n", wide);
  for (int i = 0; i < 256; i++) mix(isalpha(i) * 1 + isdigit(i) * 2 + isspace(i) * 4 + toupper(i));
  printf("%016lx\n", hash);
  regex_t r;
  regmatch_t m[3];
  regcomp(&r, "([a-z]+)@([a-z.]+)", REG_EXTENDED);
  int no_match = regexec(&r, "mail bob@example.org now", 3, m, 0);
  printf("%d %d-%d %d-%d\n", no_match, m[1].rm_so, m[1].rm_eo, m[2].rm_so, m[2].rm_eo);
  hcreate(100);
  for (int i = 0; i < 7; i++) hsearch((ENTRY) {
    words[i], (void *)(long)i
  }, ENTER);
  printf("%ld\n", (long)hsearch((ENTRY) {
    "fig", 0
  }, FIND)->data);
  char buffer[100];
  snprintf(buffer, 20, "%s %*d %.*s", "truncated", 8, 5, 3, "abcdef");
  puts(buffer);
  FILE *f = tmpfile();
  fprintf(f, "%d %s\n", 7, "lines");
  rewind(f);
  printf("%s", fgets(buffer, 100, f));
  fseek(f, 2, SEEK_SET);
  printf("%c %ld\n", fgetc(f), ftell(f));
  srand(42);
  printf("%d %d ", rand(), rand());
  srandom(7);
  printf("%ld ", random());
  srand48(3);
  printf("%.17g %ld\n", drand48(), lrand48());
  return 0;
}
