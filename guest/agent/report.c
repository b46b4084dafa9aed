// Boot errors go to the console because the network of the guest may be what failed.
#include "report.h"

#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#define LINE 512

static size_t append(char *line, size_t at, const char *text) {
  size_t length = strnlen(text, LINE - 2 - at);
  memcpy(line + at, text, length);
  return at + length;
}

void report(const char *phase, const char *message, int error) {
  char line[LINE];
  size_t at = append(line, 0, "inlinux-agent: ");
  at = append(line, at, phase);
  at = append(line, at, ": ");
  at = append(line, at, message);
  if (error != 0) {
    at = append(line, at, ": ");
    at = append(line, at, strerror(error));
  }
  line[at++] = '\n';
  if (write(STDERR_FILENO, line, at) < 0) return;  // no console: nobody can be told
}

_Noreturn void give_up(const char *phase, const char *message, int error) {
  report(phase, message, error);
#ifndef AGENT_ON_HOST
  // There is no ACPI: the kernel turns this into a halt with interrupts off, which the machine sees.
  reboot(RB_POWER_OFF);
#endif
  _exit(1);
}
