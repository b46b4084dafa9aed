// The words through which the CPU's thread and the caller's thread speak. They lie in the machine's shared memory
// at MAILBOX, so that the software CPU reads its kick word with a plain load between two blocks of code.
//
// Caller → CPU   KICK wakes the CPU out of HLT or between blocks; RAISED has a bit for each IO-APIC input that a
//                device raised; the WRITTEN ring names physical pages with decoded code that a device wrote;
//                STOP asks `run` to return.
// CPU → caller   DOORBELL counts; the caller waits for it to change. NOTIFIED has a word for each virtio device, a
//                bit for each queue. REQUEST is a device access that the CPU waits for (MMIO, port).
//
// core/run.ts has the same numbers for the first group.

/** Offsets in 32-bit words from the mailbox's start. */
export const KICK = 0
export const RAISED = 1
export const WRITTEN_HEAD = 2
export const WRITTEN_TAIL = 3
export const WRITTEN_OVERFLOW = 4
export const STOP = 5
export const WRITTEN_RING = 0x100
export const WRITTEN_ENTRIES = 256

export const DOORBELL = 0x40
export const REQUEST = 0x42
export const REQUEST_KIND = 0x43
export const REQUEST_ADDRESS = 0x44
export const REQUEST_WIDTH = 0x45
export const REQUEST_LOW = 0x46
export const REQUEST_HIGH = 0x47
export const NOTIFIED = 0x50

/** Words of the whole mailbox. */
export const MAILBOX_WORDS = 0x200

/** REQUEST: nobody waits, the CPU waits for an answer, the answer is there. */
export const IDLE = 0
export const WAITING = 1
export const ANSWERED = 2

/** REQUEST_KIND */
export const MMIO_READ = 0
export const MMIO_WRITE = 1
export const PORT_READ = 2
export const PORT_WRITE = 3
