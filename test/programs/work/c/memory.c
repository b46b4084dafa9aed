// Virtual memory and code that changes itself: mappings, protections, copy on write, shared pages, a small JIT,
// executable pages written through a second mapping, code that patches its own loop, huge sparse mappings.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
typedef long (*function)(long);
static void emit(unsigned char *p, int32_t add) {
  memcpy(p, "\x48\x8d\x87", 3);  // lea rax,[rdi+add]; ret
  memcpy(p + 3, &add, 4);
  p[7] = 0xc3;
}
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  unsigned char *code = mmap(0, 65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  long total = 0;
  for (int i = 0; i < 3000; i++) {
    emit(code + i % 50, i * 3);
    total += ((function)(code + i % 50))(i);
  }
  printf("rewritten %ld\n", total);
  for (int i = 0; i < 8000; i++) emit(code + i * 8, i);
  total = 0;
  for (int r = 0; r < 3; r++) for (int i = 0; i < 8000; i++) total += ((function)(code + i * 8))(r);
  printf("many functions %ld\n", total);
  // mov eax,0 / L: add eax,1 / dec dword... : the loop patches the immediate of an instruction further on
  static const unsigned char loop[] = { 0x31,0xc0, 0xb9,0x64,0,0,0, /* loop: */ 0x05,1,0,0,0, /* inc byte [rip-9+...] the immediate of add */ 0xfe,0x05,0xf6,0xff,0xff,0xff, 0xff,0xc9, 0x75,0xf1, 0xc3 };
  memcpy(code + 4090, loop, sizeof loop);
  for (int i = 0; i < 3; i++) printf("patched itself %ld\n", ((function)(code + 4090))(0));
  int fd = memfd_create("jit", 0);
  ftruncate(fd, 4096);
  unsigned char *w = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *x = mmap(0, 4096,
                     PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  total = 0;
  for (int i = 0; i < 500; i++) {
    emit(w, i);
    total += ((function)x)(1);
  }
  printf("two mappings %ld\n", total);
  for (int i = 0; i < 100; i++) {
    mprotect(code, 4096, PROT_READ | PROT_WRITE);
    emit(code, i);
    mprotect(code, 4096, PROT_READ | PROT_EXEC);
    total += ((function)code)(i);
  }
  printf("w^x %ld\n", total);
  char *p = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(p, 1, 1 << 20);
  int sums[2];
  pipe(sums);
  if (fork() == 0) {
    for (int i = 0; i < 1 << 20; i += 4096) p[i] = 2;
    int s = 0;
    for (int i = 0; i < 1 << 20; i++) s += p[i];
    write(sums[1], &s, 4);
    _exit(0);
  }
  wait(0);
  int s = 0, t;
  read(sums[0], &s, 4);
  t = 0;
  for (int i = 0; i < 1 << 20; i++) t += p[i];
  printf("copy on write %d %d\n", s, t);
  volatile int *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (int c = 0; c < 4; c++) if (fork() == 0) {
      for (int i = 0; i < 5000; i++) __atomic_fetch_add(shared, 1, __ATOMIC_SEQ_CST);
      _exit(0);
    }
  while (wait(0) > 0) {} printf("shared %d\n", *shared);
  char *grown = malloc(100);
  for (size_t n = 100; n < 8 << 20; n *= 2) {
    grown = realloc(grown, n * 2);
    memset(grown + n, n >> 8, n);
  }
  size_t h = 0;
  for (size_t i = 100; i < 8 << 20; i += 997) h = h * 31 + grown[i];
  printf("grown %zu\n", h);
  free(grown);
  char *huge = mmap(0, 1ul << 40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  for (int i = 0; i < 40; i++) huge[1ul << i] = i;
  s = 0;
  for (int i = 0; i < 40; i++) s += huge[1ul << i];
  printf("sparse %d %d\n", s, huge[12345]);
  munmap(huge, 1ul << 40);
  p = mremap(p, 1 << 20, 2 << 20, MREMAP_MAYMOVE);
  printf("moved %d %d\n", p[4096], p[(2 << 20) - 1]);
  madvise(p, 8192, MADV_DONTNEED);
  printf("dropped %d %d\n", p[0], p[8192]);
  unsigned char resident[3];
  mincore(p, 12288, resident);
  printf("resident %d%d%d\n", resident[0] & 1, resident[1] & 1, resident[2] & 1);
  int id = shmget(IPC_PRIVATE, 8192, 0600);
  int *a = shmat(id, 0, 0);
  a[5] = 55;
  if (fork() == 0) {
    int *b = shmat(id, 0, 0);
    b[6] = b[5] + 1;
    _exit(0);
  }
  wait(0);
  printf("shm %d\n", a[6]);
  shmctl(id, IPC_RMID, 0);
  struct iovec local = { sums, sizeof sums }, remote = { (void *)&shared, sizeof shared };
  void *seen = 0;
  local = (struct iovec) {
    &seen, sizeof seen
  };
  printf("vm_readv %zd %d\n", process_vm_readv(getpid(), &local, 1, &remote, 1, 0), seen == shared);
  int f = open("/tmp/mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
  ftruncate(f, 10000);
  char *m = mmap(0, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
  strcpy(m + 4090, "across pages");
  msync(m, 10000, MS_SYNC);
  char buffer[20] = { 0 };
  pread(f, buffer, 12, 4090);
  printf("file %s\n", buffer);
  pwrite(f, "ACROSS", 6, 4090);
  printf("file %s\n", m + 4090);
  errno = 0;
  printf("%d %d\n", mmap(0, 0, 1, MAP_PRIVATE, f, 0) == MAP_FAILED, errno);
  char *stack = __builtin_alloca(500000);
  memset(stack, 3, 500000);
  printf("stack %d\n", stack[250000]);
  printf("brk %d\n", (int)((char *)sbrk(4096) - (char *)sbrk(0)));
  return 0;
}
