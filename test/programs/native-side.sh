# Runs a program in a private copy of the tree, the way the guest's agent does in a machine:
#
#   unshare … bash native-side.sh TREE FILES SECONDS PROGRAM ARGS…      (stdin, stdout, stderr, exit code: the program's)
#
# Same root (an overlay in memory), the same mounts and devices, own loopback, own host name, real pipes, no limits of
# the caller's. FILES is a tar that appears as /tmp/files.
set -eu
tree=$1 files=$2 seconds=$3
shift 3
umask 022
ulimit -c 0
ulimit -Sn 1024
# What whoever started us has left open would reach the program.
for fd in /proc/self/fd/*; do
  fd=${fd##*/}
  if [ "$fd" -gt 2 ] && [ "$fd" -ne 255 ]; then exec {fd}>&-; fi
done
mount --make-rprivate /
box=$(dirname "$files")/box
mkdir -p "$box"
mount -t tmpfs -o mode=755 tmpfs "$box"
mkdir "$box/upper" "$box/work" "$box/root"
root=$box/root
mount -t overlay -o "lowerdir=$tree,upperdir=$box/upper,workdir=$box/work,xino=auto,redirect_dir=on" overlay "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "$root/dev/${node%:*}" c 1 "${node#*:}"; done
mknod -m 666 "$root/dev/tty" c 5 0
mkdir -m 1777 "$root/dev/shm" && mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mkdir "$root/dev/pts" && mount -t devpts -o newinstance,ptmxmode=666,gid=5,mode=620 devpts "$root/dev/pts"
mkdir "$root/dev/mqueue" && mount -t mqueue mqueue "$root/dev/mqueue"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for fd in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${fd%:*}" "$root/dev/${fd#*:}"; done
hostname inlinux
busybox ip link set lo up
tar --extract --file "$files" --directory "$root/tmp" --no-same-owner

# Node's own pipes are sockets, which programs can tell from pipes.
mkfifo "$box/out" "$box/err" "$box/in"
exec 3<&0
cat "$box/out" <&- 2>/dev/null &
readers=$!
cat "$box/err" <&- >&2 2>/dev/null &
readers="$readers $!"
cat <&3 >"$box/in" 2>/dev/null &
exec 3<&-
code=0
{
  timeout -s KILL "$seconds" taskset 1 setsid -w chroot "$root" "$@" <"$box/in" >"$box/out" 2>"$box/err" || code=$?
} 2>/dev/null
wait $readers
exit "$code"
