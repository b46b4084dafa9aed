// POSIX threads: mutexes, conditions, barriers, read-write locks, semaphores, thread-local storage, atomics of every
// width, cancellation, once, futex hand-over, with totals that only correct locking gives.
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define THREADS 6
#define ROUNDS 2000
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t semaphore;
static pthread_spinlock_t spin;
static long plain, shared[4];
static int turn, once_count, queue[16], head, tail, produced, consumed;
static _Thread_local long mine = 5;
static atomic_long a64;
static atomic_int a32;
static _Atomic short a16;
static _Atomic char a8;
static atomic_flag flag = ATOMIC_FLAG_INIT;
static struct {
  _Atomic long v;
} swapped;
static pthread_key_t key;
static atomic_int destroyed;
static void do_once(void) {
  once_count++;
}
static void destroy(void *p) {
  destroyed++;
  free(p);
}
static void *work(void *arg) {
  long id = (long)arg;
  pthread_once(&once, do_once);
  pthread_setspecific(key, strdup("x"));
  for (int i = 0; i < ROUNDS; i++) {
    pthread_mutex_lock(&mutex);
    plain++;
    pthread_mutex_unlock(&mutex);
    atomic_fetch_add(&a64, i);
    atomic_fetch_add(&a32, 3);
    a16 += 1;
    a8++;
    mine += id;
    long old = swapped.v;
    while (!atomic_compare_exchange_weak(&swapped.v, &old, old * 31 % 1000003 == 0 ? old : old + 2)) {}
    if (i % 16 == 0) {
      pthread_rwlock_wrlock(&rw);
      shared[0]++;
      shared[1] = shared[0];
      pthread_rwlock_unlock(&rw);
    } else {
      pthread_rwlock_rdlock(&rw);
      if (shared[0] != shared[1]) puts("torn");
      pthread_rwlock_unlock(&rw);
    }
    if (i % 100 == 0) {
      while (atomic_flag_test_and_set(&flag)) sched_yield();
      shared[2]++;
      atomic_flag_clear(&flag);
      sem_wait(&semaphore);
      shared[3]++;
      sem_post(&semaphore);
      pthread_spin_lock(&spin);
      pthread_spin_unlock(&spin);
      sched_yield();
    }
  }
  for (int phase = 0; phase < 20; phase++) pthread_barrier_wait(&barrier);
  for (int i = 0; i < 30; i++) {
    pthread_mutex_lock(&mutex);
    while (turn % THREADS != id) pthread_cond_wait(&changed, &mutex);
    turn++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
  }
  return (void *)mine;
}
static void *produce(void *arg) {
  (void)arg;
  for (int i = 1; i <= 500; i++) {
    pthread_mutex_lock(&mutex);
    while (head - tail == 16) pthread_cond_wait(&changed, &mutex);
    queue[head++ % 16] = i;
    produced += i;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
  }
  return 0;
}
static void *consume(void *arg) {
  (void)arg;
  for (int i = 1; i <= 500; i++) {
    pthread_mutex_lock(&mutex);
    while (head == tail) pthread_cond_wait(&changed, &mutex);
    consumed += queue[tail++ % 16];
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
  }
  return 0;
}
static void cleanup(void *p) {
  *(int *)p = 1;
}
static void *forever(void *p) {
  pthread_cleanup_push(cleanup, p);
  for (;;) pause();
  pthread_cleanup_pop(0);
  return 0;
}
static void *fp(void *arg) {
  double x = (long)arg;
  long double y = x;
  for (int i = 1; i < 20000; i++) {
    x += 1.0 / (i + x);
    y += 1.0L / (i + y);
  }
  double *r = malloc(16);
  r[0] = x;
  r[1] = y;
  return r;
}
int main(void) {
  pthread_t t[THREADS];
  void *r;
  pthread_barrier_init(&barrier, 0, THREADS);
  sem_init(&semaphore, 0, 1);
  pthread_spin_init(&spin, 0);
  pthread_key_create(&key, destroy);
  for (long i = 0; i < THREADS; i++) pthread_create(&t[i], 0, work, (void *)i);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(t[i], &r);
    printf("thread %d local %ld\n", i, (long)r);
  }
  printf("%ld %ld %d %d %d %ld %ld %ld %ld %d %d %d\n", plain, a64, a32, a16, a8, swapped.v, shared[0],
         shared[2], shared[3], turn, once_count, destroyed);
  pthread_create(&t[0], 0, produce, 0);
  pthread_create(&t[1], 0, consume, 0);
  pthread_join(t[0], 0);
  pthread_join(t[1], 0);
  printf("%d %d\n", produced, consumed);
  int cleaned = 0;
  pthread_create(&t[0], 0, forever, &cleaned);
  usleep(20000);
  pthread_cancel(t[0]);
  pthread_join(t[0], &r);
  printf("cancelled %d %d\n", r == PTHREAD_CANCELED, cleaned);
  for (long i = 0; i < 4; i++) pthread_create(&t[i], 0, fp, (void *)i);
  for (int i = 0; i < 4; i++) {
    pthread_join(t[i], &r);
    printf("%a %a\n", ((double *)r)[0], ((double *)r)[1]);
  }
  struct timespec past = { 1, 0 };
  pthread_mutex_lock(&mutex);
  printf("timed %d\n", pthread_cond_timedwait(&changed, &mutex, &past));
  pthread_mutexattr_t recursive;
  pthread_mutexattr_init(&recursive);
  pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_t m;
  pthread_mutex_init(&m, &recursive);
  pthread_mutex_lock(&m);
  printf("again %d\n", pthread_mutex_lock(&m));
  return 0;
}
