// The architectural state of one vCPU, in linear memory so that interpreter, translated code and the host's
// side (debugger, snapshot, differential tests) see the same words. SDM volume 1 chapter 3, volume 3 chapter 2.
//
// Registers are named by their byte offset from REGS: the decoder stores these offsets in an operation, so a
// handler needs no arithmetic. Four pseudo-registers follow the sixteen real ones; through them every
// effective address is the same sum: base + (index << scale) + displacement + segment base.

import { STATE } from './layout'

export const REGS: usize = STATE
// Offsets from REGS.
export const RAX: u32 = 0x00
export const RCX: u32 = 0x08
export const RDX: u32 = 0x10
export const RBX: u32 = 0x18
export const RSP: u32 = 0x20
export const RBP: u32 = 0x28
export const RSI: u32 = 0x30
export const RDI: u32 = 0x38
export const R11: u32 = 0x58
/** Always zero: "no base", "no index", "no segment". */
export const ZERO: u32 = 0x80
/** The linear address at which the running block starts; RIP-relative displacements count from it. */
export const BLOCK_RIP: u32 = 0x88
export const FS_BASE: u32 = 0x90
export const GS_BASE: u32 = 0x98

// Control.
export const RIP: usize = STATE + 0xa0
/** RFLAGS without the six status flags, which are lazy (see flags.ts), except while CC_OP is CC_EXPLICIT. */
export const RFLAGS: usize = STATE + 0xa8
export const CC_OP: usize = STATE + 0xb0 // u32
export const CC_CARRY: usize = STATE + 0xb4 // u32, for INC and DEC
export const CC_RES: usize = STATE + 0xb8 // i64, result sign-extended
export const CC_A: usize = STATE + 0xc0 // i64, first operand sign-extended
export const CC_B: usize = STATE + 0xc8 // i64, second operand sign-extended
export const CPL: usize = STATE + 0xd0 // u32
export const EXCEPTION_VECTOR: usize = STATE + 0xd4 // u32
export const EXCEPTION_ERROR: usize = STATE + 0xd8 // u32
export const INHIBIT: usize = STATE + 0xdc // u32: no interrupt before one more instruction (STI, MOV SS)
/** Instructions executed since reset. */
export const ICOUNT: usize = STATE + 0xe0 // u64
/** Instructions that may run before the clock is looked at; translated code counts here, too. */
export const BUDGET: usize = STATE + 0xe8 // i32
/** Set when a region is dropped: the running one leaves after its call of a handler, for it may be the one. */
export const DROPPED: usize = STATE + 0xec // u32
/** What a translated call of a handler was about, when the handler did not just return NEXT. */
export const CALLED_OPERATION: usize = STATE + 0xf0 // u32
export const CALLED_RESULT: usize = STATE + 0xf4 // u32
/** How often all decoded blocks have been forgotten. */
export const BLOCK_EPOCH: usize = STATE + 0xf8 // u32
/** For whoever takes samples: 0 nothing runs, 1 the interpreter, else the slot through which the running region was entered. */
export const RUNNING: usize = STATE + 0xfc // u32
export const CR0: usize = STATE + 0x100
export const CR2: usize = STATE + 0x108
export const CR3: usize = STATE + 0x110
export const CR4: usize = STATE + 0x118
export const CR8: usize = STATE + 0x120
export const XCR0: usize = STATE + 0x128
export const EFER: usize = STATE + 0x130
export const STAR: usize = STATE + 0x138
export const LSTAR: usize = STATE + 0x140
export const CSTAR: usize = STATE + 0x148
export const FMASK: usize = STATE + 0x150
export const KERNEL_GS_BASE: usize = STATE + 0x158
export const TSC_AUX: usize = STATE + 0x160
export const TSC_OFFSET: usize = STATE + 0x168
export const PAT: usize = STATE + 0x170
export const MISC_ENABLE: usize = STATE + 0x178
export const SYSENTER_CS: usize = STATE + 0x180
export const SYSENTER_ESP: usize = STATE + 0x188
export const SYSENTER_EIP: usize = STATE + 0x190
export const KVM_SYSTEM_TIME: usize = STATE + 0x198
export const KVM_WALL_CLOCK: usize = STATE + 0x1a0
/** Epochs of the chains (chains.ts) of the kernel's view, and of the user's: u32 each. */
export const CHAIN_EPOCHS: usize = STATE + 0x1a8
export const DR: usize = STATE + 0x1c0 // DR0..DR7, u64 each
// Descriptor tables.
export const GDT_BASE: usize = STATE + 0x200
export const GDT_LIMIT: usize = STATE + 0x208 // u32
export const IDT_BASE: usize = STATE + 0x210
export const IDT_LIMIT: usize = STATE + 0x218 // u32
export const LDT_BASE: usize = STATE + 0x220
export const LDT_LIMIT: usize = STATE + 0x228 // u32
export const LDT_SELECTOR: usize = STATE + 0x22c // u32
export const TR_BASE: usize = STATE + 0x230
export const TR_LIMIT: usize = STATE + 0x238 // u32
export const TR_SELECTOR: usize = STATE + 0x23c // u32
/** Visible selectors ES CS SS DS FS GS, u32 each; bases of FS and GS are pseudo-registers, the others are 0. */
export const SELECTORS: usize = STATE + 0x240
export const SEL_CS: usize = SELECTORS + 4
export const SEL_SS: usize = SELECTORS + 8
// SSE and x87.
export const MXCSR: usize = STATE + 0x260 // u32
export const XMM: usize = STATE + 0x300 // 16 × 16 bytes
/** x87 state: see x87.ts. MMX registers are the significands of the eight x87 registers. */
export const X87: usize = STATE + 0x400

// Counters that the host reads.
export const UNKNOWN_OPCODE: usize = STATE + 0x600 // u32 count, then u32 length, then the 16 bytes of the last one
export const STATISTICS: usize = STATE + 0x640 // u64 each: blocks decoded, TLB misses, flushes, interrupts, exceptions

/** u64 each: regions entered, left for the interpreter, left after a call of a handler, instructions interpreted. */
export const REGION_STATISTICS: usize = STATE + 0x6a0

/** float64 each, written by the translator: see translator/translator.ts. */
export const TRANSLATOR_STATISTICS: usize = STATE + 0x6c0

/** The last 16 exceptions, a ring indexed by their count: RIP, CR2, vector u32, error u32. For whoever debugs. */
export const EXCEPTION_LOG: usize = STATE + 0x700

// RFLAGS bits.
export const CF: u64 = 0x1
export const PF: u64 = 0x4
export const AF: u64 = 0x10
export const ZF: u64 = 0x40
export const SF: u64 = 0x80
export const TF: u64 = 0x100
export const IF: u64 = 0x200
export const DF: u64 = 0x400
export const OF: u64 = 0x800
export const IOPL: u64 = 0x3000
export const NT: u64 = 0x4000
export const RF: u64 = 0x10000
export const AC: u64 = 0x40000
export const ID: u64 = 0x200000
export const STATUS_FLAGS: u64 = CF | PF | AF | ZF | SF | OF

// CR0, CR4, EFER bits that change what we do.
export const CR0_PE: u64 = 1
export const CR0_MP: u64 = 2
export const CR0_EM: u64 = 4
export const CR0_TS: u64 = 8
export const CR0_NE: u64 = 0x20
export const CR0_WP: u64 = 0x10000
export const CR0_PG: u64 = 0x80000000
export const CR4_TSD: u64 = 4
export const CR4_DE: u64 = 8
export const CR4_PSE: u64 = 0x10
export const CR4_PAE: u64 = 0x20
export const CR4_PGE: u64 = 0x80
export const CR4_PCE: u64 = 0x100
export const CR4_OSFXSR: u64 = 0x200
export const CR4_OSXMMEXCPT: u64 = 0x400
export const EFER_SCE: u64 = 1
export const EFER_LME: u64 = 0x100
export const EFER_LMA: u64 = 0x400
export const EFER_NXE: u64 = 0x800

// Exception vectors, SDM volume 3 table 6-1.
export const DE_VECTOR: u32 = 0
export const DB_VECTOR: u32 = 1
export const BP_VECTOR: u32 = 3
export const UD_VECTOR: u32 = 6
export const NM_VECTOR: u32 = 7
export const DF_VECTOR: u32 = 8
export const TS_VECTOR: u32 = 10
export const NP_VECTOR: u32 = 11
export const SS_VECTOR: u32 = 12
export const GP_VECTOR: u32 = 13
export const PF_VECTOR: u32 = 14
export const MF_VECTOR: u32 = 16
export const AC_VECTOR: u32 = 17
export const XM_VECTOR: u32 = 19

// What a handler returns to the dispatcher (run.ts).
/** Go on with the next operation. */
export const NEXT: i32 = 0
/** An exception is pending; RIP stays at this instruction. */
export const FAULT: i32 = 1
/** RIP was set: look for the next block. */
export const JUMP: i32 = 2
/** The next instruction follows, in a new block (something changed that decoding or interrupts depend on). */
export const LEAVE: i32 = 3
/** As LEAVE, and `run` returns to the host. */
export const STOP: i32 = 4
/** As JUMP, and `run` returns to the host (after a trap that ended it). */
export const SHUTDOWN: i32 = 5

/** As JUMP, by a direct near branch: the operation's displacement field (unused by it) remembers the next blocks. */
export const BRANCH: i32 = 7
/** This instruction is not finished: look for its block again (a long repetition, or its block was forgotten). */
export const AGAIN: i32 = 6

// @ts-ignore: decorator
@inline export function reg64(offset: u32): u64 {
  return load<u64>(REGS + offset)
}
// @ts-ignore: decorator
@inline export function setReg64(offset: u32, value: u64): void {
  store<u64>(REGS + offset, value)
}
/** Reads a general register by offset; 8- and 16-bit ones lie inside the 64-bit word. */
// @ts-ignore: decorator
@inline export function getReg<T>(offset: u32): T {
  return load<T>(REGS + offset)
}
/** Writes a general register: 32-bit results clear the upper half, shorter ones keep it (SDM vol. 1, 3.4.1.1). */
// @ts-ignore: decorator
@inline export function setReg<T>(offset: u32, value: T): void {
  if (sizeof<T>() == 4) store<u64>(REGS + offset, <u64>(<u32>value))
  else store<T>(REGS + offset, value)
}

/** Makes an exception pending. @returns FAULT, to be returned by the handler */
export function raise(vector: u32, error: u32): i32 {
  store<u32>(EXCEPTION_VECTOR, vector)
  store<u32>(EXCEPTION_ERROR, error)
  return FAULT
}
