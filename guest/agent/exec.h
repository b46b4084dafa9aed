// From a request to a running program.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

struct launch {
  char *program;  // a path if it holds a slash, else looked up in the PATH of `env`
  char **argv;
  char **env;  // NULL-terminated, with room for one more
  char *cwd;   // "" is /
  char *user;  // "" is the agent's own, root
  uint32_t umask;
  int stdio[3];
  bool want_home;
  // Written by the child into our memory, before it dies of it.
  volatile enum start_step step;
  volatile int error;
};

// 0 and the pid of a program that has exec'd, or the errno of `launch->step`.
int launch_program(struct launch *, pid_t *);
