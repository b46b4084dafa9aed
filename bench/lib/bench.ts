// What all sections of `npm run bench` are given.

import type { GuestArtefacts } from '../../src/artifacts/index.ts'

export interface Bench {
  readonly rounds: number
  /** A folder for this run's files. */
  readonly folder: string
  readonly guest: GuestArtefacts
  /** bench/guest/init.c behind the shipped initramfs: what QEMU boots. */
  readonly qemuInitramfs: string
  /** Says what is being measured, on stderr. */
  readonly tell: (what: string) => void
}
