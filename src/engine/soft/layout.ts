// The addresses in the machine's WebAssembly memory that the host's side needs; core/layout.ts has the whole map.

export const MAILBOX = 0x80000
export const WINDOWS = 0x90000
export const WINDOW_COUNT = 16
export const WINDOW_SIZE = 0x1000
/** Guest-physical address of the first virtio-mmio register window. */
export const WINDOW_PHYSICAL = 0xd0000000
export const PAGES = 0x8200000
export const GUEST_BASE = 0x9000000
