// What a differential test sends and gets, and where things lie in it. native/harness.c has the same numbers.
//
//   request, 1344 bytes                         result, 592 bytes
//     0 u64 x16  rax rcx rdx rbx rsp rbp …r15     0 u64 x16  registers
//   128 u64      rflags                         128 u64      rflags, only the bits of the mask
//   136 u64      the bits of it to compare      136 u64      rip
//   144 u64      rip                            144 u32      exception, or all ones: executed
//   152 u32      bytes of code                  148 u32      its error code
//   156 u32      the patch's offset in the      152 u64      cr2
//                data area                      160 u32 x2   hash and number of the changed dwords
//   160          (unused)                       176          FXSAVE image up to XMM15, pointers cleared
//   248 u32 x2   offset and length of what is
//                ignored of the data area
//   256          patch, 64 bytes
//   320          FXSAVE image, 512 bytes
//   832          code, up to 512 bytes
//
// The virtual addresses are the same on both sides, and below 2 GiB so that every kind of address reaches them:
//
//   CODE   two pages to read and execute, filled with INT3; nothing behind them
//   STUB   where the jump behind the tested code leads (natively: to the end; in our core nothing is there)
//   DATA   two pages to write, one only to read; nothing before and behind them

export const CODE = 0x2000_0000
export const CODE_SIZE = 0x2000
export const STUB = 0x2800_0000
export const DATA = 0x3000_0000
export const DATA_WRITABLE = 0x2000
export const DATA_SIZE = 0x3000
export const FS_BASE: number = DATA + 0x1230
export const GS_BASE = 0x1_0000
/** Above it lies the kernel's half and what is not canonical. */
export const USER_END = 0x7fff_ffff_f000n

export const REQUEST_SIZE = 1344
export const REQUEST = {
  registers: 0,
  rflags: 128,
  rflagsMask: 136,
  rip: 144,
  codeLength: 152,
  patchOffset: 156,
  ignoredOffset: 248,
  ignoredLength: 252,
  patch: 256,
  fxsave: 320,
  xmm: 480,
  code: 832,
} as const
export const PATCH_SIZE = 64
export const CODE_LIMIT = 512

export const RESULT_SIZE = 592
export const RESULT = {
  registers: 0,
  rflags: 128,
  rip: 136,
  vector: 144,
  error: 148,
  cr2: 152,
  memoryHash: 160,
  wordsChanged: 164,
  fxsave: 176,
} as const
export const NO_VECTOR = 0xffff_ffff

/** Header of a batch (count, verbose, two spare words), then the data area's image. */
export const BATCH_HEADER = 16
export const BATCH_LIMIT = 4096

export const REGISTER_NAMES: readonly string[] = [
  ...['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'],
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'],
]

/** The jump to STUB that follows the tested code: `jmp [rip+0]` and its target. */
export const LEAVE: Uint8Array = new Uint8Array(14)
LEAVE.set([0xff, 0x25])
new DataView(LEAVE.buffer).setUint32(6, STUB, true)
export const FILLER = 0xcc
