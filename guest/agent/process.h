// The programs that the host has started, from START to the last byte of their output.
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"
#include "relay.h"

struct program {
  struct program *next;
  uint32_t id;
  pid_t pid;  // 0 after it was reaped
  struct relay *relays[3];
  uint64_t dropped[3];  // the total of an output relay that has ended
};

void program_start(uint32_t id, uint16_t flags, struct reader *);
void program_signal(uint32_t id, uint16_t flags, int signal);
// The host's stream for descriptor `fd` of program `id`: takes it over, or says that it is not known (yet).
enum stream_match { STREAM_TAKEN, STREAM_EARLY, STREAM_REFUSED };
enum stream_match program_stream(uint32_t id, int fd, int stream_fd);
void program_lost_relay(struct program *, struct relay *);
// Collects every dead child, ours or an orphan's, and reports ours.
void programs_reap(void);
void programs_kill_all(void);
