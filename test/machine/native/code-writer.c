// Programs that write code: as a just-in-time compiler does, over itself, through another mapping, across pages,
// and code read from a file into a page that held other code. Prints the same natively and in a machine.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef int (*function)(void);

// mov $value, %eax; ret
static void emit(unsigned char *at, int value) {
  at[0] = 0xb8;
  memcpy(at + 1, &value, 4);
  at[5] = 0xc3;
}

int main(void) {
  const int all = PROT_READ | PROT_WRITE | PROT_EXEC;
  unsigned char *code = mmap(NULL, 8192, all, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  long sum = 0;
  for (int i = 0; i < 3000; i++) {
    emit(code, i);
    sum += ((function)code)();
  }
  printf("rewritten 3000 times: %ld\n", sum);

  // A function across two pages, changed on the second one.
  emit(code + 4094, 1);
  sum = ((function)(code + 4094))();
  code[4094 + 2] = 1;  // second byte of the immediate: + 256
  sum += ((function)(code + 4094))();
  printf("across pages: %ld\n", sum);

  // The same page mapped twice, written through the other mapping.
  int memory = memfd_create("code", 0);
  if (ftruncate(memory, 4096) < 0) return 1;
  unsigned char *write_view = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  unsigned char *run_view = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, memory, 0);
  sum = 0;
  for (int i = 0; i < 1000; i++) {
    emit(write_view + (i % 8) * 16, i);
    sum += ((function)(run_view + (i % 8) * 16))();
  }
  printf("two mappings: %ld\n", sum);

  // An instruction that changes the next one: 'inc eax' becomes 'dec eax'.
  //   mov $5,%eax; movb $0xc8, 1f+1(%rip); 1: inc %eax (ff c0); ret
  unsigned char self[] = {0xb8, 5, 0, 0, 0, 0xc6, 0x05, 1, 0, 0, 0, 0xc8, 0xff, 0xc0, 0xc3};
  memcpy(code, self, sizeof self);
  printf("next instruction: %d\n", ((function)code)());

  // Code that is read from a file, by the kernel, into pages that held other code.
  char name[] = "/tmp/code-XXXXXX";
  int file = mkstemp(name);
  unsigned char page[4096];
  sum = 0;
  for (int i = 0; i < 200; i++) {
    memset(page, 0x90, sizeof page);
    emit(page + 4000, i * 3);
    if (pwrite(file, page, sizeof page, 0) != sizeof page || pread(file, code, sizeof page, 0) != sizeof page) return 1;
    sum += ((function)code)();
  }
  unlink(name);
  printf("read from a file: %ld\n", sum);

  // Data and code in one page.
  volatile int32_t *data = (volatile int32_t *)(code + 64);
  emit(code, 11);
  *data = 0;
  for (int i = 0; i < 5000; i++) *data += ((function)code)();
  printf("data beside code: %d\n", *data);
  return 0;
}
