// epoll, level-triggered. The agent never blocks anywhere else, except in vfork() until the child has exec'd.
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "report.h"

#define BATCH 64

static int epoll_fd = -1;
static bool stopped;

// Memory that dies with the current batch. An intrusive list: the first word of a dead block is the link.
struct dead {
  struct dead *next;
};
static struct dead *graveyard;

void loop_open(void) {
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) give_up("init", "epoll_create1", errno);
}

void loop_stop(void) { stopped = true; }

void loop_run(void) {
  struct epoll_event events[BATCH];
  while (!stopped) {
    int count = epoll_wait(epoll_fd, events, BATCH, -1);
    if (count < 0 && errno != EINTR) give_up("init", "epoll_wait", errno);
    for (int turn = 0; turn < 2; turn++) {
      for (int i = 0; i < count && !stopped; i++) {
        struct source *source = events[i].data.ptr;
        if (source->watching != 0 && source->first == (turn == 0)) source->ready(source, events[i].events);
      }
    }
    while (graveyard != NULL) {
      struct dead *next = graveyard->next;
      free(graveyard);
      graveyard = next;
    }
  }
}

void source_watch(struct source *source, uint32_t events) {
  if (events == source->watching) return;
  struct epoll_event event = {.events = events, .data.ptr = source};
  int how = events == 0 ? EPOLL_CTL_DEL : source->watching == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (epoll_ctl(epoll_fd, how, source->fd, &event) < 0) report("init", "epoll_ctl", errno);
  source->watching = events;
}

void source_close(struct source *source) {
  if (source->fd < 0) return;
  // Before close(): a descriptor that a child still shares would otherwise stay registered.
  source_watch(source, 0);
  close(source->fd);
  source->fd = -1;
}

void free_later(void *memory) {
  struct dead *dead = memory;
  dead->next = graveyard;
  graveyard = dead;
}
