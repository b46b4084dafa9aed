// What a vCPU is doing just now, read from another thread: for profiles. While a region runs, RIP is where it was entered.

import type { VcpuActivity } from '../contract.ts'
import { CHAINS, CHAINS_VIEW, CPL, JUMPS, JUMPS_VIEW, RIP, RUNNING } from './translator/index.ts'

const USER = 3

export function readActivity(buffer: ArrayBufferLike): VcpuActivity {
  const view = new DataView(buffer)
  const running = view.getUint32(RUNNING, true)
  const rip = view.getBigUint64(RIP, true)
  if (running === 0) return { tier: 'none', rip, user: false }
  if (running === 1) return { tier: 'interpreter', rip, user: view.getUint32(CPL, true) === USER }
  const [table, viewSize] = running >= JUMPS ? [JUMPS, JUMPS_VIEW] : [CHAINS, CHAINS_VIEW]
  return { tier: 'translated', rip, user: running >= table + viewSize }
}
