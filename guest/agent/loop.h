// The one event loop: a source is a descriptor and the function to call when something happens to it.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct source {
  void (*ready)(struct source *, uint32_t events);
  int fd;
  uint32_t watching;  // what epoll was last told; 0: not in epoll
  bool first;         // called before the others that something happened to at the same time
};

// The structure that holds a source as its member.
#define CONTAINER(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))

void loop_open(void);
// Sleeps for ever, calling sources; returns when loop_stop() was called.
void loop_run(void);
void loop_stop(void);

// Sets what to wait for. 0 takes the descriptor out of epoll altogether, because epoll reports EPOLLHUP and
// EPOLLERR unasked, and a source which cannot make progress now would be reported without end.
void source_watch(struct source *, uint32_t events);
// Closes the descriptor. Events of the current batch that name this source are dropped.
void source_close(struct source *);
// free(), but after the current batch of events, which may still point at `memory`.
void free_later(void *memory);
