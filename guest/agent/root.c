// The root: a read-only image on a block device, and above it an overlay in memory.
//
//    /            initramfs, holding /init (this program) and nothing else
//    /image       the image, read-only                          ┐ under the final root and out
//    /writes      tmpfs: upper/ and work/ of the overlay        ┘ of every program's sight
//    /root        overlay of both; moved onto / at the end (MS_MOVE and chroot, as switch_root does it)
//
// Directories that the image lacks are created in the overlay, so that an image may be a single static binary.
// Mounts without which programs cannot run are fatal; the rest is logged to the host.
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "report.h"

#define NEW_ROOT "/root"

static void option(const char *cmdline, const char *name, char *into, size_t size) {
  const char *at = cmdline;
  size_t length = strlen(name);
  while ((at = strstr(at, name)) != NULL) {
    if (at != cmdline && at[-1] != ' ') {
      at += length;
      continue;
    }
    const char *value = at + length;
    size_t n = strcspn(value, " \n");
    if (n >= size) give_up("init", "kernel command line: value too long", 0);
    memcpy(into, value, n);
    into[n] = '\0';
    at = value + n;
  }
}

static void read_options(struct boot_options *options) {
  char cmdline[4096] = "";
  int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
  ssize_t n = fd >= 0 ? read(fd, cmdline, sizeof cmdline - 1) : -1;
  if (n < 0) give_up("init", "/proc/cmdline", errno);
  close(fd);
  *options = (struct boot_options){.root = "/dev/vda", .rootfstype = "erofs", .overlay = "", .hostname = "inlinux"};
  option(cmdline, "inlinux.root=", options->root, sizeof options->root);
  option(cmdline, "inlinux.rootfstype=", options->rootfstype, sizeof options->rootfstype);
  option(cmdline, "inlinux.overlay=", options->overlay, sizeof options->overlay);
  option(cmdline, "inlinux.hostname=", options->hostname, sizeof options->hostname);
}

void root_prepare(struct boot_options *options) {
  mkdir("/dev", 0755);
  int mounted = mount("dev", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
  int error = errno;
  // Without an inherited console the descriptors 0 to 2 must exist all the same: nothing else may get them.
  int fd = open("/dev/console", O_RDWR);
  if (fd < 0) fd = open("/dev/null", O_RDWR);
  for (int target = 0; fd >= 0 && target < 3; target++)
    if (fd != target) dup2(fd, target);
  if (fd > 2) close(fd);
  if (mounted < 0) give_up("mount", "/dev", error);

  mkdir("/proc", 0755);
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) give_up("mount", "/proc", errno);
  read_options(options);
}

static void need(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
  char what[256];
  snprintf(what, sizeof what, "%s (%s) on %s", source, type, target);
  if (mkdir(target, 0755) < 0 && errno != EEXIST) give_up("mount", what, errno);
  if (mount(source, target, type, flags, data) < 0) give_up("mount", what, errno);
}

static void want(const char *target, const char *type, unsigned long flags, const char *data) {
  if ((mkdir(target, 0755) < 0 && errno != EEXIST) || mount(type, target, type, flags, data) < 0)
    control_log(target, errno);
}

static void directory(const char *path, mode_t mode) {
  if (mkdir(path, mode) == 0) chmod(path, mode);  // the umask took the write bits of 1777
}

static void link_to(const char *target, const char *path) {
  if (symlink(target, path) < 0 && errno != EEXIST) control_log(path, errno);
}

static void mount_image(const struct boot_options *options) {
  need(options->root, "/image", options->rootfstype, MS_RDONLY, NULL);
  need("writes", "/writes", "tmpfs", 0, *options->overlay != '\0' ? options->overlay : NULL);
  if (mkdir("/writes/upper", 0755) < 0 || mkdir("/writes/work", 0755) < 0) give_up("mount", "/writes", errno);
  // redirect_dir: rename() of a directory that came with the image works instead of answering EXDEV.
  need("root", NEW_ROOT, "overlay", 0, "lowerdir=/image,upperdir=/writes/upper,workdir=/writes/work,redirect_dir=on");
}

// Relative to the new root, which is the current directory.
static void mount_system(void) {
  const unsigned long plain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  need("proc", "proc", "proc", plain, NULL);
  need("dev", "dev", "devtmpfs", MS_NOSUID, "mode=0755");
  want("sys", "sysfs", plain, NULL);
  want("sys/fs/cgroup", "cgroup2", plain, NULL);
  want("dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666");
  want("dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
  want("dev/mqueue", "mqueue", plain, NULL);
  directory("tmp", 01777);
  directory("run", 0755);
  directory("etc", 0755);
  directory("root", 0700);
  link_to("/proc/self/fd", "dev/fd");
  link_to("/proc/self/fd/0", "dev/stdin");
  link_to("/proc/self/fd/1", "dev/stdout");
  link_to("/proc/self/fd/2", "dev/stderr");
}

void root_switch(const struct boot_options *options) {
  if (strcmp(options->root, "none") == 0) {
    if (chdir("/") < 0) give_up("mount", "/", errno);
    umount2("/proc", MNT_DETACH);
    umount2("/dev", MNT_DETACH);
    mount_system();
    return;
  }
  mount_image(options);
  if (chdir(NEW_ROOT) < 0) give_up("mount", NEW_ROOT, errno);
  mount_system();
  umount2("/proc", MNT_DETACH);
  umount2("/dev", MNT_DETACH);
  if (mount(".", "/", NULL, MS_MOVE, NULL) < 0) give_up("mount", "moving the root", errno);
  if (chroot(".") < 0 || chdir("/") < 0) give_up("mount", "chroot", errno);
}
