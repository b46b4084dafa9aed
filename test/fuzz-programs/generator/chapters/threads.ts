// Threads and processes: each computes on its own, some things are shared under a lock or atomically, and the sums do
// not depend on who was first. The guest's one CPU switches between them.

import type { ChapterMaker } from '../chapter.ts'

export const threads: ChapterMaker = ({ random, names }) => {
  const [work, start, shared, lock, own] = ['work', 'start', 'shared', 'lock', 'own'].map((name) =>
    names.fresh(name),
  )
  const processes = names.fresh('processes')
  const count = 2 + random.below(3)
  const steps = 100 + random.below(400)
  return {
    includes: ['pthread.h', 'sched.h', 'sys/wait.h'],
    declarations: [
      `static u64 ${shared}[3];\nstatic pthread_mutex_t ${lock} = PTHREAD_MUTEX_INITIALIZER;\nstatic __thread u64 ${own};`,
      `static NOINLINE u64 ${work}(u64 x, u32 n) {
  double d = 1.0 / (double)(x % 1000 + 1);
  for (u32 i = 0; i < n; i++) {
    x = x * ${random.next()}ULL + ${random.below(1000)};
    x ^= x >> ${1 + random.below(60)};
    d = d * 1.0625 + (double)(x >> 40);
    if (d > 1e12) d = __builtin_sqrt(d);
  }
  return x ^ double_bits(d);
}`,
      `static void *${start}(void *argument) {
  u64 x = (u64)(uintptr_t)argument;
  for (u32 i = 0; i < 5; i++) {
    x = ${own} = ${work}(x, ${steps});
    __atomic_fetch_add(&${shared}[0], x, __ATOMIC_RELAXED);
    pthread_mutex_lock(&${lock});
    ${shared}[1] += x;
    ${shared}[2] ^= ${work}(x, 10);
    pthread_mutex_unlock(&${lock});
    if (i == 2) sched_yield();
    if (${own} != x) abort();
  }
  return (void *)(uintptr_t)x;
}`,
      // The child's writes are its own: pages are copied when one of the two writes.
      `static NOINLINE void ${processes}(u32 id, u64 seed) {
  int ends[2], status = 0;
  u64 answer = 0, before = ${shared}[0];
  if (pipe(ends)) abort();
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    ${shared}[0] = ${work}(seed, ${steps});
    u64 sum = ${shared}[0] + ${shared}[1];
    if (write(ends[1], &sum, 8) != 8) _exit(99);
    _exit((int)(sum & 63));
  }
  u64 mine = ${work}(seed + 1, ${steps});
  close(ends[1]);
  if (read(ends[0], &answer, 8) != 8) answer = 0;
  close(ends[0]);
  waitpid(child, &status, 0);
  check(id, answer);
  check(id, (u64)status * 1000 + (${shared}[0] == before));
  check(id, mine);
}`,
    ],
    calls: [
      `{
  pthread_t threads[${count}];
  u64 sum = 0;
  for (u64 i = 0; i < ${count}; i++) pthread_create(&threads[i], NULL, ${start}, (void *)(uintptr_t)(i * 77 + (u64)turn));
  for (u32 i = 0; i < ${count}; i++) {
    void *result;
    pthread_join(threads[i], &result);
    sum = sum * 3 + (u64)(uintptr_t)result;
  }
  check(${names.check()}, sum);
  for (u32 i = 0; i < 3; i++) check(${names.check()}, ${shared}[i]);
}`,
      `${processes}(${names.check()}, random_word());`,
    ],
  }
}
