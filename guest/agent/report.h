// Telling the outside what went wrong, before and after there is a connection to tell it over.
#pragma once
#include <stdbool.h>

// One line on the console, `inlinux-agent: PHASE: MESSAGE: REASON`, which the host parses to name the phase
// of a failed boot. PHASE is one of init, mount, exec. `error` is an errno; 0 leaves the reason out.
void report(const char *phase, const char *message, int error);
// report(), then the end: the machine powers off (on the host: exit status 1).
_Noreturn void give_up(const char *phase, const char *message, int error);
