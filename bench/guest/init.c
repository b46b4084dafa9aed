// PID 1 of the QEMU side of the benchmarks. QEMU's microvm without a host kernel's help has no vsock, so our agent
// cannot be asked to start a program there; this init does the agent's work up to that point (same mounts, same
// overlay) and runs the one program that the command line names, with the serial port as its output.
//
//    inlinux.exec=/bin/echo,hello      program and arguments, separated by commas
//
// MARK goes before the program's first byte and after its last; then the machine resets, which ends QEMU.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MARK "\001inlinux-bench\001"
#define ARGUMENTS_MAX 16

static void must(int result, const char *what) {
  if (result >= 0) return;
  printf("bench init: %s: %s\n", what, strerror(errno));
  reboot(RB_AUTOBOOT);
}

static void mount_at(const char *type, const char *source, const char *target, unsigned long flags, const char *data) {
  mkdir(target, 0755);
  must(mount(source, target, type, flags, data), target);
}

static void plain_output(void) {
  struct termios serial;
  if (tcgetattr(1, &serial) < 0) return;
  serial.c_oflag &= ~OPOST;  // no \n -> \r\n
  tcsetattr(1, TCSANOW, &serial);
}

int main(void) {
  mount_at("proc", "proc", "/proc", 0, NULL);
  mount_at("devtmpfs", "dev", "/dev", 0, NULL);
  char line[4096] = "";
  int fd = open("/proc/cmdline", O_RDONLY);
  must(fd, "/proc/cmdline");
  must(read(fd, line, sizeof line - 1), "/proc/cmdline");
  close(fd);

  mount_at("erofs", "/dev/vda", "/image", MS_RDONLY, NULL);
  mount_at("tmpfs", "writes", "/writes", 0, NULL);
  must(mkdir("/writes/upper", 0755), "upper");
  must(mkdir("/writes/work", 0755), "work");
  mount_at("overlay", "root", "/root", 0, "lowerdir=/image,upperdir=/writes/upper,workdir=/writes/work");
  mount_at("proc", "proc", "/root/proc", 0, NULL);
  mount_at("devtmpfs", "dev", "/root/dev", 0, NULL);
  mount_at("sysfs", "sys", "/root/sys", 0, NULL);
  must(chroot("/root"), "chroot");
  must(chdir("/"), "chdir");

  char *arguments[ARGUMENTS_MAX + 1] = {NULL};
  char *word = strstr(line, "inlinux.exec=");
  if (word == NULL) must(-1, "no inlinux.exec=");
  word = strtok(word + strlen("inlinux.exec="), " \n");
  int count = 0;
  for (char *one = strtok(word, ","); one != NULL && count < ARGUMENTS_MAX; one = strtok(NULL, ",")) arguments[count++] = one;

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
