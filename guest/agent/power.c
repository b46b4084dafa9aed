// Ordered power-off. The programs are dead by now; what they wrote goes to its disks, then the machine stops.
#include "power.h"

#include <stddef.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>

void power_sync(void) {
#ifndef AGENT_ON_HOST
  sync();
  // With nothing dirty left, a read-only root cannot get dirty again. A disk that refuses is synced all the same.
  mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
#endif
}

_Noreturn void power_down(void) {
#ifndef AGENT_ON_HOST
  // There is no ACPI: the kernel turns this into a halt with interrupts off, which the machine sees.
  reboot(RB_POWER_OFF);
#endif
  _exit(0);
}
