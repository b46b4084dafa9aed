// The control connection: requests in, reports out.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

void control_open(int fd);
// Has the host sent something here that has not been looked at?
bool control_waiting(void);

void control_started(uint32_t id, pid_t pid);
void control_failed(uint32_t id, int error, uint32_t step);

struct exit_report {
  uint16_t held;  // EXITED_HELD_*
  uint32_t code, signal;
  uint64_t stdout_bytes, stderr_bytes;
};
void control_exited(uint32_t id, const struct exit_report *);
// Something that the host should see but that stops nothing. Kept until there is a connection.
void control_log(const char *message, int error);
