// What the sections of `npm run bench:cpu` are given.

import type { GuestArtefacts } from '../../src/artifacts/index.ts'

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

/**
 * Of every task. glibc has several versions of its functions and picks by CPUID: here all sides get those of an
 * x86-64-v2, which is what our CPU is.
 */
export const GLIBC_TUNABLES =
  'glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-FMA4,-AVX512F,-AVX512VL,-BMI1,-BMI2,-LZCNT,-MOVBE'
