// /etc/passwd and /etc/group of the guest's root, read directly: a static program has no name service switch.
// The rules are those of container images. A name must exist; a number need not. Without a group the primary
// group of the passwd entry counts, and the user gets every group that lists its name; with one, only that.
#include "user.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A passwd file above this is no passwd file; the bound keeps a hostile image from eating the guest's memory.
#define MAX_FILE_BYTES (1 << 20)
#define PASSWD_FIELDS 7  // name:password:uid:gid:comment:home:shell
#define GROUP_FIELDS 4   // name:password:gid:members

static char *read_file(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NULL;
  char *text = malloc(MAX_FILE_BYTES + 1);
  size_t length = 0;
  ssize_t n = 1;
  while (text != NULL && n > 0 && length < MAX_FILE_BYTES) {
    n = read(fd, text + length, MAX_FILE_BYTES - length);
    if (n > 0) length += (size_t)n;
  }
  close(fd);
  if (text != NULL) text[length] = '\0';
  return text;
}

// Takes the next line off `*cursor` and cuts it at its colons; missing fields are "".
static bool next_entry(char **cursor, char **fields, int count) {
  char *line = *cursor;
  if (line == NULL || *line == '\0') return false;
  char *newline = strchr(line, '\n');
  *cursor = newline == NULL ? NULL : newline + 1;
  if (newline != NULL) *newline = '\0';
  for (int i = 0; i < count; i++) {
    fields[i] = line;
    char *colon = strchr(line, ':');
    if (colon != NULL && i < count - 1) {
      *colon = '\0';
      line = colon + 1;
    } else {
      line += strlen(line);
    }
  }
  return true;
}

static bool parse_id(const char *text, uint32_t *id) {
  if (*text < '0' || *text > '9') return false;
  char *end;
  unsigned long value = strtoul(text, &end, 10);
  *id = (uint32_t)value;
  return *end == '\0' && value < UINT32_MAX;  // (uid_t)-1 means "unchanged" to the kernel
}

static bool lists(const char *members, const char *name) {
  size_t length = strlen(name);
  while (*members != '\0') {
    size_t member = strcspn(members, ",");
    if (member == length && memcmp(members, name, length) == 0) return true;
    members += member + (members[member] == ',');
  }
  return false;
}

// Looks `user` up by name, then by number. `name` gets the entry's name, for the groups.
static int find_user(const char *user, struct identity *identity, char *name, size_t name_size) {
  uint32_t number = 0;
  bool is_number = parse_id(user, &number);
  char *text = read_file("/etc/passwd");
  char *cursor = text, *field[PASSWD_FIELDS];
  bool found = false, by_name = false;
  while (!by_name && next_entry(&cursor, field, PASSWD_FIELDS)) {
    uint32_t uid, gid;
    if (!parse_id(field[2], &uid) || !parse_id(field[3], &gid)) continue;
    by_name = strcmp(field[0], user) == 0;
    if (!by_name && (found || !is_number || uid != number)) continue;
    found = true;
    identity->uid = uid;
    identity->gid = gid;
    if (strlen(field[5]) < MAX_HOME && *field[5] != '\0') strcpy(identity->home, field[5]);
    if (strlen(field[0]) < name_size) strcpy(name, field[0]);
  }
  free(text);
  if (!found && !is_number) return EINVAL;
  if (!found) identity->uid = number;
  return 0;
}

static int find_group(const char *group, struct identity *identity) {
  char *text = read_file("/etc/group");
  char *cursor = text, *field[GROUP_FIELDS];
  bool found = false;
  uint32_t gid;
  while (!found && next_entry(&cursor, field, GROUP_FIELDS)) found = strcmp(field[0], group) == 0 && parse_id(field[2], &gid);
  free(text);
  if (!found && !parse_id(group, &gid)) return EINVAL;
  identity->gid = gid;
  return 0;
}

static void find_supplementary(const char *name, struct identity *identity) {
  char *text = read_file("/etc/group");
  char *cursor = text, *field[GROUP_FIELDS];
  while (identity->group_count < MAX_GROUPS && next_entry(&cursor, field, GROUP_FIELDS)) {
    uint32_t gid;
    if (parse_id(field[2], &gid) && gid != identity->gid && lists(field[3], name))
      identity->groups[identity->group_count++] = gid;
  }
  free(text);
}

int identity_find(const char *spec, bool want_home, struct identity *identity) {
  memset(identity, 0, offsetof(struct identity, groups));
  strcpy(identity->home, "/");
  identity->chosen = *spec != '\0';
  if (!identity->chosen && !want_home) return 0;

  char user[256] = "0", name[256] = "";
  const char *colon = strchr(spec, ':');
  size_t length = colon != NULL ? (size_t)(colon - spec) : strlen(spec);
  if (length >= sizeof user) return EINVAL;
  if (length > 0) {
    memcpy(user, spec, length);
    user[length] = '\0';
  }
  int error = find_user(user, identity, name, sizeof name);
  if (error != 0 || !identity->chosen) return error;
  if (colon != NULL && colon[1] != '\0') {
    error = find_group(colon + 1, identity);
  } else if (*name != '\0') {
    identity->groups[identity->group_count++] = identity->gid;
    find_supplementary(name, identity);
  }
  return error;
}
