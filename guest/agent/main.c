// The agent: the first program in the guest, and its only part that the host talks to.
//
//    boot:   /dev and /proc → root file system → loopback, limits → streams port → control connection → loop
//    later:  control.c takes requests, process.c starts and reaps, relay.c moves bytes
//
// Built with -DAGENT_ON_HOST it is an ordinary program for tests: `agent CONTROL STREAMS` listens on the unix
// socket STREAMS, connects to CONTROL, mounts nothing and adopts orphans as PID 1 would.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"
#include "loop.h"
#include "power.h"
#include "process.h"
#include "protocol.h"
#include "report.h"
#include "root.h"
#include "streams.h"
#include "system.h"

// A whole burst of starts may connect its streams before the agent runs again.
#define BACKLOG 4096

static void child_died(struct source *source, uint32_t events) {
  (void)events;
  struct signalfd_siginfo info;
  while (read(source->fd, &info, sizeof info) > 0) continue;  // one record can stand for many deaths
  programs_reap();
}

static void watch_children(void) {
  static struct source children = {.ready = child_died};
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGCHLD);
  sigprocmask(SIG_BLOCK, &mask, NULL);
  signal(SIGPIPE, SIG_IGN);
  children.fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
  if (children.fd < 0) give_up("init", "signalfd", errno);
  source_watch(&children, EPOLLIN);
}

#ifdef AGENT_ON_HOST

static struct sockaddr_un address(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) give_up("init", "path too long", 0);
  strcpy(address.sun_path, path);
  return address;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    report("init", "usage: agent CONTROL STREAMS", 0);
    return 2;
  }
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  umask(022);
  system_limits();
  loop_open();
  watch_children();

  struct sockaddr_un streams = address(argv[2]), control = address(argv[1]);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr *)&streams, sizeof streams) < 0 || listen(listener, BACKLOG) < 0)
    give_up("init", argv[2], errno);
  streams_listen(listener);

  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, (struct sockaddr *)&control, sizeof control) < 0) give_up("init", argv[1], errno);
  control_open(fd);
  loop_run();
}

#else

// <linux/vm_sockets.h>
struct sockaddr_vm {
  unsigned short svm_family;
  unsigned short svm_reserved1;
  unsigned int svm_port;
  unsigned int svm_cid;
  unsigned char svm_flags;
  unsigned char svm_zero[3];
};
#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif
#define VMADDR_CID_ANY 0xffffffffu
#define VMADDR_CID_HOST 2

static int vsock_listen(uint32_t port, int flags) {
  struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_port = port, .svm_cid = VMADDR_CID_ANY};
  int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (fd < 0) give_up("init", "vsock", errno);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0)
    give_up("init", "vsock port", errno);
  return fd;
}

// The guest calls the host, because only the guest knows when it is ready: the host neither polls nor guesses.
// A host that does not listen refuses at once; then the agent waits to be called.
static int connect_control(void) {
  struct sockaddr_vm host = {.svm_family = AF_VSOCK, .svm_port = CONTROL_PORT, .svm_cid = VMADDR_CID_HOST};
  int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&host, sizeof host) == 0) return fd;
  if (fd >= 0) close(fd);
  int listener = vsock_listen(CONTROL_PORT, 0);
  do fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) give_up("init", "accept", errno);
  close(listener);
  return fd;
}

int main(void) {
  struct boot_options options;
  umask(022);
  root_prepare(&options);
  root_switch(&options);
  system_loopback_up();
  system_quiet();
  system_hostname(options.hostname);
  system_limits();
  loop_open();
  watch_children();
  streams_listen(vsock_listen(STREAM_PORT, SOCK_NONBLOCK));
  control_open(connect_control());
  loop_run();
  power_down();
}

#endif
