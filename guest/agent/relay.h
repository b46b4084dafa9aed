// Bytes between a program's pipe and the host's stream.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "loop.h"

struct program;

// One stdio descriptor of one program. The pipe exists from the start of the program, the stream comes when
// the host connects it; until then the pipe simply fills.
struct relay {
  struct source pipe;
  struct source stream;
  struct program *program;
  int fd;  // 0, 1 or 2, as the program sees it
  bool at_end;
  uint64_t total;  // bytes taken out of the pipe so far (output only)
  uint32_t start, end;  // what is in `buffer`
  char *buffer;
};

struct relay *relay_new(struct program *, int fd, int pipe_fd);
void relay_attach(struct relay *, int stream_fd);
// Closes both ends at once and tells the program's record.
void relay_drop(struct relay *);
// All that the program has written to this pipe up to now, relayed or not.
uint64_t relay_written(const struct relay *);
// Somebody still has the program's end of this output pipe open.
bool relay_has_writer(const struct relay *);
