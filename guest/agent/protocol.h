// The wire protocol between this agent and the host; src/agent/protocol.ts is the other half of this file.
//
// One control connection carries frames in both directions, every number little-endian:
//
//    0        4      6       8    12
//    +--------+------+-------+----+---------------------+
//    | length | type | flags | id | payload: length bytes |
//    +--------+------+-------+----+---------------------+
//
// `id` names a program; the host chooses it, always greater than any before. A string is `u32 n`, n bytes and
// a NUL that n does not count, so that the agent can hand out pointers into the frame instead of copies.
// Every piped stdio descriptor has a connection of its own to STREAM_PORT, which begins with 8 bytes
// `u32 id | u8 fd | u8 0 | u16 0` from the host and then carries only the bytes of the pipe. There the end of
// the data direction is a half-close, and an end of the other direction says "nobody reads any more".
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_VERSION 1
#define CONTROL_PORT 1024
#define STREAM_PORT 1025

#define FRAME_HEADER_BYTES 12
#define STREAM_HEADER_BYTES 8
// execve() takes at most 2 MiB of arguments and environment with the usual 8 MiB stack; anything above
// 4 MiB is no request but an attempt to exhaust the guest's memory.
#define MAX_FRAME_TO_GUEST (4u << 20)

// host → guest
#define MSG_START 1
#define MSG_SIGNAL 2    // payload: u32 signal
#define MSG_CLOCK 3     // payload: u64 nanoseconds since 1970 UTC
#define MSG_ENTROPY 4   // payload: random bytes, credited in full
#define MSG_HOSTNAME 5  // payload: string
#define MSG_POWEROFF 6

// guest → host
#define MSG_READY 129    // payload: u32 protocol, string version
#define MSG_STARTED 130  // payload: u32 pid
#define MSG_FAILED 131   // payload: u32 errno, u32 step
#define MSG_EXITED 132   // payload: u32 code, u32 signal (0: none), u64 stdout bytes, u64 stderr bytes; flags below
#define MSG_LOG 133      // payload: string
#define MSG_BYE 134

// flags
#define START_DEFAULT_HOME 1  // add HOME from /etc/passwd: the caller has not set one
#define SIGNAL_GROUP 1        // to the process group, not to the process alone
#define POWEROFF_SYNC 1       // write dirty data back first
#define EXITED_HELD_STDOUT 1  // a descendant still holds the pipe: more may come than the bytes counted
#define EXITED_HELD_STDERR 2

// START: u8 stdio[3], u8 0, u32 umask, string program, string cwd, string user,
//        u32 argc, argc strings, u32 envc, envc strings "K=V"
enum stdio_mode { STDIO_NULL = 0, STDIO_PIPE = 1, STDIO_SAME_AS_STDOUT = 2 };

// Where a start failed; FAILED carries it beside errno.
enum start_step { STEP_PROTOCOL = 0, STEP_STDIO = 1, STEP_FORK = 2, STEP_USER = 3, STEP_CHDIR = 4, STEP_EXEC = 5 };

// Reads a payload in order. After the first short read `bad` stays set and every value is 0 or NULL, so a
// caller checks once, at the end.
struct reader {
  char *at;
  char *end;
  bool bad;
};

uint8_t read_u8(struct reader *);
uint32_t read_u32(struct reader *);
uint64_t read_u64(struct reader *);
char *read_string(struct reader *);

// Builds one payload of bounded size for the host.
#define MAX_PAYLOAD_TO_HOST 1024
struct writer {
  char bytes[MAX_PAYLOAD_TO_HOST];
  size_t length;
};

void write_u32(struct writer *, uint32_t);
void write_u64(struct writer *, uint64_t);
void write_string(struct writer *, const char *);

void put_header(char header[FRAME_HEADER_BYTES], uint32_t length, uint16_t type, uint16_t flags, uint32_t id);
