// Clock, entropy, host name, loopback, resource limits.
#define _GNU_SOURCE
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control.h"

#ifdef AGENT_ON_HOST

// The developer's own machine: say that the request arrived, and touch nothing.
void system_clock(uint64_t nanoseconds) {
  char line[64];
  snprintf(line, sizeof line, "on host: clock %llu", (unsigned long long)nanoseconds);
  control_log(line, 0);
}

void system_entropy(const char *bytes, size_t length) {
  (void)bytes;
  char line[64];
  snprintf(line, sizeof line, "on host: entropy %zu", length);
  control_log(line, 0);
}

void system_hostname(const char *name) {
  char line[128];
  snprintf(line, sizeof line, "on host: hostname %s", name);
  control_log(line, 0);
}

void system_loopback_up(void) {}

void system_quiet(void) {}

#else

// <linux/random.h>, spelt out because a C library need not bring the kernel's headers.
struct rand_pool_info {
  int entropy_count;  // bits
  int buf_size;       // bytes
  uint32_t buf[];
};
#define RNDADDENTROPY _IOW('R', 0x03, int[2])

void system_clock(uint64_t nanoseconds) {
  struct timespec now = {.tv_sec = (time_t)(nanoseconds / 1000000000u), .tv_nsec = (long)(nanoseconds % 1000000000u)};
  if (clock_settime(CLOCK_REALTIME, &now) < 0) control_log("setting the clock", errno);
}

void system_entropy(const char *bytes, size_t length) {
  if (length > 4096) length = 4096;
  struct rand_pool_info *info = malloc(sizeof *info + length);
  int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
  if (info != NULL && fd >= 0) {
    info->entropy_count = (int)length * 8;
    info->buf_size = (int)length;
    memcpy(info->buf, bytes, length);
    if (ioctl(fd, RNDADDENTROPY, info) < 0) control_log("adding entropy", errno);
  } else {
    control_log("adding entropy", errno);
  }
  free(info);
  if (fd >= 0) close(fd);
}

// Creates a file of the root, unless the image brings one with something in it.
static void provide_file(const char *path, const char *text) {
  struct stat status;
  if (stat(path, &status) == 0 && status.st_size > 0) return;
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return;
  if (write(fd, text, strlen(text)) < 0) control_log(path, errno);
  close(fd);
}

void system_hostname(const char *name) {
  if (sethostname(name, strlen(name)) < 0) {
    control_log("setting the host name", errno);
    return;
  }
  char text[256];
  snprintf(text, sizeof text, "%.64s\n", name);
  provide_file("/etc/hostname", text);
  snprintf(text, sizeof text, "127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.1.1\t%.64s\n", name);
  provide_file("/etc/hosts", text);
}

void system_loopback_up(void) {
  struct ifreq request = {.ifr_name = "lo"};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0) {
    control_log("loopback", errno);
  } else {
    request.ifr_flags |= IFF_UP | IFF_RUNNING;
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0) control_log("loopback up", errno);
  }
  if (fd >= 0) close(fd);
}

static void set_parameter(const char *path, const char *value) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;  // A kernel without it has nothing to be kept from.
  if (write(fd, value, strlen(value)) < 0) control_log(path, errno);
  close(fd);
}

// An idle machine is to sleep: the kernel's own housekeeping would wake it several times a second.
void system_quiet(void) {
  set_parameter("/proc/sys/vm/compaction_proactiveness", "0");
  set_parameter("/proc/sys/vm/stat_interval", "120");
}

#endif

static struct rlimit program_files;

// Each program costs the agent up to six descriptors, so its own limit is as high as it goes. Programs get what a
// distribution gives them: a low soft limit, because some loop over all possible descriptors, and a high hard one,
// because servers ask for more. The kernel alone would start init with at most 4096.
void system_limits(void) {
#ifdef AGENT_ON_HOST
  getrlimit(RLIMIT_NOFILE, &program_files);
  struct rlimit own = {.rlim_cur = program_files.rlim_max, .rlim_max = program_files.rlim_max};
#else
  program_files = (struct rlimit){.rlim_cur = 1024, .rlim_max = 524288};
  struct rlimit own = {.rlim_cur = 524288, .rlim_max = 524288};
#endif
  if (setrlimit(RLIMIT_NOFILE, &own) < 0) control_log("limit of open files", errno);
}

void system_program_limits(void) { setrlimit(RLIMIT_NOFILE, &program_files); }
