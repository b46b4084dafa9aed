// Where everything lies in the machine's one WebAssembly memory.
//
//   0x0000_0000  (never used, so that pointer 0 means "none")
//   0x0000_1000  scratch for accesses that cross a page or leave RAM      SCRATCH
//   0x0000_2000  CPU state                                               see state.ts
//   0x0000_8000  local APIC, IO-APIC                                     see apic.ts
//   0x0001_0000  this module's constant tables (asc --memoryBase)
//   0x0008_0000  mailbox between the CPU's thread and the caller's       see ../../shared-words.ts
//   0x0009_0000  register windows of 16 virtio-mmio devices, 4 KiB each  WINDOWS
//   0x0024_0000  blocks whose translation is asked for                   REQUESTS, see regions.ts
//   0x0027_0000  which slots of JUMPS have been filled, a bit each       JUMP_BITS
//   0x0028_0000  hash table of decoded blocks                            BLOCK_HASH, see blocks.ts
//   0x0038_0000  the blocks found last                                   BLOCK_CACHE
//   0x0040_0000  decoded operations                                      ARENA
//   0x0650_0000  where it goes on from region to region                  CHAINS, see chains.ts
//   0x0690_0000  where translated code is entered                        JUMPS
//   0x06d0_0000  translation look-aside buffers                          see mmu.ts
//   0x0700_0000  what belongs to each translated region                  (translator/installed.ts)
//   0x07c0_0000  operations that translated code hands to the interpreter
//   0x0820_0000  per physical page: first block, lines holding code      PAGES
//   0x08a0_0000  per physical page: first translated region              PAGE_REGIONS
//   0x0900_0000  guest-physical address 0                                GUEST_BASE
//
// engine/soft/layout.ts and translator/addresses.ts repeat what the host's side needs; a test holds them equal.

export const SCRATCH: usize = 0x1000
/** Pointers below this one are scratch: what was stored there still has to be written through. */
export const SCRATCH_END: usize = 0x2000
export const STATE: usize = 0x2000
export const APIC: usize = 0x8000
export const MAILBOX: usize = 0x80000
export const WINDOWS: usize = 0x90000
export const WINDOW_COUNT: u32 = 16
/** Guest-physical address of the first virtio-mmio window; one every 4 KiB. */
export const WINDOW_PHYSICAL: u64 = 0xd0000000
export const TLB: usize = 0x6d00000
export const BLOCK_HASH: usize = 0x280000
export const REQUESTS: usize = 0x240000
export const BLOCK_CACHE: usize = 0x380000
export const JUMP_BITS: usize = 0x270000
export const ARENA: usize = 0x400000
export const ARENA_END: usize = 0x6500000
export const CHAINS: usize = 0x6500000
export const JUMPS: usize = 0x6900000
export const PAGES: usize = 0x8200000
export const PAGE_REGIONS: usize = 0x8a00000
export const GUEST_BASE: usize = 0x9000000
