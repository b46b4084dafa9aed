// What the host sets in the machine as a whole. Failures are logged, none is fatal.
#pragma once
#include <stddef.h>
#include <stdint.h>

void system_clock(uint64_t nanoseconds);
void system_entropy(const char *bytes, size_t length);
void system_hostname(const char *name);
void system_loopback_up(void);
// Keeps the kernel from waking an idle machine for its housekeeping.
void system_quiet(void);
// Sets the agent's own limits; the second is called in a program's process before it execs.
void system_limits(void);
void system_program_limits(void);
