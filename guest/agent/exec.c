// Starting a program as execvp(3) of a C library would, with an exact answer when that fails.
//
// vfork(): parent and child share memory, and the parent sleeps until the child has exec'd or died. So the
// child can simply write errno and the step into the parent's `struct launch`; no pipe is needed, and nothing
// of the agent's page tables is copied. The child owns its descriptor table, signal dispositions and ids; all
// it must not do is return, allocate, or change the parent's variables other than those two. The price: the
// agent stands still while exec reads the program's first pages.
#define _GNU_SOURCE
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system.h"
#include "user.h"

// What execvp searches when the environment has no PATH: confstr(_CS_PATH).
#define DEFAULT_PATH "/bin:/usr/bin"
#define SHELL "/bin/sh"

static const char *variable(char **env, const char *name) {
  size_t length = strlen(name);
  for (; *env != NULL; env++)
    if (strncmp(*env, name, length) == 0 && (*env)[length] == '=') return *env + length + 1;
  return NULL;
}

// ── the child ───────────────────────────────────────────────────────────────────────────────────────────

static _Noreturn void fail(struct launch *launch, enum start_step step, int error) {
  launch->step = step;
  launch->error = error;
  _exit(127);
}

// A file that the kernel does not know how to execute is a shell script to execvp. A file with a NUL near its
// start is no text: such a program (of another architecture, or damaged) is better refused than fed to sh.
static bool looks_like_text(const char *path) {
  char head[128];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return true;  // executable, not readable: let the shell say so
  ssize_t n = read(fd, head, sizeof head);
  close(fd);
  return n <= 0 || memchr(head, '\0', (size_t)n) == NULL;
}

// One attempt. Returns the errno of the failure.
static int try(struct launch *launch, const char *path, char **shell_argv) {
  execve(path, launch->argv, launch->env);
  if (errno != ENOEXEC || !looks_like_text(path)) return errno;
  shell_argv[1] = (char *)path;
  execve(SHELL, shell_argv, launch->env);
  return ENOEXEC;
}

static int search(struct launch *launch, char **shell_argv) {
  const char *name = launch->program;
  if (*name == '\0') return ENOENT;
  if (strchr(name, '/') != NULL) return try(launch, name, shell_argv);
  size_t name_length = strlen(name);
  if (name_length > NAME_MAX) return ENAMETOOLONG;

  const char *path = variable(launch->env, "PATH");
  if (path == NULL) path = DEFAULT_PATH;
  bool denied = false;
  for (const char *entry = path;; entry = strchr(entry, ':') + 1) {
    size_t length = strcspn(entry, ":");
    char candidate[PATH_MAX];
    if (length + name_length + 2 <= sizeof candidate) {  // a longer one cannot exist
      memcpy(candidate, entry, length);
      candidate[length] = '/';
      memcpy(candidate + length + (length > 0), name, name_length + 1);  // an empty entry is the cwd
      int error = try(launch, candidate, shell_argv);
      if (error == EACCES)
        denied = true;
      else if (error != ENOENT && error != ENOTDIR && error != ESTALE && error != ENODEV && error != ETIMEDOUT)
        return error;
    }
    if (entry[length] == '\0') return denied ? EACCES : ENOENT;
  }
}

static _Noreturn void child(struct launch *launch, const struct identity *identity, char **shell_argv) {
  system_program_limits();
  setsid();  // its own session and process group: a signal to the group reaches nobody else

  for (int fd = 0; fd < 3; fd++)
    if (dup2(launch->stdio[fd], fd) < 0) fail(launch, STEP_STDIO, errno);

  umask(launch->umask & 0777);
  if (chdir(*launch->cwd != '\0' ? launch->cwd : "/") < 0) fail(launch, STEP_CHDIR, errno);

  // The bare system calls: the C library's wrappers would try to change every thread of the shared memory.
  if (identity->chosen && (syscall(SYS_setgroups, identity->group_count, identity->groups) < 0 ||
                           syscall(SYS_setgid, identity->gid) < 0 || syscall(SYS_setuid, identity->uid) < 0))
    fail(launch, STEP_USER, errno);

  signal(SIGPIPE, SIG_DFL);  // ignored signals stay ignored across exec
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  fail(launch, STEP_EXEC, search(launch, shell_argv));
}

// ── the parent ──────────────────────────────────────────────────────────────────────────────────────────

// Appends HOME to the environment, into the slot that is kept free for it.
static int add_home(struct launch *launch, const struct identity *identity, char *storage, size_t size) {
  char **slot = launch->env;
  while (*slot != NULL) slot++;
  if (snprintf(storage, size, "HOME=%s", identity->home) >= (int)size) return ENAMETOOLONG;
  *slot = storage;
  return 0;
}

int launch_program(struct launch *launch, pid_t *pid) {
  struct identity identity;
  char home[PATH_MAX];
  launch->step = STEP_USER;
  int error = identity_find(launch->user, launch->want_home, &identity);
  if (error == 0 && launch->want_home) error = add_home(launch, &identity, home, sizeof home);
  if (error != 0) return error;

  // sh PATH argv[1] … for a script without #!, filled in by the child.
  size_t argc = 0;
  while (launch->argv[argc] != NULL) argc++;
  launch->step = STEP_FORK;
  char **shell_argv = calloc(argc + 2, sizeof *shell_argv);
  if (shell_argv == NULL) return ENOMEM;
  shell_argv[0] = SHELL;
  for (size_t i = 1; i < argc; i++) shell_argv[i + 1] = launch->argv[i];

  launch->error = 0;
  pid_t child_pid = vfork();
  if (child_pid == 0) child(launch, &identity, shell_argv);
  error = child_pid < 0 ? errno : launch->error;
  free(shell_argv);
  // A child that failed has already exited; the reaper collects it as it does every orphan.
  *pid = error == 0 ? child_pid : 0;
  return error;
}
