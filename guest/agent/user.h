// Who a program runs as.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MAX_GROUPS 256
#define MAX_HOME 1024

struct identity {
  bool chosen;  // false: stay who the agent is
  uid_t uid;
  gid_t gid;
  size_t group_count;
  gid_t groups[MAX_GROUPS];
  char home[MAX_HOME];
};

// `user` is NAME or UID, optionally with :GROUP or :GID, or empty. Returns 0, or EINVAL when a name is unknown.
int identity_find(const char *user, bool want_home, struct identity *);
