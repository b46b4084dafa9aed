// From an initramfs to the root file system that programs see.
#pragma once

struct boot_options {
  char root[128];       // inlinux.root=: block device with the image; "none" stays in the initramfs
  char rootfstype[32];  // inlinux.rootfstype=
  char overlay[64];     // inlinux.overlay=: options of the tmpfs that takes the writes, as size=64m
  char hostname[65];    // inlinux.hostname=
};

// /dev with a console, /proc; reads the kernel's command line. Fatal errors do not return.
void root_prepare(struct boot_options *);
// Mounts the image and everything a Linux program expects around it, and makes it the agent's root.
void root_switch(const struct boot_options *);
