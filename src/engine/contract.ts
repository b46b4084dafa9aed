// The contract between a machine and the CPU that runs it.
//
// An engine runs inside a Worker (see engine/worker.ts) and knows nothing of virtio, files or networks: it runs
// guest instructions until something outside of CPU and RAM is needed, and returns an `Exit` that says what.
// `run()` is called again with the answer stored. Both engines, soft and kvm, keep exactly this contract.

export type EngineName = 'soft' | 'kvm'

export type Exit =
  | { readonly kind: 'mmio-read'; readonly address: number; readonly width: 1 | 2 | 4 | 8 }
  | { readonly kind: 'mmio-write'; readonly address: number; readonly width: 1 | 2 | 4 | 8; readonly value: bigint }
  | { readonly kind: 'port-read'; readonly port: number; readonly width: 1 | 2 | 4 }
  | { readonly kind: 'port-write'; readonly port: number; readonly width: 1 | 2 | 4; readonly value: number }
  /** HLT with interrupts enabled. Sleep at most `nanoseconds` (Infinity: until an interrupt or a kick). */
  | { readonly kind: 'halt'; readonly nanoseconds: number }
  | { readonly kind: 'shutdown'; readonly reason: ShutdownReason }
  /** `kick()` was seen, or the instruction budget of this call is used up. */
  | { readonly kind: 'kicked' }

export type ShutdownReason = 'triple-fault' | 'halted-for-ever' | 'internal-error'

export interface Vcpu {
  /** Runs until an exit. Bounded: returns `kicked` after some tens of milliseconds at the latest. */
  run(): Exit
  /** Gives the value for the last `mmio-read` or `port-read`; must precede the next `run()`. */
  completeRead(value: bigint): void
}
