// The end of the machine.
#pragma once

// Writes dirty data back and makes file systems read-only.
void power_sync(void);
_Noreturn void power_down(void);
