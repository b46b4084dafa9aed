// Copying between guest RAM and the host's own memory, fast.
//
// Guest RAM is shared memory, and V8 copies shared memory by words only if source and target have the same
// alignment; otherwise byte by byte, six times slower. Payload in guest RAM is seldom aligned (a vsock header has
// 44 bytes), while private memory is copied fast at any alignment. So a long copy that does not match goes through a
// small private buffer, which stays in the first-level cache: once aligned like the guest's side, once at will.
// Short copies are done by hand, because a typed-array `set` needs a view first, which costs an allocation.

/** Below this a loop over bytes is faster than making a view. */
const SHORT_BYTES = 64
const WORD_BYTES = 8
const BOUNCE_BYTES = 8192
const bounce = new Uint8Array(BOUNCE_BYTES + WORD_BYTES)

export function copyFromGuest(
  ram: Uint8Array,
  address: number,
  target: Uint8Array,
  to: number,
  length: number,
): void {
  if (length <= SHORT_BYTES) {
    for (let i = 0; i < length; i++) target[to + i] = ram[address + i]!
  } else if (sameAlignment(ram, address, target, to)) {
    target.set(ram.subarray(address, address + length), to)
  } else {
    const skew = (ram.byteOffset + address) % WORD_BYTES
    for (let done = 0; done < length; done += BOUNCE_BYTES) {
      const part = Math.min(BOUNCE_BYTES, length - done)
      bounce.set(ram.subarray(address + done, address + done + part), skew)
      target.set(bounce.subarray(skew, skew + part), to + done)
      // BOUNCE_BYTES is whole words: the skew stays.
    }
  }
}

export function copyToGuest(
  source: Uint8Array,
  from: number,
  ram: Uint8Array,
  address: number,
  length: number,
): void {
  if (length <= SHORT_BYTES) {
    for (let i = 0; i < length; i++) ram[address + i] = source[from + i]!
  } else if (sameAlignment(ram, address, source, from)) {
    ram.set(source.subarray(from, from + length), address)
  } else {
    const skew = (ram.byteOffset + address) % WORD_BYTES
    for (let done = 0; done < length; done += BOUNCE_BYTES) {
      const part = Math.min(BOUNCE_BYTES, length - done)
      bounce.set(source.subarray(from + done, from + done + part), skew)
      ram.set(bounce.subarray(skew, skew + part), address + done)
    }
  }
}

function sameAlignment(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): boolean {
  return (a.byteOffset + aAt) % WORD_BYTES === (b.byteOffset + bAt) % WORD_BYTES
}
