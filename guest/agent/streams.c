// Pairs stdio streams with programs. A stream and the START of its program travel on different connections,
// so either may arrive first; an early stream waits here, unread, until its program is known.
#define _GNU_SOURCE
#include "streams.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "process.h"
#include "protocol.h"

// Streams without a program. The host opens three for a START, so this is the limit of starts under way.
#define MAX_WAITING 4096

struct waiting {
  struct source source;  // first: what free_later() overwrites is not needed any more
  struct waiting *next;
  uint32_t got;
  char header[STREAM_HEADER_BYTES];
};

static struct waiting *waiting_list;
static uint32_t waiting_count;

static void leave_list(struct waiting *waiting) {
  struct waiting **link = &waiting_list;
  while (*link != waiting) link = &(*link)->next;
  *link = waiting->next;
  waiting_count--;
  free_later(waiting);
}

static uint32_t stream_id(const struct waiting *waiting) {
  uint32_t id;
  memcpy(&id, waiting->header, 4);
  return id;
}

static void match(struct waiting *waiting) {
  // Out of epoll first: the relay registers the same descriptor for itself.
  source_watch(&waiting->source, 0);
  switch (program_stream(stream_id(waiting), (unsigned char)waiting->header[4], waiting->source.fd)) {
    case STREAM_TAKEN:
      leave_list(waiting);
      break;
    case STREAM_REFUSED:
      source_close(&waiting->source);
      leave_list(waiting);
      break;
    case STREAM_EARLY:
      break;
  }
}

static void header_ready(struct source *source, uint32_t events) {
  (void)events;
  struct waiting *waiting = CONTAINER(source, struct waiting, source);
  ssize_t n = recv(source->fd, waiting->header + waiting->got, STREAM_HEADER_BYTES - waiting->got, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    source_close(source);
    leave_list(waiting);
    return;
  }
  waiting->got += (uint32_t)n;
  if (waiting->got == STREAM_HEADER_BYTES) match(waiting);
}

void streams_retry(uint32_t id) {
  for (struct waiting *waiting = waiting_list, *next; waiting != NULL; waiting = next) {
    next = waiting->next;
    if (waiting->got == STREAM_HEADER_BYTES && stream_id(waiting) == id) match(waiting);
  }
}

static void listener_ready(struct source *source, uint32_t events) {
  (void)events;
  int fd;
  while ((fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    struct waiting *waiting = waiting_count < MAX_WAITING ? calloc(1, sizeof *waiting) : NULL;
    if (waiting == NULL) {
      close(fd);
      continue;
    }
    waiting->source = (struct source){.ready = header_ready, .fd = fd};
    waiting->next = waiting_list;
    waiting_list = waiting;
    waiting_count++;
    header_ready(&waiting->source, EPOLLIN);  // usually it is already there
    if (waiting->source.fd == fd && waiting->got < STREAM_HEADER_BYTES) source_watch(&waiting->source, EPOLLIN);
  }
}

void streams_listen(int fd) {
  static struct source listener = {.ready = listener_ready};
  listener.fd = fd;
  source_watch(&listener, EPOLLIN);
}
