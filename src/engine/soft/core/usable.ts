// May SSE, MMX and x87 instructions run now? SDM volume 3, 2.5 and table 14-1 (CR0.EM, CR0.TS, CR4.OSFXSR).

import { x87Pending } from './x87-state'
import { CR0, CR0_EM, CR0_MP, CR0_TS, CR4, CR4_OSFXSR, MF_VECTOR, NM_VECTOR, UD_VECTOR, X87, raise } from './state'

/** MMX registers are the significands of the x87 registers: eight of them, 16 bytes apart, at the x87 state's start. */
export const MMX: usize = X87 + 32

// @ts-ignore: decorator
@inline export function sseUsable(): bool {
  return ((load<u64>(CR0) & (CR0_EM | CR0_TS)) | (~load<u64>(CR4) & CR4_OSFXSR)) == 0 || refuseSse()
}
function refuseSse(): bool {
  const unusable = (load<u64>(CR0) & CR0_EM) != 0 || !(load<u64>(CR4) & CR4_OSFXSR)
  raise(unusable ? UD_VECTOR : NM_VECTOR, 0)
  return false
}

export function x87Usable(): bool {
  if (!(load<u64>(CR0) & (CR0_EM | CR0_TS))) return true
  raise(NM_VECTOR, 0)
  return false
}
/** WAIT faults when both MP and TS are set. */
export function waitUsable(): bool {
  if ((load<u64>(CR0) & (CR0_MP | CR0_TS)) != (CR0_MP | CR0_TS)) return true
  raise(NM_VECTOR, 0)
  return false
}

/** May MMX run? An instruction that does calls `x87EnterMmx` when no access can fault any more. */
export function mmxUsable(): bool {
  if (!x87Usable()) return false
  if (x87Pending()) {
    raise(MF_VECTOR, 0)
    return false
  }
  return true
}
