// The relay: real pipes towards the program, one vsock stream per pipe towards the host.
//
//    output:  program ─► pipe ─► buffer ─► stream ─► host       stdin: the same, reversed
//
// A side is only watched while something can be done about its event: the source while the buffer is empty,
// the sink while it is not. So a slow reader on either side stops the writer on the other, and nothing is
// buffered beyond 64 KiB here. Endings, in the words of pipe(7):
//   the writer closes            → the rest is delivered, then the sink is closed (end of file);
//   the reader closes its end    → both are closed at once, and the writer gets SIGPIPE or EPIPE.
#define _GNU_SOURCE
#include "relay.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "process.h"

#define RELAY_BUFFER_BYTES 65536  // the size of a pipe: one read can empty it
// Rounds before other sources get their turn: a program that writes without end must not starve the rest.
#define ROUNDS 8

enum outcome { AGAIN, MOVED, ENDED, BROKEN };

static void pump(struct relay *);
static void pipe_ready(struct source *source, uint32_t events);
static void stream_ready(struct source *source, uint32_t events);

struct relay *relay_new(struct program *program, int fd, int pipe_fd) {
  struct relay *relay = calloc(1, sizeof *relay);
  if (relay == NULL) return NULL;
  relay->pipe = (struct source){.ready = pipe_ready, .fd = pipe_fd};
  relay->stream = (struct source){.ready = stream_ready, .fd = -1};
  relay->program = program;
  relay->fd = fd;
  return relay;
}

void relay_attach(struct relay *relay, int stream_fd) {
  relay->stream.fd = stream_fd;
  relay->buffer = malloc(RELAY_BUFFER_BYTES);
  if (relay->buffer == NULL) {
    relay_drop(relay);
    return;
  }
  pump(relay);
}

void relay_drop(struct relay *relay) {
  source_close(&relay->pipe);
  source_close(&relay->stream);
  program_lost_relay(relay->program, relay);
  free(relay->buffer);
  free_later(relay);
}

uint64_t relay_written(const struct relay *relay) {
  int waiting = 0;
  if (ioctl(relay->pipe.fd, FIONREAD, &waiting) < 0) waiting = 0;
  return relay->total + (uint64_t)waiting;
}

bool relay_has_writer(const struct relay *relay) {
  struct pollfd pipe = {.fd = relay->pipe.fd, .events = POLLIN};
  return !relay->at_end && (poll(&pipe, 1, 0) < 0 || !(pipe.revents & POLLHUP));
}

static void pipe_ready(struct source *source, uint32_t events) {
  struct relay *relay = CONTAINER(source, struct relay, pipe);
  // The write end of a pipe reports EPOLLERR when its last reader is gone.
  if (relay->fd == 0 && (events & EPOLLERR))
    relay_drop(relay);
  else
    pump(relay);
}

static void stream_ready(struct source *source, uint32_t events) {
  struct relay *relay = CONTAINER(source, struct relay, stream);
  // The host sends nothing on an output stream: whatever arrives there is its end.
  if (relay->fd != 0 && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
    relay_drop(relay);
  else
    pump(relay);
}

static enum outcome fill(struct relay *relay) {
  ssize_t n = relay->fd == 0 ? recv(relay->stream.fd, relay->buffer, RELAY_BUFFER_BYTES, 0)
                             : read(relay->pipe.fd, relay->buffer, RELAY_BUFFER_BYTES);
  if (n < 0) return errno == EAGAIN || errno == EINTR ? AGAIN : ENDED;  // a reset stream is an end of file
  if (n == 0) return ENDED;
  relay->start = 0;
  relay->end = (uint32_t)n;
  if (relay->fd != 0) relay->total += (uint64_t)n;
  return MOVED;
}

static enum outcome drain(struct relay *relay) {
  const char *from = relay->buffer + relay->start;
  size_t size = relay->end - relay->start;
  ssize_t n = relay->fd == 0 ? write(relay->pipe.fd, from, size) : send(relay->stream.fd, from, size, MSG_NOSIGNAL);
  if (n < 0) return errno == EAGAIN || errno == EINTR ? AGAIN : BROKEN;
  relay->start += (uint32_t)n;
  return MOVED;
}

static void pump(struct relay *relay) {
  for (int round = 0; round < ROUNDS; round++) {
    if (relay->start == relay->end && !relay->at_end) {
      enum outcome filled = fill(relay);
      if (filled == AGAIN) break;
      if (filled == ENDED) relay->at_end = true;
      // What the host had asked for before it wrote this, a signal, comes first: it is in the socket by now.
      if (filled == MOVED && relay->fd == 0 && control_waiting()) break;
    }
    if (relay->start == relay->end) {
      relay_drop(relay);  // at the end, and everything delivered
      return;
    }
    enum outcome drained = drain(relay);
    if (drained == BROKEN) {
      relay_drop(relay);
      return;
    }
    if (drained == AGAIN || relay->start != relay->end) break;
  }

  struct source *from = relay->fd == 0 ? &relay->stream : &relay->pipe;
  struct source *to = relay->fd == 0 ? &relay->pipe : &relay->stream;
  bool full = relay->start != relay->end;
  // The sink stays in epoll even when there is nothing to write, to hear that its reader has gone.
  uint32_t reader_gone = relay->fd == 0 ? (uint32_t)EPOLLERR : EPOLLIN | EPOLLRDHUP;
  source_watch(from, full ? 0 : EPOLLIN);
  source_watch(to, full ? EPOLLOUT | reader_gone : reader_gone);
}
