#!/bin/sh
# Builds the guest kernel: unmodified distribution source + tinyconfig + our fragment -> vmlinux (PVH, stripped).
#
#   build.sh SOURCE.tar.xz FRAGMENT WORK OUT
#
# WORK holds the unpacked source and the objects. It survives an interruption, and the next run goes on from
# there: the unpacked tree counts only once `.unpacked` exists, and make trusts an object only when it finished.
# OUT appears by one rename, when everything in it is complete. The caller holds a lock (see scripts/guest/
# kernel.mjs); its descriptor is inherited by make and gcc, so the lock lives as long as any of them.
# Lines that begin with "  CC", "  AS" … are make's own and are counted by the caller for the progress display.
set -eu

source=$1 fragment=$2 work=$3 out=$4
tree=$work/tree

if [ -e "$out" ]; then exit 0; fi

mkdir -p "$work"
if [ ! -e "$work/.unpacked" ]; then
  echo "inlinux: unpacking $(basename "$source")"
  rm -rf "$tree"
  mkdir "$tree"
  tar -xf "$source" -C "$tree" --strip-components=1
  touch "$work/.unpacked"
fi
cd "$tree"

# The same bytes on every machine with the same compiler: no user, host or wall-clock time in the kernel.
export KBUILD_BUILD_USER=inlinux KBUILD_BUILD_HOST=inlinux LC_ALL=C
KBUILD_BUILD_TIMESTAMP=$(date -u -r "$source")
export KBUILD_BUILD_TIMESTAMP
unset MAKEFLAGS MAKELEVEL KCFLAGS CFLAGS LDFLAGS ARCH CROSS_COMPILE || true

echo "inlinux: configuring"
make -s ARCH=x86_64 tinyconfig >"$work/config.log"
scripts/kconfig/merge_config.sh -m .config "$fragment" >>"$work/config.log"
make -s ARCH=x86_64 olddefconfig >>"$work/config.log"

# A wish that kconfig dropped (unknown name, missing dependency, forced by a `select`) stops the build here.
lost=$(sed -n -e 's/^\(CONFIG_[A-Z0-9_a-z]*\)=.*/&/p' -e 's/^# CONFIG_[A-Z0-9_a-z]* is not set$/&/p' "$fragment" |
  while IFS= read -r wish; do
    case $wish in
      '# '*) name=${wish#\# } name=${name%% *}
        if grep -q "^$name=" .config; then echo "  $wish, but kconfig has $(grep "^$name=" .config)"; fi ;;
      *) grep -qxF -e "$wish" .config || echo "  $wish" ;;
    esac
  done)
if [ -n "$lost" ]; then
  printf 'inlinux: these lines of %s did not survive olddefconfig:\n%s\n' "$fragment" "$lost" >&2
  exit 3
fi

echo "inlinux: compiling"
make ARCH=x86_64 -j"$(nproc)" vmlinux

rm -rf "$work/out"
mkdir "$work/out"
strip --strip-all -o "$work/out/vmlinux" vmlinux
cp System.map .config "$work/out/"
mv "$work/out/.config" "$work/out/kernel.config"
make -s ARCH=x86_64 kernelrelease >"$work/out/release"
gcc -dumpfullversion >"$work/out/gcc"
readelf -n "$work/out/vmlinux" | grep -q Xen || { echo 'inlinux: vmlinux has no PVH note' >&2; exit 4; }
mv "$work/out" "$out"
rm -rf "$work"
