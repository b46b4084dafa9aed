// Where code lies, as the execute look-aside buffers say: read by the translator as a hint, by the vCPU's thread for good.

import { GUEST_BASE, TLB_INDEX, tlbOf } from './addresses.ts'

/** Physical page that code at this linear address runs from now, or -1 when that is not known. */
export function executedPage(view: DataView, linear: bigint, user: boolean): number {
  const low = Number(linear & 0xffffffffn)
  const entry = tlbOf(user, 'execute') + ((low >>> 8) & TLB_INDEX)
  if (view.getBigUint64(entry, true) !== (linear & ~0xfffn)) return -1
  return ((view.getUint32(entry + 8, true) + (low & ~0xfff)) >>> 0) - GUEST_BASE
}
