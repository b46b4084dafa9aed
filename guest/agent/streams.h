// Connections that the host opens for stdio.
#pragma once
#include <stdint.h>

// Takes over a listening socket.
void streams_listen(int fd);
// A program with this id was started (or failed to): streams that came too early can be decided now.
void streams_retry(uint32_t id);
