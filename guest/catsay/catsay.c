// catsay: reads stdin, and a cat says it. With CATSAY_MODE=dog, a dog does.
//
//     _______________
//    < I'm a teapot! >      one line: < >, several: / \ on top, | | between, \ / at the bottom
//     ---------------
//
// The text is cut at newlines and wrapped at WIDTH columns, at a space where there is one. Columns are counted
// for UTF-8 roughly as terminals do it: combining marks take none, CJK and emoji two. Control characters are
// dropped, so that what is said cannot steer the terminal. Whole input in memory; no other dependency than libc.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WIDTH 60
#define TAB 8
// Enough for any joke; the rest of the input is read and ignored, so that its writer gets no SIGPIPE.
#define MAX_INPUT (1 << 20)

static const char CAT[] =
    "      \\\n"
    "       \\   /\\_/\\\n"
    "        \\ ( o.o )\n"
    "           > ^ <   )\n"
    "          /     \\ (\n"
    "         (  | |  )_)\n"
    "          \"\" \"\"\n";

static const char DOG[] =
    "      \\\n"
    "       \\    __      _\n"
    "        \\ o'')}____//\n"
    "           `_/      )\n"
    "           (_(_/-(_/\n";

// ── text ────────────────────────────────────────────────────────────────────────────────────────────────

// One character of UTF-8. A byte that is none becomes '?', alone. Returns the number of bytes taken.
static int decode(const unsigned char *s, size_t left, unsigned *character) {
  static const struct { unsigned char mask, lead; unsigned smallest; } FORMS[] = {
      {0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
  for (int more = 0; more < 4; more++) {
    if ((s[0] & FORMS[more].mask) != FORMS[more].lead || (size_t)more >= left) continue;
    unsigned value = s[0] & (unsigned char)~FORMS[more].mask;
    bool valid = true;
    for (int i = 1; i <= more; i++) {
      valid = valid && (s[i] & 0xc0) == 0x80;
      value = value << 6 | (s[i] & 0x3f);
    }
    if (!valid || value < FORMS[more].smallest || value > 0x10ffff) break;
    *character = value;
    return more + 1;
  }
  *character = 0xfffd;
  return 1;
}

static bool within(unsigned c, const unsigned (*ranges)[2], size_t count) {
  for (size_t i = 0; i < count; i++)
    if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
  return false;
}

static int columns(unsigned c) {
  static const unsigned NONE[][2] = {{0x300, 0x36f}, {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0x1f3fb, 0x1f3ff}, {0xe0000, 0xe01ef}};
  static const unsigned WIDE[][2] = {{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};
  if (within(c, NONE, sizeof NONE / sizeof *NONE)) return 0;
  return within(c, WIDE, sizeof WIDE / sizeof *WIDE) ? 2 : 1;
}

struct line {
  const char *text;
  size_t bytes;
  int width;
};

struct lines {
  struct line *all;
  size_t count, room;
  int widest;
};

static void add_line(struct lines *lines, const char *text, size_t bytes, int width) {
  if (lines->count == lines->room) {
    lines->room = lines->room * 2 + 16;
    lines->all = realloc(lines->all, lines->room * sizeof *lines->all);
    if (lines->all == NULL) exit(1);
  }
  lines->all[lines->count++] = (struct line){text, bytes, width};
  if (width > lines->widest) lines->widest = width;
}

// Cuts one line of input into lines of at most WIDTH columns.
static void wrap(struct lines *lines, const char *text, size_t bytes) {
  size_t start = 0, at = 0, space = 0;
  int width = 0, width_at_space = 0;
  while (at < bytes) {
    unsigned c;
    int size = decode((const unsigned char *)text + at, bytes - at, &c);
    int more = columns(c);
    if (width + more > WIDTH) {
      bool at_space = space > start;
      size_t end = at_space ? space : at;
      add_line(lines, text + start, end - start, at_space ? width_at_space : width);
      start = at_space ? space + 1 : at;  // the space itself is swallowed
      at = start;
      width = 0;
      continue;
    }
    if (c == ' ') {
      space = at;
      width_at_space = width;
    }
    width += more;
    at += (size_t)size;
  }
  add_line(lines, text + start, bytes - start, width);
}

// Tabs become spaces, other control characters and broken UTF-8 go, all in a new buffer.
static char *clean(const char *input, size_t bytes, size_t *cleaned) {
  char *text = malloc(bytes * TAB + 1);
  if (text == NULL) exit(1);
  size_t out = 0;
  int column = 0;
  for (size_t at = 0; at < bytes;) {
    unsigned c;
    int size = decode((const unsigned char *)input + at, bytes - at, &c);
    if (c == '\t') {
      do text[out++] = ' ';
      while (++column % TAB != 0);
    } else if (c == 0xfffd && size == 1) {
      text[out++] = '?';
      column++;
    } else if (c == '\n' || (c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0))) {
      memcpy(text + out, input + at, (size_t)size);
      out += (size_t)size;
      column = c == '\n' ? 0 : column + columns(c);
    }
    at += (size_t)size;
  }
  *cleaned = out;
  return text;
}

static struct lines layout(const char *text, size_t bytes) {
  struct lines lines = {0};
  while (bytes > 0 && text[bytes - 1] == '\n') bytes--;
  for (size_t start = 0; start <= bytes;) {
    const char *newline = memchr(text + start, '\n', bytes - start);
    size_t length = newline != NULL ? (size_t)(newline - text) - start : bytes - start;
    wrap(&lines, text + start, length);
    start += length + 1;
  }
  return lines;
}

// ── drawing ─────────────────────────────────────────────────────────────────────────────────────────────

static void repeat(char c, int times) {
  while (times-- > 0) putchar(c);
}

static void draw_balloon(const struct lines *lines) {
  putchar(' ');
  repeat('_', lines->widest + 2);
  putchar('\n');
  for (size_t i = 0; i < lines->count; i++) {
    const struct line *line = &lines->all[i];
    const char *sides = lines->count == 1 ? "<>" : i == 0 ? "/\\" : i == lines->count - 1 ? "\\/" : "||";
    printf("%c %.*s", sides[0], (int)line->bytes, line->text);
    repeat(' ', lines->widest - line->width);
    printf(" %c\n", sides[1]);
  }
  putchar(' ');
  repeat('-', lines->widest + 2);
  putchar('\n');
}

static char *read_all(size_t *bytes) {
  char *input = malloc(MAX_INPUT);
  if (input == NULL) exit(1);
  *bytes = 0;
  ssize_t n;
  while (*bytes < MAX_INPUT && (n = read(STDIN_FILENO, input + *bytes, MAX_INPUT - *bytes)) > 0) *bytes += (size_t)n;
  char rest[4096];
  while (*bytes == MAX_INPUT && read(STDIN_FILENO, rest, sizeof rest) > 0) continue;
  return input;
}

int main(void) {
  size_t bytes, cleaned;
  char *input = read_all(&bytes);
  char *text = clean(input, bytes, &cleaned);
  struct lines lines = layout(text, cleaned);
  const char *mode = getenv("CATSAY_MODE");
  draw_balloon(&lines);
  fputs(mode != NULL && strcmp(mode, "dog") == 0 ? DOG : CAT, stdout);
  return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
