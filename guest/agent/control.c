// Frames in both directions over one non-blocking socket.
//
// Incoming: the header first, then the payload into a buffer of exactly its size. Outgoing: a queue that grows
// as needed; while it is long no request is read, so a host that does not listen cannot make it grow for ever.
// When the host closes this connection, nobody is left to work for, and the machine goes down.
#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "power.h"
#include "process.h"
#include "protocol.h"
#include "report.h"
#include "system.h"

#define VERSION "0.1.0"
// From this length on requests wait, and log lines are dropped.
#define QUEUE_HIGH_BYTES 65536

static void control_ready(struct source *, uint32_t events);

static struct source control = {.ready = control_ready, .fd = -1};

static char header[FRAME_HEADER_BYTES];
static uint32_t header_got;
static char *payload;
static uint32_t payload_length, payload_got;

static char *queue;
static size_t queue_start, queue_end, queue_size;

// ── out ─────────────────────────────────────────────────────────────────────────────────────────────────

static void update_watch(void) {
  if (control.fd < 0) return;
  size_t queued = queue_end - queue_start;
  source_watch(&control, (queued < QUEUE_HIGH_BYTES ? EPOLLIN : 0) | (queued > 0 ? EPOLLOUT : 0));
}

static void flush(void) {
  while (queue_start < queue_end) {
    ssize_t n = send(control.fd, queue + queue_start, queue_end - queue_start, MSG_NOSIGNAL);
    if (n < 0) break;  // EAGAIN: later. An error: the read side will see the end.
    queue_start += (size_t)n;
  }
  if (queue_start == queue_end) queue_start = queue_end = 0;
  update_watch();
}

static void enqueue(uint16_t type, uint16_t flags, uint32_t id, const struct writer *w) {
  size_t size = FRAME_HEADER_BYTES + w->length;
  if (queue_start > 0 && queue_end + size > queue_size) {
    memmove(queue, queue + queue_start, queue_end - queue_start);
    queue_end -= queue_start;
    queue_start = 0;
  }
  if (queue_end + size > queue_size) {
    size_t grown = queue_size * 2 > queue_end + size ? queue_size * 2 : queue_end + size + 4096;
    char *larger = realloc(queue, grown);
    if (larger == NULL) give_up("init", "out of memory", 0);
    queue = larger;
    queue_size = grown;
  }
  put_header(queue + queue_end, (uint32_t)w->length, type, flags, id);
  memcpy(queue + queue_end + FRAME_HEADER_BYTES, w->bytes, w->length);
  queue_end += size;
  if (control.fd >= 0) flush();
}

void control_started(uint32_t id, pid_t pid) {
  struct writer w = {.length = 0};
  write_u32(&w, (uint32_t)pid);
  enqueue(MSG_STARTED, 0, id, &w);
}

void control_failed(uint32_t id, int error, uint32_t step) {
  struct writer w = {.length = 0};
  write_u32(&w, (uint32_t)error);
  write_u32(&w, step);
  enqueue(MSG_FAILED, 0, id, &w);
}

void control_exited(uint32_t id, const struct exit_report *report) {
  struct writer w = {.length = 0};
  write_u32(&w, report->code);
  write_u32(&w, report->signal);
  write_u64(&w, report->stdout_bytes);
  write_u64(&w, report->stderr_bytes);
  enqueue(MSG_EXITED, report->held, id, &w);
}

void control_log(const char *message, int error) {
  if (queue_end - queue_start > QUEUE_HIGH_BYTES) return;
  char line[512];
  strncpy(line, message, sizeof line - 1);
  line[sizeof line - 1] = '\0';
  if (error != 0) {
    strncat(line, ": ", sizeof line - 1 - strlen(line));
    strncat(line, strerror(error), sizeof line - 1 - strlen(line));
  }
  struct writer w = {.length = 0};
  write_string(&w, line);
  enqueue(MSG_LOG, 0, 0, &w);
}

// The last word; waits for the host to take it, at most a second.
static void say_bye(void) {
  struct writer w = {.length = 0};
  enqueue(MSG_BYE, 0, 0, &w);
  struct pollfd writable = {.fd = control.fd, .events = POLLOUT};
  while (queue_start < queue_end && poll(&writable, 1, 1000) > 0) {
    size_t before = queue_start;
    flush();
    if (queue_start == before) break;
  }
}

// ── in ──────────────────────────────────────────────────────────────────────────────────────────────────

static uint16_t header_u16(int at) {
  uint16_t value;
  memcpy(&value, header + at, 2);
  return value;
}

static uint32_t header_u32(int at) {
  uint32_t value;
  memcpy(&value, header + at, 4);
  return value;
}

static void power_off(bool sync) {
  programs_kill_all();
  if (sync) power_sync();
  say_bye();
  power_down();
}

static void handle_frame(void) {
  uint16_t type = header_u16(4), flags = header_u16(6);
  uint32_t id = header_u32(8);
  struct reader r = {.at = payload, .end = payload + payload_length};
  switch (type) {
    case MSG_START:
      program_start(id, flags, &r);
      break;
    case MSG_SIGNAL: {
      uint32_t signal = read_u32(&r);
      if (!r.bad) program_signal(id, flags, (int)signal);
      break;
    }
    case MSG_CLOCK: {
      uint64_t nanoseconds = read_u64(&r);
      if (!r.bad) system_clock(nanoseconds);
      break;
    }
    case MSG_ENTROPY:
      system_entropy(payload, payload_length);
      break;
    case MSG_HOSTNAME: {
      const char *name = read_string(&r);
      if (name != NULL) system_hostname(name);
      break;
    }
    case MSG_POWEROFF:
      power_off(flags & POWEROFF_SYNC);
      break;
    default:
      control_log("unknown request", 0);  // a newer host: it learns from READY what we can do
  }
}

enum progress { MORE, BLOCKED, GONE };

static enum progress receive(char *into, uint32_t size, uint32_t *got) {
  while (*got < size) {
    ssize_t n = recv(control.fd, into + *got, size - *got, 0);
    if (n == 0) return GONE;
    if (n < 0) return errno == EAGAIN || errno == EINTR ? BLOCKED : GONE;
    *got += (uint32_t)n;
  }
  return MORE;
}

static enum progress receive_frame(void) {
  enum progress progress = receive(header, FRAME_HEADER_BYTES, &header_got);
  if (progress != MORE) return progress;
  if (payload == NULL) {
    payload_length = header_u32(0);
    payload_got = 0;
    payload = payload_length <= MAX_FRAME_TO_GUEST ? malloc((size_t)payload_length + 1) : NULL;
    if (payload == NULL) return GONE;
  }
  progress = receive(payload, payload_length, &payload_got);
  if (progress != MORE) return progress;
  header_got = 0;
  handle_frame();
  free(payload);
  payload = NULL;
  return MORE;
}

static void control_ready(struct source *source, uint32_t events) {
  (void)source;
  if (events & EPOLLOUT) flush();
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  enum progress progress;
  do progress = receive_frame();
  while (progress == MORE && queue_end - queue_start < QUEUE_HIGH_BYTES);
  update_watch();
  if (progress == GONE) {
    source_close(&control);
    programs_kill_all();
    power_down();
  }
}

bool control_waiting(void) {
  struct pollfd readable = {.fd = control.fd, .events = POLLIN};
  return control.fd >= 0 && poll(&readable, 1, 0) > 0;
}

void control_open(int fd) {
  fcntl(fd, F_SETFL, O_NONBLOCK);
  control.fd = fd;
  // A signal that was sent before some input gets to the program before it (relay.c, too).
  control.first = true;
  struct writer w = {.length = 0};
  write_u32(&w, PROTOCOL_VERSION);
  write_string(&w, VERSION);
  enqueue(MSG_READY, 0, 0, &w);  // what was logged during the boot goes before it
}
