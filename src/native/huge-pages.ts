// Huge pages under a machine's memory. Guest RAM and the engine's tables are a gigabyte in pages of 4 KiB, and a miss
// of the host's look-aside buffers costs most where it hurts most: on a host that is itself a virtual machine, and has to
// walk two page tables. QEMU asks for huge pages, too. Most distributions give them only to those who ask (`madvise`
// in /sys/kernel/mm/transparent_hugepage/enabled).
//
// They make a machine larger, for memory is taken 2 MiB at a time: ask for machines that work, not for those that idle.

import { libc } from './libc.ts'

const HUGE = 0x200000
const PAGE = 0x1000
// <linux/mman.h>
const MADV_HUGEPAGE = 14
const MADV_COLLAPSE = 25
/** Of a huge page's 512 pages, how many must be in use for it to pay. */
const WORTH_IT = 128

/** Asks for huge pages under a buffer from now on, which takes no time. The buffer may be in use. @returns whether the kernel listens */
export function useHugePages(buffer: ArrayBufferLike): boolean {
  const c = libc()
  if (!c) return false
  const { first, pages } = hugePagesOf(c.addressOf(buffer), buffer.byteLength)
  return pages > 0 && c.madvise(first, pages * HUGE, MADV_HUGEPAGE) === 0
}

/** Where much of a buffer is in use already, puts huge pages there now. It takes some milliseconds. The buffer may be in use. */
export function collapseHugePages(buffer: ArrayBufferLike): void {
  const c = libc()
  if (!c) return
  const { first, pages } = hugePagesOf(c.addressOf(buffer), buffer.byteLength)
  if (pages < 1) return
  const residency = new Uint8Array((pages * HUGE) / PAGE)
  if (c.mincore(first, pages * HUGE, residency) !== 0) return
  const each = HUGE / PAGE
  for (let i = 0; i < pages; i++) {
    let used = 0
    for (let j = i * each; j < (i + 1) * each; j++) used += residency[j]! & 1
    // Linux 6.1 and later; before, a thread of the kernel's gets there in its own time.
    if (used >= WORTH_IT && used < each) c.madvise(first + BigInt(i * HUGE), HUGE, MADV_COLLAPSE)
  }
}

function hugePagesOf(start: bigint, bytes: number): { first: bigint; pages: number } {
  const first = (start + BigInt(HUGE - 1)) & ~BigInt(HUGE - 1)
  return { first, pages: Math.floor((bytes - Number(first - start)) / HUGE) }
}
