// Start, signal, reap. A program is known by the id that the host gave it; its record lives until it was
// reaped and all its relays have ended, because a grandchild may hold a pipe long after the program's death.
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "exec.h"
#include "streams.h"

// More programs at once than this is a runaway caller; each costs up to three pipes and 192 KiB of buffers.
#define MAX_PROGRAMS 1024
// The smallest string on the wire: a length and a NUL.
#define MIN_STRING_BYTES 5

static struct program *programs;
static uint32_t program_count;
static uint32_t last_id;

static struct program *find(uint32_t id) {
  for (struct program *p = programs; p != NULL; p = p->next)
    if (p->id == id) return p;
  return NULL;
}

static void forget_if_done(struct program *program) {
  if (program->pid != 0) return;
  for (int fd = 0; fd < 3; fd++)
    if (program->relays[fd] != NULL) return;
  for (struct program **link = &programs; *link != NULL; link = &(*link)->next)
    if (*link == program) {
      *link = program->next;
      program_count--;
      free(program);
      return;
    }
}

// ── start ───────────────────────────────────────────────────────────────────────────────────────────────

static char **read_strings(struct reader *r, uint32_t extra) {
  uint32_t count = read_u32(r);
  if (r->bad || count > (size_t)(r->end - r->at) / MIN_STRING_BYTES) {
    r->bad = true;
    return NULL;
  }
  char **strings = calloc((size_t)count + extra + 1, sizeof *strings);
  for (uint32_t i = 0; strings != NULL && i < count; i++) strings[i] = read_string(r);
  return strings;
}

// Makes the program's side of its stdio (theirs) and the agent's (ours; -1 where there is no pipe).
static int open_stdio(const uint8_t modes[3], int theirs[3], int ours[3]) {
  for (int fd = 0; fd < 3; fd++) {
    if (modes[fd] == STDIO_PIPE) {
      int ends[2];
      if (pipe2(ends, O_CLOEXEC) < 0) return errno;
      theirs[fd] = ends[fd == 0 ? 0 : 1];
      ours[fd] = ends[fd == 0 ? 1 : 0];
      // Only our end: O_NONBLOCK belongs to the open file, and a program must find its stdio blocking.
      if (fcntl(ours[fd], F_SETFL, O_NONBLOCK) < 0) return errno;
    } else if (modes[fd] == STDIO_SAME_AS_STDOUT && fd == 2) {
      theirs[fd] = fcntl(theirs[1], F_DUPFD_CLOEXEC, 3);
      if (theirs[fd] < 0) return errno;
    } else {
      theirs[fd] = open("/dev/null", (fd == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
      if (theirs[fd] < 0) return errno;
    }
  }
  return 0;
}

static void close_all(int fds[3]) {
  for (int fd = 0; fd < 3; fd++)
    if (fds[fd] >= 0) close(fds[fd]);
}

// Puts the pipes into relays. After this the relays own `ours`.
static int make_relays(struct program *program, int ours[3]) {
  for (int fd = 0; fd < 3; fd++) {
    if (ours[fd] < 0) continue;
    program->relays[fd] = relay_new(program, fd, ours[fd]);
    if (program->relays[fd] == NULL) return ENOMEM;
    ours[fd] = -1;
  }
  return 0;
}

static int start(struct launch *launch, const uint8_t modes[3], struct program *program) {
  int ours[3] = {-1, -1, -1};
  launch->step = STEP_STDIO;
  int error = open_stdio(modes, launch->stdio, ours);
  if (error == 0) error = make_relays(program, ours);
  if (error == 0) error = launch_program(launch, &program->pid);
  close_all(ours);
  close_all(launch->stdio);
  return error;
}

// Undoes a start that failed.
static void discard(struct program *program) {
  if (program == NULL) return;
  if (program->id == 0) {
    free(program);  // it never came into the list
    return;
  }
  program->pid = -1;  // keeps the record alive while its relays go
  for (int fd = 0; fd < 3; fd++)
    if (program->relays[fd] != NULL) relay_drop(program->relays[fd]);
  program->pid = 0;
  forget_if_done(program);
}

void program_start(uint32_t id, uint16_t flags, struct reader *r) {
  uint8_t modes[3];
  for (int fd = 0; fd < 3; fd++) modes[fd] = read_u8(r);
  read_u8(r);
  struct launch launch = {.stdio = {-1, -1, -1}, .want_home = flags & START_DEFAULT_HOME};
  launch.umask = read_u32(r);
  launch.program = read_string(r);
  launch.cwd = read_string(r);
  launch.user = read_string(r);
  launch.argv = read_strings(r, 0);
  launch.env = read_strings(r, 1);  // room for HOME

  struct program *program = calloc(1, sizeof *program);
  int error = 0;
  launch.step = STEP_PROTOCOL;
  if (r->bad || launch.argv == NULL || launch.argv[0] == NULL || id <= last_id)
    error = EPROTO;
  else if (program == NULL || launch.env == NULL)
    error = ENOMEM;
  else if (program_count >= MAX_PROGRAMS)
    error = EAGAIN;
  else {
    last_id = id;
    program->id = id;
    program->next = programs;
    programs = program;
    program_count++;
    error = start(&launch, modes, program);
  }
  free(launch.argv);
  free(launch.env);

  if (error == 0) {
    control_started(id, program->pid);
  } else {
    control_failed(id, error, launch.step);
    discard(program);
  }
  streams_retry(id);
}

// ── while it runs ───────────────────────────────────────────────────────────────────────────────────────

void program_signal(uint32_t id, uint16_t flags, int signal) {
  struct program *program = find(id);
  // Without the pid check a late signal would hit the whole of the agent's own group.
  if (program == NULL || program->pid <= 0) return;
  kill(flags & SIGNAL_GROUP ? -program->pid : program->pid, signal);
}

enum stream_match program_stream(uint32_t id, int fd, int stream_fd) {
  struct program *program = find(id);
  if (program == NULL) return id > last_id ? STREAM_EARLY : STREAM_REFUSED;
  struct relay *relay = fd >= 0 && fd < 3 ? program->relays[fd] : NULL;
  if (relay == NULL || relay->stream.fd >= 0) return STREAM_REFUSED;
  relay_attach(relay, stream_fd);
  return STREAM_TAKEN;
}

void program_lost_relay(struct program *program, struct relay *relay) {
  program->dropped[relay->fd] = relay->total;
  program->relays[relay->fd] = NULL;
  forget_if_done(program);
}

// ── end ─────────────────────────────────────────────────────────────────────────────────────────────────

static uint64_t written(const struct program *program, int fd) {
  return program->relays[fd] != NULL ? relay_written(program->relays[fd]) : program->dropped[fd];
}

static bool held(const struct program *program, int fd) {
  return program->relays[fd] != NULL && relay_has_writer(program->relays[fd]);
}

void programs_reap(void) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    struct program *program = programs;
    while (program != NULL && program->pid != pid) program = program->next;
    if (program == NULL) continue;  // an orphan that came to us as its new parent
    struct exit_report report = {
        .held = (held(program, 1) ? EXITED_HELD_STDOUT : 0) | (held(program, 2) ? EXITED_HELD_STDERR : 0),
        .code = WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status) : 0,
        .signal = WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0,
        .stdout_bytes = written(program, 1),
        .stderr_bytes = written(program, 2),
    };
    control_exited(program->id, &report);
    program->pid = 0;
    forget_if_done(program);
  }
}

void programs_kill_all(void) {
#ifdef AGENT_ON_HOST
  for (struct program *p = programs; p != NULL; p = p->next)
    if (p->pid != 0) kill(-p->pid, SIGKILL);
#else
  kill(-1, SIGKILL);
#endif
}
