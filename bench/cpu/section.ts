// What the sections of `npm run bench:cpu` are given.

import type { GuestArtefacts } from '../../src/artifacts/index.ts'
import { environment } from '../../test/programs/sides.ts'

export interface Setting {
  /** A folder for this run's files. */
  readonly folder: string
  readonly guest: GuestArtefacts
  /** What QEMU boots; see bench/lib/qemu.ts. */
  readonly qemuInitramfs: string
  /** For each run of a row on a side. */
  readonly limitSeconds: number
  readonly tell: (what: string) => void
}

/** Of every task: all sides use those versions of glibc's functions that our CPU, an x86-64-v2, has; see sides.ts. */
export const GLIBC_TUNABLES: string = environment.GLIBC_TUNABLES!
