// The contract between a machine and the CPU that runs it.
//
// An engine runs inside a Worker (cpu-worker.ts) and knows nothing of virtio, files or networks: it runs guest
// instructions, and calls back for what lies outside of CPU and RAM. Both engines, soft and kvm, keep exactly
// this contract: for kvm the calls come from the exits of KVM_RUN, for soft out of the middle of an instruction.
// The calls are synchronous: the guest's instruction waits for the answer.

export type EngineName = 'soft' | 'kvm'

export type IoWidth = 1 | 2 | 4 | 8

/** What a vCPU asks of the world outside. Runs in the vCPU's thread and may block it. */
export interface VcpuOutside {
  mmioRead(address: number, width: IoWidth): bigint
  mmioWrite(address: number, width: IoWidth, value: bigint): void
  portRead(port: number, width: 1 | 2 | 4): number
  portWrite(port: number, width: 1 | 2 | 4, value: number): void
  /** The guest wrote QueueNotify of the virtio device in window `device`: must not block. */
  notify(device: number, queue: number): void
}

/** Why `run()` came back. */
export type Exit =
  /** HLT: sleep until an interrupt, a kick, or at most `nanoseconds` (Infinity: no timer is armed). */
  | { readonly kind: 'halt'; readonly nanoseconds: number }
  /** The guest is over: nothing can make this vCPU run again. */
  | { readonly kind: 'shutdown'; readonly reason: ShutdownReason }
  /** A kick was seen, or this call's share of instructions is used up: call `run()` again. */
  | { readonly kind: 'kicked' }

export type ShutdownReason = 'triple-fault' | 'halted-for-ever'

/** Registers at the first instruction: 64-bit mode, paging on, flat segments. All addresses are physical. */
export interface CpuEntry {
  readonly rip: number
  readonly rsi: number
  readonly rsp: number
  readonly cr3: number
  readonly gdt: number
  readonly gdtLimit: number
}

export interface Vcpu {
  enter(entry: CpuEntry): void
  /** Runs until an exit; comes back after some tens of milliseconds at the latest. */
  run(): Exit
  /** What happened so far; for `inlinux doctor`, tests and benches. */
  counters(): VcpuCounters
}

export interface VcpuCounters {
  readonly instructions: bigint
  readonly blocksDecoded: bigint
  readonly tlbMisses: bigint
  readonly tlbFlushes: bigint
  readonly interrupts: bigint
  readonly exceptions: bigint
  /** Of `instructions`, those that the interpreter ran; translated code ran the others. */
  readonly instructionsInterpreted: bigint
  /** How often translated code was entered, and left in front of an instruction that only the interpreter runs. */
  readonly regionsEntered: bigint
  readonly regionsLeftToInterpreter: bigint
  readonly regionsLeftAfterCall: bigint
  /** What translating took so far. */
  readonly translator: TranslatorWork
  /** Instructions that no line of the table knows, and the bytes of the last one in hex. */
  readonly unknownInstructions: number
  readonly lastUnknownInstruction: string
}

export interface TranslatorWork {
  readonly regions: number
  /** Regions that live now. */
  readonly live: number
  readonly modules: number
  /** Guest instructions translated. */
  readonly instructions: number
  /** Of WebAssembly. */
  readonly bytes: number
  /** In our code: forming regions and writing modules. */
  readonly translateMilliseconds: number
  /** In WebAssembly's API: compiling and instantiating. */
  readonly compileMilliseconds: number
  /** Regions that another process had translated. */
  readonly stored: number
}

/** What a vCPU is doing at a moment. */
export interface VcpuActivity {
  /** `none`: it is halted, or its thread is busy with something else than the guest's code. */
  readonly tier: 'none' | 'interpreter' | 'translated'
  /** Linear address near which it is: of the block, or of the region's entry. */
  readonly rip: bigint
  /** In user mode. */
  readonly user: boolean
}
