// Reading and writing the values of the wire protocol. x86-64 and the wire are both little-endian, so a value
// is a memcpy; every read is checked against the end of its frame.
#include "protocol.h"

#include <string.h>

static bool take(struct reader *r, void *into, size_t size) {
  if (r->bad || (size_t)(r->end - r->at) < size) {
    r->bad = true;
    memset(into, 0, size);
    return false;
  }
  memcpy(into, r->at, size);
  r->at += size;
  return true;
}

uint8_t read_u8(struct reader *r) {
  uint8_t value;
  take(r, &value, sizeof value);
  return value;
}

uint32_t read_u32(struct reader *r) {
  uint32_t value;
  take(r, &value, sizeof value);
  return value;
}

uint64_t read_u64(struct reader *r) {
  uint64_t value;
  take(r, &value, sizeof value);
  return value;
}

// The string stays where it is, in the frame: its NUL is part of the wire format and checked here.
char *read_string(struct reader *r) {
  uint32_t length = read_u32(r);
  if (r->bad || (size_t)(r->end - r->at) <= length || r->at[length] != '\0' || strlen(r->at) != length) {
    r->bad = true;
    return NULL;
  }
  char *string = r->at;
  r->at += (size_t)length + 1;
  return string;
}

static void put(struct writer *w, const void *from, size_t size) {
  if (size > MAX_PAYLOAD_TO_HOST - w->length) return;
  memcpy(w->bytes + w->length, from, size);
  w->length += size;
}

void write_u32(struct writer *w, uint32_t value) { put(w, &value, sizeof value); }

void write_u64(struct writer *w, uint64_t value) { put(w, &value, sizeof value); }

// Cut to what is left of the payload: only log texts can be that long.
void write_string(struct writer *w, const char *string) {
  size_t room = MAX_PAYLOAD_TO_HOST - w->length;
  if (room < 5) return;
  size_t length = strlen(string);
  if (length > room - 5) length = room - 5;
  write_u32(w, (uint32_t)length);
  put(w, string, length);
  put(w, "", 1);
}

void put_header(char header[FRAME_HEADER_BYTES], uint32_t length, uint16_t type, uint16_t flags, uint32_t id) {
  memcpy(header, &length, 4);
  memcpy(header + 4, &type, 2);
  memcpy(header + 6, &flags, 2);
  memcpy(header + 8, &id, 4);
}
