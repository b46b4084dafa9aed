// Memory whose mapping changes: pages that come, go, are copied when written, seen at two addresses, read-only for a
// while, thrown away and zero again. What an engine remembers about addresses must go at the right moment.

import type { ChapterMaker } from '../chapter.ts'

export const pages: ChapterMaker = ({ random, names }) => {
  const name = names.fresh('pages')
  const count = random.pick([4, 16, 64])
  return {
    declarations: [
      `static NOINLINE u64 ${name}(u32 steps) {
  enum { PAGE = 4096, COUNT = ${count} };
  u64 sum = 0;
  int file = memfd_create("pages", 0);
  if (file < 0 || ftruncate(file, COUNT * PAGE)) abort();
  u8 *own = mmap(NULL, COUNT * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  u8 *one = mmap(NULL, COUNT * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  u8 *other = mmap(NULL, COUNT * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  u8 *copy = mmap(NULL, COUNT * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  if (own == MAP_FAILED || one == MAP_FAILED || other == MAP_FAILED || copy == MAP_FAILED) abort();
  for (u32 i = 0; i < steps; i++) {
    u64 word = random_word();
    u32 page = (u32)word % COUNT, offset = (u32)(word >> 20) % (PAGE - 8);
    u8 *at = own + page * PAGE;
    u64 value;
    switch (word >> 32 & 7) {
    case 0: one[page * PAGE + offset] += (u8)i; sum = sum * 3 + other[page * PAGE + offset]; break;
    case 1:
      mprotect(at, PAGE, PROT_READ);
      memcpy(&value, at + offset, 8);
      sum += value;
      mprotect(at, PAGE, PROT_READ | PROT_WRITE);
      at[offset] = (u8)i;
      break;
    case 2: at[offset] = (u8)(i + 1); sum += at[offset]; madvise(at, PAGE, MADV_DONTNEED); sum = sum * 5 + at[offset]; break;
    case 3:
      if (mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file, page * PAGE) != at) abort();
      sum = sum * 7 + at[offset];
      at[offset] ^= 0x55;
      sum += other[page * PAGE + offset];
      break;
    case 4: copy[page * PAGE + offset] += 3; one[page * PAGE + (offset ^ 1)] += 5; sum = sum * 3 + copy[page * PAGE + offset]; break;
    case 5: for (u32 k = 0; k < COUNT; k++) { own[k * PAGE + offset] += (u8)k; sum += own[k * PAGE + (offset ^ 4)]; } break;
    case 6:
      if (page + 1 < COUNT) { memcpy(&value, at + PAGE - 3, 8); sum ^= value; value += i; memcpy(at + PAGE - 5, &value, 8); }
      break;
    default:
      munmap(at, PAGE);
      if (mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at) abort();
      sum = sum * 11 + at[offset];
      at[offset] = (u8)i;
    }
  }
  munmap(own, COUNT * PAGE);
  munmap(one, COUNT * PAGE);
  munmap(other, COUNT * PAGE);
  munmap(copy, COUNT * PAGE);
  close(file);
  return sum;
}`,
    ],
    calls: [`check(${names.check()}, ${name}(${20 + random.below(100)}));`],
  }
}
