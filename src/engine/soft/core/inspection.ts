// The core as tests and the lock-step tool drive it: one instruction at a time, with faults left pending instead of
// delivered, and the decoder by itself. `run` does not use any of this.

import { AGAIN, BLOCK_RIP, BRANCH, FAULT, JUMP, RIP, setReg64 } from './state'
import { dispatch } from './generated/handlers'
import { opLength } from './operation'
import { decodeSingle } from './decode'
import { NO_PHYSICAL, fetchAddress } from './mmu'
import { chooseStackFault } from './stack-fault'

export { decodeLength } from './decode'
export { flushAll, modeChanged } from './mmu'
export { invalidateCode } from './blocks'
export { setHalted } from './system'
export { x87LoadFxsave, x87StoreFxsave } from './x87-state'

/** Where `executeOne` decodes to; two operations. */
const OPERATIONS: usize = 0x1880

/**
 * Executes the instruction at RIP and sets RIP to what follows. After FAULT the exception is in EXCEPTION_VECTOR,
 * EXCEPTION_ERROR and CR2, and RIP stays; after AGAIN a long repetition wants another call.
 */
export function executeOne(): i32 {
  const rip = load<u64>(RIP)
  if (!decodeSingle(OPERATIONS, rip)) return FAULT
  setReg64(BLOCK_RIP, rip)
  const result = dispatch(OPERATIONS)
  if (result == FAULT) chooseStackFault(OPERATIONS)
  if (result != FAULT && result != AGAIN && result != JUMP && result != BRANCH) store<u64>(RIP, rip + <u64>opLength(OPERATIONS))
  return result
}

/** Can the instruction's first byte at RIP be fetched? If not, the fault is pending. */
export function fetchable(): bool {
  return fetchAddress(load<u64>(RIP)) != NO_PHYSICAL
}
