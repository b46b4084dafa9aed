// What a caller may say about a machine, checked.

import { MAX_RAM_BYTES } from '../engine/index.ts'
import { VmError } from '../errors/index.ts'
import type { RootImage } from '../image/index.ts'
import { VIRTIO_BASE } from './memory-map.ts'

export interface MachineOptions {
  /** The root file system. Default: the package's own, busybox and catsay. */
  readonly image?: RootImage
  /** Guest RAM: bytes, or a text like `'512MiB'`. Default 128 MiB, at least 32 MiB, at most 3328 MiB. */
  readonly memory?: number | string
  /** Gives up starting. A machine that is up is ended by `close()`. */
  readonly signal?: AbortSignal
  /** `uname -n` in the guest. Default `inlinux`. */
  readonly hostname?: string
  /**
   * Files that the guest gets as disks, /dev/vdb and on. Read-only unless they say `readonly: false`; the machine's
   * `close()` then waits until the guest has written everything back.
   */
  readonly disks?: readonly Disk[]
  /** Where the kernel's messages come from. `virtio` is faster for long logs. Default `serial`. */
  readonly console?: 'serial' | 'virtio'
  /** Milliseconds that booting may take before it counts as failed. Default 120,000. */
  readonly bootTimeout?: number
  /** Gets what the guest prints on its console: kernel messages, the agent's complaints. */
  readonly onConsole?: (bytes: Uint8Array) => void
  /** More parameters for the kernel's command line. */
  readonly kernelParameters?: readonly string[]
}

export interface Disk {
  /** A file of this host; its size, rounded down to 512 bytes, is the disk's. */
  readonly path: string
  /** Default true. */
  readonly readonly?: boolean
}

/** /dev/vda is the root, and the other devices need windows too. */
export const MAX_DISKS = 8

const MIB = 2 ** 20
const DEFAULT_MEMORY = 128 * MIB
const MIN_MEMORY = 32 * MIB
/** RAM has no hole: it ends where the devices begin. */
const MAX_MEMORY: number = Math.min(MAX_RAM_BYTES, VIRTIO_BASE)
/** WebAssembly memory grows in pages of 64 KiB. */
const GRANULE = 65536

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KiB: 2 ** 10,
  K: 2 ** 10,
  MiB: MIB,
  M: MIB,
  GiB: 2 ** 30,
  G: 2 ** 30,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
}

/** @returns bytes, a multiple of 64 KiB. @throws VmError ERR_INLINUX_INVALID_ARGUMENT */
export function memoryBytes(memory: number | string = DEFAULT_MEMORY): number {
  const bytes = typeof memory === 'number' ? memory : parseSize(memory)
  if (!(Number.isFinite(bytes) && bytes >= MIN_MEMORY && bytes <= MAX_MEMORY)) {
    throw new VmError('ERR_INLINUX_INVALID_ARGUMENT', `memory ${JSON.stringify(memory)} is not possible`, {
      fix: `choose between ${MIN_MEMORY / MIB}MiB and ${Math.floor(MAX_MEMORY / MIB)}MiB`,
    })
  }
  return Math.ceil(bytes / GRANULE) * GRANULE
}

function parseSize(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(text)
  const unit = match === null ? undefined : UNITS[match[2]!]
  if (unit === undefined) {
    throw new VmError('ERR_INLINUX_INVALID_ARGUMENT', `${JSON.stringify(text)} is not a size`, {
      fix: 'write bytes as a number, or a text like "512MiB"',
    })
  }
  return Number(match![1]) * unit
}
