// Where translated code finds things in the machine's memory; core/layout.ts, core/state.ts, core/mmu.ts and
// core/regions.ts have the same numbers, and a test holds them equal.

const STATE = 0x2000
export const REGS: number = STATE
export const RIP: number = STATE + 0xa0
export const RFLAGS: number = STATE + 0xa8
export const CC_OP: number = STATE + 0xb0
export const CC_CARRY: number = STATE + 0xb4
export const CC_RES: number = STATE + 0xb8
export const CC_A: number = STATE + 0xc0
export const CC_B: number = STATE + 0xc8
export const ICOUNT: number = STATE + 0xe0
/** Instructions that may run before the clock is looked at (i32). */
export const BUDGET: number = STATE + 0xe8
/** Not zero: a region has been dropped since the running one was entered. */
export const DROPPED: number = STATE + 0xec
/** Operation that a translated call of the interpreter was about when it did not return NEXT. */
export const CALLED_OPERATION: number = STATE + 0xf0
export const CALLED_RESULT: number = STATE + 0xf4
export const RUNNING: number = STATE + 0xfc
export const CPL: number = STATE + 0xd0
export const CR0: number = STATE + 0x100
export const CR4: number = STATE + 0x118
export const KERNEL_GS_BASE: number = STATE + 0x158
/** u32 each: of the kernel's view, of the user's. */
export const CHAIN_EPOCHS: number = STATE + 0x1a8
export const MXCSR: number = STATE + 0x260
export const XMM: number = STATE + 0x300
/** u64 each, of the core: see core/state.ts. */
export const REGION_STATISTICS: number = STATE + 0x6a0

/** float64 each, of the translator. */
export const TRANSLATOR_STATISTICS: number = STATE + 0x6c0

/** u32: how often all decoded blocks have been forgotten. */
export const BLOCK_EPOCH: number = STATE + 0xf8

const TLB = 0x6d00000
const TLB_KIND = 0x40000
const TLB_VIEW = 0xc0000
/** Shifted right by 8, an address has its entry's offset in these bits. */
export const TLB_INDEX: number = 0x3fff0
export const tlbOf = (user: boolean, kind: 'read' | 'write' | 'execute'): number =>
  TLB + (user ? TLB_VIEW : 0) + { read: 0, write: 1, execute: 2 }[kind] * TLB_KIND

export const BLOCK_HASH: number = 0x280000
export const BLOCK_HASH_MASK: number = 0x3ffff
export const REQUESTS: number = 0x240000
export const JUMP_BITS: number = 0x270000
export const JUMP_BITS_VIEW: number = 0x4000
export const CHAINS: number = 0x6500000
export const CHAINS_VIEW: number = 0x200000
export const CHAINS_MASK: number = 0xffff
export const JUMPS: number = 0x6900000
export const JUMPS_VIEW: number = 0x200000
export const JUMPS_MASK: number = 0x1ffff
export const REGION_RECORDS: number = 0x7000000
export const REGION_RECORDS_END: number = 0x7c00000
export const REGION_OPERATIONS: number = 0x7c00000
export const REGION_OPERATIONS_END: number = 0x8200000
export const PAGES: number = 0x8200000
export const PAGE_REGIONS: number = 0x8a00000
export const GUEST_BASE: number = 0x9000000

/** What a region's function returns. */
export const CONTINUE: number = 0
export const INTERPRET: number = 1
export const CALLED: number = 2
