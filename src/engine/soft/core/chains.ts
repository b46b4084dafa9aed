// From one region to the next without the dispatcher. A region that leaves looks its target up in CHAINS, by linear
// address, and calls the region there in its own place (a tail call). What the dispatcher has entered through JUMPS, it
// notes here. A direct-mapped table for each view, kernel and user: 32 bytes
//     0 …15  as in JUMPS (regions.ts), so that a region is entered with either; the count goes down here
//    16 u64 linear address
//    24 u32 epoch
//    28 u32 unused
//
// An entry holds as long as its view's epoch is the one it was written in. A new epoch starts whenever a look-aside
// buffer loses entries, a region is dropped, or a larger one takes its place. Writing CR3 leaves global pages alone, so
// only such pages' code is chained in the kernel's view, and its epoch stands.
//
// When its count has gone down to 0, an entry lets the dispatcher look once: so it gets to know what is hot.

import { CHAINS } from './layout'
import { CHAIN_EPOCHS } from './state'

export const CHAINS_VIEW: usize = 0x200000
const CHAINS_MASK: u32 = 0xffff
/** Times that regions follow each other before the dispatcher looks. */
const TIMES: u32 = 256

// @ts-ignore: decorator
@inline function chainSlot(rip: u64, user: bool): usize {
  return CHAINS + (user ? CHAINS_VIEW : 0) + (<usize>((<u32>rip ^ <u32>(rip >> 12)) & CHAINS_MASK) << 5)
}

/**
 * The region at a slot of JUMPS is entered from the dispatcher: the next time there is no need to come here.
 * @returns how often it was entered since it was noted, this time included
 */
// @ts-ignore: decorator
@inline export function noteChain(slot: usize, rip: u64, user: bool): u32 {
  const chain = chainSlot(rip, user)
  const epoch = load<u32>(CHAIN_EPOCHS + (user ? 4 : 0))
  if (load<u64>(chain, 16) == rip && load<u32>(chain, 24) == epoch && load<u32>(chain, 12) == 0) {
    store<u32>(chain, TIMES, 12)
    return TIMES
  }
  store<u64>(chain, load<u64>(slot))
  store<u32>(chain, load<u32>(slot, 8), 8)
  store<u32>(chain, TIMES, 12)
  store<u64>(chain, rip, 16)
  store<u32>(chain, epoch, 24)
  return 1
}

export function breakChains(): void {
  store<u32>(CHAIN_EPOCHS, load<u32>(CHAIN_EPOCHS) + 1)
  breakUserChains()
}

export function breakUserChains(): void {
  store<u32>(CHAIN_EPOCHS + 4, load<u32>(CHAIN_EPOCHS + 4) + 1)
}
