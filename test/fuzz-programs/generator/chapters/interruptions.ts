// A timer's signal interrupts everything else in the program, every so many microseconds; its handler uses the same
// registers. Nothing that the program prints may tell.

import type { ChapterMaker } from '../chapter.ts'

export const interruptions: ChapterMaker = ({ random, names }) => {
  const [handler, count] = [names.fresh('on_timer'), names.fresh('times')]
  const microseconds = random.pick([150, 400, 1000])
  const ownStack = random.below(2) === 0
  return {
    declarations: [
      `static volatile u64 ${count};
static volatile double ${count}_double = 1;
static volatile longdouble ${count}_long = 1;
static void ${handler}(int signal) {
  u64 sum = 0;
  u8 room[64];
  for (u32 i = 0; i < 64; i++) room[i] = (u8)(i * (u32)signal);
  for (u32 i = 0; i < 64; i++) sum += rotate_u64(room[i], i);
  ${count} += sum;
  ${count}_double = ${count}_double * 1.5 > 1e9 ? 1 : ${count}_double * 1.5;
  ${count}_long = ${count}_long / 3 + 1;
}`,
    ],
    setUp: [
      ownStack
        ? `{ static u8 room[65536]; stack_t stack = {.ss_sp = room, .ss_size = sizeof room}; sigaltstack(&stack, NULL); }`
        : '',
      `{
  struct sigaction action = {.sa_handler = ${handler}, .sa_flags = SA_RESTART | ${ownStack ? 'SA_ONSTACK' : '0'}};
  struct itimerval often = {{0, ${microseconds}}, {0, ${microseconds}}};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &often, NULL);
}`,
    ],
    calls: [
      `{ volatile u64 sum = 0; for (u32 i = 0; i < 3000; i++) sum = sum * 3 + i; check(${names.check()}, sum); }`,
    ],
  }
}
