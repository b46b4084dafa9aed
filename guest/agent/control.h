// The control connection: requests in, reports out.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

void control_open(int fd);

void control_started(uint32_t id, pid_t pid);
void control_failed(uint32_t id, int error, uint32_t step);
void control_exited(uint32_t id, uint32_t code, uint32_t signal, uint64_t stdout_bytes, uint64_t stderr_bytes);
// Something that the host should see but that stops nothing. Kept until there is a connection.
void control_log(const char *message, int error);
