#!/bin/sh
# Makes the Debian 12 root that the suite of real programs runs in, natively and in a machine.
#
#   sh debian-root.sh WORK ENTRY        as root; scripts/debian-root.mjs calls this under a lock
#
# Packages come from wherever this machine's apt gets Debian's. ENTRY appears by one rename and holds
#   root.tar   what image.fromTar reads
#   tree/      the same archive unpacked, for the native side; nobody ever writes into it
set -eu
work=$1
entry=$2
suite=bookworm
# gcc needs the C library's headers, stress-ng is for the soak; the rest is named in docs/inside/programs-suite.md.
packages=bash,coreutils,python3,libpython3.11-testsuite,perl,sqlite3,openssl,gcc,libc6-dev,git,nodejs,stress-ng
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() { echo "inlinux: $*"; }

rm -rf "$work"
mkdir -p "$work"

say 'asking apt where Debian comes from'
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
  sort -u | sed -n "s/^\([^ ]* $suite[^ ]* main\)\$/deb \1/p" >"$work/sources.list"
if ! [ -s "$work/sources.list" ]; then
  echo "apt on this machine knows no source of Debian's $suite: add one to /etc/apt and run apt-get update" >&2
  exit 1
fi
# Proxies, certificates and the like, which reach the mirror from here.
apt-config dump Acquire | grep -v '^Acquire::\(IndexTargets\|Languages\|CompressionTypes\|Changelogs\)' >"$work/apt.conf"

# Documentation is not run; the sanitizers' archives and the link-time optimizer are 60 MB that no case uses.
cat >"$work/dpkg.cfg" <<END
path-exclude=/usr/share/man/*
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/lintian/*
path-exclude=/usr/share/bug/*
path-exclude=/usr/lib/gcc/*/*/lib[altu]*san*
path-exclude=/usr/lib/gcc/*/*/lto1
END

# No trace of this machine stays in the tree: not its mirror, not its name, not its resolver.
cat >"$work/finish" <<'END'
#!/bin/sh
set -eu
rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap" "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$1/etc/resolv.conf"
rm -rf "$1"/etc/apt/sources.list* "$1"/var/log/* "$1"/var/cache/ldconfig "$1"/var/lib/apt/lists
rm -f "$1"/var/lib/dpkg/*-old "$1"/var/cache/debconf/*-old
echo inlinux >"$1/etc/hostname"
printf '127.0.0.1 localhost inlinux\n::1 localhost ip6-localhost ip6-loopback\n' >"$1/etc/hosts"
END
chmod +x "$work/finish"

say 'mmdebstrap'
mmdebstrap --mode=root --variant=essential --format=tar --verbose --keyring="$keyring" \
  --aptopt="$work/apt.conf" --aptopt='Acquire::Languages "none"' --dpkgopt="$work/dpkg.cfg" \
  --include="$packages" --customize-hook="$work/finish" \
  "$suite" "$work/root.tar" "$work/sources.list"

say 'unpacking for the native side'
mkdir "$work/made" "$work/made/tree"
mv "$work/root.tar" "$work/made/root.tar"
tar --extract --file "$work/made/root.tar" --directory "$work/made/tree" \
  --preserve-permissions --same-owner --numeric-owner --xattrs --xattrs-include='*'
mv "$work/made" "$entry"
rm -rf "$work"
