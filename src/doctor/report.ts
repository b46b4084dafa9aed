// The report: plain data, so that `inlinux doctor --json` is one JSON.stringify.

import type { EngineName } from '../engine/index.ts'

export interface DoctorOptions {
  /** Starts a machine, runs `true` in it, and reports what that took. Default: false. */
  readonly boot?: boolean
  /** RAM of that machine, in bytes or as `'512MiB'`. */
  readonly memory?: number | string
  readonly signal?: AbortSignal
}

export interface DoctorReport {
  /** Machines can run here: there is no problem. */
  readonly healthy: boolean
  readonly problems: readonly Problem[]
  /** What works less than it could. */
  readonly warnings: readonly Problem[]
  /** Of the package inlinux. */
  readonly version: string
  readonly host: HostFacts
  readonly features: readonly Feature[]
  readonly engine: EngineCheck
  /** Undefined when no usable guest was found: see `problems`. */
  readonly guest: GuestCheck | undefined
  readonly cache: CacheCheck
  /** Undefined unless asked for, and when the machine did not start: see `problems`. */
  readonly boot: BootCheck | undefined
}

export interface Problem {
  readonly message: string
  /** One sentence: what to do about it. */
  readonly fix: string | undefined
}

export interface HostFacts {
  readonly node: string
  readonly v8: string
  readonly platform: string
  readonly arch: string
  readonly osRelease: string
  readonly cpuModel: string
  /** Logical CPUs that this process may use. */
  readonly cpus: number
  readonly memoryBytes: number
  readonly freeMemoryBytes: number
}

export interface Feature {
  readonly name: string
  readonly available: boolean
  readonly neededFor: string
}

export interface EngineCheck {
  /** What machines run on; undefined when none is usable. */
  readonly chosen: EngineName | undefined
  readonly reason: string
  readonly engines: readonly {
    readonly name: EngineName
    readonly usable: boolean
    readonly reason: string
  }[]
}

export interface GuestFile {
  readonly path: string
  readonly bytes: number
}

export interface GuestCheck {
  /** Where it was found. */
  readonly origin: 'INLINUX_GUEST_DIR' | 'package' | 'checkout'
  /** What `uname -r` says in the guest; undefined for a bare folder. */
  readonly kernelRelease: string | undefined
  /** Version of the distribution's source package. */
  readonly kernelSource: string | undefined
  readonly compiler: string | undefined
  readonly kernel: GuestFile
  readonly initramfs: GuestFile
  readonly root: GuestFile
}

export interface CacheCheck {
  readonly path: string
  readonly writable: boolean
  /** Converted root file systems in it, and the bytes that they take. */
  readonly images: number
  readonly imageBytes: number
}

export interface BootCheck {
  readonly engine: EngineName
  /** In order. Times in milliseconds; instructions that the guest executed meanwhile. */
  readonly phases: readonly {
    readonly name: 'boot' | 'program' | 'close'
    readonly milliseconds: number
    readonly instructions: number
  }[]
  readonly exceptions: number
  readonly interrupts: number
  /** Instructions that the software engine does not know; each was an invalid-opcode exception in the guest. */
  readonly unknownInstructions: number
  /** The bytes of the last of them in hex, or empty. */
  readonly lastUnknownInstruction: string
}
