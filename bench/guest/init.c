// PID 1 of the QEMU side of the benchmarks. QEMU's microvm without a host kernel's help has no vsock, so our agent
// cannot be asked to start a program there; this init does the agent's work up to that point (guest/agent/root.c and
// system.c: the same mounts in the same order, loopback, host name, limits) and runs the one program that the command
// line names, with the serial port as its output.
//
//    inlinux.exec=/bin/echo,hello%20you      program and arguments, separated by commas, escaped as in a URL
//
// MARK goes before the program's first byte and after its last; then the machine resets, which ends QEMU.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MARK "\001inlinux-bench\001"
#define ARGUMENTS_MAX 16

static void must(int result, const char *what) {
  if (result >= 0) return;
  printf("bench init: %s: %s\n", what, strerror(errno));
  fflush(stdout);
  reboot(RB_AUTOBOOT);
}

static void mount_at(const char *type, const char *source, const char *target, unsigned long flags, const char *data) {
  mkdir(target, 0755);
  must(mount(source, target, type, flags, data), target);
}

static void directory(const char *path, mode_t mode) {
  if (mkdir(path, mode) == 0) chmod(path, mode);
}

static void read_command_line(char *line, size_t size) {
  int fd = open("/proc/cmdline", O_RDONLY);
  must(fd, "/proc/cmdline");
  must(read(fd, line, size - 1), "/proc/cmdline");
  close(fd);
}

static void switch_root(void) {
  const unsigned long plain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  mount_at("erofs", "/dev/vda", "/image", MS_RDONLY, NULL);
  mount_at("tmpfs", "writes", "/writes", 0, NULL);
  must(mkdir("/writes/upper", 0755), "upper");
  must(mkdir("/writes/work", 0755), "work");
  mount_at("overlay", "root", "/root", 0,
           "lowerdir=/image,upperdir=/writes/upper,workdir=/writes/work,redirect_dir=on");
  must(chdir("/root"), "/root");
  mount_at("proc", "proc", "proc", plain, NULL);
  mount_at("devtmpfs", "dev", "dev", MS_NOSUID, "mode=0755");
  mount_at("sysfs", "sys", "sys", plain, NULL);
  mount_at("cgroup2", "cgroup2", "sys/fs/cgroup", plain, NULL);
  mount_at("devpts", "devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666");
  mount_at("tmpfs", "tmpfs", "dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
  mount_at("mqueue", "mqueue", "dev/mqueue", plain, NULL);
  directory("tmp", 01777);
  directory("run", 0755);
  directory("etc", 0755);
  directory("root", 0700);
  (void)!symlink("/proc/self/fd", "dev/fd");
  (void)!symlink("/proc/self/fd/0", "dev/stdin");
  (void)!symlink("/proc/self/fd/1", "dev/stdout");
  (void)!symlink("/proc/self/fd/2", "dev/stderr");
  umount2("/proc", MNT_DETACH);
  umount2("/dev", MNT_DETACH);
  must(mount(".", "/", NULL, MS_MOVE, NULL), "moving the root");
  must(chroot("."), "chroot");
  must(chdir("/"), "chdir");
}

static void set_up_system(void) {
  struct ifreq request = {.ifr_name = "lo"};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  must(fd, "socket");
  must(ioctl(fd, SIOCGIFFLAGS, &request), "lo");
  request.ifr_flags |= IFF_UP | IFF_RUNNING;
  must(ioctl(fd, SIOCSIFFLAGS, &request), "lo up");
  close(fd);
  must(sethostname("inlinux", 7), "host name");
  struct rlimit files = {.rlim_cur = 1024, .rlim_max = 524288};
  must(setrlimit(RLIMIT_NOFILE, &files), "limits");
}

// In place: %XX is the byte of that number.
static void unescape(char *word) {
  char *to = word;
  for (const char *at = word; *at != 0; to++) {
    unsigned byte;
    if (sscanf(at, "%%%2x", &byte) == 1) {
      *to = (char)byte;
      at += 3;
    } else *to = *at++;
  }
  *to = 0;
}

static void plain_output(void) {
  struct termios serial;
  if (tcgetattr(1, &serial) < 0) return;
  serial.c_oflag &= ~OPOST;  // no \n -> \r\n
  tcsetattr(1, TCSANOW, &serial);
}

int main(void) {
  umask(022);
  mount_at("devtmpfs", "dev", "/dev", MS_NOSUID, "mode=0755");
  mount_at("proc", "proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  char line[4096] = "";
  read_command_line(line, sizeof line);
  switch_root();
  set_up_system();

  char *arguments[ARGUMENTS_MAX + 1] = {NULL};
  char *word = strstr(line, "inlinux.exec=");
  if (word == NULL) must(-1, "no inlinux.exec=");
  word = strtok(word + strlen("inlinux.exec="), " \n");
  int count = 0;
  for (char *one = strtok(word, ","); one != NULL && count < ARGUMENTS_MAX; one = strtok(NULL, ",")) {
    unescape(one);
    arguments[count++] = one;
  }

  plain_output();
  must(write(1, MARK, strlen(MARK)), "console");
  pid_t child = fork();
  if (child == 0) {
    execv(arguments[0], arguments);
    must(-1, arguments[0]);
  }
  int status = 0;
  waitpid(child, &status, 0);
  must(write(1, MARK, strlen(MARK)), "console");
  tcdrain(1);
  reboot(RB_AUTOBOOT);
}
