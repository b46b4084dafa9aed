// An init that says one byte and sleeps for ever: where it stands, the kernel's part of booting is over.
#include <unistd.h>

int main(void) {
  if (write(1, "!", 1) != 1) return 1;
  for (;;) pause();
}
